"""Payments of an issued statement, from the steps that people took: recorded, or taken back with a reason.

A payment of more than is still to be paid is refused: mostly it is an amount typed wrongly, or meant for another
statement. Where a council really paid more, it is recorded `on_account`, and the statement shows it as owed back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from billing.domain.ledger import Account, Entry
from billing.domain.lifecycle import StepRefused
from billing.domain.queries import InvalidStep
from shared.contracts.statements import PaymentRecorded, PaymentWithdrawn, StepEvent
from shared.money import format_gbp_prose
from shared.period import Month


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as it stands: what was received in pence, or `written_off`; `withdrawn` says why it is none after all.

    `paid_on` is the London date that the provider's bank gives.
    """

    council: str
    month: str
    id: str
    number: str
    amount_pence: int
    paid_on: date
    reference: str
    on_account: bool
    written_off: bool
    recorded_by: str
    recorded_at: datetime
    withdrawn: str | None = None
    withdrawn_by: str | None = None

    @property
    def counts(self) -> bool:
        """Whether it has not been taken back."""
        return self.withdrawn is None


@dataclass(frozen=True, slots=True)
class WantedPayment:
    """A payment under an id of the provider's choice, which is unique among those of the council."""

    id: str
    amount_pence: int
    paid_on: date
    reference: str = ""
    on_account: bool = False
    written_off: bool = False


def payments_of(steps: Iterable[StepEvent]) -> tuple[Payment, ...]:
    """Every payment of the steps, in the order of recording; also those that were taken back."""
    found: dict[tuple[str, str], Payment] = {}
    for step in steps:
        match step:
            case PaymentRecorded():
                found.setdefault((step.data.month, step.data.payment), _recorded(step))
            case PaymentWithdrawn(data=data):
                before = found.get((data.month, data.payment))
                if before is not None and before.counts:
                    key = data.month, data.payment
                    found[key] = replace(before, withdrawn=data.words, withdrawn_by=data.by)
            case _:
                pass
    return tuple(found.values())


def paid_pence(number: str, payments: Iterable[Payment]) -> int:
    """What was paid or written off of the document of that number."""
    return sum(each.amount_pence for each in payments if each.counts and each.number == number)


def is_known(payment: Payment, payments: Sequence[Payment]) -> bool:
    """Whether that very payment is recorded already. Raises `StepRefused` where its id means something else."""
    before = next((each for each in payments if each.id == payment.id), None)
    if before is None:
        return False
    if not before.counts:
        raise StepRefused(f"payment {payment.id} was taken back ({before.withdrawn}): record it under another id")
    if _content(before) != _content(payment):
        raise StepRefused(f"payment {payment.id} is recorded already, with another amount, date or statement")
    return True


def require_payable(payment: Payment, *, gross_pence: int, paid: int, first_day: date, today: date) -> None:
    """Raises `InvalidStep` unless the payment may be recorded; `paid` is what was paid of `gross_pence` before it.

    What a query holds may be paid all the same: then nothing of it is held any more.
    """
    if not first_day <= payment.paid_on <= today:
        raise InvalidStep("paid_on", f"expected a date from {first_day} to today")
    left = max(gross_pence - paid, 0)
    if payment.written_off and payment.amount_pence > left:
        raise InvalidStep("amount_pence", f"expected at most {format_gbp_prose(left)}: no more can be written off")
    if payment.written_off and not payment.reference:
        raise InvalidStep("reference", "expected why it is written off")
    if payment.amount_pence > left and not payment.on_account:
        raise InvalidStep(
            "amount_pence",
            f"expected at most {format_gbp_prose(left)}, which is still to be paid; "
            "a council that really paid more is recorded on account",
        )


def payment_entries(provider: str, step: PaymentRecorded) -> tuple[Entry, ...]:
    """The entries of a payment, in one posting: the bank has received what the council owes no longer."""
    return _entries("payment", provider, step, step.data.amount_pence)


def payment_back_entries(provider: str, recorded: PaymentRecorded) -> tuple[Entry, ...]:
    """The entries that take a payment back, in a posting of their own: nothing booked is changed."""
    return _entries("payment-back", provider, recorded, -recorded.data.amount_pence)


def _entries(kind: str, provider: str, step: PaymentRecorded, pence: int) -> tuple[Entry, ...]:
    data = step.data
    account: Account = "write-off" if data.written_off else "bank"
    posting = f"{kind}:{step.council}:{data.month}:{data.payment}"
    about = posting, step.council, provider, Month.parse(data.month), data.number, data.payment, ""
    return Entry(*about, account, pence), Entry(*about, "receivable", -pence)


def _recorded(step: PaymentRecorded) -> Payment:
    data = step.data
    return Payment(
        council=step.council,
        month=data.month,
        id=data.payment,
        number=data.number,
        amount_pence=data.amount_pence,
        paid_on=data.paid_on,
        reference=data.reference,
        on_account=data.on_account,
        written_off=data.written_off,
        recorded_by=data.by,
        recorded_at=step.time,
    )


def _content(payment: Payment) -> tuple[object, ...]:
    return (
        payment.month,
        payment.number,
        payment.amount_pence,
        payment.paid_on,
        payment.reference,
        payment.on_account,
        payment.written_off,
    )

"""Payments of issued statements as provider finance records them and takes them back, one by one or from a CSV.

Calls block. All are decided on in the transaction that stores them: what is issued does not change, so nothing else is
read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from billing.domain.amounts_due import AmountsDue, credited_pence, gross_pence
from billing.domain.lifecycle import StepRefused
from billing.domain.payment_rows import PaymentRow, RowFault
from billing.domain.payments import Payment, WantedPayment, is_known, paid_pence, payments_of, require_payable
from billing.domain.queries import InvalidStep, plain_words
from billing.domain.sealed import statement_of
from billing.domain.statement import Statement
from billing.ports import StepReads, StepStore, StoredDocument
from billing.statements.acting import Acting
from shared.auth.principal import Principal
from shared.clock import Clock
from shared.contracts.statements import (
    PaymentRecorded,
    PaymentRecordedData,
    PaymentWithdrawn,
    PaymentWithdrawnData,
    StepEvent,
)
from shared.period import Month
from shared.scope import Scope

PAYMENT_STEPS: tuple[type[StepEvent], ...] = (PaymentRecorded, PaymentWithdrawn)
PAGE = 50  # rows that are recorded in one transaction, while others wait to take a step
_COLUMN_OF = {"amount_pence": "amount"}


class NotIssued(LookupError):
    """No statement of that council and month was issued, or none of that number."""


class UnknownPayment(LookupError):
    """The statement has no payment of that id."""


@dataclass(frozen=True, slots=True)
class StatementPayments:
    """The payments of one statement, and what they leave due."""

    statement: Statement
    payments: tuple[Payment, ...]
    amounts_due: AmountsDue


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the rows of a CSV. `recorded` are new; `known` were recorded before, as they are in the file."""

    recorded: tuple[Payment, ...]
    known: int
    faults: tuple[RowFault, ...]


class Payments:
    """Methods that record raise `NotIssued`, `InvalidStep` and `StepRefused`; the same again changes nothing."""

    def __init__(self, store: StepStore, clock: Clock) -> None:
        self._store, self._acting = store, Acting(store, clock)

    def of_statement(self, council: str, month: Month, *, scope: Scope) -> StatementPayments:
        """The payments of an issued statement, also those that were taken back. Raises as `Acting.seen`."""
        seen = self._acting.seen(council, month, scope=scope)
        due = seen.amounts_due(self._acting.today())
        return StatementPayments(seen.statement, payments_of(seen.steps), due)

    def record(self, caller: Principal, council: str, month: Month, wanted: WantedPayment) -> Payment:
        """The payment is recorded."""
        _require_allowed(caller, council)
        with self._store.taking_steps() as writer:
            document = writer.statement(council, month)
            if document is None:
                raise NotIssued("no statement of that month was issued")
            return _Recording(self._acting, caller, writer, add=writer.add).record(document, wanted)[0]

    def take_back(self, caller: Principal, council: str, month: Month, payment: str, *, words: str) -> Payment:
        """The payment is none: it was recorded by mistake. Raises `UnknownPayment`."""
        why = plain_words(words)
        _require_allowed(caller, council)
        with self._store.taking_steps() as writer:
            steps = writer.steps(council, month)
            before = _found(payments_of(steps), payment)
            if before.withdrawn == why:
                return before
            if not before.counts:
                raise StepRefused(f"payment {payment} was taken back already: {before.withdrawn}")
            data = PaymentWithdrawnData(
                month=str(month), step=f"taken-back-{payment}", by=caller.name, payment=payment, words=why
            )
            step = PaymentWithdrawn(**self._acting.envelope(council, month, data.step), data=data)
            writer.add(step)
            return _found(payments_of([*steps, step]), payment)

    def import_rows(self, caller: Principal, rows: Sequence[PaymentRow], *, dry_run: bool = False) -> Imported:
        """Every row that can be is recorded; in a dry run none is, and the answer is the same.

        A page of rows at a time, so that nobody else waits for longer than that takes. Importing again what was
        imported in part records the rest.
        """
        if dry_run:
            with self._store.snapshot(caller.scope) as snapshot:
                return _Recording(self._acting, caller, snapshot.steps, add=lambda _: None).imported(rows)
        asked: dict[str, int] = {}
        pages = [rows[start : start + PAGE] for start in range(0, len(rows), PAGE)]
        return _together([self._import_page(caller, page, asked) for page in pages])

    def _import_page(self, caller: Principal, rows: Sequence[PaymentRow], asked: dict[str, int]) -> Imported:
        """The rows of one page, in one transaction. `asked` is what documents ask for, by SHA-256: it never changes."""
        with self._store.snapshot(caller.scope) as snapshot:
            for number in {row.number for row in rows}:
                for each in snapshot.steps.numbered(number):
                    if each.kind == "statement" and each.sha256 not in asked:
                        asked[each.sha256] = gross_pence(statement_of(each.content))
        with self._store.taking_steps() as writer:
            return _Recording(self._acting, caller, writer, add=writer.add, asked=asked).imported(rows)


def _together(pages: Sequence[Imported]) -> Imported:
    return Imported(
        tuple(payment for page in pages for payment in page.recorded),
        sum(page.known for page in pages),
        tuple(fault for page in pages for fault in page.faults),
    )


class _Recording:
    """Payments of one transaction, in which each statement and what was paid before is read once; `add` stores one."""

    def __init__(
        self,
        acting: Acting,
        caller: Principal,
        reads: StepReads,
        *,
        add: Callable[[PaymentRecorded], object],
        asked: dict[str, int] | None = None,
    ) -> None:
        self._acting, self._caller, self._reads, self._add = acting, caller, reads, add
        self._gross = {} if asked is None else asked
        self._documents: dict[str, list[StoredDocument]] = {}
        self._asked: dict[str, int] = {}
        self._payments: dict[str, list[Payment]] = {}

    def imported(self, rows: Sequence[PaymentRow]) -> Imported:
        """What becomes of the rows."""
        recorded: list[Payment] = []
        faults: list[RowFault] = []
        known = 0
        for row in rows:
            try:
                payment, is_new = self.record(self._document(row.number), row.payment)
            except InvalidStep as fault:
                faults.append(RowFault(row.line, _COLUMN_OF.get(fault.field, fault.field), str(fault)))
            except NotIssued as fault:
                faults.append(RowFault(row.line, "number", str(fault)))
            except StepRefused as fault:
                faults.append(RowFault(row.line, "payment", str(fault)))
            else:
                recorded += [payment] if is_new else []
                known += not is_new
        return Imported(tuple(recorded), known, tuple(faults))

    def record(self, document: StoredDocument, wanted: WantedPayment) -> tuple[Payment, bool]:
        """The payment, and whether it is new."""
        council, month = document.council, document.month
        data = PaymentRecordedData(
            month=str(month),
            step=f"payment-{wanted.id}",
            by=self._caller.name,
            payment=wanted.id,
            number=document.number,
            amount_pence=wanted.amount_pence,
            paid_on=wanted.paid_on,
            reference=plain_words(wanted.reference, "reference") if wanted.reference.strip() else "",
            on_account=wanted.on_account,
            written_off=wanted.written_off,
        )
        step = PaymentRecorded(**self._acting.envelope(council, month, data.step), data=data)
        (payment,) = payments_of([step])
        before = self._paid_before(council)
        if is_known(payment, before):
            return _found(before, payment.id), False
        require_payable(
            payment,
            gross_pence=self._asked_of(document),
            paid=paid_pence(document.number, (each for each in before if each.month == payment.month)),
            first_day=month.first_day,
            today=self._acting.today(),
        )
        self._add(step)
        before.append(payment)
        return payment, True

    def _document(self, number: str) -> StoredDocument:
        if number not in self._documents:
            visible = [each for each in self._reads.numbered(number) if self._caller.scope.allows(each.council)]
            self._documents[number] = visible
        found = self._documents[number]
        if not found:
            raise NotIssued("expected the number of an issued statement")
        if len(found) > 1:
            raise StepRefused("several providers have a statement of that number: record the payment by its month")
        if found[0].kind != "statement":
            raise NotIssued("expected the number of a statement: a credit note is not paid")
        return found[0]

    def _asked_of(self, document: StoredDocument) -> int:
        """What the statement asks for with VAT, less what credit notes of its month took off."""
        if document.sha256 not in self._asked:
            if document.sha256 not in self._gross:
                self._gross[document.sha256] = gross_pence(statement_of(document.content))
            credited = credited_pence(self._reads.steps(document.council, document.month))
            self._asked[document.sha256] = self._gross[document.sha256] - credited
        return self._asked[document.sha256]

    def _paid_before(self, council: str) -> list[Payment]:
        if council not in self._payments:
            self._payments[council] = list(payments_of(self._reads.of_types(PAYMENT_STEPS, council)))
        return self._payments[council]


def _require_allowed(caller: Principal, council: str) -> None:
    if not caller.scope.allows(council):
        raise NotIssued("no statement of that month was issued")


def _found(payments: Sequence[Payment], id_: str) -> Payment:
    found = next((each for each in payments if each.id == id_), None)
    if found is None:
        raise UnknownPayment(f"no payment {id_} of this statement")
    return found

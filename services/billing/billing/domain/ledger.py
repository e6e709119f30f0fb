"""The ledger: what each document and each payment moves between accounts. Every posting sums to 0.

An issued line is owed by the council (receivable) and earned by the service (income), a service credit takes from what
is owed (service-credits), VAT is owed and due to the tax authority (vat). `rounding` exists so that it can be seen to
be 0: amounts are rounded on their lines, and totals are sums.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from billing.domain.credit_note import CreditNote
from billing.domain.issued import CorrectionLine
from billing.domain.statement import Statement
from billing.domain.statement_vat import ProviderVat
from shared.ids import derived_id
from shared.period import Month

Account = Literal["receivable", "income", "service-credits", "corrections", "vat", "rounding", "bank", "write-off"]


class Unbalanced(ValueError):
    """The entries of a posting do not sum to 0: nothing of it may be booked."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An amount on an account: above 0 is debit. `line` is the reference of what it is of, empty for totals."""

    posting: str
    council: str
    provider: str
    month: Month
    document: str
    line: str
    service: str
    account: Account
    amount_pence: int

    @property
    def id(self) -> str:
        """The same whenever the entry is made again: it can be booked once."""
        key = (self.posting, self.council, str(self.month), self.document, self.line, self.service, self.account)
        return derived_id("ledger-entry", *key)


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account of a council holds, in pence: above 0 is debit."""

    council: str
    account: Account
    amount_pence: int


@dataclass(frozen=True, slots=True)
class _Document:
    """What every entry of a document says."""

    council: str
    provider: str
    month: Month
    number: str


# What the council owes of one thing: its reference, the service, the account it is from, pence.
_Owed = tuple[str, str, Account, int]


def postings_of(statement: Statement) -> tuple[Entry, ...]:
    """The entries of an issued statement, in one posting under its number. They sum to 0."""
    issued = statement.issued
    if issued is None:
        raise ValueError("a draft is not booked")
    of = _Document(statement.council.id, issued.provider, statement.month, issued.number)
    return _entries(of, _earned(statement))


def credit_note_postings(note: CreditNote) -> tuple[Entry, ...]:
    """The entries of a credit note, as those of a statement."""
    of = _Document(note.council.id, note.issued.provider, note.month, note.issued.number)
    return _entries(of, (*_corrected(note.corrections), *_vat(note.vat.providers)))


def _entries(of: _Document, owed: Iterable[_Owed]) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    for line, service, account, pence in owed:
        sides: tuple[tuple[Account, int], ...] = ("receivable", pence), (account, -pence)
        for side, amount in sides:
            about = of.council, of.provider, of.month, of.number, line, service
            entries.append(Entry(f"{of.provider}:{of.number}", *about, side, amount))
    require_balanced(entries)
    return tuple(entries)


def _earned(statement: Statement) -> Iterator[_Owed]:
    for line in statement.lines:
        yield line.ref, line.service, "income", line.amount_pence
    for credit in statement.credits:
        yield credit.ref, credit.service, "service-credits", -credit.applied_pence
    yield from _corrected(line for line in statement.corrections if line.settled == "here")
    yield from _vat(statement.vat.providers)


def _corrected(corrections: Iterable[CorrectionLine]) -> Iterator[_Owed]:
    for line in corrections:
        yield line.reference, line.service, "corrections", line.difference_pence


def _vat(providers: Iterable[ProviderVat]) -> Iterator[_Owed]:
    for provider in providers:
        for total in provider.totals:
            name = f"vat-{provider.provider}-{total.category.treatment}-{total.category.rate_percent}"
            yield derived_id("vat", name), "", "vat", total.vat_pence
        for change in provider.corrections:
            name = f"vat-{provider.provider}-{change.category.treatment}-{change.category.rate_percent}-{change.month}"
            yield derived_id("vat", name), "", "vat", change.vat_pence


def require_balanced(entries: Iterable[Entry]) -> None:
    """Raises `Unbalanced` unless the entries of every posting sum to 0."""
    sums: Counter[str] = Counter()
    for entry in entries:
        sums[entry.posting] += entry.amount_pence
    wrong = sorted(posting for posting, pence in sums.items() if pence)
    if wrong:
        raise Unbalanced(f"the entries of {wrong[0]} come to {sums[wrong[0]]} pence and not to 0")


def balance(entries: Sequence[Entry], account: Account) -> int:
    """What an account holds after `entries`, in pence."""
    return sum(entry.amount_pence for entry in entries if entry.account == account)

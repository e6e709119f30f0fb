"""What issuing adds to a statement: its number, its dates, what it followed from, and corrections of earlier months."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from billing.domain.coding import LineCoding
from billing.domain.corrections_cause import Cause
from billing.domain.rules import RULES_VERSION
from billing.domain.vat import VatCategory
from shared.ids import derived_id
from shared.period import Month

# here: in the sum of this statement · credit-note: in a document of its own · carried: too small, and listed again
# left-out: the agreed time for corrections is over · held: newer rules of rating, to which nobody has agreed yet
Settlement = Literal["here", "credit-note", "carried", "left-out", "held"]
SETTLED: tuple[Settlement, ...] = ("here", "credit-note")


@dataclass(frozen=True, slots=True)
class DocumentRef:
    """A document by its number, and the SHA-256 of its canonical bytes in hexadecimal."""

    number: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ReadThrough:
    """The next offset of one partition that had not been read when the statement was made."""

    topic: str
    partition: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class Issued:
    """When and under which number a statement was issued, and what its content followed from.

    `issued_on` and `due_on` are London dates; `due_on` is None where no payment term is agreed. Everything that was
    sent before `cut_off` had been read, as `read_through` says. `previous` is the council's document before this one
    from the same provider: together they are a chain.
    """

    number: str
    provider: str
    issued_on: date
    due_on: date | None
    cut_off: datetime
    previous: DocumentRef | None
    read_through: tuple[ReadThrough, ...]


@dataclass(frozen=True, slots=True)
class CorrectedBy:
    """An event that a correction follows from, and its place in the log."""

    source: str
    id: str
    topic: str
    partition: int
    offset: int


def correction_reference(month: Month, ref: str, vat: VatCategory | None) -> str:
    """The reference of what is corrected of a month's line `ref` in a category, in whichever document lists it."""
    return derived_id("correction", str(month), ref, str(vat))


def query_credit_ref(query: str) -> str:
    """What a query credited is a line of its own, of this `ref`."""
    return f"query-{query}"


def query_credit_reference(month: Month, query: str, vat: VatCategory | None) -> str:
    """The reference of what a query of the month's statement credited on a line of that category."""
    return correction_reference(month, query_credit_ref(query), vat)


@dataclass(frozen=True, slots=True)
class CorrectionLine:
    """What a line of an earlier month came to when it was booked last, and what it comes to now, in pence.

    `events` are the first of the `events_in_all` that it follows from. One that is not settled `here` is listed and
    is in no sum of this statement. `quantity` is what the line counts now in all.
    """

    month: Month
    agreement: str
    provider: str
    service: str
    ref: str
    name: str
    kind: str
    vat: VatCategory | None
    was_pence: int
    now_pence: int
    cause: Cause
    settled: Settlement
    events: tuple[CorrectedBy, ...] = ()
    events_in_all: int = 0
    coding: LineCoding | None = None
    quantity: Decimal = Decimal(0)
    counts_usage: bool = True
    rules_version: int = RULES_VERSION
    service_name: str = ""

    @property
    def reference(self) -> str:
        """Its reference among the lines of the statement that lists it; `ref` is that of the line it corrects."""
        return correction_reference(self.month, self.ref, self.vat)

    @property
    def difference_pence(self) -> int:
        """Now less was: above 0 the council owes more."""
        return self.now_pence - self.was_pence

    @property
    def payable_pence(self) -> int:
        """What of it is in the sum of the statement that lists it."""
        return self.difference_pence if self.settled == "here" else 0


@dataclass(frozen=True, slots=True)
class BookedNet:
    """What all documents before this one have booked of a month in one VAT category of a provider, in pence."""

    month: Month
    provider: str
    vat: VatCategory
    net_pence: int

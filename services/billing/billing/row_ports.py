"""What billing reads row by row: what is counted a second way, what a tally and the ledger hold, how a run goes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Protocol

from billing.domain.differences import RecomputationResult
from billing.domain.ledger import Balance, Entry
from billing.domain.metering import EventReceived
from billing.domain.verdicts import VerdictReceived
from shared.contracts.statements import StepEvent
from shared.log.port import Quarantined, Shard
from shared.period import Month

EventKey = tuple[str, str]  # an event's source and id


class RowReads(Protocol):
    """The rows behind usage and attainment, of the councils in scope: none is summed, and none left out.

    What is streamed comes in chunks, of which one is in memory at a time. Other reads may be made in between.
    """

    def events(self, council: str, first_day: date, end_day: date) -> Iterator[Sequence[EventReceived]]:
        """Every event of the council on the days `[first_day, end_day)`, in any order."""
        ...

    def of_items(self, council: str, items: Collection[str]) -> Sequence[EventReceived]:
        """Every event of the council's tickets, work items and outages of these ids, of whatever day, in any order."""
        ...

    def naming(self, council: str, ids: Collection[str]) -> Sequence[EventReceived]:
        """Every event of the council that reverses, adjusts or withdraws one of these ids, in any order."""
        ...

    def readings(
        self, council: str, keys: Collection[EventKey], first_day: date, end_day: date
    ) -> Sequence[EventReceived]:
        """The council's events of usage on the days `[first_day, end_day)` that have these sources and ids.

        And perhaps others, of one of the sources and with one of the ids.
        """
        ...

    def sources(self, council: str, month: Month) -> Mapping[str, int]:
        """How many of the council's events of the month each source sent."""
        ...

    def verdicts(self, council: str, month: Month) -> Iterator[Sequence[VerdictReceived]]:
        """Every verdict of the council that counts in the month, and those that were retracted, in any order."""
        ...


class QuarantineReads(Protocol):
    """Quarantined records about which nobody has decided yet. On PostgreSQL only workers find any."""

    def open_records(self) -> Iterator[tuple[Shard, Quarantined]]:
        """Those that the scope allows, by topic, partition and offset; without a council only where it is all."""
        ...


class TallyReads(Protocol):
    """The rows themselves, one by one in the order of a tally, of the councils in scope."""

    def events(self, month: Month, council: str, *, since: date) -> Iterator[EventReceived]:
        """Every event of each item that any event of the month is about, then every reading since then and its changes.

        A reading from before is here too where an event of the month names it.
        """
        ...

    def verdicts(self, month: Month, council: str, agreements: Sequence[str]) -> Iterator[VerdictReceived]:
        """The verdicts of the month that hold, under these agreements."""
        ...

    def kept(self, council: str, month: Month) -> bytes | None:
        """What was kept with the statement that was issued (`billing.tally.basis`); None where nothing was."""
        ...


class RunReads(Protocol):
    """What operations watch of the statements of all councils in scope, without their content."""

    def issued(self, since: Month) -> set[tuple[str, Month]]:
        """The council and month of each issued statement, of that month and later ones."""
        ...

    def step_counts(self, types: Sequence[type[StepEvent]]) -> dict[tuple[str, Month], int]:
        """How many steps of those types each council's month has, where it has any."""
        ...

    def recomputations(self, since: Month) -> list[RecomputationResult]:
        """The newest result of each council and month, of that month and later ones."""
        ...


class LedgerReads(Protocol):
    """The ledger's entries and what they come to, of the councils in scope."""

    def entries(self, council: str, document: str) -> list[Entry]:
        """Those of a document, by posting, line and account."""
        ...

    def balances(self, council: str | None = None, document: str | None = None) -> list[Balance]:
        """What each account of each council holds, of one council or one document where it is named."""
        ...

    def ledger_sum(self) -> int:
        """What all entries come to, in pence: always 0."""
        ...

"""What billing needs of a store: one atomic write for each batch, and the reads that a statement is made of."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from billing.domain.credits.attainment import TargetAttainment
from billing.domain.ingest import AcceptedEvent
from billing.domain.metering import Meter
from billing.domain.statement import Statement
from billing.domain.terms import Terms
from billing.domain.usage import Usage
from shared.log.port import Quarantined, Shard
from shared.period import Month
from shared.sql.inbox import InsertResult
from shared.sql.progress import ShardProgress


@dataclass(frozen=True, slots=True)
class IngestBatch:
    """The records of one shard from offset `first` to below `next_offset`, judged. `passed` had no bearing."""

    shard: Shard
    first: int
    next_offset: int
    kept: Sequence[AcceptedEvent]
    passed: int
    refused: Sequence[Quarantined]

    @property
    def records(self) -> int:
        """How many records it was."""
        return len(self.kept) + self.passed + len(self.refused)


class EventCursor(NamedTuple):
    """The last fact of a page; the next page begins after it."""

    day: date
    source: str
    id: str


@dataclass(frozen=True, slots=True)
class CountedEvent:
    """An event that a line counts. `item` is None for a reading; a miss behind a service credit counts 1."""

    source: str
    id: str
    occurred_at: datetime
    day: date
    item: str | None
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Which facts a charge line is made of: those of one meter, in one unit, on the days `[first_day, end_day)`."""

    council: str
    service: str
    meter: Meter
    unit: str
    first_day: date
    end_day: date


@dataclass(frozen=True, slots=True)
class MissFilter:
    """Which verdicts a service credit follows from: the misses of one target and service in a month."""

    council: str
    month: Month
    agreement: str
    service: str
    target: str


@dataclass(frozen=True, slots=True)
class CouncilUsage:
    """The facts that name a council; `oldest` is the day of the first."""

    council: str
    facts: int
    oldest: date


class Documents(Protocol):
    """A statement in the forms that people and programs ask for, all of the same figures."""

    def page(self, statement: Statement, *, base: str) -> str:
        """HTML; `base` is the statement's address without a suffix."""
        ...

    def pdf(self, statement: Statement) -> bytes:
        """Tagged PDF, with the lines attached."""
        ...

    def csv(self, statement: Statement, *, for_spreadsheets: bool) -> bytes:
        """The lines; with a byte order mark where a spreadsheet is to open them."""
        ...


class Store(Protocol):
    """Billing's memory. Calls block; safe to share between threads."""

    def position(self, shard: Shard) -> int | None:
        """The next offset to read of `shard`, or None when it was never read."""
        ...

    def apply(self, batch: IngestBatch, *, expected: int | None) -> None:
        """Store `batch` whole if the shard still stands at `expected` (None: never read); otherwise raises `Fenced`.

        A fact whose event is known with the same content changes nothing; with other content it is quarantined as a
        conflict and the first stays. Raises `Flood`, and stores nothing, where too much would be quarantined.
        """
        ...

    def foresee(self, kept: Sequence[AcceptedEvent]) -> list[InsertResult]:
        """What `apply` would take each of `kept` for now."""
        ...

    def dry_run_store(self) -> AbstractContextManager["DryRunStore"]:
        """This store, and whatever is applied to it in the block is undone at its end, before others could see it."""
        ...

    def terms(self) -> Terms:
        """The catalogue as known now."""
        ...

    def usage(self, month: Month, *, council: str) -> list[Usage]:
        """The council's facts of the month, summed by service, day, meter, state and unit."""
        ...

    def councils_with_usage(self, month: Month) -> list[str]:
        """Every council that any fact of the month names, known or not, ascending."""
        ...

    def heard(self) -> list[CouncilUsage]:
        """How many facts name each council, known or not; by council."""
        ...

    def counted(self, by: UsageFilter, *, after: EventCursor | None, limit: int) -> list[CountedEvent]:
        """The facts behind a line, by day, source and id, beginning after `after`."""
        ...

    def attained(self, month: Month, *, council: str) -> list[TargetAttainment]:
        """What the verdicts that hold now come to, by agreement, service and target."""
        ...

    def misses(self, of: MissFilter, *, after: EventCursor | None, limit: int) -> list[CountedEvent]:
        """The misses behind a service credit, by day, source and id, beginning after `after`."""
        ...

    def progress(self) -> list[ShardProgress]:
        """How far each shard has been read, and what became of its records."""
        ...

    def quarantine(self, shard: Shard, *, after_offset: int, limit: int) -> list[Quarantined]:
        """Records set aside, by ascending offset, beginning after `after_offset` (-1: from the first)."""
        ...

    def close(self) -> None:
        """Release everything. Idempotent."""
        ...


class DryRunStore(Store, Protocol):
    """A store that nothing stays in. One thread at a time."""

    def undo(self) -> None:
        """What has been applied is undone already."""
        ...

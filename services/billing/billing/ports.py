"""What billing needs of a store: one atomic write for each batch, and the reads that a statement is made of."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from billing.domain.amounts_due import LaterDocuments
from billing.domain.blockers import BlockerDecision
from billing.domain.credits.attainment import TargetAttainment
from billing.domain.differences import RecomputationResult
from billing.domain.ingest import AcceptedEvent
from billing.domain.issued import CorrectedBy, ReadThrough
from billing.domain.judged import JudgedMark
from billing.domain.meters import MeteredEvent
from billing.domain.numbers import DocumentKind
from billing.domain.terms import Terms
from billing.domain.usage import Usage, UsageDetail
from billing.memo import Memo
from billing.row_ports import LedgerReads, QuarantineReads, RowReads, RunReads, TallyReads
from shared.contracts.definitions import Service
from shared.contracts.meters import NamedMeter
from shared.contracts.scalars import Stream
from shared.contracts.statements import CreditNoteIssued, StatementEvent, StatementIssued, StepEvent
from shared.log.port import Outgoing, Quarantined, Shard
from shared.period import Month
from shared.scope import Scope
from shared.sql.inbox import InsertResult
from shared.sql.progress import ShardProgress
from shared.units import Offset


@dataclass(frozen=True, slots=True)
class IngestBatch:
    """The records of one shard from offset `first` to below `next_offset`, by what becomes of them."""

    shard: Shard
    first: int
    next_offset: int
    accepted: Sequence[AcceptedEvent]
    ignored: int
    invalid: Sequence[Quarantined]

    @property
    def records(self) -> int:
        """How many records it was."""
        return len(self.accepted) + self.ignored + len(self.invalid)


class EventCursor(NamedTuple):
    """The last event of a page; the next page begins after it."""

    day: date
    source: str
    id: str


@dataclass(frozen=True, slots=True)
class CountedEvent:
    """An event that a line counts, and where in the log it is. A reading has no item and no `stream`.

    A miss behind a service credit counts 1. An adjustment counts on the day of its reading.
    """

    source: str
    id: str
    occurred_at: datetime
    day: date
    stream: Stream | None
    item: str | None
    quantity: Decimal
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Which events a charge line is made of: those of one meter, in one unit, on the days `[first_day, end_day)`."""

    council: str
    service: str
    meter: NamedMeter
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
class CausedBy:
    """Which events a correction follows from: those of a month's service that were not read by `read_through`.

    `agreement` and `target` are those of a service credit.
    """

    council: str
    month: Month
    service: str
    agreement: str
    target: str
    read_through: tuple[ReadThrough, ...]


class MonthChange(NamedTuple):
    """How far a partition had been read when it last brought anything of a month: the offset after that.

    `month` is None of what names another event, which may be of any month.
    """

    month: Month | None
    topic: str
    partition: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class CouncilUsage:
    """How many events name a council; `oldest` is the day of the first."""

    council: str
    events: int
    oldest: date


class UsageReads(Protocol):
    """Metered usage, of the councils in scope."""

    def of_month(self, month: Month, council: str) -> list[Usage]:
        """The council's usage of the month, summed by service, day, meter, state and unit."""
        ...

    def details(self, month: Month, council: str, services: Sequence[Service]) -> Mapping[str, Sequence[UsageDetail]]:
        """The events that each service counts in the month, with their attributes, by instant, source and id."""
        ...

    def metered(self, month: Month, council: str, service: Service) -> Sequence[MeteredEvent]:
        """The month's events of the type that the service's own meter counts, and a level from before it."""
        ...

    def councils(self, month: Month) -> list[str]:
        """Every council that any event of the month names, known or not, ascending."""
        ...

    def failed_items(self, month: Month, council: str) -> list[str]:
        """The item of each event of the month that could not be metered and is still to be redriven; ascending."""
        ...

    def failed_by_month(self, council: str) -> dict[Month, list[str]]:
        """As `failed_items`, of each month that has any."""
        ...

    def by_council(self) -> list[CouncilUsage]:
        """How many events name each council, known or not; by council."""
        ...

    def counted(self, by: UsageFilter, *, after: EventCursor | None, limit: int) -> list[CountedEvent]:
        """The events behind a line, by day, source and id, beginning after `after`."""
        ...

    def changes(self, council: str) -> list[MonthChange]:
        """When each partition last brought anything about the council, by month. What events of a month change is
        that month and later ones, but for events that name another.
        """
        ...

    def since(self, by: CausedBy, *, limit: int) -> tuple[list[CorrectedBy], int]:
        """The first events, by instant, source and id, that a correction of usage follows from, and how many in all."""
        ...

    def as_of(self, read_through: Sequence[ReadThrough]) -> "UsageReads":
        """The same reads as if nothing had been read further than that."""
        ...


class VerdictReads(Protocol):
    """The verdicts that hold, of the councils in scope."""

    def attainment(self, month: Month, council: str) -> list[TargetAttainment]:
        """How many of the council's decided items of the month met each target, by agreement, service and target."""
        ...

    def misses(self, of: MissFilter, *, after: EventCursor | None, limit: int) -> list[CountedEvent]:
        """The misses behind a service credit, by day, source and id, beginning after `after`."""
        ...

    def since(self, by: CausedBy, *, limit: int) -> tuple[list[CorrectedBy], int]:
        """The first verdicts, by instant, source and id, that a corrected credit follows from, and how many in all."""
        ...


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """An issued document: its number, its place in the chain, and its canonical bytes."""

    number: str
    provider: str
    kind: DocumentKind
    council: str
    month: Month
    issued_at: datetime
    total_pence: int
    sha256: str
    previous: str | None
    content: bytes


class StepReads(Protocol):
    """What people and the close did to statements of the councils in scope, and what was issued."""

    def steps(self, council: str, month: Month) -> list[StepEvent]:
        """The steps of a council's month, in their order."""
        ...

    def statement(self, council: str, month: Month) -> StoredDocument | None:
        """The issued statement of a council's month; None before it is issued."""
        ...

    def documents(self, council: str) -> list[StoredDocument]:
        """Every document of a council, in the order of issuing."""
        ...

    def credit_notes(self, council: str, month: Month) -> list[StoredDocument]:
        """The credit notes about a council's month, in the order of issuing."""
        ...

    def document_hashes(self, council: str) -> list[str]:
        """The SHA-256 of every document of a council, in the order of issuing."""
        ...

    def numbered(self, number: str) -> list[StoredDocument]:
        """The documents of that number, of different providers, in the order of issuing."""
        ...

    def newest(self, provider: str, council: str) -> StoredDocument | None:
        """The council's last document from that provider: the one that the next follows."""
        ...

    def decisions(self, month: Month) -> Mapping[str, BlockerDecision]:
        """What people decided about what kept the month from being issued, by its id. Found by workers only."""
        ...

    def of_types(
        self, types: Sequence[type[StepEvent]], council: str | None = None, *, since: Month | None = None
    ) -> list[StepEvent]:
        """The steps of those types, by council and month and in their order; of one council, or of all in scope.

        With `since` only those of that month and later ones.
        """
        ...

    def later_documents(self, council: str) -> LaterDocuments:
        """When each statement of a council was issued, ascending, and which corrections its documents have booked."""
        ...

    def price_setters(self, versions: Sequence[tuple[str, str, int]]) -> frozenset[str]:
        """Who proposed or approved any of those versions, each a kind, an id and a number."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a statement is made of, as of one moment and of the councils in one scope.

    `positions` are the next offsets that billing will read, of every shard of which it has read anything. `memo` keeps
    what was computed from such states. `marks` say how far the monitor has judged, one for each partition that it has
    marked.
    """

    terms: Terms
    usage: UsageReads
    verdicts: VerdictReads
    steps: StepReads
    rows: RowReads
    quarantine: QuarantineReads
    positions: Mapping[Shard, int]
    tally: TallyReads
    ledger: LedgerReads
    run: RunReads
    marks: tuple[JudgedMark, ...] = ()
    memo: Memo = field(default_factory=lambda: Memo(0), compare=False)

    @property
    def read_through(self) -> tuple[ReadThrough, ...]:
        """The positions as documents name them, by topic and partition."""
        return tuple(ReadThrough(shard.topic, shard.partition, at) for shard, at in sorted(self.positions.items()))


class SnapshotStore(Protocol):
    """Where statements are read from. Calls block; safe to share between threads."""

    def snapshot(self, scope: Scope) -> AbstractContextManager[Snapshot]:
        """One read transaction: the block sees nothing of what is written meanwhile.

        Of councils outside `scope` nothing is found.
        """
        ...


class StepWriter(StepReads, Protocol):
    """One transaction in which nobody else takes a step: what is read in it stays so until it ends."""

    @property
    def read_through(self) -> Offset:
        """Up to where the log of statements has been read back."""
        ...

    def unsent(self, council: str, month: Month) -> list[Outgoing]:
        """The steps of a council's month that are not known to be in the log, in their order; those of now too."""
        ...

    def has_document(self, event: StatementIssued | CreditNoteIssued) -> bool:
        """Whether it is that very document that is stored under its number."""
        ...

    def add(self, event: StatementEvent) -> bool:
        """The step, and what follows from it, is stored and will be published; False where it was taken already."""
        ...

    def keep_basis(self, council: str, month: Month, content: bytes) -> None:
        """What the statement that is issued was computed from beside events is kept with it."""
        ...

    def next_sequence(self, provider: str, financial_year: int, kind: DocumentKind) -> int:
        """The number after the last one of that provider, year and kind."""
        ...


class StepStore(SnapshotStore, Protocol):
    """Where steps are taken. Calls block."""

    def taking_steps(self) -> AbstractContextManager[StepWriter]:
        """A transaction for steps, committed at the end of the block; all of it is undone where that raises."""
        ...


class IngestStore(Protocol):
    """Where batches of the log go. Calls block; safe to share between threads."""

    def position(self, shard: Shard) -> int | None:
        """The next offset to read of `shard`, or None when it was never read."""
        ...

    def apply(self, batch: IngestBatch, *, expected: int | None) -> None:
        """Store `batch` whole if the shard is still at `expected` (None: never read); otherwise raises `Fenced`.

        An event that is known with the same content changes nothing; with other content it is quarantined as a
        conflict and the first stays. Raises `Flood`, and stores nothing, where too much would be quarantined.
        """
        ...

    def progress(self) -> list[ShardProgress]:
        """How far each shard has been read, and what became of its records; `unaccounted` of every one must be 0."""
        ...


class DryRunStore(SnapshotStore, IngestStore, Protocol):
    """A store that keeps nothing. One thread at a time."""

    def undo(self) -> None:
        """What has been applied is undone already."""
        ...


class Store(StepStore, IngestStore, Protocol):
    """All of billing's memory."""

    def keep_recomputations(self, results: Sequence[RecomputationResult]) -> None:
        """Of each council and month the newest result is kept. Blocks."""
        ...

    def insert_results(self, events: Sequence[AcceptedEvent]) -> list[InsertResult]:
        """What inserting each event would do now: it is new, a duplicate or a conflict."""
        ...

    def dry_run_store(self) -> AbstractContextManager[DryRunStore]:
        """This store; what is applied to it in the block is rolled back at its end, and others never see it."""
        ...

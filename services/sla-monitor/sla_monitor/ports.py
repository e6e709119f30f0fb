"""What the monitor needs of the world beside the log and the live state."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple, Protocol

from msgspec import Struct

from shared.clock import Clock
from shared.contracts.decisions import DecisionEvent
from shared.contracts.definitions import Agreement, Council, Partnership, Service
from shared.contracts.objectives import Attained
from shared.contracts.proposals import ProposalData
from shared.contracts.scalars import Stream
from shared.contracts.verdicts import Outcome, VerdictEvent
from shared.instants import epoch_ms
from shared.log.failures import PRODUCT_VERSION
from shared.log.port import Shard
from shared.scope import Scope
from shared.state.port import Head, Marked
from shared.units import CouncilId, ItemId, Offset
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.archive import ArchivedItem
from sla_monitor.domain.decisions import Decisions
from sla_monitor.domain.freezing import Adjustment
from sla_monitor.domain.item import Item
from sla_monitor.domain.versions import KnownVersion


class TargetKey(NamedTuple):
    """Which target of which service; lists are in this order. A target's id is unique within its agreement only."""

    council: str
    service: str
    agreement: str
    target: str


class VerdictFilter(NamedTuple):
    """Which decided verdicts of a month (`2026-03`); None stands for every one."""

    month: str
    service: str | None = None
    agreement: str | None = None
    target: str | None = None
    outcome: Outcome | None = None


class DecidedVerdict(Struct, frozen=True):
    """A verdict that counts in `month`; `elapsed_s` in the clock's own seconds, of what met its target."""

    KEY: ClassVar = ("council", "item", "stream", "agreement", "target", "cycle")

    council: str
    item: str
    stream: Stream
    agreement: str
    target: str
    cycle: int
    service: str
    measure: str
    month: str
    outcome: Outcome
    due_at: datetime | None
    elapsed_s: int | None

    @property
    def place(self) -> tuple[str, ...]:
        """Where it stands in lists."""
        return tuple(str(getattr(self, name)) for name in self.KEY)


class VerdictCounts(Struct, frozen=True):
    """The decided verdicts of one council, service and target over a period; an item without a value is worth 0."""

    council: str
    service: str
    agreement: str
    target: str
    measure: str
    period: str
    met: int
    total: int
    met_pence: int = 0
    total_pence: int = 0

    @property
    def key(self) -> TargetKey:
        """What is counted."""
        return TargetKey(self.council, self.service, self.agreement, self.target)

    @property
    def attained(self) -> Attained:
        """Good of total."""
        return Attained(self.met, self.total, self.met_pence, self.total_pence)


class Announcement(Struct, frozen=True):
    """One message that was published about an item: a warning, a verdict, a correction or a retraction.

    `cause` is what corrected or retracted it, by an id; None for other messages. `warned` says in words what a warning
    was of: `75% used up`.
    """

    kind: str
    at: datetime
    agreement: str
    target: str
    cycle: int
    id: str
    cause: str | None
    warned: str | None = None


class CauseCount(Struct, frozen=True):
    """How many verdicts of a council one cause corrected or retracted: `kind` says which."""

    council: str
    kind: str
    count: int


class AnnouncementStore(Protocol):
    """Where announcements are recorded. Every method may block; it is called from worker threads."""

    def position(self, shard: Shard) -> int | None:
        """The next offset of sla.verdicts.v1 to read; None at first."""
        ...

    def record(
        self, shard: Shard, *, expected: int | None, first: int, after: int, events: Sequence[VerdictEvent], marks: int
    ) -> None:
        """`events` are recorded and the position is `after`, in one transaction; a known event changes nothing.

        Beside them there were so many `marks`, of which nothing is recorded.
        Raises `Fenced` when the position is not `expected`.
        """
        ...


class ReadModel(Protocol):
    """What was published, kept for reports. Every method may block; it is called from worker threads.

    No method answers with anything about a council outside its scope.
    """

    def attainment(
        self, scope: Scope, *, months: Collection[str] | None, service: str | None = None
    ) -> list[VerdictCounts]:
        """Counts by key and month, in that order; of every month where `months` is None."""
        ...

    def due_within(self, scope: Scope, since: datetime, until: datetime) -> list[VerdictCounts]:
        """Counts by key of what fell due in [since, until), each with the period `""`."""
        ...

    def nth_elapsed(self, scope: Scope, counts: VerdictCounts, *, months: Collection[str], nth: int) -> int | None:
        """The clock's seconds of the `nth` fastest item (from 1) that met its target in `months`; None beyond them."""
        ...

    def months(self, scope: Scope) -> list[str]:
        """The months in which anything was decided, ascending."""
        ...

    def announced(self, scope: Scope, council: CouncilId, stream: Stream, item: ItemId) -> list[Announcement]:
        """All that was published about an item, oldest first."""
        ...

    def adjustments(self, scope: Scope, *, posted: str | None) -> list[Adjustment]:
        """Corrections of frozen months by the month that shows them, in the order in which they were made."""
        ...

    def decided(
        self, scope: Scope, wanted: VerdictFilter, *, after: tuple[str, ...] | None, limit: int
    ) -> list[DecidedVerdict]:
        """Up to `limit` verdicts in the order of their `place`, beginning after the place `after`."""
        ...

    def newest_missed(self, scope: Scope, *, limit: int) -> list[DecidedVerdict]:
        """The verdicts that missed their target, those due last first; without those that nothing was due for."""
        ...

    def caused(self, scope: Scope, cause: str) -> list[CauseCount]:
        """How many verdicts were corrected or retracted because of `cause`, by council and kind."""
        ...


class ArchivedPage(NamedTuple):
    """Archived items by ascending key. Of a page that is full there may be more, after its `last` key."""

    items: Mapping[str, ArchivedItem]
    last: str | None


class Archive(Protocol):
    """Ended items that have left live state. Every method may block; it is called from worker threads."""

    def writes(self, shard: Shard) -> int:
        """How often the shard has written there; 0 means that no item of it is archived."""
        ...

    def find(self, shard: Shard, keys: Collection[str], *, after_write: int) -> dict[str, ArchivedItem]:
        """Those of the shard's `keys` that are archived; raises `ArchiveLost` before it has seen `after_write`."""
        ...

    def put(self, shard: Shard, items: Mapping[str, Item], *, read_to: int) -> int:
        """`items` are archived, united with what is there; returns the number of this write.

        The shard had been read up to `read_to`.
        """
        ...

    def page(
        self,
        shard: Shard,
        scope: Scope,
        *,
        after: str,
        limit: int,
        month: str | None = None,
        spans: tuple[int, int] | None = None,
    ) -> ArchivedPage:
        """The shard's items in scope, `limit` at most, beginning after `after` (empty: from the first).

        Only those with a verdict that may count in `month`, and only those that [start, end) may concern, where given.
        """
        ...


class Catalogue(Protocol):
    """The catalogue as now known; `position` grows with whatever can change a verdict."""

    @property
    def agreement_index(self) -> AgreementIndex:
        """All agreements, with their targets bound to calendars."""
        ...

    @property
    def position(self) -> int:
        """How many offsets of the catalogue's log the index holds."""
        ...

    def agreement_index_known_to(self, position: int) -> AgreementIndex:
        """All agreements as they were known at a position."""
        ...

    def known(self, scope: Scope) -> list[KnownVersion]:
        """Every version by which verdicts of the councils in scope are judged."""
        ...

    def partnerships(self, scope: Scope) -> list[Partnership]:
        """The newest version of each partnership whose councils are all in scope."""
        ...

    def agreements(self, scope: Scope) -> list[Agreement]:
        """The newest version of each agreement, by council."""
        ...

    def name(self, kind: type[Council | Service], id_: str) -> str:
        """What a council or service is called now; its id while it is not known. A name is no council's secret."""
        ...

    def ids(self, kind: type[Council | Service]) -> list[str]:
        """The ids of all councils or services that are known, ascending. For metrics: no answer to a caller."""
        ...

    def version_counts(self) -> dict[str, int]:
        """How many versions are known, by kind of definition."""
        ...

    def proposals(self) -> Mapping[str, ProposalData]:
        """Every change of prices or terms that was proposed, by its id."""
        ...


class DecisionsLog(Protocol):
    """The log of exclusions and correction runs; `position` grows with whatever can change a verdict."""

    @property
    def current(self) -> Decisions:
        """All decisions, as now known."""
        ...

    @property
    def position(self) -> int:
        """How many offsets of the log had been read when a re-evaluation was last requested."""
        ...

    async def append(self, event: DecisionEvent) -> None:
        """The event is in the log, and `current` holds it and all before it. Raises `AppendUncertain`."""
        ...


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """The catalogue and the decisions as now known, and the wall clock: `margin_s` before it, time may be judged.

    `version` is that of the release which judges.
    """

    catalogue: Catalogue
    decisions: DecisionsLog
    clock: Clock
    margin_s: int
    version: str = PRODUCT_VERSION

    @property
    def now_ms(self) -> int:
        """The wall clock."""
        return epoch_ms(self.clock.now())

    @property
    def judged_to_ms(self) -> int:
        """Up to where a shard that has read everything may be judged by the wall clock alone."""
        return self.now_ms - self.margin_s * 1000

    def is_outdated(self, head: Head) -> bool:
        """Whether the shard was judged without something that the catalogue or the decisions now say."""
        return head.catalogue_position < self.catalogue.position or head.decisions_position < self.decisions.position

    def first_head(self, offset: int, *, revision: int = 0, published_through: int = 0) -> Head:
        """The head of a shard that is read from `offset` on, with nothing to judge again."""
        return Head(
            revision=revision,
            first_offset=Offset(offset),
            next_offset=Offset(offset),
            catalogue_position=Offset(self.catalogue.position),
            decisions_position=Offset(self.decisions.position),
            published_through=Offset(published_through),
            marked=Marked(since=Offset(published_through)),
        )

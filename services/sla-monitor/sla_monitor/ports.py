"""What the monitor's handlers need of the world beside the log and the live state."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from shared.contracts.decisions import CorrectionRequested, ExclusionStep
from shared.contracts.definitions import Agreement, Council, Partnership, Service
from shared.contracts.objectives import Attained
from shared.contracts.verdicts import VerdictEvent
from shared.log.port import Shard
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.decisions import Decisions
from sla_monitor.domain.freezing import Adjustment
from sla_monitor.domain.versions import KnownVersion


class VerdictCounts(Struct, frozen=True):
    """The decided verdicts of one council, service and target over a period; an item without a value is worth 0."""

    council: str
    service: str
    target: str
    measure: str
    period: str
    met: int
    total: int
    met_pence: int = 0
    total_pence: int = 0

    @property
    def attained(self) -> Attained:
        """Good of total."""
        return Attained(self.met, self.total, self.met_pence, self.total_pence)


class Announcement(Struct, frozen=True):
    """One message that was announced about an item, oldest first wherever several are given."""

    kind: str
    at: datetime
    target: str
    cycle: int
    event: VerdictEvent


class CauseCount(Struct, frozen=True):
    """How many verdicts of a council one cause corrected or retracted: `kind` says which."""

    council: str
    kind: str
    count: int


class AnnouncementStore(Protocol):
    """Where announcements are kept, from the side of the one who keeps them. Called as `ReadModel` is."""

    def position(self, shard: Shard) -> int | None:
        """The next offset of sla.verdicts.v1 to read; None at first."""
        ...

    def record(
        self, shard: Shard, *, expected: int | None, first: int, after: int, events: Sequence[VerdictEvent]
    ) -> None:
        """`events` are recorded and the shard stands at `after`, in one transaction; a known event changes nothing.

        Raises `Fenced` when the shard does not stand at `expected`.
        """
        ...


class ReadModel(AnnouncementStore, Protocol):
    """What was announced, kept for questions. Every method may block; it is called from worker threads."""

    def attainment(
        self, *, months: Collection[str] | None, council: str | None = None, service: str | None = None
    ) -> list[VerdictCounts]:
        """Counts by council, service, target and month, in that order; of every month where `months` is None."""
        ...

    def due_within(self, since: datetime, until: datetime, *, council: str | None = None) -> list[VerdictCounts]:
        """Counts by council, service and target of what fell due in [since, until), each with the period `""`."""
        ...

    def nth_elapsed(self, counted: VerdictCounts, *, months: Collection[str], nth: int) -> int | None:
        """The clock's seconds of the `nth` fastest item (from 1) that met its target in `months`; None beyond them."""
        ...

    def months(self) -> list[str]:
        """The months in which anything was decided, ascending."""
        ...

    def announced(self, council: str, item: str) -> list[Announcement]:
        """All that was announced about an item."""
        ...

    def adjustments(self, *, posted: str | None = None, council: str | None = None) -> list[Adjustment]:
        """Corrections of frozen months by the month that shows them, in the order in which they were made."""
        ...

    def caused(self, cause: str) -> list[CauseCount]:
        """How many verdicts were corrected or retracted because of `cause`, by council and kind."""
        ...


class Catalogue(Protocol):
    """The catalogue as now known; `position` grows with whatever can change a verdict."""

    @property
    def agreement_index(self) -> AgreementIndex:
        """All agreements, made ready."""
        ...

    @property
    def position(self) -> int:
        """How many offsets of the catalogue's log the book holds."""
        ...

    def book_known_to(self, position: int) -> AgreementIndex:
        """All agreements as they were known at a position."""
        ...

    def known(self, council: str | None = None) -> list[KnownVersion]:
        """Every version that bears on the verdicts, of one council where it is named, with where it is known from."""
        ...

    def partnerships(self) -> list[Partnership]:
        """The newest version of each partnership."""
        ...

    def name(self, kind: type[Council | Service], id_: str) -> str:
        """What a council or service is called now; its id while it is not known."""
        ...

    def agreements(self, council: str) -> list[Agreement]:
        """The newest version of each agreement of a council."""
        ...


class DecisionsLog(Protocol):
    """The log of exclusions and correction runs; `position` grows with whatever can change a verdict."""

    @property
    def rulings(self) -> Decisions:
        """All that was ruled, as now known."""
        ...

    @property
    def position(self) -> int:
        """How many offsets of the log had been read when something was last ordered."""
        ...

    async def append(self, event: ExclusionStep | CorrectionRequested) -> None:
        """The event is in the log, and `rulings` has taken it and all before it. Raises `AppendUncertain`."""
        ...

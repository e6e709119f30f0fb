"""Whether a month may be issued: what blocks each council and what blocks all, gathered from one state of everything.

The log's ends are read first, at the cut-off; then the snapshot, which must have read as far; and quarantine in a
snapshot no older than that, so that a record which was unread a moment ago is not missed in between.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.domain.blockers import (
    Blocker,
    Decisions,
    JudgedShard,
    UnjudgedItems,
    differs,
    halted,
    not_computed,
    not_judged,
    open_at_the_monitor,
    parked,
    quarantined,
    unbilled,
    unread,
    with_decisions,
)
from billing.domain.lifecycle import StepRefused
from billing.domain.open_records import OpenRecord, open_record
from billing.domain.statement import NoAgreement, Statement, Status, UnknownCouncil
from billing.domain.usage import UnbilledReason
from billing.ports import Snapshot, SnapshotStore
from billing.statements.drafts import draft_in
from billing.statements.months import StatementFailed
from billing.statements.recomputation import Recomputation
from billing.statements.statement_log import BusStatementLog, StatementLog
from shared.clock import Clock
from shared.contracts.topics import Topic
from shared.log.port import Bounds, Bus, Shard, every_shard
from shared.period import Month
from shared.scope import Scope

# What is not read by then is listed: nobody waits without an end.
_READ_WITHIN_S, _LOOK_EVERY_S = 10.0, 0.05
_SHOWN = 5  # blockers that a refusal names; the list has them all


@dataclass(frozen=True, slots=True)
class LogState:
    """What the log held of each partition at the `cut_off`, and those partitions that wait for people, with why."""

    cut_off: datetime
    held: Mapping[Shard, Bounds]
    halted: Mapping[Shard, str]


class LogStates:
    """What the log holds now, read past: `positions` are the next offsets that billing will read."""

    def __init__(
        self,
        bus: Bus,
        topics: Sequence[Topic],
        clock: Clock,
        *,
        halted: Callable[[], Mapping[Shard, str]],
        positions: Callable[[], Mapping[Shard, int]],
    ) -> None:
        self._bus, self._shards, self._clock = bus, every_shard(topics), clock
        self._halted, self._positions = halted, positions

    def of_statements(self) -> StatementLog:
        """The log of statements, for threads beside the event loop that runs."""
        return BusStatementLog(self._bus, asyncio.get_running_loop())

    async def read_past(self) -> LogState:
        """The log as it is now, once billing has read all that it held; or after a while, where that takes too long.

        New records come all the time: they are after the cut-off, and nobody waits for them. Raises `BusUnavailable`.
        """
        cut_off = self._clock.now()
        found = await asyncio.gather(*map(self._bus.bounds, self._shards))
        held = dict(zip(self._shards, found, strict=True))
        looks = round(_READ_WITHIN_S / _LOOK_EVERY_S)
        for _ in range(looks):
            if not await asyncio.to_thread(self._is_unread, held):
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        return LogState(cut_off, held, dict(self._halted()))

    def _is_unread(self, held: Mapping[Shard, Bounds]) -> bool:
        read = self._positions()
        return any(read.get(shard, bounds.first) < bounds.end for shard, bounds in held.items())


class NotIssuable(StepRefused):
    """The statement may not be issued; `blockers` are what keeps it from being so."""

    def __init__(self, blockers: Sequence[Blocker]) -> None:
        named = "; ".join(each.what for each in blockers[:_SHOWN])
        more = f"; and {len(blockers) - _SHOWN} more" if len(blockers) > _SHOWN else ""
        super().__init__(f"not ready to be issued: {named}{more}")
        self.blockers = tuple(blockers)


@dataclass(frozen=True, slots=True)
class MonthReadiness:
    """What blocks a month as of `cut_off`: all councils, and each by itself. Decided blockers are listed too."""

    month: Month
    cut_off: datetime
    for_all: tuple[Blocker, ...]
    by_council: Mapping[str, tuple[Blocker, ...]]

    def blocking(self, council: str) -> tuple[Blocker, ...]:
        """What keeps the council's statement from being issued; empty where it may be."""
        return tuple(each for each in (*self.for_all, *self.by_council.get(council, ())) if each.blocks)


class ReadinessChecks:
    """Gathers what blocks. `store` is a worker's, which sees quarantine; calls block."""

    def __init__(
        self,
        store: SnapshotStore,
        recomputation: Recomputation,
        judged: Callable[[Snapshot], Sequence[JudgedShard]],
    ) -> None:
        """`judged` says how far the monitor is, as of a snapshot."""
        self._store, self._recomputation, self._judged = store, recomputation, judged

    def of_month(self, month: Month, state: LogState, status: Status = "draft") -> MonthReadiness:
        """Everything that blocks the month: each council that has a statement or usage in it, and all of them."""
        with self._store.snapshot(Scope.all()) as snapshot:
            decisions = snapshot.steps.decisions(month)
            councils = sorted({*snapshot.terms.councils.ids(), *snapshot.usage.councils(month)})
            common, own = self._shared(snapshot, month, state, decisions)
            by_council = {
                council: with_decisions(
                    (*self._of_council(snapshot, council, month, status), *own.get(council, ())), decisions
                )
                for council in sorted({*councils, *own})
            }
        listed = {council: found for council, found in by_council.items() if found}
        return MonthReadiness(month, state.cut_off, with_decisions(common, decisions), listed)

    def require_ready(self, snapshot: Snapshot, draft: Statement, state: LogState) -> None:
        """Raises `NotIssuable` where something blocks `draft`, made in `snapshot` after `state` was read."""
        council, month = draft.council.id, draft.month
        found = [*unread(snapshot.positions, state.held), *self._of_draft(snapshot, draft)]
        with self._store.snapshot(Scope.all()) as now:
            decisions = now.steps.decisions(month)
            common, own = self._shared(now, month, state, decisions)
        listed = with_decisions((*found, *common, *own.get(council, ())), decisions)
        blocking = {each.id: each for each in listed if each.blocks}
        if blocking:
            raise NotIssuable(tuple(blocking.values()))

    def _shared(
        self, snapshot: Snapshot, month: Month, state: LogState, decisions: Decisions
    ) -> tuple[tuple[Blocker, ...], dict[str, list[Blocker]]]:
        """What blocks all, and what records and items say of single councils, by council."""
        records = _open_records(snapshot)
        judged = self._judged(snapshot)
        with_credits = [each for each in snapshot.terms.councils.ids() if _has_credits(snapshot, each, month)]
        named = [*quarantined(records, month, decisions), *open_at_the_monitor(judged, with_credits)]
        own: dict[str, list[Blocker]] = {}
        for each in named:
            if each.council is not None:
                own.setdefault(each.council, []).append(each)
        of_none = (each for each in named if each.council is None)
        return (*unread(snapshot.positions, state.held), *halted(state.halted), *of_none), own

    def _of_council(self, snapshot: Snapshot, council: str, month: Month, status: Status) -> Iterable[Blocker]:
        if snapshot.steps.statement(council, month) is not None:
            return ()  # it is issued: what comes now is a correction
        try:
            return self._of_draft(snapshot, draft_in(snapshot, council, month, status))
        except UnknownCouncil:
            return _parked(snapshot, council, month, "unknown-council")
        except NoAgreement:
            return _parked(snapshot, council, month, "no-agreement")
        except StatementFailed as failure:
            return (not_computed(council, month, failure.why),)

    def _of_draft(self, snapshot: Snapshot, draft: Statement) -> list[Blocker]:
        council, month = draft.council.id, draft.month
        found = list(unbilled(council, month, draft.evidence.unbilled))
        if _has_credits(snapshot, council, month):
            found += not_judged(self._judged(snapshot), month, council)
        try:
            found += differs(council, month, self._recomputation.differences(snapshot, draft))
        except (StatementFailed, UnknownCouncil, NoAgreement) as failure:
            found.append(not_computed(council, month, f"nor recomputed from its rows: {failure}"))
        return found


def _open_records(snapshot: Snapshot) -> list[OpenRecord]:
    return [open_record(shard, record) for shard, record in snapshot.quarantine.open_records()]


def _has_credits(snapshot: Snapshot, council: str, month: Month) -> bool:
    """Whether the council's statement follows from verdicts: without service credits it does not."""
    return any(each.definition.credits is not None for each in snapshot.terms.agreements_in(council, month))


def _parked(snapshot: Snapshot, council: str, month: Month, why: UnbilledReason) -> Iterable[Blocker]:
    events = sum(row.events for row in snapshot.usage.of_month(month, council) if row.state == "counted")
    return (parked(council, why, events),) if events else ()


@dataclass(frozen=True, slots=True)
class ReadyAt:
    """Whether a draft may be issued by what the log held at the cut-off."""

    checks: ReadinessChecks
    state: LogState
    log: StatementLog

    @property
    def cut_off(self) -> datetime:
        """Everything that was sent before it has been read, or the draft is not ready."""
        return self.state.cut_off

    def require(self, snapshot: Snapshot, draft: Statement) -> None:
        """Raises `NotIssuable` as `ReadinessChecks.require_ready`."""
        self.checks.require_ready(snapshot, draft, self.state)


def judged_shards(snapshot: Snapshot) -> list[JudgedShard]:
    """How far the monitor is, by its marks in the snapshot."""
    return [
        JudgedShard(
            mark.shard,
            mark.through,
            tuple(UnjudgedItems(each.council, each.parked, each.failed) for each in mark.open),
        )
        for mark in snapshot.marks
    ]

"""Whether an item met each of its targets: a pure function of its facts, the agreements and an instant.

`evaluate` reads the whole history each time, so late, duplicated and shuffled events need no special code: they make
the same set of facts, and the same set gives the same verdicts. All instants are epoch seconds.

The rules that most depends on: exactly used up is met (R24); a clock that runs out at closing time is missed only when
the hours open again (R25); the due instant of a day-based or recorded threshold is missed by the first second after it.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

import msgspec
from msgspec import Struct

from shared.contracts.scalars import Stream
from shared.contracts.thresholds import RecordedDueDate
from sla_monitor.domain.agreements import AgreementIndex, BoundTarget
from sla_monitor.domain.clock.cycles import Cycle, ExcludedTime, applies_since, excluded_for, read_cycles
from sla_monitor.domain.clock.due import ClockInterval, Stopwatches, measure_intervals, warning_before_due
from sla_monitor.domain.clock.timeline import FOREVER, Timeline, read_timeline
from sla_monitor.domain.facts import AnyFact, Opened
from sla_monitor.domain.working_time.compiled import BeyondHorizon


class Outcome(StrEnum):
    """What holds at the instant of the evaluation."""

    MET = "met"
    BREACHED = "breached"
    RUNNING = "running"
    UNMEASURABLE = "unmeasurable"  # the calendar never opens, or the due instant lies beyond its horizon
    OUT_OF_SCOPE = "out-of-scope"


class ReachedWarning(Struct, frozen=True, gc=False):
    """`percent` of the threshold was used up at `at`, an instant in service hours; or `on_change` of the target.

    `due` is the due instant that it warns of. `exchange_start` says of which exchange of an update clock it is, each
    of which has warnings of its own; it is None for other clocks.
    """

    percent: int | None
    at: int
    due: int | None
    on_change: bool = False
    exchange_start: int | None = None
    before: str | None = None

    @property
    def label(self) -> str:
        """Which warning of its cycle it is: it is announced once."""
        return warning_label(self.before or str(self.percent), self.exchange_start)


def warning_label(warned_at: str, exchange_start: int | None) -> str:
    """`75` for three quarters of an allowance; `75@1772442000` for those of the exchange that began then."""
    return warned_at if exchange_start is None else f"{warned_at}@{exchange_start}"


class PendingExchange(Struct, frozen=True, gc=False):
    """The exchange of an update clock that has no answer yet; `due` is None while it is paused without end.

    `margin_s` are the clock's seconds that are left, negative once it is `missed`.
    """

    start: int
    due: int | None
    margin_s: int | None
    missed: bool


class Verdict(Struct, frozen=True, gc=False):
    """What holds of one target in one cycle.

    All figures are of one interval, the one that decides: of an update clock the first exchange that was missed, else
    the newest, or the one with the least margin once the cycle has ended. `due` is the earliest instant at which the
    threshold is used up (None while paused without end). `elapsed_s` and `margin_s` are in the clock's own seconds; the
    margin of a missed target is negative. `pending` is the exchange that an update clock waits in now.
    `until` is the change by which the target ceased to apply, FOREVER while it applies: its clock ends there.
    `missed_at` is the instant whose passing made it a miss (the first open one at or after `due`, R25).
    `wake` is the next second at which this verdict or its warnings change without an event.
    """

    target: BoundTarget
    cycle: Cycle
    outcome: Outcome
    reason: str
    due: int | None
    elapsed_s: int
    margin_s: int | None
    missed_at: int | None
    warnings: tuple[ReachedWarning, ...]
    wake: int | None
    until: int = FOREVER
    pending: PendingExchange | None = None

    @property
    def name(self) -> str:
        """`agreement/target/cycle`, unique among the item's verdicts."""
        return f"{self.target.agreement}/{self.target.id}/{self.cycle.number}"

    @property
    def decided_at(self) -> int | None:
        """The instant that decided: of the miss, else of the stop; None while it runs."""
        return self.cycle.stop if self.missed_at is None else self.missed_at

    @property
    def decided(self) -> bool:
        """Whether it counts in a month."""
        return self.outcome in (Outcome.MET, Outcome.BREACHED)


class Evaluation(Struct, frozen=True, gc=False):
    """All verdicts on an item, ordered by target and cycle. `waiting` while its council has no known agreement.

    `unstarted`: a target applies to the item whose clock no fact has started yet.
    """

    opened: Opened | None
    stream: Stream
    verdicts: tuple[Verdict, ...] = ()
    waiting: bool = False
    wake: int | None = None
    notes: tuple[str, ...] = ()
    timeline: Timeline | None = None
    unstarted: bool = False


def evaluate(
    history: Sequence[AnyFact],
    *,
    council: str,
    stream: Stream,
    item: str,
    agreement_index: AgreementIndex,
    exclusions: Sequence[ExcludedTime] = (),
    as_of: int,
) -> Evaluation:
    """The verdicts that hold at `as_of` (epoch seconds), from the facts up to then; `history` in order of `order_key`.

    No verdicts and not waiting means out of scope: the council has no agreement for the service at that date.
    Raises `MissingCalendar`.
    """
    timeline, later = read_timeline(history, as_of_s=as_of)
    if timeline is None:
        return Evaluation(None, stream, wake=later)
    if not agreement_index.knows(council):
        return Evaluation(timeline.opened, stream, waiting=True)
    stopwatches: Stopwatches = {}
    verdicts: list[Verdict] = []
    unstarted = False
    for target in agreement_index.bound_targets(council, timeline.services, timeline.start):
        until = _applies_until(timeline, target)
        if until is None:
            continue
        agreed = excluded_for(
            exclusions,
            timeline,
            council=council,
            agreement=target.agreement,
            target=target.id,
            stream=stream,
            item=item,
        )
        cycles = read_cycles(timeline, target, agreed)
        unstarted |= not cycles
        verdicts.extend(_judge(timeline, target, cycles, as_of=as_of, until=until, stopwatches=stopwatches))
    wakes = [later, *[verdict.wake for verdict in verdicts]]
    return Evaluation(
        timeline.opened,
        stream,
        tuple(verdicts),
        wake=min([wake for wake in wakes if wake is not None], default=None),
        notes=timeline.distinct_notes,
        timeline=timeline,
        unstarted=unstarted,
    )


def _applies_until(timeline: Timeline, target: BoundTarget) -> int | None:
    """FOREVER where the target applies to the item now; else the change by which it ceased to, None if it never did."""
    if target.selects(timeline.classification):
        return FOREVER
    until = None
    for before, after in pairwise(timeline.classifications):
        if target.selects(before):
            until = after.since
    return until


def _judge(
    timeline: Timeline,
    target: BoundTarget,
    cycles: Sequence[Cycle],
    *,
    as_of: int,
    until: int,
    stopwatches: Stopwatches,
) -> list[Verdict]:
    """The verdict of each cycle. A target that stopped applying keeps only the misses it had by then (R28)."""
    begun = cycles if until == FOREVER else [cycle for cycle in cycles if cycle.start < until]
    as_of, since = min(as_of, until), applies_since(timeline, target)
    judged = [_verdict(timeline, target, cycle, as_of=as_of, since=since, stopwatches=stopwatches) for cycle in begun]
    if until == FOREVER:
        return judged
    missed = [verdict for verdict in judged if verdict.outcome is Outcome.BREACHED]
    return [
        msgspec.structs.replace(verdict, cycle=verdict.cycle.cut(until), until=until, wake=None, pending=None)
        for verdict in missed
    ]


def _verdict(
    timeline: Timeline, target: BoundTarget, cycle: Cycle, *, as_of: int, since: int, stopwatches: Stopwatches
) -> Verdict:
    if not cycle.intervals or cycle.intervals[0][0] > as_of:
        return _unmeasured(target, cycle, Outcome.OUT_OF_SCOPE, "the council asked nothing")
    if isinstance(target.threshold, RecordedDueDate) and timeline.opened.due_us is None:
        return _unmeasured(target, cycle, Outcome.OUT_OF_SCOPE, "no due date was recorded")
    if not target.hours.opens_ever:
        return _unmeasured(target, cycle, Outcome.UNMEASURABLE, "the calendar never opens")
    try:
        intervals = measure_intervals(timeline, target, cycle, as_of=as_of, stopwatches=stopwatches)
    except BeyondHorizon as beyond:
        return _unmeasured(target, cycle, Outcome.UNMEASURABLE, str(beyond))
    return _from_intervals(target, cycle, intervals, since=since)


def _unmeasured(target: BoundTarget, cycle: Cycle, outcome: Outcome, reason: str) -> Verdict:
    return Verdict(target, cycle, outcome, reason, None, 0, None, None, (), None)


def _from_intervals(target: BoundTarget, cycle: Cycle, intervals: Sequence[ClockInterval], *, since: int) -> Verdict:
    shown = intervals[0] if len(intervals) == 1 else deciding_interval(cycle, intervals)
    # Between two exchanges no answer is due.
    idle = cycle.stop is None and not shown.open and not shown.missed
    outcome, reason = (Outcome.RUNNING, "no answer is due") if idle else _outcome(cycle, shown)
    warnings, to_come = _warnings(target, intervals, since=since)
    newest = intervals[-1]
    return Verdict(
        target=target,
        cycle=cycle,
        outcome=outcome,
        reason=reason,
        due=None if idle else shown.due,
        elapsed_s=shown.elapsed,
        margin_s=None if idle else shown.margin,
        missed_at=shown.last_good if shown.missed else None,
        warnings=warnings,
        wake=_wake(newest, to_come) if cycle.stop is None else None,
        pending=_pending(newest) if cycle.stop is None and target.has_exchanges else None,
    )


def deciding_interval(cycle: Cycle, intervals: Sequence[ClockInterval]) -> ClockInterval:
    """What decides on a cycle: the first interval that was missed; else the newest, or the tightest once it ended."""
    missed = next((interval for interval in intervals if interval.missed), None)
    return missed or (intervals[-1] if cycle.stop is None else min(intervals, key=_margin))


def _margin(interval: ClockInterval) -> int:
    return FOREVER if interval.margin is None else interval.margin


def _pending(newest: ClockInterval) -> PendingExchange | None:
    return PendingExchange(newest.start, newest.due, newest.margin, newest.missed) if newest.open else None


def _wake(newest: ClockInterval, to_come: int | None) -> int | None:
    """When the next warning is reached, or the pending exchange is missed."""
    if not newest.open or newest.missed or newest.last_good is None:
        return to_come
    return newest.last_good + 1 if to_come is None else min(to_come, newest.last_good + 1)


def _outcome(cycle: Cycle, interval: ClockInterval) -> tuple[Outcome, str]:
    if interval.missed:
        return Outcome.BREACHED, "open past its due time" if interval.open else "stopped after its due time"
    if cycle.stop is not None and not interval.open:
        if cycle.cancelled:
            return Outcome.OUT_OF_SCOPE, "cancelled before it was due"
        return Outcome.MET, "stopped in time"
    if interval.due is None and interval.endless:
        return Outcome.UNMEASURABLE, "due beyond the calendar's horizon"
    return Outcome.RUNNING, "paused" if interval.due is None else "open and in time"


def _warnings(
    target: BoundTarget, intervals: Sequence[ClockInterval], *, since: int
) -> tuple[tuple[ReachedWarning, ...], int | None]:
    """The warnings reached, each percentage once in each exchange, and the instant of the next to come."""
    reached: list[ReachedWarning] = []
    to_come: int | None = None
    for interval in intervals:
        exchange_start = interval.start if target.has_exchanges else None
        for percent in target.warn_at:
            # Of an answered exchange only what counted matters; of an open one also what will count next.
            used_up = None if interval.allowance is None else interval.base - (-interval.allowance * percent // 100)
            if used_up is None or not (interval.open or interval.counted > used_up):
                break
            at = interval.stopwatch.exceed(used_up)
            if at is None:
                break
            if at > interval.end:
                to_come = at
                break
            reached.append(ReachedWarning(percent, max(at, since), interval.due, at < since, exchange_start))
    if target.warn_before:
        to_come = _warned_before_due(target, intervals, reached, to_come, since=since)
        reached.sort(key=lambda warning: warning.at)
    return tuple(reached), to_come


def _warned_before_due(
    target: BoundTarget,
    intervals: Sequence[ClockInterval],
    reached: list[ReachedWarning],
    to_come: int | None,
    *,
    since: int,
) -> int | None:
    """What the next to come is, with those that come a time before due; those that came are in `reached`."""
    for interval in intervals:
        exchange_start = interval.start if target.has_exchanges else None
        for text, time in target.warn_before:
            at = warning_before_due(target, interval, time)
            if at is None:
                continue
            if at < interval.end or (interval.open and at == interval.end):
                late = at < since
                reached.append(ReachedWarning(None, max(at, since), interval.due, late, exchange_start, text))
            elif interval.open:
                to_come = at if to_come is None else min(to_come, at)
    return to_come

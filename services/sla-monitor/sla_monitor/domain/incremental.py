"""Incremental evaluation: what a new fact changes of an item that runs as expected, without reading its history again.

Most facts decide nothing: they stop a clock, let it run on, or are none of its business. What they change is the second
at which the item must be evaluated next, and that alone is worked out here. Whatever may change a verdict is evaluated
in full; a property test compares the two ways. All instants are epoch seconds.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from sla_monitor.domain.agreements import BoundTarget
from sla_monitor.domain.clock.timeline import FOREVER
from sla_monitor.domain.clock.verdict import Evaluation, Outcome, Verdict
from sla_monitor.domain.facts import (
    AnyFact,
    Asked,
    Assigned,
    Cancelled,
    Closed,
    Paused,
    Responded,
    Resumed,
    Stopped,
)

Kinds = frozenset[type[AnyFact]]

# Kinds that change nothing while an item is open unless a target counts on them, and after it was stopped.
_WHILE_OPEN: Kinds = frozenset({Assigned, Asked, Responded, Paused, Resumed})
_AFTER_STOP: Kinds = _WHILE_OPEN | {Closed, Stopped, Cancelled}
_DECISIVE: dict[str, Kinds] = {
    "response-time": frozenset({Responded}),
    "update-interval": frozenset({Asked, Responded}),
    "periodic-update": frozenset({Responded}),
}
_NEVER_STOPS: Kinds = frozenset({Assigned, Asked, Responded})
_ONE_INTERVAL = frozenset({"response-time", "resolution-time", "processing-time"})


def may_decide_nothing(facts: Iterable[AnyFact]) -> bool:
    """Whether there are items of which such facts change no verdict; of any others they may."""
    return all(type(fact) in _AFTER_STOP for fact in facts)


def ignored_kinds(bound_targets: Iterable[BoundTarget]) -> Kinds:
    """The kinds of fact by which no verdict changes, nor when one is evaluated next, whenever they happened."""
    kinds = _NEVER_STOPS
    for target in bound_targets:
        kinds -= _DECISIVE.get(target.measure, frozenset())
        if target.definition.starts == "assigned":
            kinds -= {Assigned}
    return kinds


class RunningStopwatch(Struct):
    """An open verdict's stopwatch: `counted` seconds by `since`, and more from there on unless it is `paused`.

    `marks` are the counts at which warnings are still to come, ascending; `limit` the count that is still good, None
    where it has been passed.
    """

    target: BoundTarget
    counted: int
    since: int
    paused: bool
    marks: tuple[int, ...]
    limit: int | None

    def pause(self, at: int) -> None:
        """Nothing counts from `at` on."""
        between = self.target.time_basis.between
        self.counted += between(self.since, at) if at >= self.since else -between(at, self.since)
        self.paused = True

    def resume(self, at: int) -> None:
        """Time counts again from `at` on."""
        self.since, self.paused = at, False

    @property
    def wake(self) -> int | None:
        """The next second at which its verdict or its warnings change; None while it is paused."""
        if self.paused:
            return None
        exceed = self.target.time_basis.add_to_open
        if self.marks:  # which come before the limit, being under 100% of it
            return exceed(self.since, self.marks[0] - self.counted)
        last_good = None if self.limit is None else exceed(self.since, self.limit - self.counted)
        return None if last_good is None else last_good + 1


class IncrementalState(Struct):
    """What must be known of an item to apply a fact to it without evaluating it in full.

    `last_s` is the second of the newest fact: what happens in it may be read before that one (R23). What is dated
    before `settled_s` may undo what was found by then.
    `ignored` are the kinds of fact that change no verdict. `awaiting` says for whom it is paused now; pauses for one of
    `unsupported` are evaluated in full. `fixed` is the wake of the clocks that no pause stops.
    """

    last_s: int
    settled_s: int
    ignored: Kinds
    stopped: bool
    awaiting: str | None
    unsupported: frozenset[str]
    stopwatches: list[RunningStopwatch]
    fixed: int | None
    wake: int | None

    def apply(self, fact: AnyFact, *, as_of: int) -> bool:
        """Whether all that `fact` changes is `wake`; if not, nothing is changed here: evaluate the item in full."""
        at = fact.at_s
        if at <= self.last_s or not self.settled_s <= at <= as_of or type(fact) not in self.ignored:
            return False
        if self.wake is not None and self.wake <= at:
            return False
        if not self.stopped and not self._apply_pause(fact):
            return False
        self.last_s = at
        return True

    def _apply_pause(self, fact: AnyFact) -> bool:
        """Whether the stopwatches are set as `fact` wants it: it pauses them, resumes them, or does neither."""
        match fact:
            case Paused(awaiting=awaiting):
                if self.awaiting is not None or awaiting in self.unsupported:
                    return False
                self.awaiting = awaiting
                for stopwatch in self.stopwatches:
                    if awaiting in stopwatch.target.paused_by:
                        stopwatch.pause(fact.at_s)
            case Resumed() if self.awaiting is not None:
                if self.awaiting in self.unsupported:
                    return False
                self.awaiting = None
                for stopwatch in self.stopwatches:
                    if stopwatch.paused:
                        stopwatch.resume(fact.at_s)
            case _:
                return True
        wakes = [self.fixed, *(stopwatch.wake for stopwatch in self.stopwatches)]
        self.wake = min([wake for wake in wakes if wake is not None], default=None)
        return True


def start_incremental(
    last: AnyFact, evaluation: Evaluation, *, as_of: int, new: Iterable[AnyFact] = ()
) -> IncrementalState | None:
    """The state to go on from after `evaluation`, made at `as_of` without exclusions; None where there can be none.

    `last` is the newest fact: one from after `as_of` has not been evaluated yet. It is also None where one of the
    `new` facts, which are to be applied to it, is of a kind that decides something.
    """
    timeline = evaluation.timeline
    if timeline is None or evaluation.unstarted or last.at_s > as_of:
        return None
    if timeline.has_withdrawals:
        return None  # what is still to come may be withdrawn already
    ended, pause = timeline.ended, timeline.pauses[-1] if timeline.pauses else None
    ignored = _WHILE_OPEN if ended is None else _AFTER_STOP
    if not all(type(fact) in ignored for fact in new):
        return None
    state = IncrementalState(
        last_s=last.at_s,
        settled_s=1 + max([timeline.start if ended is None else ended.at, *_found(evaluation)]),
        ignored=ignored,
        stopped=ended is not None,
        awaiting=pause.awaiting if pause is not None and pause.end == FOREVER else None,
        unsupported=frozenset(),
        stopwatches=[],
        fixed=None,
        wake=evaluation.wake,
    )
    open_verdicts = [each for each in evaluation.verdicts if each.until == FOREVER and each.cycle.stop is None]
    if any(verdict.outcome is Outcome.UNMEASURABLE for verdict in open_verdicts):
        return None
    for verdict in open_verdicts:
        _add(state, verdict, as_of=as_of)
    return state


def _found(evaluation: Evaluation) -> Iterator[int]:
    """The instants at which warnings were reached and targets missed."""
    for verdict in evaluation.verdicts:
        yield from (warning.at for warning in verdict.warnings)
        if verdict.missed_at is not None:
            yield verdict.missed_at


def _add(state: IncrementalState, verdict: Verdict, *, as_of: int) -> None:
    target, measure = verdict.target, verdict.target.measure
    state.ignored -= _DECISIVE.get(measure, frozenset())
    if verdict.decided or verdict.outcome is Outcome.RUNNING:
        if target.paused_by and target.seconds is not None and not target.warn_before and measure in _ONE_INTERVAL:
            state.stopwatches.append(_stopwatch(verdict, target.seconds, state.awaiting, as_of=as_of))
            return
        state.unsupported |= target.paused_by
    if verdict.wake is not None:
        state.fixed = verdict.wake if state.fixed is None else min(state.fixed, verdict.wake)


def _stopwatch(verdict: Verdict, seconds: int, awaiting: str | None, *, as_of: int) -> RunningStopwatch:
    target, reached = verdict.target, {warning.percent for warning in verdict.warnings}
    return RunningStopwatch(
        target=target,
        counted=verdict.elapsed_s,
        since=as_of,
        paused=awaiting in target.paused_by,
        marks=tuple(-(-seconds * percent // 100) for percent in target.warn_at if percent not in reached),
        limit=None if verdict.outcome is Outcome.BREACHED else seconds,
    )

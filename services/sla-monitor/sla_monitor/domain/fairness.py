"""Three ways to make a clock look better than the service was, found in an item's timeline. A finding can be innocent.

The checks look at clocks with one interval from demand to answer (response, resolution, processing). Times are in the
clock's own seconds: half an hour before Friday's closing and half an hour of Monday morning are an hour apart.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

from shared.instants import DAY_S
from sla_monitor.domain.clock.stopwatch import Stopwatch
from sla_monitor.domain.clock.timeline import FOREVER, Pause, Timeline
from sla_monitor.domain.clock.verdict import Verdict


class Check(StrEnum):
    """Which of the three ways was found."""

    PAUSED_AFTER_ANSWER = "paused after the council answered"
    PAUSED_LATE = "paused just before due"
    REOPENED_SOON = "reopened soon after a stop just before due"


class Limits(Struct, frozen=True):
    """What "just before" and "soon" mean. The monitor's own choice; no source sets them."""

    pause_lead_s: int = 30 * 60
    stop_lead_s: int = 60 * 60
    reopened_within_s: int = 5 * DAY_S


class Finding(Struct, frozen=True):
    """The clock was paused from `at` until `until` (None: it still is). `seconds` is what the check measures.

    Of a pause after an answer, the time that did not count because of it; of the others, what was left until due.
    """

    check: Check
    at: int
    until: int | None
    seconds: int


def fairness(timeline: Timeline, verdict: Verdict, *, limits: Limits, as_of: int) -> list[Finding]:
    """All findings about one target of one item, in order of time."""
    found = [
        *paused_after_answer(timeline, verdict, as_of=as_of),
        *paused_late(timeline, verdict, limits=limits),
        *reopened_soon(timeline, verdict, limits=limits),
    ]
    return sorted(found, key=lambda finding: finding.at)


def paused_after_answer(timeline: Timeline, verdict: Verdict, *, as_of: int) -> Iterator[Finding]:
    """Pauses that await the council and go on after it wrote, from its first message to their end."""
    for pause in _pauses(timeline, verdict):
        answered = next((at for at in timeline.asked if pause.start < at < pause.end), None)
        if pause.awaiting != "council" or answered is None or answered >= as_of:
            continue
        lost = verdict.target.time_basis.between(answered, min(pause.end, as_of))
        if lost:
            yield Finding(Check.PAUSED_AFTER_ANSWER, answered, _known(pause.end), lost)


def paused_late(timeline: Timeline, verdict: Verdict, *, limits: Limits) -> Iterator[Finding]:
    """Pauses that began when no more than the limit was left."""
    for pause in _pauses(timeline, verdict):
        left = _left(verdict, pause.start)
        if left is not None and left <= limits.pause_lead_s:
            yield Finding(Check.PAUSED_LATE, pause.start, _known(pause.end), left)


def reopened_soon(timeline: Timeline, verdict: Verdict, *, limits: Limits) -> Iterator[Finding]:
    """Stops with no more than the limit left that were reopened within the limit."""
    cycle = verdict.cycle
    for stop in timeline.stops:
        in_cycle = cycle.start <= stop.at and (cycle.stop is None or stop.at <= cycle.stop)
        if not in_cycle or stop.cancelled or stop.reopened - stop.at > limits.reopened_within_s:
            continue
        left = _left(verdict, stop.at)
        if left is not None and left <= limits.stop_lead_s:
            yield Finding(Check.REOPENED_SOON, stop.at, stop.reopened, left)


def _pauses(timeline: Timeline, verdict: Verdict) -> Iterable[Pause]:
    """The pauses that stop this clock."""
    cycle = verdict.cycle
    end = FOREVER if cycle.stop is None else cycle.stop
    return [
        pause
        for pause in timeline.pauses
        if pause.awaiting in verdict.target.paused_by and cycle.start <= pause.start < min(end, verdict.until)
    ]


def _left(verdict: Verdict, at: int) -> int | None:
    """The clock's seconds from `at` to the due instant, None where nothing is due or it is past.

    The final due instant serves: whatever stopped the clock after `at` moved it on by as much. While a pause is
    without end nothing is due; then what had counted and what was left then still are the allowance.
    """
    cycle, due, margin = verdict.cycle, verdict.due, verdict.margin_s
    if len(cycle.intervals) != 1 or (due is not None and at > due):
        return None
    stopwatch = Stopwatch(verdict.target.time_basis, cycle.start, cycle.paused_intervals)
    if due is not None:
        return stopwatch.counted_to(due) - stopwatch.counted_to(at)
    return None if margin is None else max(verdict.elapsed_s + margin - stopwatch.counted_to(at), 0)


def _known(end: int) -> int | None:
    return None if end == FOREVER else end

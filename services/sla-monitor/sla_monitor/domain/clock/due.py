"""One interval of a clock measured: what counted, when it is due, and whether it was missed."""

from msgspec import Struct

from shared.contracts.thresholds import (
    CalendarDays,
    CalendarMonths,
    ElapsedSeconds,
    RecordedDueDate,
    Threshold,
    WorkingDays,
    WorkingSeconds,
)
from shared.instants import SECOND_US
from sla_monitor.domain.agreements import BoundTarget
from sla_monitor.domain.clock.cycles import Cycle
from sla_monitor.domain.clock.stopwatch import Stopwatch
from sla_monitor.domain.clock.timeline import FOREVER, Timeline
from sla_monitor.domain.working_time.compiled import BeyondHorizon, WorkingTime
from sla_monitor.domain.working_time.intervals import Interval


class ClockInterval(Struct, frozen=True, gc=False):
    """From a demand to its answer, or to the evaluation while it has none. Epoch seconds.

    `last_good` is the last second in which an answer is in time, where that is known: it is left out for an answer
    that came in time. `margin` is None where nothing is due. `base` and `counted` are what the stopwatch shows at the
    two ends.
    """

    start: int
    end: int
    open: bool
    base: int
    counted: int
    stopwatch: Stopwatch
    due: int | None
    last_good: int | None
    allowance: int | None
    margin: int | None
    missed: bool

    @property
    def elapsed(self) -> int:
        """The seconds that counted in it."""
        return self.counted - self.base

    @property
    def endless(self) -> bool:
        """Whether time goes on counting after its end: it is not paused without end."""
        return self.stopwatch.endless


# Clocks of one item with the same time basis, start and pauses share a stopwatch: making one is most of the work.
Stopwatches = dict[tuple[int, int, tuple[Interval, ...]], Stopwatch]


def measure_intervals(
    timeline: Timeline, target: BoundTarget, cycle: Cycle, *, as_of: int, stopwatches: Stopwatches
) -> list[ClockInterval]:
    """The intervals that began by `as_of`, measured. Raises `BeyondHorizon` for instants outside the calendar.

    `stopwatches` are those made for this item so far; a new one is added.
    """
    paused = cycle.paused_intervals
    key = id(target.time_basis), cycle.start, paused
    stopwatch = stopwatches.get(key)
    if stopwatch is None:
        stopwatch = stopwatches[key] = Stopwatch(target.time_basis, cycle.start, paused)
    clock = _CycleClock(timeline, target, cycle, stopwatch)
    return [clock.measure(start, stop, as_of=as_of) for start, stop in cycle.intervals if start <= as_of]


# An interval against its threshold, as the last fields of `ClockInterval`: due, last_good, allowance, margin, missed.
_Comparison = tuple[int | None, int | None, int | None, int | None, bool]


class _CycleClock(Struct, frozen=True, gc=False):
    """The clock of one cycle, with all that its intervals have in common."""

    timeline: Timeline
    target: BoundTarget
    cycle: Cycle
    stopwatch: Stopwatch

    def measure(self, start: int, stop: int, *, as_of: int) -> ClockInterval:
        """The interval from `start` to `stop`, or to `as_of` if that comes first."""
        stopwatch = self.stopwatch
        is_open = stop > as_of
        end = as_of if is_open else stop
        base = 0 if start == self.cycle.start else stopwatch.counted_to(start)
        counted = stopwatch.counted_to(end)
        comparison = (
            self._against_a_date(start, end, base, counted)
            if self.target.seconds is None
            else self._against_seconds(self.target.seconds, base, counted, is_open=is_open)
        )
        return ClockInterval(start, end, is_open, base, counted, stopwatch, *comparison)

    def _against_seconds(self, seconds: int, base: int, counted: int, *, is_open: bool) -> _Comparison:
        """An allowance of counted time: exactly used up is in time (R24)."""
        limit = base + seconds
        missed = counted > limit
        last_good = self.stopwatch.exceed(limit) if is_open or missed else None
        return self.stopwatch.reach(limit), last_good, seconds, limit - counted, missed

    def _against_a_date(self, start: int, end: int, base: int, counted: int) -> _Comparison:
        """A due instant that a calendar or another system gives: late is what comes after it, at night as well.

        So the margin of a miss is minus the plain seconds since the due instant, where in time it is what is left on
        the clock.
        """
        due = self._due_date(start)
        if due is None:
            return None, None, None, None, False
        allowed, late_s = self.stopwatch.counted_to(due), self._stopped(end) - due
        margin = -late_s if late_s > 0 else allowed - counted
        return due, due, max(allowed - base, 0), margin, late_s > 0

    def _stopped(self, end: int) -> int:
        """A recorded deadline is compared with the time in the event, even where the clock was clamped (R32)."""
        raw = self.cycle.raw_stop
        return raw if raw is not None and isinstance(self.target.threshold, RecordedDueDate) else end

    def _due_date(self, start: int) -> int | None:
        target = self.target
        match target.threshold:
            case RecordedDueDate():
                due_us = self.timeline.opened.due_us
                return None if due_us is None else due_us // SECOND_US
            case WorkingDays(days) if target.definition.pause_counts == "whole-days":
                due = self._nth_uncovered_day(start, days)
                return None if due is None else self.stopwatch.next_running(due)
            case WorkingDays(days):
                return _extended(target, _working_days(target, start, days), start, self.stopwatch)
            case CalendarDays(days):
                return _extended(target, target.hours.add_calendar_days(start, days), start, self.stopwatch)
            case CalendarMonths(months):
                return _extended(target, target.hours.add_months(start, months), start, self.stopwatch)
        return None

    def _nth_uncovered_day(self, start: int, days: int) -> int | None:
        """The due instant where a working day does not count if pauses cover all of it (R18).

        The day of receipt is day 0 and always counts.
        """
        definition, stopwatch = self.target.definition, self.stopwatch
        never = min((each.start for each in self.cycle.paused if each.end == FOREVER), default=FOREVER)
        left = days
        for ahead, opening, closing in self.target.hours.working_days_from(
            start, rule=definition.day_rule, cut_off_s=self.target.cut_off_s
        ):
            left -= ahead > 0 and stopwatch.counted_to(closing) > stopwatch.counted_to(opening)
            if left == 0:
                return _working_days(self.target, start, ahead)
            if opening >= never:
                return None
        return None


def _working_days(target: BoundTarget, start: int, days: int) -> int | None:
    return target.hours.add_working_days(start, days, rule=target.definition.day_rule, cut_off_s=target.cut_off_s)


def _extended(target: BoundTarget, due: int | None, start: int, stopwatch: Stopwatch) -> int | None:
    """The due instant moved on by the time that pauses took out before it or at it, each in turn (R18).

    It lies in no pause, so nothing is missed in one (R23); None in one without end.
    """
    time_basis, ends = target.time_basis, _ending(target, due)
    for paused, resumed in stopwatch.pauses_from(start):
        if due is None or ends is None or paused > ends:
            break
        if resumed == FOREVER:
            return None
        due = time_basis.add(due, time_basis.between(paused, resumed))
        ends = _ending(target, due)
        ends = None if ends is None else max(ends, resumed)
    return ends


def _ending(target: BoundTarget, due: int | None) -> int | None:
    """Where the target ends on a working day, the closing of the first one on or after the date of `due` (R58).

    Where it ends with the day, the midnight after it. A month does so always: that midnight is of its last date.
    """
    if due is None or target.definition.ends_on is None:
        return due
    if target.definition.ends_on == "end-of-day":
        return target.hours.end_of_day(due)
    return target.hours.closing_from(due - 1 if isinstance(target.threshold, CalendarMonths) else due)


def warning_before_due(target: BoundTarget, interval: ClockInterval, time: Threshold) -> int | None:
    """When a warning comes that is to be so long before due, as far as is known; None where nothing is due.

    Not before the interval begins, and not in a pause: then when it ends, for until then nothing is due.
    """
    try:
        at = None if interval.due is None else _before(target.hours, interval.due, time)
    except BeyondHorizon:
        return None
    return None if at is None else interval.stopwatch.next_running(max(at, interval.start))


def _before(hours: WorkingTime, due: int, time: Threshold) -> int | None:
    match time:
        case ElapsedSeconds(seconds):
            return due - seconds
        case CalendarDays(days):
            return hours.calendar_days_before(due, days)
        case WorkingSeconds(seconds):
            return hours.last_with(seconds, due)
        case WorkingDays(days):
            return hours.working_days_before(due, days)
        case CalendarMonths() | RecordedDueDate():
            return None

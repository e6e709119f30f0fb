"""One cycle of a clock: when it starts and stops, what stands in its way, and the legs that are measured.

A leg is a stretch from a demand to its answer. Response, resolution and processing have one; an update interval has
one for each question of the council, a periodic update one for each silence of the provider.
"""

from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from shared.contracts.definitions import Target
from sla_monitor.domain.course import FOREVER, Course, Pause, Stop
from sla_monitor.domain.exclusions import Exclusion
from sla_monitor.domain.intervals import Interval
from sla_monitor.domain.terms import Term

DAY_S = 86_400

# Time that does not count: from its `start` to its `end`, which may be FOREVER.
Blocked = Pause | Stop | Exclusion


class Life(Struct, frozen=True, gc=False):
    """One cycle. `stop` is None while it runs; `raw_stop` is what the event said. `legs` ascend by their start."""

    cycle: int
    start: int
    stop: int | None
    raw_stop: int | None
    cancelled: bool
    legs: tuple[Interval, ...]
    blocked: tuple[Blocked, ...]

    @property
    def stands(self) -> tuple[Interval, ...]:
        """When it stands still, in no order."""
        return tuple([(block.start, block.end) for block in self.blocked])


def lives(course: Course, term: Term, exclusions: tuple[Exclusion, ...]) -> list[Life]:
    """The cycles of the term's clock over the item's course; none while it has not started."""
    start = _start(course, term)
    if start is None:
        return []
    if term.target.measure == "response-time":
        return [_response(course, term, start, exclusions)]
    rounds = enumerate(_rounds(course, term.target, start), start=1)
    return [_cycle(course, term, number, held, exclusions) for number, held in rounds]


def applies_since(course: Course, term: Term) -> int:
    """Since when the target has been the item's own without a break, or was before it last ceased to be."""
    since = course.start
    if len(course.priorities) == 1:
        return since
    held = False
    for changed, priority in course.priorities:
        selected = term.selects(priority, course.opened.attributes)
        if selected and not held:
            since = changed
        held = selected
    return since


def _start(course: Course, term: Term) -> int | None:
    start = _demanded(course, term.target)
    if start is None or term.target.on_change == "from-start":
        return start
    return max(start, applies_since(course, term))


def _demanded(course: Course, target: Target) -> int | None:
    match target.starts:
        case "opened":
            return course.start
        case "assigned":
            return course.assigned
        case "first-active":
            # Opened into a pause (same instant): the clock starts when that pause ends.
            first = course.pauses[0] if course.pauses else None
            if first is None or first.start > course.start:
                return course.start
            return None if first.end == FOREVER else first.end


class _Round(NamedTuple):
    """A cycle's start, the stop that ends it (None while it runs), and the stops in it that did not hold."""

    start: int
    ended: Stop | None
    reopened: tuple[Stop, ...]


def _rounds(course: Course, target: Target, start: int) -> list[_Round]:
    """The cycles that the target's reopening policy makes of the stops."""
    rounds: list[_Round] = []
    reopened: list[Stop] = []
    for stop in course.stops:
        if stop.reopened == FOREVER or target.reopen == "first-close-is-final":
            return [*rounds, _Round(start, stop, tuple(reopened))]
        if target.reopen == "new-cycle" and stop.reopened - stop.at > target.reopen_window_days * DAY_S:
            rounds.append(_Round(start, stop, tuple(reopened)))
            start, reopened = stop.reopened, []
        else:
            reopened.append(stop)
    return [*rounds, _Round(start, None, tuple(reopened))]


def _cycle(course: Course, term: Term, number: int, held: _Round, exclusions: tuple[Exclusion, ...]) -> Life:
    ended = held.ended
    stop = None if ended is None else max(ended.at, held.start)
    return Life(
        cycle=number,
        start=held.start,
        stop=stop,
        raw_stop=None if ended is None else ended.raw,
        cancelled=ended is not None and ended.cancelled,
        legs=_legs(course, term.target, held.start, stop),
        blocked=_pauses(course, term, held.start, stop) + held.reopened + exclusions,
    )


def _response(course: Course, term: Term, start: int, exclusions: tuple[Exclusion, ...]) -> Life:
    """The first answer, or the first stop where none came before it: who resolves has answered."""
    stopped = course.stops[0] if course.stops else None
    answer = course.responded[0] if course.responded else None
    by_stop = stopped is not None and (answer is None or stopped.at < answer)
    at = stopped.at if stopped is not None and by_stop else answer
    stop = None if at is None else max(at, start)
    raw = stopped.raw if stopped is not None and by_stop else at
    return Life(
        cycle=1,
        start=start,
        stop=stop,
        raw_stop=raw,
        cancelled=stopped is not None and by_stop and stopped.cancelled,
        legs=((start, FOREVER if stop is None else stop),),
        blocked=_pauses(course, term, start, stop) + exclusions,
    )


def _legs(course: Course, target: Target, start: int, stop: int | None) -> tuple[Interval, ...]:
    end = FOREVER if stop is None else stop
    match target.measure:
        case "update-interval":
            return tuple(_exchanges(course, start, end))
        case "periodic-update":
            marks = [start, *(at for at in course.responded if start < at < end), end]
            return tuple(pairwise(marks))
        case _:
            return ((start, end),)


def _exchanges(course: Course, start: int, end: int) -> list[Interval]:
    """From each earliest unanswered question to its answer; later questions in between do not move it (R27)."""
    legs: list[Interval] = []
    answered = start
    for asked in course.asked:
        if answered <= asked < end:
            answered = min((at for at in course.responded if at >= asked), default=end)
            legs.append((asked, min(answered, end)))
    return legs


def _pauses(course: Course, term: Term, start: int, stop: int | None) -> tuple[Blocked, ...]:
    end, paused_by = FOREVER if stop is None else stop, term.paused_by
    if not paused_by:
        return ()
    # A list is made faster than what a generator yields, for every clock of every item.
    return tuple([p for p in course.pauses if p.awaiting in paused_by and p.end > start and p.start < end])

"""Three ways to look better than one is, found in an item's own history. A finding can be innocent: both sides see it.

The checks look at clocks with one stretch from demand to answer (response, resolution, processing). Times are in the
clock's own seconds: half an hour before Friday's closing and half an hour of Monday morning are an hour apart.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

from sla_monitor.domain.course import FOREVER, Course, Pause
from sla_monitor.domain.tape import Tape
from sla_monitor.domain.verdict import Verdict

DAY_S = 86_400


class Check(StrEnum):
    """What was found."""

    PAUSED_AFTER_ANSWER = "paused after the council answered"
    PAUSED_LATE = "paused just before due"
    REOPENED_SOON = "reopened soon after a stop just before due"


class Limits(Struct, frozen=True):
    """What "just before" and "soon" mean. The monitor's own choice; no source sets them."""

    pause_lead_s: int = 30 * 60
    stop_lead_s: int = 60 * 60
    reopened_within_s: int = 5 * DAY_S


class Finding(Struct, frozen=True):
    """From `at` on the clock stood still, until `until` (None: still). `seconds` is what the check measures.

    Of a pause after an answer, the time that did not count because of it; of the others, what was left until due.
    """

    check: Check
    at: int
    until: int | None
    seconds: int


def fairness(course: Course, verdict: Verdict, *, limits: Limits, as_of: int) -> list[Finding]:
    """All findings about one target of one item, in order of time."""
    found = [
        *paused_after_answer(course, verdict, as_of=as_of),
        *paused_late(course, verdict, limits=limits),
        *reopened_soon(course, verdict, limits=limits),
    ]
    return sorted(found, key=lambda finding: finding.at)


def paused_after_answer(course: Course, verdict: Verdict, *, as_of: int) -> Iterator[Finding]:
    """Pauses that await the council and go on after it wrote, from its first message to their end."""
    for pause in _pauses(course, verdict):
        answered = next((at for at in course.asked if pause.start < at < pause.end), None)
        if pause.awaiting != "council" or answered is None or answered >= as_of:
            continue
        lost = verdict.term.ruler.between(answered, min(pause.end, as_of))
        if lost:
            yield Finding(Check.PAUSED_AFTER_ANSWER, answered, _known(pause.end), lost)


def paused_late(course: Course, verdict: Verdict, *, limits: Limits) -> Iterator[Finding]:
    """Pauses that began when no more than the limit was left."""
    for pause in _pauses(course, verdict):
        left = _left(verdict, pause.start)
        if left is not None and left <= limits.pause_lead_s:
            yield Finding(Check.PAUSED_LATE, pause.start, _known(pause.end), left)


def reopened_soon(course: Course, verdict: Verdict, *, limits: Limits) -> Iterator[Finding]:
    """Stops with no more than the limit left, that were taken back within the limit."""
    life = verdict.life
    for stop in course.stops:
        within_life = life.start <= stop.at and (life.stop is None or stop.at <= life.stop)
        if not within_life or stop.cancelled or stop.reopened - stop.at > limits.reopened_within_s:
            continue
        left = _left(verdict, stop.at)
        if left is not None and left <= limits.stop_lead_s:
            yield Finding(Check.REOPENED_SOON, stop.at, stop.reopened, left)


def _pauses(course: Course, verdict: Verdict) -> Iterable[Pause]:
    """The pauses that stop this clock."""
    life = verdict.life
    end = FOREVER if life.stop is None else life.stop
    return [
        pause
        for pause in course.pauses
        if pause.awaiting in verdict.term.paused_by and life.start <= pause.start < min(end, verdict.until)
    ]


def _left(verdict: Verdict, at: int) -> int | None:
    """The clock's seconds from `at` to the due instant, None where nothing is due or it is past.

    The final due instant serves: whatever stopped the clock after `at` moved it on by as much. While a pause is
    without end nothing is due; then what had counted and what was left then still are the allowance.
    """
    life, due, margin = verdict.life, verdict.due, verdict.margin_s
    if len(life.legs) != 1 or (due is not None and at > due):
        return None
    tape = Tape(verdict.term.ruler, life.start, life.stands)
    if due is not None:
        return tape.counted_to(due) - tape.counted_to(at)
    return None if margin is None else max(verdict.elapsed_s + margin - tape.counted_to(at), 0)


def _known(end: int) -> int | None:
    return None if end == FOREVER else end

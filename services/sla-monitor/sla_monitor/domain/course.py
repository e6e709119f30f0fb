"""What happened to an item, read off its facts once, for all its targets.

Contradictions are settled here, by rule and the same way for any order of arrival, and each leaves a note:
a second opening, a resumption without a pause, a pause of a stopped item and a stop of a stopped one change nothing;
what happened before the opening counts as happening at it (clock skew, R32).
"""

from collections.abc import Iterable

from msgspec import Struct

from sla_monitor.domain.facts import (
    AnyFact,
    Asked,
    Assigned,
    Cancelled,
    Closed,
    Opened,
    Paused,
    Reopened,
    Reprioritised,
    Responded,
    Resumed,
    Stopped,
)

FOREVER = 1 << 62


class Pause(Struct, frozen=True):
    """Work could not go on in [start, end); `end` is FOREVER while it still cannot. Epoch seconds."""

    start: int
    end: int
    awaiting: str
    reason: str


class Stop(Struct, frozen=True):
    """Done at `at`, until `reopened` (FOREVER if never). `raw` is what the event said, before clamping."""

    at: int
    raw: int
    reopened: int
    cancelled: bool


class Course(Struct):
    """An item's course in epoch seconds, each list ascending. Built by `read_course`, then only read."""

    opened: Opened
    start: int
    assigned: int | None = None
    asked: list[int] = []
    responded: list[int] = []
    pauses: list[Pause] = []
    stops: list[Stop] = []
    priorities: list[tuple[int, str]] = []
    notes: list[str] = []

    @property
    def ended(self) -> Stop | None:
        """The stop that still holds, if any."""
        return self.stops[-1] if self.stops and self.stops[-1].reopened == FOREVER else None

    def priority_at(self, at: int) -> str:
        """The priority in force at an instant."""
        held = self.priorities[0][1]
        for since, priority in self.priorities:
            if since <= at:
                held = priority
        return held


def read_course(facts: Iterable[AnyFact], *, as_of_s: int) -> tuple[Course | None, int | None]:
    """The course up to and including `as_of_s`, and the second of the first fact after it.

    `facts` must be in order (`history`). The course is None while no opening is known.
    """
    held = list(facts)
    opened = next((fact for fact in held if isinstance(fact, Opened)), None)
    if opened is None or opened.at_s > as_of_s:
        return None, None if opened is None else opened.at_s
    course = Course(opened=opened, start=opened.at_s, priorities=[(opened.at_s, opened.priority)])
    reader = _Reader(course)
    for fact in held:
        if fact.at_s > as_of_s:
            return reader.finish(), fact.at_s
        if fact is not opened:
            reader.take(fact)
    return reader.finish(), None


class _Reader:
    """The state between two facts: which pause and which stop are open."""

    __slots__ = ("_course", "_pause", "_stop")

    def __init__(self, course: Course) -> None:
        self._course = course
        self._pause: Paused | None = None
        self._stop: tuple[int, int, bool] | None = None

    def take(self, fact: AnyFact) -> None:
        """The course goes on with `fact`."""
        course, raw = self._course, fact.at_us // 1_000_000
        at = max(raw, course.start)
        if raw < course.start:
            course.notes.append(f"{type(fact).__name__} is dated before the opening: counted at the opening")
        match fact:
            case Responded():
                course.responded.append(at)
            case Paused():
                self._on_pause(fact)
            case Resumed():
                self._on_resume(at)
            case Stopped() | Closed() | Cancelled():
                self._on_stop(fact, at, raw)
            case Reopened():
                self._on_reopen(at)
            case Asked():
                course.asked.append(at)
            case Assigned():
                course.assigned = at if course.assigned is None else course.assigned
            case Reprioritised():
                course.priorities.append((at, fact.priority))
            case Opened():
                course.notes.append("opened twice: the first opening holds")

    def _on_pause(self, fact: Paused) -> None:
        if self._stop is not None:
            self._course.notes.append("paused after it was stopped: ignored")
            return
        self._end_pause(max(fact.at_s, self._course.start))
        self._pause = fact

    def _on_resume(self, at: int) -> None:
        if self._pause is None:
            self._course.notes.append("resumed without a pause: ignored")
        self._end_pause(at)

    def _on_stop(self, fact: Stopped | Closed | Cancelled, at: int, raw: int) -> None:
        if self._stop is not None:
            if not isinstance(fact, Closed):
                self._course.notes.append("stopped twice: the first stop holds")
            return
        self._end_pause(at)
        self._stop = (at, raw, isinstance(fact, Cancelled))

    def _on_reopen(self, at: int) -> None:
        if self._stop is None:
            self._course.notes.append("reopened while open: ignored")
            return
        self._end_stop(at)

    def _end_pause(self, at: int) -> None:
        pause, self._pause = self._pause, None
        if pause is not None:
            start = max(pause.at_s, self._course.start)
            self._course.pauses.append(Pause(start, at, pause.awaiting, pause.reason))

    def _end_stop(self, at: int) -> None:
        if self._stop is not None:
            stopped, raw, cancelled = self._stop
            self._course.stops.append(Stop(stopped, raw, at, cancelled))
            self._stop = None

    def finish(self) -> Course:
        """The course as far as it went, what is open left open."""
        self._end_pause(FOREVER)
        self._end_stop(FOREVER)
        return self._course

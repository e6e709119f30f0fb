"""An item's timeline: what happened to it, read from its facts once for all its targets.

Contradictions are settled here, by rule and the same way for any order of arrival, and each leaves a note:
a second opening, a resumption without a pause, a pause of a stopped item and a stop of a stopped one change nothing;
what happened before the opening counts as happening at it (clock skew, R32).
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from shared.instants import SECOND_US
from sla_monitor.domain import facts

FOREVER = 1 << 62


# Like all that is made for each verdict, never part of a cycle: the garbage collector need not track it.
class Pause(Struct, frozen=True, gc=False):
    """Work could not go on in [start, end); `end` is FOREVER while it still cannot. Epoch seconds."""

    start: int
    end: int
    awaiting: str
    reason: str


class Stop(Struct, frozen=True, gc=False):
    """Done at `at`, until `reopened` (FOREVER if never). `raw` is the time in the event, before clamping."""

    at: int
    raw: int
    reopened: int
    cancelled: bool

    @property
    def start(self) -> int:
        """As of `Pause`: while it is done, its clock is paused."""
        return self.at

    @property
    def end(self) -> int:
        """As of `Pause`."""
        return self.reopened


class Timeline(Struct):
    """What happened to an item, in epoch seconds, each list ascending. Built by `read_timeline`, then only read."""

    opened: facts.Opened
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


def read_timeline(history: Sequence[facts.AnyFact], *, as_of_s: int) -> tuple[Timeline | None, int | None]:
    """The timeline up to and including `as_of_s`, and the second of the first fact after it.

    `history` must be in order of `order_key`. The timeline is None while no opening is known.
    """
    opened = next((fact for fact in history if type(fact) is facts.Opened), None)
    if opened is None or opened.at_s > as_of_s:
        return None, None if opened is None else opened.at_s
    reader = _TimelineReader(opened)
    start = opened.at_s
    for fact in history:
        raw = fact.at_us // SECOND_US
        if raw > as_of_s:
            return reader.finish(), raw
        if fact is not opened:
            _APPLY[type(fact)](reader, fact, raw if raw >= start else reader.clamp(fact), raw)
    return reader.finish(), None


class _TimelineReader:
    """The state between two facts: which pause and which stop are open."""

    __slots__ = ("_pause", "_start", "_stop", "_timeline")

    def __init__(self, opened: facts.Opened) -> None:
        self._start = opened.at_s
        self._timeline = Timeline(opened=opened, start=self._start, priorities=[(self._start, opened.priority)])
        self._pause: tuple[int, facts.Paused] | None = None
        self._stop: tuple[int, int, bool] | None = None

    def clamp(self, fact: facts.AnyFact) -> int:
        """The opening, in place of an instant before it."""
        self._note(f"{type(fact).__name__} is dated before the opening: counted at the opening")
        return self._start

    def assigned(self, _fact: facts.AnyFact, at: int, _raw: int) -> None:
        """Only the first time counts."""
        if self._timeline.assigned is None:
            self._timeline.assigned = at

    def asked(self, _fact: facts.AnyFact, at: int, _raw: int) -> None:
        self._timeline.asked.append(at)

    def responded(self, _fact: facts.AnyFact, at: int, _raw: int) -> None:
        self._timeline.responded.append(at)

    def reprioritised(self, fact: facts.Reprioritised, at: int, _raw: int) -> None:
        self._timeline.priorities.append((at, fact.priority))

    def paused(self, fact: facts.Paused, at: int, _raw: int) -> None:
        """A pause begins, and ends one that had begun."""
        if self._stop is not None:
            self._note("paused after it was stopped: ignored")
            return
        self._end_pause(at)
        self._pause = at, fact

    def resumed(self, _fact: facts.AnyFact, at: int, _raw: int) -> None:
        if self._pause is None:
            self._note("resumed without a pause: ignored")
        self._end_pause(at)

    def stopped(self, fact: facts.AnyFact, at: int, raw: int) -> None:
        """The item stops, unless it has."""
        if self._stop is None:
            self._end_pause(at)
            self._stop = at, raw, type(fact) is facts.Cancelled
        elif type(fact) is not facts.Closed:
            self._note("stopped twice: the first stop holds")

    def reopened(self, _fact: facts.AnyFact, at: int, _raw: int) -> None:
        if self._stop is None:
            self._note("reopened while open: ignored")
        self._end_stop(at)

    def opened_again(self, _fact: facts.AnyFact, _at: int, _raw: int) -> None:
        """An item opens once."""
        self._note("opened twice: the first opening holds")

    def unrelated(self, _fact: facts.AnyFact, _at: int, _raw: int) -> None:
        """Outages have items of their own."""

    def finish(self) -> Timeline:
        """The timeline so far; a pause or stop that has not ended lasts FOREVER."""
        self._end_pause(FOREVER)
        self._end_stop(FOREVER)
        return self._timeline

    def _end_pause(self, at: int) -> None:
        if self._pause is not None:
            start, pause = self._pause
            self._timeline.pauses.append(Pause(start, at, pause.awaiting, pause.reason))
            self._pause = None

    def _end_stop(self, at: int) -> None:
        if self._stop is not None:
            stopped, raw, cancelled = self._stop
            self._timeline.stops.append(Stop(stopped, raw, at, cancelled))
            self._stop = None

    def _note(self, note: str) -> None:
        self._timeline.notes.append(note)


# Every fact of every item passes here: a look-up costs a tenth of what a chain of tests does.
_APPLY: dict[type[facts.AnyFact], Callable[[_TimelineReader, Any, int, int], None]] = {
    facts.Opened: _TimelineReader.opened_again,
    facts.Reprioritised: _TimelineReader.reprioritised,
    facts.Assigned: _TimelineReader.assigned,
    facts.Asked: _TimelineReader.asked,
    facts.Responded: _TimelineReader.responded,
    facts.Stopped: _TimelineReader.stopped,
    facts.Closed: _TimelineReader.stopped,
    facts.Cancelled: _TimelineReader.stopped,
    facts.Paused: _TimelineReader.paused,
    facts.Resumed: _TimelineReader.resumed,
    facts.Reopened: _TimelineReader.reopened,
    facts.OutageBegan: _TimelineReader.unrelated,
    facts.OutageOver: _TimelineReader.unrelated,
}

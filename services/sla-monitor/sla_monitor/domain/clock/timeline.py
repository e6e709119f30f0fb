"""An item's timeline: what happened to it, read from its facts once for all its targets.

Contradictions are settled here, by rule and the same way for any order of arrival, and each leaves a note:
a second opening, a resumption without a pause, a pause of a stopped item and a stop of a stopped one change nothing;
what happened before the opening counts as happening at it (clock skew, R32). Facts of one instant are read in the order
in which they apply, and a state that lasted no whole second has no effect (R23).
"""

from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import Any

from msgspec import Struct

from shared.instants import SECOND_US
from sla_monitor.domain import facts
from sla_monitor.domain.clock.ties import TieState, in_order_of_effect
from sla_monitor.domain.facts import standing_facts

FOREVER = 1 << 62
ALWAYS = (-FOREVER, FOREVER)


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
    def taken_back(self) -> bool:
        """Whether it was a cancellation, and reopening the item took that back: then nothing was done (R51)."""
        return self.cancelled and self.reopened != FOREVER

    @property
    def start(self) -> int:
        """As of `Pause`: while it is done, its clock is paused."""
        return self.at

    @property
    def end(self) -> int:
        """As of `Pause`."""
        return self.reopened


class Timeline(Struct):
    """What happened to an item, in epoch seconds, each list ascending. Built by `read_timeline`, then only read.

    `exchanges` go from the earliest question without an answer to its answer, FOREVER while there is none. No pause and
    no stop has the length 0; `classifications` has one entry a second, none of them the same as the one before.
    `without_effect` says why of each fact that changed nothing. `conflicts` are the later openings that say otherwise
    than the first one: when, and about what. Where it `has_withdrawals`, what they name is in none of this.
    """

    opened: facts.Opened
    start: int
    assigned: int | None = None
    asked: list[int] = []
    responded: list[int] = []
    exchanges: list[tuple[int, int]] = []
    pauses: list[Pause] = []
    stops: list[Stop] = []
    classifications: list[facts.Classification] = []
    notes: list[str] = []
    without_effect: list[str] = []
    conflicts: list[tuple[int, tuple[str, ...]]] = []
    has_withdrawals: bool = False

    @property
    def classification(self) -> facts.Classification:
        """What the item is now."""
        return self.classifications[-1]

    @property
    def services(self) -> list[str]:
        """The services that it was ever of, in order; nearly always one."""
        known = self.classifications
        return [known[0].service] if len(known) == 1 else list(dict.fromkeys([each.service for each in known]))

    def service_spans(self) -> list[tuple[str, int, int]]:
        """Each service with the time [start, end) in which the item was of it; the first one from ever, too."""
        known = self.classifications
        changes = [(each.service, each.since) for before, each in pairwise(known) if each.service != before.service]
        services = [(known[0].service, -FOREVER), *changes]
        ends = [*(since for _, since in changes), FOREVER]
        return [(service, start, end) for (service, start), end in zip(services, ends, strict=True)]

    def service_at(self, at: int) -> str:
        """The service that it was of at an instant; the first one before its opening."""
        known = self.classifications
        return next((each.service for each in reversed(known) if each.since <= at), known[0].service)

    @property
    def ended(self) -> Stop | None:
        """The stop that still holds, if any."""
        return self.stops[-1] if self.stops and self.stops[-1].reopened == FOREVER else None

    @property
    def distinct_notes(self) -> tuple[str, ...]:
        """What is to be said of contradictions among the facts, each once."""
        if not self.notes and not self.without_effect:  # as for nearly every item
            return ()
        return tuple(dict.fromkeys([*self.notes, *(f"{why}: without effect" for why in self.without_effect)]))


def read_timeline(history: Sequence[facts.AnyFact], *, as_of_s: int) -> tuple[Timeline | None, int | None]:
    """The timeline up to and including `as_of_s`, and the second of the first fact after it.

    `history` must be in order of `order_key`. The timeline is None while no opening is known.
    """
    timeline, later = _read_all(history, as_of_s=as_of_s)
    if timeline is None or not timeline.has_withdrawals:
        return timeline, later
    timeline, later = _read_all(standing_facts(history, as_of_s=as_of_s), as_of_s=as_of_s)
    if timeline is not None:
        timeline.has_withdrawals = True
    return timeline, later


def _read_all(history: Sequence[facts.AnyFact], *, as_of_s: int) -> tuple[Timeline | None, int | None]:
    """The timeline of all facts; if some are withdrawn, it is wrong and says so."""
    first = history[0] if history else None
    opened = first if type(first) is facts.Opened else next((f for f in history if type(f) is facts.Opened), None)
    if opened is None or opened.at_s > as_of_s:
        return None, None if opened is None else opened.at_s
    reader = _TimelineReader(opened)
    start, before_us = opened.at_s, -1
    for fact in history:
        at_us = fact.at_us
        if at_us == before_us:
            return _read_with_ties(history, opened, as_of_s)
        before_us = at_us
        raw = at_us // SECOND_US
        if raw > as_of_s:
            return reader.finish(), raw
        if fact is not opened:
            _APPLY[type(fact)](reader, fact, raw if raw >= start else reader.clamp(fact), raw)
    return reader.finish(), None


def _read_with_ties(
    history: Sequence[facts.AnyFact], opened: facts.Opened, as_of_s: int
) -> tuple[Timeline, int | None]:
    """As `read_timeline`, where several facts may have one instant."""
    reader, start = _TimelineReader(opened), opened.at_s
    for (at_us, _), tied in groupby(history, key=lambda fact: (fact.at_us, fact.sequence)):
        raw = at_us // SECOND_US
        if raw > as_of_s:
            return reader.finish(), raw
        tie = [fact for fact in tied if fact is not opened]
        withdrawals = [fact for fact in tie if type(fact) is facts.Withdrawn]
        if withdrawals:
            reader.withdrawn(withdrawals[0], raw, raw)
            continue  # what is read here will be read again without them
        for fact in tie if len(tie) < 2 else in_order_of_effect(tie, reader.state):
            _APPLY[type(fact)](reader, fact, raw if raw >= start else reader.clamp(fact), raw)
    return reader.finish(), None


class _TimelineReader:
    """The state between two facts: which question, which pause and which stop are open, and what it became last."""

    __slots__ = ("_asked", "_changed", "_changed_at", "_held", "_pause", "_start", "_stop", "_timeline")

    def __init__(self, opened: facts.Opened) -> None:
        self._start = opened.at_s
        first = facts.Classification(self._start, opened.service, opened.priority, opened.attributes)
        self._timeline = Timeline(opened=opened, start=self._start, classifications=[first])
        self._changed: list[facts.ClassifyingFact] = []
        self._changed_at: int | None = None
        self._held: list[facts.ClassifyingFact] = []
        self._pause: tuple[int, facts.Paused] | None = None
        self._stop: tuple[int, int, bool] | None = None
        self._asked: int | None = None

    @property
    def state(self) -> TieState:
        """What the item is now, as far as the order of facts of one instant depends on it."""
        return TieState(
            stopped=self._stop is not None,
            paused=self._pause is not None,
            asked=self._asked is not None,
            classification=self._timeline.classification,
        )

    def clamp(self, fact: facts.AnyFact) -> int:
        """The opening, in place of an instant before it."""
        self._timeline.notes.append(f"{type(fact).__name__} is dated before the opening: counted at the opening")
        return self._start

    def assigned(self, _fact: facts.AnyFact, at: int, _raw: int) -> None:
        """Only the first time counts."""
        if self._timeline.assigned is None:
            self._timeline.assigned = at

    def asked(self, _fact: facts.AnyFact, at: int, _raw: int) -> None:
        """Later questions do not move the earliest one that is not answered (R27)."""
        self._timeline.asked.append(at)
        if self._asked is None:
            self._asked = at

    def responded(self, _fact: facts.AnyFact, at: int, _raw: int) -> None:
        """An answer, and the end of an exchange if a question was pending."""
        self._timeline.responded.append(at)
        self._end_exchange(at)

    def reclassified(self, fact: facts.ClassifyingFact, at: int, _raw: int) -> None:
        """The item is something else from `at` on; while it is stopped, from its reopening on."""
        if self._stop is None:
            self._classify(fact, at)
        else:
            self._held.append(fact)

    def paused(self, fact: facts.Paused, at: int, _raw: int) -> None:
        """A pause begins, and ends one that had begun."""
        if self._stop is not None:
            self._without_effect("paused after it was stopped")
            return
        self._end_pause(at)
        self._pause = at, fact

    def resumed(self, _fact: facts.AnyFact, at: int, _raw: int) -> None:
        if self._pause is None:
            self._without_effect("resumed without a pause")
        self._end_pause(at)

    def stopped(self, fact: facts.AnyFact, at: int, raw: int) -> None:
        """The item stops, unless it has."""
        if self._stop is None:
            self._end_pause(at)
            self._hold_changes_of(at)
            cancelled = type(fact) is facts.Cancelled
            self._stop = self._undone_reopening(at, cancelled=cancelled) or (at, raw, cancelled)
        elif type(fact) is not facts.Closed:
            self._without_effect("stopped again after it was stopped")

    def reopened(self, _fact: facts.AnyFact, at: int, _raw: int) -> None:
        if self._stop is None:
            self._without_effect("reopened while open")
        self._end_stop(at)

    def opened_again(self, fact: facts.Opened, at: int, _raw: int) -> None:
        """An item opens once. The first opening by the facts' order holds, whichever arrived first."""
        other = [name for name in _OPENING_SAYS if getattr(fact, name) != getattr(self._timeline.opened, name)]
        if not other:
            self._without_effect("opened again after it was opened")
            return
        self._without_effect("opened differently from its first opening")
        self._timeline.conflicts.append((at, tuple(_OPENING_SAYS[name] for name in other)))

    def withdrawn(self, _fact: facts.AnyFact, _at: int, _raw: int) -> None:
        """Whatever it names must not be read."""
        self._timeline.has_withdrawals = True

    def unrelated(self, _fact: facts.AnyFact, _at: int, _raw: int) -> None:
        """Outages have items of their own."""

    def finish(self) -> Timeline:
        """The timeline so far; a pause, a stop or a question that has not ended lasts FOREVER."""
        self._end_pause(FOREVER)
        self._end_stop(FOREVER)
        self._end_exchange(FOREVER)
        for fact in self._held:
            self._without_effect(f"{_WORDS[type(fact)]} after it was stopped")
        return self._timeline

    def _end_exchange(self, at: int) -> None:
        if self._asked is not None:
            self._timeline.exchanges.append((self._asked, at))
            self._asked = None

    def _end_pause(self, at: int) -> None:
        if self._pause is not None:
            start, pause = self._pause
            self._pause = None
            if start == at:
                self._without_effect("paused for no time")
            else:
                self._timeline.pauses.append(Pause(start, at, pause.awaiting, pause.reason))

    def _end_stop(self, at: int) -> None:
        if self._stop is not None:
            stopped, raw, cancelled = self._stop
            self._stop = None
            if stopped == at:
                self._without_effect("stopped for no time")
            else:
                self._timeline.stops.append(Stop(stopped, raw, at, cancelled))
            if at != FOREVER:
                held, self._held = self._held, []
                for fact in held:
                    self._classify(fact, at)

    def _classify(self, fact: facts.ClassifyingFact, at: int) -> None:
        """From `at` on the item is what `fact` makes of it, in place of what it was for no time."""
        known = self._timeline.classifications
        changed = known[-1].changed(fact, at)
        if changed.same_as(known[-1]):
            self._without_effect(f"{_WORDS[type(fact)]} to what it was already")
            return
        if self._changed_at != at:
            self._changed_at, self._changed = at, []
        self._changed.append(fact)
        if known[-1].since == at:
            known.pop()
        if not known or not changed.same_as(known[-1]):
            known.append(changed)

    def _hold_changes_of(self, at: int) -> None:
        """What the item became in the very second of its stop it never was while its clocks ran."""
        known = self._timeline.classifications
        if self._changed_at == at > self._start:
            self._held += self._changed
            self._changed_at = None
            if known[-1].since == at:
                known.pop()

    def _undone_reopening(self, at: int, *, cancelled: bool) -> tuple[int, int, bool] | None:
        """The stop that goes on, its reopening having lasted no time; a cancellation does not where it was resolved."""
        last = self._timeline.stops[-1] if self._timeline.stops else None
        if last is None or last.reopened != at or (last.cancelled and not cancelled):
            return None
        self._without_effect("reopened for no time")
        self._timeline.stops.pop()
        return last.at, last.raw, last.cancelled

    def _without_effect(self, why: str) -> None:
        self._timeline.without_effect.append(why)


# What two openings of one item may say otherwise, in the words of the item's page.
_OPENING_SAYS = {
    "service": "service",
    "priority": "priority",
    "attributes": "attributes",
    "due_us": "recorded due date",
    "value_pence": "value",
}
_WORDS: dict[type[facts.ClassifyingFact], str] = {
    facts.Reprioritised: "reprioritised",
    facts.Reclassified: "reclassified",
}
# Every fact of every item passes here: a look-up costs a tenth of what a chain of tests does.
_APPLY: dict[type[facts.AnyFact], Callable[[_TimelineReader, Any, int, int], None]] = {
    facts.Opened: _TimelineReader.opened_again,
    facts.Reprioritised: _TimelineReader.reclassified,
    facts.Reclassified: _TimelineReader.reclassified,
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
    facts.Withdrawn: _TimelineReader.withdrawn,
}

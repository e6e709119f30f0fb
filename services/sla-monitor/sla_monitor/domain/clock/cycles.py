"""The cycles of a clock: when each starts and stops, when it is paused, and which intervals of it are measured.

An interval goes from a demand to its answer. Response, resolution and processing have one; an update interval has one
for each question of the council, a periodic update one for each silence of the provider.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from operator import attrgetter, itemgetter
from typing import NamedTuple

from msgspec import Struct, structs

from shared.contracts.decisions import Category
from shared.contracts.definitions import Measure
from shared.contracts.scalars import Stream
from shared.instants import DAY_S
from sla_monitor.domain.agreements import BoundTarget
from sla_monitor.domain.clock.timeline import ALWAYS, FOREVER, Pause, Stop, Timeline
from sla_monitor.domain.working_time.intervals import Interval


class ExcludedTime(Struct, frozen=True):
    """Time that both sides agreed not to count: planned maintenance, force majeure, what the council caused.

    [start, end) in epoch seconds, for what the other fields name; None in one of them means every one.
    """

    id: str
    start: int
    end: int
    category: Category
    council: str | None = None
    service: str | None = None
    agreement: str | None = None
    target: str | None = None
    stream: Stream | None = None
    item: str | None = None

    def covers(self, *, council: str, service: str, agreement: str, target: str, stream: Stream, item: str) -> bool:
        """Whether it is agreed for this target of this item."""
        pairs = (
            (self.council, council),
            (self.service, service),
            (self.agreement, agreement),
            (self.target, target),
            (self.stream, stream),
            (self.item, item),
        )
        return all(named in (None, found) for named, found in pairs)


# Time that does not count: from its `start` to its `end`, which may be FOREVER.
PausedTime = Pause | Stop | ExcludedTime


class Cycle(Struct, frozen=True, gc=False):
    """One run of a clock. `stop` is None while it runs; `raw_stop` is the time in the event, before clamping.

    `intervals` ascend by their start; the spans of `paused` are in no order and may overlap.
    """

    number: int
    start: int
    stop: int | None
    raw_stop: int | None
    cancelled: bool
    intervals: tuple[Interval, ...]
    paused: tuple[PausedTime, ...]

    @property
    def paused_intervals(self) -> tuple[Interval, ...]:
        """The spans alone, in no order."""
        return tuple([(each.start, each.end) for each in self.paused])

    def cut(self, at: int) -> "Cycle":
        """The cycle if its clock stopped at `at` at the latest."""
        if self.stop is not None and self.stop <= at:
            return self
        return structs.replace(self, stop=at, raw_stop=at, cancelled=False)


def covering(
    exclusions: Sequence[ExcludedTime],
    *,
    council: str,
    service: str,
    agreement: str,
    target: str,
    stream: Stream,
    item: str,
) -> tuple[ExcludedTime, ...]:
    """Those that are agreed for this target of an item of this service."""
    if not exclusions:  # as for nearly every item
        return ()
    return tuple(
        each
        for each in exclusions
        if each.covers(council=council, service=service, agreement=agreement, target=target, stream=stream, item=item)
    )


def excluded_for(
    exclusions: Sequence[ExcludedTime],
    timeline: Timeline,
    *,
    council: str,
    agreement: str,
    target: str,
    stream: Stream,
    item: str,
) -> tuple[ExcludedTime, ...]:
    """As `covering`; of the time that is agreed for a service, that in which the item was of it."""
    if not exclusions:
        return ()
    found: list[ExcludedTime] = []
    for service, start, end in timeline.service_spans():
        agreed = covering(
            exclusions,
            council=council,
            service=service,
            agreement=agreement,
            target=target,
            stream=stream,
            item=item,
        )
        found += agreed if (start, end) == ALWAYS else _clipped(agreed, start, end)
    return tuple(found)


def _clipped(excluded: Iterable[ExcludedTime], start: int, end: int) -> list[ExcludedTime]:
    """What of `excluded` lies in [start, end)."""
    parts = [structs.replace(each, start=max(each.start, start), end=min(each.end, end)) for each in excluded]
    return [part for part in parts if part.start < part.end]


def read_cycles(timeline: Timeline, target: BoundTarget, exclusions: tuple[ExcludedTime, ...]) -> list[Cycle]:
    """The cycles of the target's clock over the item's timeline; none while it has not started."""
    start = _start(timeline, target)
    if start is None:
        return []
    spans = _spans(timeline, target, start)
    if target.measure == "response-time":
        spans = [_until_answer(timeline, span) for span in spans]
    return [_cycle(timeline, target, number, span, exclusions) for number, span in enumerate(spans, start=1)]


def applies_since(timeline: Timeline, target: BoundTarget) -> int:
    """The second from which the target has applied to the item without a break; or did, before it last ceased to."""
    known = timeline.classifications
    since = known[0].since
    if len(known) == 1:
        return since
    applied = False
    for each in known:
        applies = target.selects(each)
        if applies and not applied:
            since = each.since
        applied = applies
    return since


def service_when(timeline: Timeline, target: BoundTarget, at: int | None) -> str:
    """The service of the item at an instant, or when `target` began to apply if that was later; None: as it is now."""
    if at is None or len(timeline.classifications) == 1:
        return timeline.classification.service
    return timeline.service_at(max(at, applies_since(timeline, target)))


def _start(timeline: Timeline, target: BoundTarget) -> int | None:
    start = _demanded(timeline, target)
    if start is None or target.definition.on_change == "from-start":
        return start
    return max(start, applies_since(timeline, target))


def _demanded(timeline: Timeline, target: BoundTarget) -> int | None:
    match target.definition.starts:
        case "opened":
            return timeline.start
        case "assigned":
            return timeline.assigned
        case "first-active":
            return _first_active(timeline)


def _first_active(timeline: Timeline) -> int | None:
    """The end of the pause into which the item was opened (same second), and of those that followed it at once."""
    active = timeline.start
    for pause in timeline.pauses:
        if pause.start > active:
            break
        active = pause.end
    return None if active == FOREVER else active


class _CycleSpan(NamedTuple):
    """A cycle's start, the stop that ends it (None while it runs), and the stops in it that did not hold.

    `after` is the last stop before it, after which a new cycle began.
    """

    start: int
    ended: Stop | None
    reopened: tuple[Stop, ...]
    after: Stop | None = None


def _spans(timeline: Timeline, target: BoundTarget, start: int) -> list[_CycleSpan]:
    """The cycles that the target's reopening policy makes of the stops.

    A cancellation that was taken back is no stop under any policy (R51); nor is one that was over before the clock
    started.
    """
    policy, window_s = target.definition.reopen, target.definition.reopen_window_days * DAY_S
    spans: list[_CycleSpan] = []
    reopened: list[Stop] = []
    after: Stop | None = None
    for stop in timeline.stops:
        if stop.taken_back:
            reopened.append(stop)
        elif stop.reopened == FOREVER or policy == "first-close-is-final":
            return [*spans, _CycleSpan(start, stop, tuple(reopened), after)]
        elif policy == "new-cycle" and stop.reopened - stop.at > window_s:
            if stop.reopened > start:
                spans.append(_CycleSpan(start, stop, tuple(reopened), after))
                start, reopened = stop.reopened, []
            after = stop
        else:
            reopened.append(stop)
    return [*spans, _CycleSpan(start, None, tuple(reopened), after)]


def _until_answer(timeline: Timeline, span: _CycleSpan) -> _CycleSpan:
    """The span up to its first answer, or its first stop where none came before it: who resolves has answered.

    A resolution stays the answer though the item was reopened (R51). What was answered before the clock started is
    answered.
    """
    start, stopped, reopened, after = span
    if reopened:
        stopped = next((stop for stop in reopened if not stop.taken_back), stopped)
    begin = 0 if after is None else bisect_left(timeline.responded, after.reopened)
    answer = timeline.responded[begin] if begin < len(timeline.responded) else None
    if answer is not None and (stopped is None or answer <= stopped.at):
        stopped = Stop(answer, answer, FOREVER, cancelled=False)
    if reopened and stopped is not None:
        reopened = tuple([stop for stop in reopened if stop.at < stopped.at])
    return _CycleSpan(start, stopped, reopened, after)


def _cycle(
    timeline: Timeline, target: BoundTarget, number: int, span: _CycleSpan, exclusions: tuple[ExcludedTime, ...]
) -> Cycle:
    ended = span.ended
    stop = None if ended is None else max(ended.at, span.start)
    return Cycle(
        number=number,
        start=span.start,
        stop=stop,
        raw_stop=None if ended is None else ended.raw,
        cancelled=ended is not None and ended.cancelled,
        intervals=_intervals(timeline, target.measure, span, stop),
        paused=_pauses(timeline, target, span, stop) + span.reopened + exclusions,
    )


def _intervals(timeline: Timeline, measure: Measure, span: _CycleSpan, stop: int | None) -> tuple[Interval, ...]:
    start, end = span.start, FOREVER if stop is None else stop
    match measure:
        case "update-interval":
            asked_from = 0 if span.after is None else span.after.at
            return tuple(_exchanges(timeline, asked_from, start, end))
        case "periodic-update":
            answers = timeline.responded
            between = answers[bisect_right(answers, start) : bisect_left(answers, end)]
            return tuple(pairwise([start, *between, end]))
        case _:
            return ((start, end),)


def _exchanges(timeline: Timeline, asked_from: int, start: int, end: int) -> Iterator[Interval]:
    """From each earliest unanswered question to its answer, within [start, end) (R27).

    One that is pending at the start counts from there (R52), unless it was asked before `asked_from`: the stop before
    the new cycle was its answer.
    """
    exchanges = timeline.exchanges
    for first, answered in islice(exchanges, bisect_left(exchanges, start, key=itemgetter(1)), None):
        asked = first if first >= asked_from else _next_question(timeline, asked_from, answered)
        if asked is None:
            continue
        if asked >= end or start >= end:  # of a clock that was stopped before it started there is no exchange
            return
        if answered > start or asked >= start:
            yield max(asked, start), min(answered, end)


def _next_question(timeline: Timeline, since: int, until: int) -> int | None:
    """The first question in [since, until)."""
    index = bisect_left(timeline.asked, since)
    return timeline.asked[index] if index < len(timeline.asked) and timeline.asked[index] < until else None


def _pauses(timeline: Timeline, target: BoundTarget, span: _CycleSpan, stop: int | None) -> tuple[PausedTime, ...]:
    pauses, paused_by = timeline.pauses, target.paused_by
    if not pauses or not paused_by:
        return ()
    start, end = span.start, FOREVER if stop is None else stop
    if span.after is not None:  # so that many cycles of many pauses are no square of them
        first = bisect_right(pauses, start, key=attrgetter("end"))
        pauses = pauses[first : bisect_left(pauses, end, lo=first, key=attrgetter("start"))]
    # A list is made faster than what a generator yields, for every clock of every item.
    return tuple([p for p in pauses if p.awaiting in paused_by and p.end > start and p.start < end])

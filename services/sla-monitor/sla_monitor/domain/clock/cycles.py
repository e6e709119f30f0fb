"""The cycles of a clock: when each starts and stops, when it is paused, and which intervals of it are measured.

An interval goes from a demand to its answer. Response, resolution and processing have one; an update interval has one
for each question of the council, a periodic update one for each silence of the provider.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
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
    answered_once = target.measure == "response-time"
    spans = [_CycleSpan(start, _first_answer(timeline), ())] if answered_once else _spans(timeline, target, start)
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
            # Opened into a pause (same instant): the clock starts when that pause ends.
            first = timeline.pauses[0] if timeline.pauses else None
            if first is None or first.start > timeline.start:
                return timeline.start
            return None if first.end == FOREVER else first.end


class _CycleSpan(NamedTuple):
    """A cycle's start, the stop that ends it (None while it runs), and the stops in it that did not hold."""

    start: int
    ended: Stop | None
    reopened: tuple[Stop, ...]


def _spans(timeline: Timeline, target: BoundTarget, start: int) -> list[_CycleSpan]:
    """The cycles that the target's reopening policy makes of the stops."""
    policy, window_s = target.definition.reopen, target.definition.reopen_window_days * DAY_S
    spans: list[_CycleSpan] = []
    reopened: list[Stop] = []
    for stop in timeline.stops:
        if stop.reopened == FOREVER or policy == "first-close-is-final":
            return [*spans, _CycleSpan(start, stop, tuple(reopened))]
        if policy == "new-cycle" and stop.reopened - stop.at > window_s:
            spans.append(_CycleSpan(start, stop, tuple(reopened)))
            start, reopened = stop.reopened, []
        else:
            reopened.append(stop)
    return [*spans, _CycleSpan(start, None, tuple(reopened))]


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
        intervals=_intervals(timeline, target.measure, span.start, stop),
        paused=_pauses(timeline, target, span.start, stop) + span.reopened + exclusions,
    )


def _first_answer(timeline: Timeline) -> Stop | None:
    """The first answer, or the first stop where none came before it: who resolves has answered."""
    stopped = timeline.stops[0] if timeline.stops else None
    answer = timeline.responded[0] if timeline.responded else None
    if answer is None or (stopped is not None and stopped.at < answer):
        return stopped
    return Stop(answer, answer, FOREVER, cancelled=False)


def _intervals(timeline: Timeline, measure: Measure, start: int, stop: int | None) -> tuple[Interval, ...]:
    end = FOREVER if stop is None else stop
    match measure:
        case "update-interval":
            return tuple(_exchanges(timeline, start, end))
        case "periodic-update":
            marks = [start, *(at for at in timeline.responded if start < at < end), end]
            return tuple(pairwise(marks))
        case _:
            return ((start, end),)


def _exchanges(timeline: Timeline, start: int, end: int) -> list[Interval]:
    """From each earliest unanswered question to its answer; from `start` where one is pending then (R27, R52)."""
    return [
        (max(asked, start), min(answered, end))
        for asked, answered in timeline.exchanges
        if asked < end and (answered > start or asked >= start)
    ]


def _pauses(timeline: Timeline, target: BoundTarget, start: int, stop: int | None) -> tuple[PausedTime, ...]:
    end, paused_by = FOREVER if stop is None else stop, target.paused_by
    if not paused_by:
        return ()
    # A list is made faster than what a generator yields, for every clock of every item.
    return tuple([p for p in timeline.pauses if p.awaiting in paused_by and p.end > start and p.start < end])

"""The trace of a verdict: its clock's cycle in segments, each counted, paused or closed, and why.

The segments cover the cycle in order and without a gap, so their lengths add up to the time that elapsed.
"""

from typing import Literal

from msgspec import Struct

from sla_monitor.domain.clock.cycles import ExcludedTime, PausedTime
from sla_monitor.domain.clock.timeline import Pause, Stop
from sla_monitor.domain.clock.verdict import Verdict
from sla_monitor.domain.working_time.intervals import merged, without

Kind = Literal["counted", "paused", "closed"]
# From when to when, and why it does not count.
_Part = tuple[int, int, str]


class TraceSegment(Struct, frozen=True):
    """[start, end) in epoch seconds. `paused` is time that would have counted; `closed` is outside service hours."""

    start: int
    end: int
    kind: Kind
    reason: str


def trace(verdict: Verdict, *, as_of: int) -> list[TraceSegment]:
    """The segments from the clock's start to its stop, or to `as_of` while it runs."""
    cycle = verdict.cycle
    end = min(as_of, verdict.until) if cycle.stop is None else min(as_of, verdict.until, cycle.stop)
    paused = _within(cycle.paused, cycle.start, end)
    running = without([(cycle.start, end)], merged((start, stop) for start, stop, _ in paused))
    parts = [*((start, stop, None) for start, stop in running), *_apart(paused)]
    return [
        segment
        for start, stop, reason in sorted(parts, key=lambda part: part[:2])
        for segment in _trace_segments(verdict, start, stop, reason)
    ]


def totals(segments: list[TraceSegment]) -> dict[Kind, int]:
    """Seconds of each kind."""
    sums: dict[Kind, int] = {"counted": 0, "paused": 0, "closed": 0}
    for segment in segments:
        sums[segment.kind] += segment.end - segment.start
    return sums


def _within(paused: tuple[PausedTime, ...], start: int, end: int) -> list[_Part]:
    cut = [(max(each.start, start), min(each.end, end), _in_words(each)) for each in paused]
    return sorted((part for part in cut if part[0] < part[1]), key=lambda part: part[0])


def _in_words(paused: PausedTime) -> str:
    match paused:
        case Pause(awaiting=awaiting, reason=reason):
            return f"paused, awaiting {awaiting}: {reason}"
        case ExcludedTime(category=category, id=name):
            return f"excluded, {category}: {name}"
        case Stop(cancelled=True):
            return "cancelled, later reopened"
        case Stop():
            return "stopped, later reopened"


def _apart(paused: list[_Part]) -> list[_Part]:
    """The same spans without overlap: where two reasons hold at once, the earlier one is named."""
    apart: list[_Part] = []
    until = 0
    for start, end, reason in paused:
        if end > until:
            apart.append((max(start, until), end, reason))
            until = end
    return apart


def _trace_segments(verdict: Verdict, start: int, end: int, reason: str | None) -> list[TraceSegment]:
    if verdict.target.calendar is None:
        return [TraceSegment(start, end, "paused" if reason else "counted", reason or "counted around the clock")]
    return [
        TraceSegment(
            part.start,
            part.end,
            ("paused" if reason else "counted") if part.open else "closed",
            reason or part.reason if part.open else part.reason,
        )
        for part in verdict.target.hours.segments(start, end)
    ]

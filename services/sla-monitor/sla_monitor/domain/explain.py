"""Why a verdict is what it is: the item's life in order, every stretch of it counted or not, each with its reason.

Counted, paused and closed stretches cover the life without a gap, so their lengths add up to the time that elapsed.
"""

from typing import Literal

from msgspec import Struct

from sla_monitor.domain.course import Pause, Stop
from sla_monitor.domain.exclusions import Exclusion
from sla_monitor.domain.intervals import merged, without
from sla_monitor.domain.life import Blocked
from sla_monitor.domain.verdict import Verdict

Kind = Literal["counted", "paused", "closed"]
# From when to when, and why it does not count.
_Part = tuple[int, int, str]


class Stretch(Struct, frozen=True):
    """[start, end) in epoch seconds. `paused` is time that would have counted; `closed` is outside service hours."""

    start: int
    end: int
    kind: Kind
    reason: str


def trace(verdict: Verdict, *, as_of: int) -> list[Stretch]:
    """The stretches from the clock's start to its stop, or to `as_of` while it runs."""
    life = verdict.life
    end = min(as_of, verdict.until) if life.stop is None else min(as_of, verdict.until, life.stop)
    blocked = _within(life.blocked, life.start, end)
    running = without([(life.start, end)], merged((start, stop) for start, stop, _ in blocked))
    parts = [*((start, stop, None) for start, stop in running), *_apart(blocked)]
    return [
        stretch
        for start, stop, reason in sorted(parts, key=lambda part: part[:2])
        for stretch in _stretches(verdict, start, stop, reason)
    ]


def totals(stretches: list[Stretch]) -> dict[Kind, int]:
    """Seconds of each kind."""
    sums: dict[Kind, int] = {"counted": 0, "paused": 0, "closed": 0}
    for stretch in stretches:
        sums[stretch.kind] += stretch.end - stretch.start
    return sums


def _within(blocked: tuple[Blocked, ...], start: int, end: int) -> list[_Part]:
    cut = [(max(block.start, start), min(block.end, end), _in_words(block)) for block in blocked]
    return sorted((part for part in cut if part[0] < part[1]), key=lambda part: part[0])


def _in_words(blocked: Blocked) -> str:
    match blocked:
        case Pause(awaiting=awaiting, reason=reason):
            return f"paused, awaiting {awaiting}: {reason}"
        case Exclusion(category=category, id=name):
            return f"excluded, {category}: {name}"
        case Stop():
            return "stopped, later reopened"


def _apart(blocked: list[_Part]) -> list[_Part]:
    """The same spans without overlap: where two reasons hold at once, the earlier one is named."""
    apart: list[_Part] = []
    until = 0
    for start, end, reason in blocked:
        if end > until:
            apart.append((max(start, until), end, reason))
            until = end
    return apart


def _stretches(verdict: Verdict, start: int, end: int, reason: str | None) -> list[Stretch]:
    if verdict.term.calendar is None:
        return [Stretch(start, end, "paused" if reason else "counted", reason or "counted around the clock")]
    return [
        Stretch(
            part.start,
            part.end,
            ("paused" if reason else "counted") if part.open else "closed",
            reason or part.reason if part.open else part.reason,
        )
        for part in verdict.term.hours.segments(start, end)
    ]

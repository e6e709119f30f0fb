"""Why a verdict is what it is: the item's life in order, every stretch of it counted or not, each with its reason.

Counted, paused and closed stretches cover the life without a gap, so their lengths add up to the time that elapsed.
"""

from typing import Literal

from msgspec import Struct

from sla_monitor.domain.intervals import merged, without
from sla_monitor.domain.life import Blocked
from sla_monitor.domain.verdict import Verdict

Kind = Literal["counted", "paused", "closed"]


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
    running = without([(life.start, end)], merged((block.start, block.end) for block in blocked))
    parts = [(start, stop, None) for start, stop in running] + _apart(blocked)
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


def _within(blocked: tuple[Blocked, ...], start: int, end: int) -> list[Blocked]:
    cut = (Blocked(max(block.start, start), min(block.end, end), block.why) for block in blocked)
    return sorted((block for block in cut if block.start < block.end), key=lambda block: block.start)


def _apart(blocked: list[Blocked]) -> list[tuple[int, int, str | None]]:
    """The same spans without overlap: where two reasons hold at once, the earlier one is named."""
    apart: list[tuple[int, int, str | None]] = []
    until = 0
    for block in blocked:
        if block.end > until:
            apart.append((max(block.start, until), block.end, block.reason))
            until = block.end
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

"""Half-open intervals of whole seconds as pairs `(start, end)`: merged, and taken out of one another."""

from collections.abc import Iterable, Sequence

Interval = tuple[int, int]


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same seconds, ascending and apart: overlapping and touching intervals become one, empty ones vanish."""
    apart: list[Interval] = []
    last_end: int | None = None
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if last_end is None or start > last_end:
            apart.append((start, end))
            last_end = end
        elif end > last_end:
            apart[-1] = (apart[-1][0], end)
            last_end = end
    return apart


def without(intervals: Sequence[Interval], holes: Sequence[Interval]) -> list[Interval]:
    """The seconds of `intervals` that no hole holds. Both ascend and are apart, as `merged` leaves them."""
    left: list[Interval] = []
    for start, end in intervals:
        rest = start
        for hole_start, hole_end in holes:
            if hole_end <= rest or hole_start >= end:
                continue
            if hole_start > rest:
                left.append((rest, hole_start))
            rest = hole_end
        if rest < end:
            left.append((rest, end))
    return left

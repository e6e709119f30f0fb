"""A stop-watch computed from history: how much time counts between two instants, and when so much will have counted.

A tape is laid over the running spans of a clock (its life minus pauses and exclusions) and measured with a ruler:
a calendar's working time, or plain elapsed time. Everything is integer epoch seconds.
"""

from bisect import bisect_left, bisect_right
from typing import Protocol

from sla_monitor.domain.course import FOREVER
from sla_monitor.domain.intervals import Interval


class Ruler(Protocol):
    """What a second costs: working time has closed seconds, elapsed time has none."""

    def between(self, a: int, b: int) -> int:
        """Counted seconds in [a, b); 0 if b <= a."""
        ...

    def add(self, a: int, seconds: int, /) -> int | None:
        """The earliest instant by which `seconds` have counted since `a`; None if never."""
        ...

    def add_to_open(self, a: int, seconds: int, /) -> int | None:
        """The first instant from which more than `seconds` will have counted since `a`; None if never."""
        ...


class ElapsedTime:
    """Every second counts."""

    __slots__ = ()

    def between(self, a: int, b: int) -> int:
        """Seconds from `a` to `b`, never negative."""
        return b - a if b > a else 0

    def add(self, a: int, seconds: int, /) -> int:
        """`seconds` after `a`."""
        return a + seconds

    def add_to_open(self, a: int, seconds: int, /) -> int:
        """`seconds` after `a`."""
        return a + seconds


class Tape:
    """Counted time since `start`, over running spans that ascend; the last one may end at FOREVER."""

    __slots__ = ("_counts", "_ends", "_ruler", "_starts", "runs")

    def __init__(self, ruler: Ruler, runs: list[Interval]) -> None:
        self._ruler = ruler
        self.runs = runs
        self._starts = [run[0] for run in runs]
        self._ends = [run[1] for run in runs]
        total = 0
        self._counts = counts = [0]
        for start, end in runs:
            if end == FOREVER:
                break
            total += ruler.between(start, end)
            counts.append(total)

    def counted_to(self, at: int) -> int:
        """Seconds that count before `at`."""
        index = bisect_right(self._starts, at) - 1
        if index < 0:
            return 0
        if at >= self._ends[index]:
            return self._counts[index + 1]
        return self._counts[index] + self._ruler.between(self._starts[index], at)

    def reach(self, seconds: int) -> int | None:
        """The earliest instant by which `seconds` have counted; None if they never will on this tape."""
        if not self.runs:
            return None
        # The first span whose end has counted enough; past the measured ones only an endless span is left.
        index = max(bisect_left(self._counts, seconds) - 1, 0)
        if index >= len(self.runs):
            return None
        return self._ruler.add(self._starts[index], seconds - self._counts[index])

    def exceed(self, seconds: int) -> int | None:
        """The first instant from which more than `seconds` will have counted; None if never on this tape.

        It is `reach` unless time stands still there: then it is the next opening, or the end of the pause (R25).
        """
        if not self.runs:
            return None
        # The first span in which the count goes past `seconds`.
        index = bisect_right(self._counts, seconds) - 1
        if index >= len(self.runs):
            return None
        return self._ruler.add_to_open(self._starts[index], seconds - self._counts[index])

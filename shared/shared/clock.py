"""The one place that reads the wall clock; everything else is given an instant."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What says what "now" is: an aware instant, in UTC. Time-outs use the event loop's monotonic time instead."""

    def now(self) -> datetime: ...


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still: replays with `--as-of`, and tests."""

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self._at

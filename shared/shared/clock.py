"""The one place that reads the wall clock; everything else is given an instant."""

from collections.abc import Iterator
from contextlib import contextmanager
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


class HeldClock:
    """The clock `of`, but while it is held: then it stands at an earlier instant, and nothing falls due by it."""

    def __init__(self, of: Clock) -> None:
        self._of = of
        self._held: datetime | None = None

    def now(self) -> datetime:
        return self._held or self._of.now()

    @contextmanager
    def held_at(self, at: datetime) -> Iterator[None]:
        """In here it is `at`."""
        self._held = at.astimezone(UTC)
        try:
            yield
        finally:
            self._held = None

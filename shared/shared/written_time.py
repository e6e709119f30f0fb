"""Times as people write them in documents: with an offset, or on the wall clock of a zone that the document names."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta

from shared.instants import epoch_s

# Calendars are compiled for 2000 to 2051; a year's distance from both ends leaves room for due dates.
FIRST_YEAR, LAST_YEAR = 2001, 2049
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WHEN_PATTERN = (
    rf"^(({'|'.join(_WEEKDAYS)}) )?"
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?(?![\s\S])"
)
_WHEN = re.compile(WHEN_PATTERN)
When = Annotated[
    str,
    Meta(
        pattern=WHEN_PATTERN,
        description="a time like 2026-03-02 09:00, Mon 2026-03-02 09:00:30 or 2026-03-02T09:00:00Z",
    ),
]


class InvalidTime(ValueError):
    """The text is no time; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class WrittenTime:
    """A time as it was written: aware if it has an offset, else on a wall clock that is not named."""

    time: datetime

    @property
    def has_offset(self) -> bool:
        """Whether it is an instant by itself."""
        return self.time.tzinfo is not None

    def on(self, zone: ZoneInfo) -> datetime:
        """The instant: of a wall time that comes twice the first, of one in a gap as far after it as it lies in it."""
        return self.time if self.has_offset else self.time.replace(tzinfo=zone)

    def ambiguity(self, zone: ZoneInfo) -> str | None:
        """How it was read, where the zone's clock shows it twice or never; None where it shows it once."""
        if self.has_offset:
            return None
        first, second = (self.time.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
        if first is None or second is None or first == second:
            return None
        if first < second:
            return "does not exist on that day's clock: read as that much after the change"
        return "comes twice on that day's clock: read as the first; write an offset for the second"


def second_of(text: str, zone: ZoneInfo) -> int:
    """The epoch second in which a time lies; raises `InvalidTime`."""
    return epoch_s(read_time(text).on(zone))


def read_time(text: str) -> WrittenTime:
    """The time that `text` means; raises `InvalidTime`."""
    if not _WHEN.match(text):
        raise InvalidTime("expected a time like 2026-03-02 09:00")
    weekday, digits = (text[:3], text[4:]) if text[0].isalpha() else ("", text)
    try:
        time = datetime.fromisoformat(digits)
    except ValueError:
        raise InvalidTime("is no time that a clock shows") from None
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise InvalidTime(f"expected a year from {FIRST_YEAR} to {LAST_YEAR}")
    if weekday not in ("", _WEEKDAYS[time.weekday()]):
        raise InvalidTime(f"the weekday is wrong: that date is a {time:%A}")
    return WrittenTime(time)

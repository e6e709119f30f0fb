"""Cells that hold times, read as instants in UTC."""

from collections import Counter
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from shared.period import YEARS
from tallystick.replay.table import InvalidRow

GAP = "local times that the clocks skipped in spring: read an hour later"
FOLD = "local times that happened twice in autumn: read as the first"
DATE_ONLY = "dates without a time of day: read as midnight"
_DATE_LENGTH = len("2015-01-01")
_TIMES_OF_DAY = ("%H", "%I", "%X", "%c", "%T")
_YEARS = ("%Y", "%y", "%G", "%c", "%x", "%D")
_ANY_INSTANT = datetime(2026, 11, 28, 16, 30, 15, tzinfo=UTC)


def format_fault(form: str) -> str | None:
    """Why times cannot be read by `form`; None where they can. A time read wrongly is worse than one refused."""
    if "%p" in form and "%I" not in form:
        return "reads am or pm (%p) and ignores it beside %H: write %I for hours from 1 to 12"
    if "%I" in form and "%p" not in form:
        return "reads hours from 1 to 12 (%I) without am or pm: add %p, or write %H for hours from 0 to 23"
    if not any(each in form for each in _YEARS):
        return "reads no year"
    try:
        read = datetime.strptime(_ANY_INSTANT.strftime(form), form)  # noqa: DTZ007 (only its date is compared)
    except ValueError as fault:
        return f"is no format that can be read: {fault}"
    return None if read.date() == _ANY_INSTANT.date() else "reads no whole date: it needs the day, month and year"


class Times:
    """Reads times of one file. Those without an offset are local in `zone`; what is odd about them is noted."""

    def __init__(self, zone: ZoneInfo, form: str | None, notes: Counter[str]) -> None:
        self._zone = zone
        self._form = form
        self._of_dates = form is not None and not any(each in form for each in _TIMES_OF_DAY)
        self._notes = notes

    def instant(self, text: str, *, column: str) -> datetime:
        """The instant that `text` means, in UTC; raises `InvalidRow`."""
        read = self._read(text, column)
        try:
            at = (read if read.tzinfo else self._local(read)).astimezone(UTC)
        except OverflowError:
            raise _outside(text, column) from None
        if at.year not in YEARS:
            raise _outside(text, column)
        if self._of_dates or (self._form is None and len(text) == _DATE_LENGTH):
            self._notes[DATE_ONLY] += 1
        return at

    def day(self, text: str, *, column: str) -> date:
        """The date that `text` means, in its own zone; a time of day is left off. Raises `InvalidRow`."""
        day = self._read(text, column).date()
        if day.year not in YEARS:
            raise _outside(text, column)
        return day

    def start_of(self, day: date) -> datetime:
        """The first instant of a local date, in UTC."""
        return datetime(day.year, day.month, day.day, tzinfo=self._zone).astimezone(UTC)

    def _read(self, text: str, column: str) -> datetime:
        try:
            # Naive only until the zone is known: `instant` adds it, `day` needs none.
            if self._form:
                return datetime.strptime(_plain_digits(text), self._form)  # noqa: DTZ007 (a naive time gets the mapping's zone next)
            return datetime.fromisoformat(text)
        except ValueError:
            wanted = f"of the form {self._form}" if self._form else "in ISO 8601, like 2026-03-27T16:59:00"
            raise InvalidRow(f"{column}: {text!r} is not a time {wanted}") from None

    def _local(self, naive: datetime) -> datetime:
        """`naive` in the zone: a skipped time moves forward, a repeated one is the first of the two."""
        first = naive.replace(tzinfo=self._zone)
        before, after = first.utcoffset(), first.replace(fold=1).utcoffset()
        if before is not None and after is not None and before != after:
            self._notes[GAP if before < after else FOLD] += 1
        return first


def _plain_digits(text: str) -> str:
    """`text`, as it is; raises `ValueError` for digits of another script, which strptime would read."""
    if not text.isascii() and any(each.isdecimal() and not each.isascii() for each in text):
        raise ValueError(text)
    return text


def _outside(text: str, column: str) -> InvalidRow:
    return InvalidRow(f"{column}: {text!r} lies outside the years {YEARS[0]} to {YEARS[-1]}")

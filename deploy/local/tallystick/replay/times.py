"""Cells that hold times, read as instants in UTC."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import permutations
from zoneinfo import ZoneInfo

from shared.period import YEARS
from tallystick.replay.table import InvalidRow
from tallystick.replay.zones import ZoneNotHonoured, split_zone, zone_named

GAP = "local times that the clocks skipped in spring: read an hour later"
FOLD = "local times that happened twice in autumn: read as the first"
DATE_ONLY = "dates without a time of day: read as midnight"
_TIMES_OF_DAY = ("%H", "%I", "%X", "%c", "%T")
_YEARS = ("%Y", "%y", "%G", "%c", "%x", "%D")
_ANY_INSTANT = datetime(2026, 11, 28, 16, 30, 15, tzinfo=UTC)
# Its day could be a month, and its month a day: forms that read it differently contradict each other.
_AMBIGUOUS = datetime(2026, 4, 3, 9, 5, tzinfo=UTC)
_DOTTED = re.compile(r"\b([ap])\.m\.?(?!\w)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,16}(?:\.[0-9]{1,12})?")
# Day 0 of the serial numbers of Excel from 1 March 1900 on (ECMA-376 part 1, 18.17.4.1, the 1900 system).
_EXCEL_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001 (a serial number is a local time)

ISO = "iso"
_ReadForm = Callable[[str], datetime]


class _NoTime(ValueError):
    """The text is not of the form."""


def format_fault(form: str) -> str | None:
    """Why times cannot be read by `form`; None where they can. A time read wrongly is worse than one refused."""
    if form in _NAMED:
        return None
    plain = form.removesuffix(" %Z")
    return "has a zone's name (%Z) that is not its last word" if "%Z" in plain else _plain_format_fault(plain)


def _plain_format_fault(form: str) -> str | None:
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


def contradictions(forms: Iterable[str]) -> Iterator[str]:
    """Forms without a fault that read one text as different dates: 03/04 is April to one, March to the other."""
    plain = [form for form in forms if form not in _NAMED and "%Z" not in form]
    for one, other in permutations(plain, 2):
        text = _AMBIGUOUS.strftime(one)
        try:
            read = datetime.strptime(text, other)  # noqa: DTZ007 (only its date is compared)
        except ValueError:
            continue
        if read.date() != _AMBIGUOUS.date():
            yield f"{one!r} and {other!r} read {text!r} as different dates: keep one of them"
            return


class Times:
    """Reads times of one file by the first of its `forms` that fits. Those without a zone are local in `zone`.

    What is odd about them is noted. Without a form, and also with one where `typed` says that the file has dates as
    dates, times are as ISO 8601 has them.
    """

    def __init__(
        self, zone: ZoneInfo, forms: str | tuple[str, ...] | None, notes: Counter[str], *, typed: bool = False
    ) -> None:
        self._zone, self._notes = zone, notes
        self._forms = (forms,) if isinstance(forms, str) else forms or (ISO,)
        read = (*self._forms, ISO) if typed and ISO not in self._forms else self._forms
        self._readers = [(_reader(form, zone), _has_time_of_day(form)) for form in read]

    def instant(self, text: str, *, column: str, zone: str | None = None) -> datetime:
        """The instant that `text` means, in UTC; `zone` is what a cell says of its zone. Raises `InvalidRow`."""
        read, whole = self._read(text, column)
        try:
            at = read if read.tzinfo else self._local(read, zone, column)
            local, at = at.astimezone(self._zone), at.astimezone(UTC)
        except OverflowError:
            raise _outside(text, column) from None
        if local.year not in YEARS:
            raise _outside(text, column)
        if not whole:
            self._notes[DATE_ONLY] += 1
        return at

    def day(self, text: str, *, column: str) -> date:
        """The date that `text` means, in its own zone; a time of day is left off. Raises `InvalidRow`."""
        day = self._read(text, column)[0].date()
        if day.year not in YEARS:
            raise _outside(text, column)
        return day

    def start_of(self, day: date) -> datetime:
        """The first instant of a local date, in UTC."""
        return datetime(day.year, day.month, day.day, tzinfo=self._zone).astimezone(UTC)

    def _read(self, text: str, column: str) -> tuple[datetime, bool]:
        """What `text` says, naive where it says no zone, and whether it has a time of day."""
        if "\0" in text:  # after which Python reads nothing
            raise InvalidRow(f"{column}: holds a NUL character")
        if not text:
            raise InvalidRow(f"{column}: the cell is blank")
        for read, has_time in self._readers:
            try:
                found = read(text)
            except ZoneNotHonoured as fault:
                raise InvalidRow(f"{column}: {text!r}: {fault}") from None
            except (ValueError, OverflowError):
                continue
            return found, _is_whole(text) if has_time is None else has_time
        raise InvalidRow(f"{column}: {text!r} is not a time {self._wanted}")

    @property
    def _wanted(self) -> str:
        named = [
            "in ISO 8601, like 2026-03-27T16:59:00" if form == ISO else f"of the form {form}" for form in self._forms
        ]
        return ", or ".join(named)

    def _local(self, naive: datetime, zone: str | None, column: str) -> datetime:
        """`naive` in the zone: a skipped time moves forward, a repeated one is the first of the two."""
        if zone is not None:
            try:
                return naive.replace(tzinfo=zone_named(zone, self._zone, naive))
            except ZoneNotHonoured as fault:
                raise InvalidRow(f"{column}: {fault}") from None
        first = naive.replace(tzinfo=self._zone)
        before, after = first.utcoffset(), first.replace(fold=1).utcoffset()
        if before is not None and after is not None and before != after:
            self._notes[GAP if before < after else FOLD] += 1
        return first


def _has_time_of_day(form: str) -> bool | None:
    """Whether what is read by the form has one; None where each text says it."""
    if form in _NAMED:
        return None if form == ISO else True
    return any(each in form for each in _TIMES_OF_DAY)


def _is_whole(text: str) -> bool:
    """Whether a text of ISO 8601 has a time of day."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return True
    return False


def _reader(form: str, zone: ZoneInfo) -> _ReadForm:
    if (named := _NAMED.get(form)) is not None:
        return named
    if form.endswith(" %Z"):
        plain = form.removesuffix("%Z").rstrip()

        def with_zone(text: str) -> datetime:
            local, name = split_zone(text)
            naive = _by_form(local, plain)
            found: tzinfo = zone_named(name, zone, naive)
            return naive.replace(tzinfo=found)

        return with_zone
    return lambda text: _by_form(text, form)


def _by_form(text: str, form: str) -> datetime:
    """What `text` says, naive where it says no offset; raises `ValueError`, also for digits of other scripts."""
    if not text.isascii() and any(each.isdecimal() and not each.isascii() for each in text):
        raise _NoTime(text)
    if "%p" in form:
        text = _DOTTED.sub(r"\1m", text)
    return datetime.strptime(text, form)  # noqa: DTZ007 (a naive time gets the mapping's zone next)


def _epoch(divisor: int) -> _ReadForm:
    def read(text: str) -> datetime:
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(_number(text) * 1_000_000 / divisor))

    return read


def _excel_serial(text: str) -> datetime:
    """Days since the end of 1899, their fraction the time of day: to the second, which is what people type."""
    return _EXCEL_DAY_0 + timedelta(seconds=int((_number(text) * 86_400).to_integral_value()))


def _number(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise _NoTime(text)
    return Decimal(text)


_NAMED: dict[str, _ReadForm] = {
    ISO: datetime.fromisoformat,
    "epoch-seconds": _epoch(1),
    "epoch-milliseconds": _epoch(1_000),
    "excel-serial": _excel_serial,
}
NAMED_FORMS = tuple(_NAMED)


def _outside(text: str, column: str) -> InvalidRow:
    return InvalidRow(f"{column}: {text!r} lies outside the years {YEARS[0]} to {YEARS[-1]}")

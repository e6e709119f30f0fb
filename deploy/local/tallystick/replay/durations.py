"""Cells that hold a length of time: "4h 10m", "1d 2h", "04:10:00", "PT4H10M", or a number of a named unit."""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from tallystick.replay.table import InvalidRow

DurationUnit = Literal["text", "seconds", "minutes", "hours", "days"]
_SECONDS: Mapping[str, int] = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
_UNITS: Mapping[str, int] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86_400),
}
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([a-z]+)[\s,]*")
_CLOCK = re.compile(r"([0-9]{1,6}):([0-5][0-9])(?::([0-5][0-9]))?")


def duration(text: str, unit: DurationUnit, *, column: str) -> timedelta:
    """How long `text` says, in time that passes: a day is 24 hours. Raises `InvalidRow`, also for a negative one."""
    if text.startswith(("-", "−")):
        raise InvalidRow(f"{column}: {text!r} is negative: it cannot be added to a time")
    seconds = _of_unit(text, _SECONDS[unit]) if unit in _SECONDS and _NUMBER.fullmatch(text) else _of_words(text)
    if seconds is None:
        wanted = f"a number of {unit}" if unit in _SECONDS else "like '1d 2h', '4h 10m' or 04:10:00"
        raise InvalidRow(f"{column}: {text!r} is no length of time {wanted}")
    return timedelta(microseconds=int(seconds * 1_000_000))


def _of_unit(text: str, seconds: int) -> Decimal:
    return Decimal(text) * seconds


def _of_words(text: str) -> Decimal | None:
    """The seconds that words say, each unit once, the longest first or not; None where they say none."""
    if (clock := _CLOCK.fullmatch(text)) is not None:
        return Decimal(int(clock[1]) * 3_600 + int(clock[2]) * 60 + int(clock[3] or 0))
    lower = text.lower()
    if lower.startswith("p"):
        lower = lower[1:].replace("t", "")
    total, place, seen = Decimal(0), 0, set[int]()
    for part in _PART.finditer(lower):
        size = _UNITS.get(part[2])
        if part.start() != place or size is None or size in seen:
            return None
        seen.add(size)
        total += Decimal(part[1]) * size
        place = part.end()
    return total if seen and place == len(lower) else None

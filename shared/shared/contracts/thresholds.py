"""Thresholds of targets, as agreements write them: `8 working hours`, `10 working days`, `30 days`, `1 month`.

working seconds/minutes/hours: counted inside the calendar's hours. working days: whole days by the target's
`day_rule`. Plain seconds/minutes/hours elapse around the clock. days: calendar days, same wall-clock time.
months: to the end of the corresponding date, or of the last one of a month that has none.
recorded due date: the item's own `due_at`. A warning may come a time before an item is due: `2 working hours before`.
"""

import re
from dataclasses import dataclass

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_GRAMMAR = re.compile(r"([1-9][0-9]{0,8}) (working )?(second|minute|hour|day)s?")

_MONTHS = re.compile(r"([1-9][0-9]{0,8}) months?")

BEFORE_DUE_PATTERN = rf"^{_GRAMMAR.pattern} before(?![\s\S])"
THRESHOLD_PATTERN = rf"^({_GRAMMAR.pattern}|{_MONTHS.pattern}|recorded due date)(?![\s\S])"


class UnreadableThreshold(ValueError):
    """The text is none of the forms of a threshold."""


@dataclass(frozen=True, slots=True)
class WorkingSeconds:
    """Seconds inside the calendar's open hours."""

    seconds: int


@dataclass(frozen=True, slots=True)
class ElapsedSeconds:
    """Seconds around the clock."""

    seconds: int


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """Days on which the calendar is open; when one ends is the target's `day_rule`."""

    days: int


@dataclass(frozen=True, slots=True)
class CalendarDays:
    """Days of the calendar's zone, at the same wall-clock time."""

    days: int


@dataclass(frozen=True, slots=True)
class CalendarMonths:
    """Months of the calendar's zone: to the end of the corresponding date (Dodds v Walker [1981] UKHL 6)."""

    months: int


@dataclass(frozen=True, slots=True)
class RecordedDueDate:
    """The due date recorded with the item; an item without one is out of scope."""


Threshold = WorkingSeconds | ElapsedSeconds | WorkingDays | CalendarDays | CalendarMonths | RecordedDueDate


def parse_threshold(text: str) -> Threshold:
    """The threshold that `text` means; raises `UnreadableThreshold`."""
    if text == "recorded due date":
        return RecordedDueDate()
    if (months := _MONTHS.fullmatch(text)) is not None:
        return CalendarMonths(int(months[1]))
    found = _GRAMMAR.fullmatch(text)
    if found is None:
        raise UnreadableThreshold(
            f"{text!r} is not a duration: "
            "write for example '8 working hours', '10 working days', '30 days' or '1 month'"
        )
    count, working, unit = int(found[1]), found[2] is not None, found[3]
    if unit == "day":
        return WorkingDays(count) if working else CalendarDays(count)
    seconds = count * _SECONDS[unit]
    return WorkingSeconds(seconds) if working else ElapsedSeconds(seconds)


def parse_before_due(text: str) -> Threshold:
    """The time that `2 working hours before` is before the due instant; raises `UnreadableThreshold`."""
    return parse_threshold(text.removesuffix(" before"))

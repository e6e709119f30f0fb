"""Rules of targets: what is wrong between the fields of one, all faults at once.

A fault is a field that is missing though it is needed, or one that could have no effect: people would read a setting
that is silently ignored as agreed.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

from shared.contracts.definitions import UPDATES, Objective, Target
from shared.contracts.thresholds import (
    CalendarDays,
    CalendarMonths,
    ElapsedSeconds,
    RecordedDueDate,
    Threshold,
    WorkingDays,
    WorkingSeconds,
    parse_before_due,
    parse_threshold,
)
from shared.faults import Fault
from shared.instants import DAY_S

_MAX_COUNT = 1_000_000
_MAX_DAYS = 3660
_DAYS_OF_A_MONTH = 31  # at most
_MAX_WARNINGS_BEFORE = 20


def target_faults(target: Target) -> Iterator[Fault]:
    threshold = parse_threshold(target.within)
    for rule in _RULES:
        yield from rule(target, threshold)
    if target.objective is not None:
        yield from (fault.below("objective") for fault in _objective_faults(target.objective))


def _calendar(target: Target, threshold: Threshold) -> Iterator[Fault]:
    if target.calendar is not None:
        return
    if isinstance(threshold, WorkingSeconds | WorkingDays):
        yield Fault(("calendar",), "is missing: working time is counted in a calendar's hours")
    elif target.ends_on == "next-working-day":
        yield Fault(("calendar",), "is missing: ends_on needs a calendar's working days")
    elif target.measure in UPDATES:
        yield Fault(("calendar",), "is missing: updates are due in a calendar's hours")


def _measure(target: Target, threshold: Threshold) -> Iterator[Fault]:
    if isinstance(threshold, RecordedDueDate) and target.measure in (*UPDATES, "availability"):
        yield Fault(("within",), f"expected a duration: nothing records when {target.measure} is due")
    if target.measure == "availability":
        yield from _availability(target)


def _availability(target: Target) -> Iterator[Fault]:
    if target.objective is None:
        yield Fault(("objective",), "is missing: availability is a share of the period")
    settings = {
        "paused_by": target.paused_by is not None,
        "starts": target.starts != "opened",
        "reopen": target.reopen != "continue",
        "pause_counts": target.pause_counts != "seconds",
        "when": bool(target.when),
        "on_change": target.on_change != "from-start",
    }
    yield from (Fault((name,), "has no meaning for availability") for name, is_set in settings.items() if is_set)


def _duration(_: Target, threshold: Threshold) -> Iterator[Fault]:
    match threshold:
        case WorkingSeconds(seconds) | ElapsedSeconds(seconds):
            is_too_long = seconds > _MAX_DAYS * DAY_S
        case WorkingDays(days) | CalendarDays(days):
            is_too_long = days > _MAX_DAYS
        case CalendarMonths(months):
            is_too_long = months * _DAYS_OF_A_MONTH > _MAX_DAYS
        case RecordedDueDate():
            return
    if is_too_long:
        yield Fault(
            ("within",), f"expected at most {_MAX_DAYS} days: what is due later is in no month that is reported"
        )


def _days(target: Target, threshold: Threshold) -> Iterator[Fault]:
    in_working_days = isinstance(threshold, WorkingDays)
    if target.day_rule != "closing-time" and not in_working_days:
        yield Fault(("day_rule",), "has an effect only on a threshold in working days")
    if target.pause_counts != "seconds" and not in_working_days:
        yield Fault(("pause_counts",), "has an effect only on a threshold in working days")
    if target.ends_on is not None and not isinstance(threshold, CalendarDays | CalendarMonths):
        yield Fault(("ends_on",), "has an effect only on a threshold in days or months")
    if target.ends_on == "end-of-day" and isinstance(threshold, CalendarMonths):
        yield Fault(("ends_on",), "has no effect: a month ends with its date")
    if target.cut_off is not None and (not in_working_days or target.day_rule != "closing-time"):
        yield Fault(("cut_off",), "has an effect only on a threshold in working days that end at closing time")


def _reopening(target: Target, _: Threshold) -> Iterator[Fault]:
    if not 0 <= target.reopen_window_days <= _MAX_DAYS:
        yield Fault(("reopen_window_days",), f"expected 0 to {_MAX_DAYS} days")
    elif target.reopen_window_days and target.reopen != "new-cycle":
        yield Fault(("reopen_window_days",), "has an effect only with reopen: new-cycle")
    if target.reopen == "first-close-is-final" and target.measure == "response-time":
        yield Fault(("reopen",), "has no effect on response-time: the first answer is final, a resolution among them")


def _lists(target: Target, _: Threshold) -> Iterator[Fault]:
    for attribute, values in target.when.items():
        if not values:
            yield Fault(("when", attribute), "accepts no value, so no item is ever in scope")


def _warnings(target: Target, threshold: Threshold) -> Iterator[Fault]:
    percentages = [each for each in target.warn_at if isinstance(each, int)]
    if percentages != sorted(set(percentages)):
        yield Fault(("warn_at",), "expected ascending percentages, each once")
    before = [(index, parse_before_due(each)) for index, each in enumerate(target.warn_at) if isinstance(each, str)]
    if len(before) > _MAX_WARNINGS_BEFORE:
        yield Fault(("warn_at",), f"expected at most {_MAX_WARNINGS_BEFORE} times before due")
    for number, (index, time) in enumerate(before):
        if time in [earlier for _, earlier in before[:number]]:
            yield Fault(("warn_at", index), "is given before: a warning comes once")
        if target.calendar is None and isinstance(time, WorkingSeconds | WorkingDays):
            yield Fault(("warn_at", index), "needs a calendar: working time is counted in its hours")
        if type(time) is type(threshold) and _amount(time) >= _amount(threshold):
            yield Fault(("warn_at", index), "is all the time allowed or more: every item would be warned of at once")
        elif _amount(time) > _MAX_DAYS * DAY_S:
            yield Fault(("warn_at", index), f"expected at most {_MAX_DAYS} days")


def _amount(time: Threshold) -> int:
    """In its own unit: seconds, days or months."""
    match time:
        case WorkingSeconds(amount) | ElapsedSeconds(amount) | WorkingDays(amount) | CalendarDays(amount):
            return amount
        case CalendarMonths(months):
            return months
        case RecordedDueDate():
            return 0


def _objective_faults(objective: Objective) -> Iterator[Fault]:
    if not Decimal(objective.percent):
        yield Fault(("percent",), "expected more than 0: nothing could miss it")
    for name in ("minimum_sample", "misses_always_allowed"):
        if not 0 <= getattr(objective, name) <= _MAX_COUNT:
            yield Fault((name,), f"expected 0 to {_MAX_COUNT}")


_RULES: tuple[Callable[[Target, Threshold], Iterator[Fault]], ...] = (
    _calendar,
    _measure,
    _duration,
    _days,
    _reopening,
    _lists,
    _warnings,
)

"""Quantities that no ticket or piece of work carries, sent each month or week; a few are wrong and are taken back."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from shared.contracts.usage import ReversalData, UsageData, UsageEvent, UsageRecorded, UsageReversed
from shared.period import Month, local_midnight
from tallystick.demo.events import SOURCE, DemoItem
from tallystick.demo.volumes import Readings

_PAY_DAY = 25
_FRIDAY = 4
_SENT_AT = timedelta(hours=16, minutes=5)
_CORRECTED_AFTER = timedelta(days=2, hours=18)
_WRONG = 0.04


def readings_of(
    rng: Random, month: Month, *, council: str, service: str, expected: float, habits: Readings
) -> Iterator[UsageEvent]:
    """The month's readings; after a wrong one comes its reversal and then the right one."""
    for day in _reading_days(month, habits):
        item = _item(council, service, day)
        quantity = _half_units(expected * rng.uniform(0.96, 1.04))
        if rng.random() >= _WRONG:
            yield _recorded(item, day, service=service, quantity=quantity)
            continue
        wrong = _recorded(item, day, service=service, quantity=_half_units(expected * 10))
        yield wrong
        yield from _correction(wrong, day, quantity=quantity)


def reading_of(council: str, service: str, day: date) -> tuple[DemoItem, str]:
    """What the first reading of that day is called, and its id."""
    item = _item(council, service, day)
    return item, item.id_of(UsageRecorded, local_midnight(day) + _SENT_AT)


def _item(council: str, service: str, day: date) -> DemoItem:
    return DemoItem(council, f"{council}-{service}-{day:%Y%m%d}")


def _reading_days(month: Month, habits: Readings) -> list[date]:
    days = [month.first_day + timedelta(days=number) for number in range(month.days)]
    match habits.every:
        case "month":
            return [days[_PAY_DAY - 1]]
        case "week":
            return [day for day in days if day.weekday() == _FRIDAY]


def _recorded(item: DemoItem, day: date, *, service: str, quantity: str) -> UsageRecorded:
    data = UsageData(service=service, quantity=quantity, business_date=day)
    return item.event(UsageRecorded, local_midnight(day) + _SENT_AT, data)


def _correction(wrong: UsageRecorded, day: date, *, quantity: str) -> Iterator[UsageEvent]:
    """The wrong reading taken back, whole, and the right one for the same day."""
    at = wrong.time + _CORRECTED_AFTER
    data = ReversalData(service=wrong.data.service, reversed_source=SOURCE, reversed_id=wrong.id)
    yield DemoItem(wrong.council, wrong.subject).event(UsageReversed, at, data)
    right = DemoItem(wrong.council, f"{wrong.subject}-2")
    reading = UsageData(service=wrong.data.service, quantity=quantity, business_date=day)
    yield right.event(UsageRecorded, at + timedelta(minutes=1), reading)


def _half_units(quantity: float) -> str:
    """A small quantity to the half (days of an officer), a large one whole (people)."""
    if quantity >= 50:
        return str(round(quantity))
    halves = max(round(quantity * 2), 1)
    return f"{halves // 2}.5" if halves % 2 else str(halves // 2)

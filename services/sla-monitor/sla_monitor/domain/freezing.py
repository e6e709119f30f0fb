"""When a month's figures stop moving, and what becomes of corrections after that.

A month is provisional until so many days after its end; then it is frozen, and a later correction of what was counted
in it is an adjustment of the month in which the correction was made: the frozen month plus its adjustments is what
is now known. A first verdict is no correction and counts in its own month whenever it comes, or a late item would be
in no month's attainment at all.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import lru_cache

from msgspec import Struct

from shared.contracts.verdicts import Outcome, TargetBreached, TargetMet, VerdictCorrected, VerdictRetracted
from shared.period import Month, local_midnight, month_of

Decision = TargetMet | TargetBreached | VerdictCorrected | VerdictRetracted
Key = tuple[str, str, str, int]


class Adjustment(Struct, frozen=True):
    """One correction after the freeze, to be shown in the month `posted`. None where nothing was or is counted.

    `was` counted in `was_month`; `now` is to count in `month`. `cause` is None where a verdict came back by itself.
    """

    id: str
    council: str
    item: str
    target: str
    cycle: int
    service: str
    measure: str
    posted: str
    was: Outcome | None
    was_month: str | None
    now: Outcome | None
    month: str | None
    cause: str | None
    at: datetime


class Booked(Struct, frozen=True):
    """What a sequence of announcements comes to: the last of each provisional verdict (None: gone), and adjustments."""

    provisional: dict[Key, TargetMet | TargetBreached | VerdictCorrected | None]
    adjustments: list[Adjustment]


@lru_cache(maxsize=1024)
def frozen_from(month: str, *, days: int) -> datetime:
    """The first instant at which the month's figures no longer move: local midnight, `days` days after its end."""
    return local_midnight(Month.parse(month).next.first_day + timedelta(days=days))


def key_of(event: Decision) -> Key:
    """Which verdict the announcement is about."""
    return event.council, event.subject, event.data.target, event.data.cycle


def book(events: Iterable[Decision], adjusted: Collection[Key], *, freeze_days: int) -> Booked:
    """Where each announcement counts; `events` in order, `adjusted` the verdicts that have adjustments already."""
    booked = Booked({}, [])
    late = set(adjusted)
    for event in events:
        key = key_of(event)
        left, reached = _frozen(event, freeze_days)
        if key in late or left:
            booked.adjustments.append(_adjustment(event))
        elif reached:
            # It moved out of a provisional month, which simply loses it, into one that takes no more.
            booked.provisional[key] = None
            booked.adjustments.append(_adjustment(event, taken_out=True))
        else:
            booked.provisional[key] = None if isinstance(event, VerdictRetracted) else event
            continue
        late.add(key)
    return booked


def _frozen(event: Decision, days: int) -> tuple[bool, bool]:
    """Whether the month that a correction takes from is frozen, and whether the one that it gives to is."""
    match event:
        case VerdictCorrected(data=data):
            return _is_frozen(data.was_month, event.time, days), _is_frozen(data.month, event.time, days)
        case VerdictRetracted(data=data):
            return _is_frozen(data.was_month, event.time, days), False
    return False, False


def _is_frozen(month: str, at: datetime, days: int) -> bool:
    return at >= frozen_from(month, days=days)


def _adjustment(event: Decision, *, taken_out: bool = False) -> Adjustment:
    data = event.data
    was = None if taken_out or isinstance(event, TargetMet | TargetBreached) else event.data
    corrected = isinstance(event, VerdictCorrected | VerdictRetracted)
    return Adjustment(
        id=event.id,
        council=event.council,
        item=event.subject,
        target=data.target,
        cycle=data.cycle,
        service=data.service,
        measure=data.measure,
        posted=str(month_of(event.time)),
        was=getattr(was, "was", None),
        was_month=getattr(was, "was_month", None),
        now=getattr(data, "outcome", None),
        month=getattr(data, "month", None),
        cause=getattr(data, "cause", None) if corrected else None,
        at=event.time,
    )

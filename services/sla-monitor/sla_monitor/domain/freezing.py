"""When a month's figures stop moving, and what becomes of corrections after that.

A month is provisional until so many days after its end; then it is frozen, and a later correction of what was counted
in it is an adjustment of the month in which the correction was made: the frozen month plus its adjustments is what
is now known. A first verdict is no correction and counts in its own month whenever it comes, or a late item would be
in no month's attainment at all.

What a correction says it replaces is not what it takes away: after a loss of live state the same changes may be
published twice, in other steps (ADR 16). It takes away what is counted, so that a verdict counts once in any case.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from msgspec import Struct

from shared.contracts.scalars import Stream
from shared.contracts.verdicts import (
    Outcome,
    TargetBreached,
    TargetMet,
    VerdictCorrected,
    VerdictKey,
    VerdictRetracted,
    verdict_key,
)
from shared.period import Month, local_midnight, month_of

VerdictAnnouncement = TargetMet | TargetBreached | VerdictCorrected | VerdictRetracted
# As what a verdict counts, and in which month (`2026-03`).
CountedAs = tuple[Outcome, str]


class CountState(Struct, frozen=True):
    """The outcome and month as which a verdict is counted (None: not at all), and whether adjustments made it so."""

    counted: CountedAs | None = None
    adjusted: bool = False


class Adjustment(Struct, frozen=True):
    """One correction after the freeze, to be shown in the month `posted`. None where nothing was or is counted.

    `was` counted in `was_month`; `now` is to count in `month`. `cause` is None where a verdict came back by itself.
    """

    id: str
    council: str
    agreement: str
    target: str
    stream: Stream
    item: str
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


class Postings(Struct, frozen=True):
    """What announcements add up to: the last of each provisional verdict (None: retracted), and adjustments."""

    provisional: dict[VerdictKey, TargetMet | TargetBreached | VerdictCorrected | None]
    adjustments: list[Adjustment]


@lru_cache(maxsize=1024)
def frozen_from(month: str, *, days: int) -> datetime:
    """The first instant at which the month's figures no longer move: local midnight, `days` days after its end."""
    return local_midnight(Month.parse(month).next.first_day + timedelta(days=days))


_UNCOUNTED = CountState()


def post(
    events: Iterable[VerdictAnnouncement], states: Mapping[VerdictKey, CountState], *, freeze_days: int
) -> Postings:
    """Where each announcement counts; `events` in order, `states` as their verdicts are counted before the first."""
    postings, current = Postings({}, []), dict(states)
    for event in events:
        key, now = verdict_key(event), _counted(event)
        was = current.get(key, _UNCOUNTED)
        if was.adjusted or _is_frozen(was.counted, event.time, freeze_days):
            if was.counted != now:  # other figures behind the same outcome adjust nothing
                postings.adjustments.append(_adjustment(event, was.counted))
                current[key] = CountState(now, adjusted=True)
        elif isinstance(event, VerdictCorrected) and _is_frozen(now, event.time, freeze_days):
            # It moved out of a provisional month, which simply loses it, into one that takes no more.
            postings.provisional[key] = None
            postings.adjustments.append(_adjustment(event, None))
            current[key] = CountState(now, adjusted=True)
        else:
            postings.provisional[key] = None if isinstance(event, VerdictRetracted) else event
            current[key] = CountState(now)
    return postings


def _counted(event: VerdictAnnouncement) -> CountedAs | None:
    return None if isinstance(event, VerdictRetracted) else (event.data.outcome, event.data.month)


def _is_frozen(counted: CountedAs | None, at: datetime, days: int) -> bool:
    return counted is not None and at >= frozen_from(counted[1], days=days)


def _adjustment(event: VerdictAnnouncement, was: CountedAs | None) -> Adjustment:
    data = event.data
    was_outcome, was_month = was or (None, None)
    outcome, month = _counted(event) or (None, None)
    return Adjustment(
        id=event.id,
        **verdict_key(event)._asdict(),
        service=data.service,
        measure=data.measure,
        posted=str(month_of(event.time)),
        was=was_outcome,
        was_month=was_month,
        now=outcome,
        month=month,
        cause=event.data.cause if isinstance(event, VerdictCorrected | VerdictRetracted) else None,
        at=event.time,
    )

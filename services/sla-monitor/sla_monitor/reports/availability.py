"""Availability of every service that was promised it: the share of service hours without an outage."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from fastapi import APIRouter
from msgspec import Struct

from shared.auth.roles import Action
from shared.contracts.definitions import Objective, Target
from shared.contracts.objectives import Attained, Ratio, judge
from shared.http import Json, JsonList, MonthParameter, RequestedMonthScope, answers_many, requires
from shared.instants import epoch_s, instant
from shared.period import Month, Period, month_of, period_of, require_begun
from shared.scope import Scope
from sla_monitor.domain.attainment import availability
from sla_monitor.domain.clock.cycles import ExcludedTime
from sla_monitor.domain.clock.timeline import FOREVER
from sla_monitor.domain.item import Outage
from sla_monitor.domain.working_time.intervals import Interval, merged, without
from sla_monitor.ports import TargetKey
from sla_monitor.reports.periods import TargetsByPeriod
from sla_monitor.reports.sources import Sources

# What is promised where the agreement names no percentage.
_ALWAYS = Objective(percent="100")


class OutageRow(Struct, frozen=True):
    """When the service was down; `end_at` is missing while it still is."""

    id: str
    service: str
    start_at: datetime
    end_at: datetime | None


class AvailabilityResult(Struct, frozen=True):
    """Seconds of service hours in the period so far, those without an outage, and whether they meet the objective.

    The objective's floors are numbers of items, which seconds are not: only its percentage counts.
    """

    council: str
    service: str
    agreement: str
    target: str
    period: str
    service_s: int
    outage_s: int
    good_s: int
    attained_percent: str
    objective_percent: str
    judgement: str
    outages: list[OutageRow]


TYPES = (AvailabilityResult,)


def router(sources: Sources) -> APIRouter:
    """`/availability`."""
    routes = APIRouter(dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/availability", responses=answers_many(AvailabilityResult))
    async def get_availability(scope: RequestedMonthScope, month: MonthParameter | None = None) -> Json:
        """Every availability target over its own kind of period: the present one, or that of `month`."""
        return JsonList(await availabilities(sources, scope, month))

    return routes


async def availabilities(sources: Sources, scope: Scope, month: Month | None) -> list[AvailabilityResult]:
    """By council, agreement and target: each over its objective's own kind of period in which the month lies.

    A period that is not over is measured up to the present. Raises `MonthNotBegun`, `MissingCalendar`,
    `BeyondHorizon`.
    """
    month = month or month_of(sources.clock.now())
    require_begun(month, now=sources.clock.now())
    outages = await sources.items.outages(scope)
    targets = TargetsByPeriod(sources.catalogue.agreement_index)
    return [
        _measured(sources, TargetKey(council, target.service, agreement, target.id), target, period, outages)
        for council in scope.visible(sources.catalogue.agreement_index.councils)
        for agreement, target, period in _promised(targets, council, month)
    ]


def _promised(targets: TargetsByPeriod, council: str, month: Month) -> Iterator[tuple[str, Target, Period]]:
    for over in ("month", "quarter", "financial-year"):
        period = period_of(month, over)
        for (agreement, _), target in sorted(targets.of(council, period).items()):
            if target.measure == "availability" and (target.objective or _ALWAYS).over == over:
                yield agreement, target, period


def _measured(
    sources: Sources, key: TargetKey, target: Target, period: Period, known: Iterable[Outage]
) -> AvailabilityResult:
    start = epoch_s(period.start_at)
    end = max(start, min(epoch_s(period.end_at), sources.now_s))
    outages = [each for each in known if _concerns(each, key.council, target) and each.start < end and each.end > start]
    excluded = [each for each in sources.decisions.current.approved(key.council) if _covers(each, key, target)]
    measured = availability(
        sources.catalogue.agreement_index.hours(target),
        outages=[span for each in outages for span in _counted(each, excluded)],
        excluded=[(each.start, each.end) for each in excluded if each.item is None],
        start=start,
        end=end,
    )
    percent = (target.objective or _ALWAYS).percent
    good_s, service_s = measured.good_s, measured.service_s
    return AvailabilityResult(
        **key._asdict(),
        period=str(period),
        service_s=service_s,
        outage_s=measured.outage_s,
        good_s=good_s,
        attained_percent=Ratio(good_s, service_s).percent_text,
        objective_percent=percent,
        judgement=judge(Attained(good_s, service_s), Objective(percent=percent)).value,
        outages=[_row(each) for each in outages],
    )


def _row(outage: Outage) -> OutageRow:
    end_at = None if outage.end == FOREVER else instant(outage.end)
    return OutageRow(outage.id, outage.service, instant(outage.start), end_at)


def _concerns(outage: Outage, council: str, target: Target) -> bool:
    return outage.council == council and target.is_of(outage.service)


def _covers(exclusion: ExcludedTime, key: TargetKey, target: Target) -> bool:
    """Whether it is agreed for the target's service, or for an outage of it."""
    pairs = ((exclusion.agreement, key.agreement), (exclusion.target, key.target), (exclusion.stream, "service"))
    return all(named in (None, found) for named, found in pairs) and (
        exclusion.service is None or target.is_of(exclusion.service)
    )


def _counted(outage: Outage, excluded: Sequence[ExcludedTime]) -> list[Interval]:
    """The outage without what was agreed of it alone."""
    own = merged((each.start, each.end) for each in excluded if each.item == outage.id)
    return without([(outage.start, outage.end)], own)

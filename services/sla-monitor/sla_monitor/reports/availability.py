"""Availability of every service that promises it: the share of service hours without an outage."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from shared.clock import Clock
from shared.contracts.definitions import Objective, Target
from shared.contracts.objectives import Attained, Judgement, judge
from shared.period import Month, Period, month_of, period_of
from sla_monitor.domain.availability import Availability, availability
from sla_monitor.domain.clock.exclusions import ExcludedTime
from sla_monitor.domain.item import Outage
from sla_monitor.domain.working_time.intervals import Interval, merged, without
from sla_monitor.ports import Catalogue, DecisionsLog
from sla_monitor.reports.periods import TargetsByPeriod
from sla_monitor.store.stored_items import StoredItems

_WHOLLY = Objective(percent="100")


class AvailabilityResult(Struct, frozen=True):
    """One availability target over one period, up to the present where that is not over."""

    council: str
    target: Target
    period: Period
    share: Availability
    outages: Sequence[Outage]

    @property
    def judgement(self) -> Judgement:
        """Against the objective's percentage; its floors are numbers of items, which seconds are not."""
        percent = (self.target.objective or _WHOLLY).percent
        return judge(Attained(self.share.good_s, self.share.service_s), Objective(percent=percent))


class AvailabilityReport:
    """Measures outages against what was promised."""

    def __init__(self, stored: StoredItems, catalogue: Catalogue, rulings: DecisionsLog, clock: Clock) -> None:
        self._stored, self._catalogue, self._rulings, self._clock = stored, catalogue, rulings, clock

    async def of(self, month: Month | None, council: str | None) -> list[AvailabilityResult]:
        """By council and target: each over its objective's own kind of period in which the month lies.

        Raises `MissingCalendar`, `BeyondHorizon`.
        """
        outages = await self._stored.outages()
        agreement_index, agreed = self._catalogue.agreement_index, TargetsByPeriod(self._catalogue.agreement_index)
        return [
            self._measured(name, target, period, outages)
            for name in ([council] if council is not None else agreement_index.councils)
            for target, period in self._promised(agreed, name, month or month_of(self._clock.now()))
        ]

    def _promised(self, agreed: TargetsByPeriod, council: str, month: Month) -> Iterator[tuple[Target, Period]]:
        for over in ("month", "quarter", "financial-year"):
            period = period_of(month, over)
            for _, target in sorted(agreed.targets(council, period).items()):
                if target.measure == "availability" and (target.objective or _WHOLLY).over == over:
                    yield target, period

    def _measured(self, council: str, target: Target, period: Period, known: Iterable[Outage]) -> AvailabilityResult:
        start = int(period.start_at.timestamp())
        end = max(start, min(int(period.end_at.timestamp()), int(self._clock.now().timestamp())))
        outages = [each for each in known if _concerns(each, council, target) and each.start < end and each.end > start]
        agreed = [each for each in self._rulings.rulings.approved(council) if _covers(each, target)]
        share = availability(
            self._catalogue.agreement_index.hours(target),
            outages=[span for each in outages for span in _counted(each, agreed)],
            excluded=[(each.start, each.end) for each in agreed if each.item is None],
            start=start,
            end=end,
        )
        return AvailabilityResult(council, target, period, share, outages)


def _concerns(outage: Outage, council: str, target: Target) -> bool:
    return outage.council == council and target.service in ("*", outage.service)


def _covers(exclusion: ExcludedTime, target: Target) -> bool:
    return exclusion.target in (None, target.id) and (
        target.service == "*" or exclusion.service in (None, target.service)
    )


def _counted(outage: Outage, agreed: Iterable[ExcludedTime]) -> list[Interval]:
    """The outage without what was agreed of it alone."""
    own = merged((each.start, each.end) for each in agreed if each.item == outage.id)
    return without([(outage.start, outage.end)], own)

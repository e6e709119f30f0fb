"""The availability targets of a document, over the month, quarter or financial year of each objective."""

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from shared.contracts.definitions import Agreement, Objective
from shared.contracts.objectives import Attained, Judgement, Ratio, judge
from shared.instants import SECOND_US, epoch_s, instant, maybe_instant
from shared.period import Month, period_of
from shared.written_time import second_of
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.attainment import availability
from sla_monitor.domain.clock.cycles import ExcludedTime, covering
from sla_monitor.domain.clock.timeline import FOREVER
from sla_monitor.domain.clock.verdict import Outcome, evaluate
from sla_monitor.domain.facts import AnyFact, Opened, Stopped
from sla_monitor.domain.working_time.intervals import Interval
from sla_monitor.trial.calendars import TrialCalendars
from sla_monitor.trial.document import TrialDocument, TrialTarget
from sla_monitor.trial.faults import with_default_calendar
from sla_monitor.trial.item import ANY_SERVICE, COUNCIL, FIRST_LIST, ITEM, SOURCE, exclusions_of
from sla_monitor.trial.verdicts import overdue_s


class TrialOutageVerdict(Struct, frozen=True):
    """One outage against the target's threshold for a single outage; its seconds count inside service hours."""

    start_at: datetime
    end_at: datetime | None
    verdict: Outcome
    elapsed_s: int
    margin_s: int | None
    overdue_s: int


class TrialAvailability(Struct, frozen=True):
    """Good of total service seconds in a period, `[start_at, end_at)`, measured up to `measured_to`."""

    target: str
    within: str
    calendar: str | None
    period: str
    start_at: datetime
    end_at: datetime
    measured_to: datetime
    service_s: int
    outage_s: int
    good_s: int
    attained_percent: str
    objective_percent: str | None
    judgement: Judgement
    outages: list[TrialOutageVerdict]


def measure_availability(document: TrialDocument, calendars: TrialCalendars) -> list[TrialAvailability]:
    """The availability of each target that asks for it; none without a period."""
    if document.period is None:
        return []
    month, known = Month.parse(document.period), [calendar.id for calendar in document.all_calendars]
    return [
        _measured(document, with_default_calendar(target, known), calendars, month)
        for target in document.targets
        if target.measure == "availability"
    ]


def _measured(
    document: TrialDocument, target: TrialTarget, calendars: TrialCalendars, month: Month
) -> TrialAvailability:
    zone = calendars.zone
    objective = target.objective or Objective(percent="100")
    period = period_of(month, objective.over)
    start, end = _midnight(period.first, zone), _midnight(period.next.first, zone)
    until = end if document.as_of is None else max(start, min(end, second_of(document.as_of, zone)))
    excluded = covering(
        exclusions_of(document),
        council=COUNCIL,
        service=ANY_SERVICE,
        agreement=FIRST_LIST,
        target=target.id,
        stream="service",
        item=ITEM,
    )
    outages = [outage for outage in _outages(document, zone) if outage[0] < until and outage[1] > start]
    found = availability(
        calendars(target.calendar).hours,
        outages=outages,
        excluded=[(each.start, each.end) for each in excluded],
        start=start,
        end=until,
    )
    agreement_index = _as_items(target, calendars)
    return TrialAvailability(
        target=target.id,
        within=target.within,
        calendar=target.calendar,
        period=str(period),
        start_at=instant(start),
        end_at=instant(end),
        measured_to=instant(until),
        service_s=found.service_s,
        outage_s=found.outage_s,
        good_s=found.good_s,
        attained_percent=Ratio(found.good_s, found.service_s).percent_text,
        objective_percent=None if target.objective is None else target.objective.percent,
        # The objective's floors are numbers of items, which seconds are not.
        judgement=judge(Attained(found.good_s, found.service_s), Objective(percent=objective.percent)),
        outages=[_outage_verdict(outage, agreement_index, excluded, until) for outage in outages],
    )


def _midnight(month: Month, zone: ZoneInfo) -> int:
    return epoch_s(datetime.combine(month.first_day, time(), zone))


def _outages(document: TrialDocument, zone: ZoneInfo) -> list[Interval]:
    return [
        (second_of(outage.start, zone), FOREVER if outage.end is None else second_of(outage.end, zone))
        for outage in document.outages
    ]


def _as_items(target: TrialTarget, calendars: TrialCalendars) -> AgreementIndex:
    """The target for outages as items that are done when the service is back: how long a single one may last."""
    as_item = msgspec.structs.replace(target, measure="processing-time", paused_by=(), when={})
    agreement = Agreement(id=FIRST_LIST, council=COUNCIL, provider="provider", title="Trial", targets=(as_item,))
    return AgreementIndex([(1, agreement)], calendars)


def _outage_verdict(
    outage: Interval, agreement_index: AgreementIndex, excluded: Sequence[ExcludedTime], until: int
) -> TrialOutageVerdict:
    start, end = outage
    facts: list[AnyFact] = [Opened(start * SECOND_US, SOURCE, "outage", "", ANY_SERVICE, "normal", {}, None, None)]
    if end != FOREVER:
        facts.append(Stopped(end * SECOND_US, SOURCE, "restored", "", "restored"))
    evaluation = evaluate(
        facts,
        council=COUNCIL,
        stream="service",
        item=ITEM,
        agreement_index=agreement_index,
        exclusions=[each for each in excluded if each.start < end and each.end > start],
        as_of=until if end == FOREVER else max(until, end),
    )
    (verdict,) = evaluation.verdicts
    return TrialOutageVerdict(
        start_at=instant(verdict.cycle.start),
        end_at=maybe_instant(verdict.cycle.stop),
        verdict=verdict.outcome,
        elapsed_s=verdict.elapsed_s,
        margin_s=verdict.margin_s,
        overdue_s=overdue_s(verdict),
    )

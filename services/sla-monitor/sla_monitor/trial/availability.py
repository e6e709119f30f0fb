"""The availability targets of a document, over the month, quarter or financial year of each objective."""

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from shared.contracts.definitions import Agreement, Objective
from shared.contracts.objectives import Attained, Judgement, judge
from shared.instants import SECOND_US
from shared.period import Month, Period, period_of
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.availability import Availability, availability
from sla_monitor.domain.clock.exclusions import ExcludedTime, covering
from sla_monitor.domain.clock.timeline import FOREVER
from sla_monitor.domain.clock.verdict import Verdict, evaluate
from sla_monitor.domain.facts import AnyFact, Opened, Stopped
from sla_monitor.domain.working_time.intervals import Interval
from sla_monitor.trial.calendars import TrialCalendars, exclusions_of
from sla_monitor.trial.consistency import second_of
from sla_monitor.trial.document import TrialDocument, TrialTarget
from sla_monitor.trial.faults import with_default_calendar
from sla_monitor.trial.item import ANY_SERVICE, COUNCIL, ITEM
from sla_monitor.trial.target_changes import FIRST_LIST, SOURCE


class MeasuredAvailability(Struct, frozen=True):
    """One target's period, measured up to `until`, and each outage in it against the target's threshold."""

    target: TrialTarget
    period: Period
    start: int
    end: int
    until: int
    share: Availability
    judgement: Judgement
    outages: tuple[Verdict, ...]


def measure_availability(document: TrialDocument, calendars: TrialCalendars) -> list[MeasuredAvailability]:
    """What holds of each availability target; none without a period."""
    known = [calendar.id for calendar in document.all_calendars]
    if document.period is None:
        return []
    month = Month.parse(document.period)
    return [
        _measured(document, with_default_calendar(target, known), calendars, month)
        for target in document.targets
        if target.measure == "availability"
    ]


def _measured(
    document: TrialDocument, target: TrialTarget, calendars: TrialCalendars, month: Month
) -> MeasuredAvailability:
    zone = calendars.zone
    objective = target.objective or Objective(percent="100")
    period = period_of(month, objective.over)
    start, end = _midnight(period.first, zone), _midnight(period.next.first, zone)
    until = end if document.as_of is None else max(start, min(end, second_of(document.as_of, zone)))
    excluded = covering(exclusions_of(document), council=COUNCIL, service=ANY_SERVICE, target=target.id, item=ITEM)
    outages = [outage for outage in _outages(document, zone) if outage[0] < until and outage[1] > start]
    share = availability(
        calendars(target.calendar).hours,
        outages=outages,
        excluded=[(each.start, each.end) for each in excluded],
        start=start,
        end=until,
    )
    agreement_index = _as_items(target, calendars)
    return MeasuredAvailability(
        target=target,
        period=period,
        start=start,
        end=end,
        until=until,
        share=share,
        # The objective's floors are numbers of items, which seconds are not.
        judgement=judge(Attained(share.good_s, share.service_s), Objective(percent=objective.percent)),
        outages=tuple(_judged(outage, agreement_index, excluded, until) for outage in outages),
    )


def _midnight(month: Month, zone: ZoneInfo) -> int:
    return int(datetime.combine(month.first_day, time(), zone).timestamp())


def _outages(document: TrialDocument, zone: ZoneInfo) -> list[Interval]:
    return [
        (second_of(outage.start, zone), FOREVER if outage.end is None else second_of(outage.end, zone))
        for outage in document.outages
    ]


def _as_items(target: TrialTarget, calendars: TrialCalendars) -> AgreementIndex:
    """The target for outages as items that are done when the service is back: how long a single one may last."""
    as_item = msgspec.structs.replace(target, measure="processing-time", paused_by=(), when={})
    agreement = Agreement(id=FIRST_LIST, council=COUNCIL, provider="provider", title="Tried", targets=(as_item,))
    return AgreementIndex([(1, agreement)], calendars)


def _judged(outage: Interval, agreement_index: AgreementIndex, excluded: Sequence[ExcludedTime], until: int) -> Verdict:
    start, end = outage
    facts: list[AnyFact] = [Opened(start * SECOND_US, SOURCE, "outage", ANY_SERVICE, "normal", {}, None, None)]
    if end != FOREVER:
        facts.append(Stopped(end * SECOND_US, SOURCE, "restored", "restored"))
    evaluation = evaluate(
        facts,
        council=COUNCIL,
        item=ITEM,
        agreement_index=agreement_index,
        exclusions=[each for each in excluded if each.start < end and each.end > start],
        as_of=until if end == FOREVER else max(until, end),
    )
    (verdict,) = evaluation.verdicts
    return verdict

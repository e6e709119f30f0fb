"""What trying a target answers. Instants are RFC 3339 in UTC; seconds are the clock's own (working or elapsed)."""

from datetime import datetime
from typing import assert_never

import msgspec
from msgspec import Struct

from shared.contracts.objectives import Ratio
from sla_monitor.domain.clock.due import ClockInterval
from sla_monitor.domain.clock.verdict import Verdict
from sla_monitor.http import instant, maybe_instant
from sla_monitor.reports.item_report import VerdictReport, verdict_report
from sla_monitor.trial.availability import MeasuredAvailability
from sla_monitor.trial.calendars import TrialCalendars
from sla_monitor.trial.item import ItemResult, TargetWithoutVerdict, VerdictResult
from sla_monitor.trial.questions import Added, Answer, Between, Opening
from sla_monitor.trial.target import TrialResult

_EXCHANGED = ("update-interval", "periodic-update")


class WarningInstant(Struct, frozen=True):
    """When `percent` of the allowance is used up, as far as is known; `reached` by `as_of` or the stop."""

    percent: int
    at: datetime | None
    reached: bool


class Exchange(Struct, frozen=True):
    """A question and its answer, or a silence between two updates; `ended_at` is null while it lasts."""

    started_at: datetime
    ended_at: datetime | None
    elapsed_s: int
    due_at: datetime | None
    margin_s: int | None


class TrialVerdict(VerdictReport, frozen=True):
    """A verdict as the API shows it, and what one compares with another system's answer.

    `due_next_open_at` is the due instant by the convention that a deadline at closing time is the next opening.
    `calendar_versions` are those in force during the life. `worst_exchange` is the one with the least margin.
    """

    overdue_s: int
    due_next_open_at: datetime | None
    calendar_versions: list[int]
    warning_instants: list[WarningInstant]
    worst_exchange: Exchange | None


class UnjudgedTarget(Struct, frozen=True):
    """A target of the list `agreement` that has no verdict, and why."""

    target: str
    agreement: str
    reason: str


class TrialOutageVerdict(Struct, frozen=True):
    """One outage against the target's threshold for a single outage; its seconds count inside service hours."""

    start_at: datetime
    end_at: datetime | None
    verdict: str
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
    judgement: str
    outages: list[TrialOutageVerdict]


class BetweenAnswer(Struct, frozen=True, tag="between", tag_field="kind"):
    """Working seconds in [start_at, end_at), and the working days after the first date up to the last."""

    id: str | None
    calendar: str
    start_at: datetime
    end_at: datetime
    seconds: int
    working_days: int


class AdditionAnswer(Struct, frozen=True, tag="add", tag_field="kind"):
    """The earliest instant `at` by which so much has passed, and the first open one from there on; null for never."""

    id: str | None
    calendar: str
    start_at: datetime
    at: datetime | None
    next_open_at: datetime | None


class OpeningAnswer(Struct, frozen=True, tag="is-open", tag_field="kind"):
    """Whether the second that begins at `at` is open, and the first open instant from there on; null for never."""

    id: str | None
    calendar: str
    at: datetime
    open: bool
    next_open_at: datetime | None


class TrialAnswer(Struct, frozen=True):
    """All that holds of a document: verdicts on its item, availability, answers, and notes on how it was read."""

    title: str | None
    zone: str
    as_of: datetime | None
    verdicts: list[TrialVerdict]
    unjudged: list[UnjudgedTarget]
    availability: list[TrialAvailability]
    answers: list[BetweenAnswer | AdditionAnswer | OpeningAnswer]
    notes: list[str]


def trial_answer(tried: TrialResult) -> TrialAnswer:
    """The answer as the API and the command show it."""
    item = tried.item
    return TrialAnswer(
        title=tried.document.title,
        zone=tried.calendars.zone.key,
        as_of=None if item is None else instant(item.as_of),
        verdicts=[] if item is None else _verdicts(item, tried.calendars),
        unjudged=[] if item is None else [_unjudged(each) for each in item.unjudged],
        availability=[_availability(each) for each in tried.availability],
        answers=[_answer(each) for each in tried.answers],
        notes=tried.notes,
    )


def _verdicts(item: ItemResult, calendars: TrialCalendars) -> list[TrialVerdict]:
    return [_verdict(judged, calendars, as_of=item.as_of) for judged in item.verdicts]


def _verdict(judged: VerdictResult, calendars: TrialCalendars, *, as_of: int) -> TrialVerdict:
    verdict = judged.verdict
    bound_target, cycle = verdict.bound_target, verdict.cycle
    end = min(as_of, verdict.until) if cycle.stop is None else min(as_of, cycle.stop)
    versions = (
        [] if bound_target.calendar is None else calendars.numbers_between(bound_target.calendar.id, cycle.start, end)
    )
    return TrialVerdict(
        **msgspec.structs.asdict(verdict_report(verdict, as_of=as_of)),
        overdue_s=_overdue(verdict),
        due_next_open_at=None
        if verdict.due is None
        else maybe_instant(bound_target.time_basis.add_to_open(verdict.due, 0)),
        calendar_versions=versions,
        warning_instants=[_warning(judged, percent) for percent in bound_target.warn_at],
        worst_exchange=_worst_exchange(judged),
    )


def _overdue(verdict: Verdict) -> int:
    return max(0, -(verdict.margin_s or 0))


def _warning(judged: VerdictResult, percent: int) -> WarningInstant:
    reached = [warned.at for warned in judged.verdict.warnings if warned.percent == percent]
    if reached:
        return WarningInstant(percent, instant(reached[0]), reached=True)
    last = judged.intervals[-1] if judged.intervals else None
    return WarningInstant(percent, None if last is None else maybe_instant(_used_up(last, percent)), reached=False)


def _used_up(interval: ClockInterval, percent: int) -> int | None:
    """The first instant in service hours at which so much of the allowance will have counted."""
    return (
        None
        if interval.allowance is None
        else interval.stopwatch.exceed(interval.base - (-interval.allowance * percent // 100))
    )


def _worst_exchange(judged: VerdictResult) -> Exchange | None:
    if judged.verdict.bound_target.target.measure not in _EXCHANGED:
        return None
    owed = [interval for interval in judged.intervals if interval.margin is not None]
    return _exchange(min(owed, key=lambda interval: interval.margin or 0)) if owed else None


def _exchange(interval: ClockInterval) -> Exchange:
    return Exchange(
        started_at=instant(interval.start),
        ended_at=None if interval.open else instant(interval.end),
        elapsed_s=interval.elapsed,
        due_at=maybe_instant(interval.due),
        margin_s=interval.margin,
    )


def _unjudged(unjudged: TargetWithoutVerdict) -> UnjudgedTarget:
    return UnjudgedTarget(unjudged.target, unjudged.targets, unjudged.reason)


def _availability(measured: MeasuredAvailability) -> TrialAvailability:
    share, target = measured.share, measured.target
    return TrialAvailability(
        target=target.id,
        within=target.within,
        calendar=target.calendar,
        period=str(measured.period),
        start_at=instant(measured.start),
        end_at=instant(measured.end),
        measured_to=instant(measured.until),
        service_s=share.service_s,
        outage_s=share.outage_s,
        good_s=share.good_s,
        attained_percent=Ratio(share.good_s, share.service_s).percent_text,
        objective_percent=None if target.objective is None else target.objective.percent,
        judgement=measured.judgement.value,
        outages=[_outage(each) for each in measured.outages],
    )


def _outage(verdict: Verdict) -> TrialOutageVerdict:
    return TrialOutageVerdict(
        start_at=instant(verdict.cycle.start),
        end_at=maybe_instant(verdict.cycle.stop),
        verdict=verdict.outcome.value,
        elapsed_s=verdict.elapsed_s,
        margin_s=verdict.margin_s,
        overdue_s=_overdue(verdict),
    )


def _answer(answer: Answer) -> BetweenAnswer | AdditionAnswer | OpeningAnswer:
    name, calendar = answer.id, answer.calendar
    match answer.found:
        case Between(start, end, seconds, days):
            return BetweenAnswer(name, calendar, instant(start), instant(end), seconds, days)
        case Added(start, at, next_open):
            return AdditionAnswer(name, calendar, instant(start), maybe_instant(at), maybe_instant(next_open))
        case Opening(at, is_open, next_open):
            return OpeningAnswer(name, calendar, instant(at), is_open, maybe_instant(next_open))
        case never:
            assert_never(never)

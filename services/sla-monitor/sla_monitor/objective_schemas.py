"""What the monitor's API answers about objectives. Units are in the names; `amounts` are items, or pence by value."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from sla_monitor.domain.attainment import Share
from sla_monitor.domain.burning import Burning
from sla_monitor.domain.fairness import Check
from sla_monitor.domain.promises import Promise
from sla_monitor.handlers.at_risk import Owed
from sla_monitor.handlers.budgets import BudgetAnswer, BudgetRow
from sla_monitor.handlers.fairness import Found, Report, counts
from sla_monitor.handlers.percentiles import Percentile
from sla_monitor.handlers.quality import Quality
from sla_monitor.schemas import instant, maybe_instant


class WindowBody(Struct, frozen=True):
    """Misses came too fast over the last `working_days`: `missed` of the `total` items that fell due in them."""

    working_days: int
    factor: str
    missed: int
    total: int


class ForecastBody(Struct, frozen=True):
    """What will be good at the end of the period: if all goes well, as it went so far, with all at risk missed."""

    total: int
    best: int
    likely: int
    cautious: int
    likely_percent: str
    judgement: str


class BudgetBody(Struct, frozen=True):
    """One objective's period. `met` to `paused` are items; from `expected` on, amounts in what the objective weighs by.

    `remaining` is negative when too much missed for the expected volume; `alert_percent` is the highest of 50, 75, 90
    and 100% of the allowance that was used up; `exhausted_for_certain` when no plausible volume can make up for it.
    """

    council: str
    service: str
    target: str
    measure: str
    period: str
    objective_percent: str
    weighted_by: Literal["count", "value"]
    met: int
    missed: int
    open: int
    at_risk: int
    paused: int
    expected: int
    allowed: int
    used: int
    remaining: int
    consumed_percent: int | None
    alert_percent: int | None
    exhausted_for_certain: bool
    low_volume: bool
    burning: list[WindowBody]
    forecast: ForecastBody


class BudgetsBody(Struct, frozen=True):
    """By council, service and target; what is open as of `as_of`."""

    as_of: datetime
    budgets: list[BudgetBody]


class PromiseBody(Struct, frozen=True):
    """One open promise. `left_s` is in the clock's own seconds, `left_wall_s` around the clock; None while paused."""

    council: str
    item: str
    service: str
    target: str
    measure: str
    cycle: int
    priority: str
    due_at: datetime | None
    left_s: int | None
    left_wall_s: int | None
    warned_percent: int
    paused: bool


class AtRiskBody(Struct, frozen=True):
    """The most urgent first, as of `as_of`; `open` counts all that are open."""

    as_of: datetime
    open: int
    promises: list[PromiseBody]


class FairnessCountBody(Struct, frozen=True):
    """How often a check found something."""

    council: str
    service: str
    month: str
    check: Check
    count: int


class FindingBody(Struct, frozen=True):
    """One finding: when it began and ended, and the clock's seconds that it is about."""

    council: str
    service: str
    month: str
    item: str
    target: str
    check: Check
    at: datetime
    until: datetime | None
    seconds: int


class FairnessBody(Struct, frozen=True):
    """Counts of all findings, and the first of them; the limits are what "just before" and "soon" mean here."""

    as_of: datetime
    pause_lead_s: int
    stop_lead_s: int
    reopened_within_s: int
    counts: list[FairnessCountBody]
    findings: list[FindingBody]


class PercentileBody(Struct, frozen=True):
    """The item at the nearest rank took `elapsed_s` of the clock's seconds; None: it missed `within`."""

    council: str
    service: str
    target: str
    measure: str
    period: str
    percent: str
    within: str
    total: int
    rank: int
    elapsed_s: int | None


class QualityBody(Struct, frozen=True):
    """A promised reduction of missed promises, and the attained one. Percentages are of promises kept, cut.

    `baseline_source` is "stated", or the financial year that was measured.
    """

    partnership: str
    benefit: str
    illustrative: bool
    source: str
    period: str
    ended: bool
    promised_percent: str
    improvement_percent: str | None
    outcome: str
    good: int
    total: int
    attained_percent: str
    baseline_source: str | None
    baseline_percent: str | None


def budgets_body(answer: BudgetAnswer) -> BudgetsBody:
    """The budgets as the API shows them."""
    return BudgetsBody(instant(answer.as_of), [_budget(row) for row in answer.rows])


def _budget(row: BudgetRow) -> BudgetBody:
    (council, service, target), held, worked = row.subject, row.standing, row.budget
    forecast = worked.forecast
    return BudgetBody(
        council=council,
        service=service,
        target=target,
        measure=row.aim.target.measure,
        period=str(row.aim.period),
        objective_percent=row.aim.objective.percent,
        weighted_by=row.aim.objective.weighted_by,
        met=held.attained.good,
        missed=held.attained.missed,
        open=held.open.items,
        at_risk=held.at_risk.items,
        paused=row.paused,
        expected=worked.expected,
        allowed=worked.allowed,
        used=worked.missed,
        remaining=worked.remaining,
        consumed_percent=worked.consumed_percent,
        alert_percent=worked.alert_percent,
        exhausted_for_certain=worked.exhausted_for_certain,
        low_volume=worked.low_volume,
        burning=[_window(burning) for burning in row.burning],
        forecast=ForecastBody(
            total=forecast.total,
            best=forecast.best,
            likely=forecast.likely,
            cautious=forecast.cautious,
            likely_percent=Share(forecast.likely, forecast.total).percent_text,
            judgement=worked.forecast_judgement.value,
        ),
    )


def _window(burning: Burning) -> WindowBody:
    whole, tenth = divmod(burning.window.factor_tenths, 10)
    share = burning.share
    return WindowBody(burning.window.working_days, f"{whole}.{tenth}", share.missed, share.total)


def at_risk_body(owed: Owed, shown: list[Promise]) -> AtRiskBody:
    """The promises as the API shows them."""
    return AtRiskBody(instant(owed.as_of), len(owed.promises), [_promise(promise) for promise in shown])


def _promise(promise: Promise) -> PromiseBody:
    return PromiseBody(
        council=promise.council,
        item=promise.item,
        service=promise.service,
        target=promise.target,
        measure=promise.measure,
        cycle=promise.cycle,
        priority=promise.priority,
        due_at=maybe_instant(promise.due),
        left_s=promise.left_s,
        left_wall_s=promise.left_wall_s,
        warned_percent=promise.warned_percent,
        paused=promise.paused,
    )


def fairness_body(report: Report, found: list[Found], *, limit: int) -> FairnessBody:
    """The findings as the API shows them, all of them counted and `limit` of them listed."""
    return FairnessBody(
        as_of=instant(report.as_of),
        pause_lead_s=report.limits.pause_lead_s,
        stop_lead_s=report.limits.stop_lead_s,
        reopened_within_s=report.limits.reopened_within_s,
        counts=[FairnessCountBody(*name, count) for name, count in counts(found).items()],
        findings=[_finding(each) for each in found[:limit]],
    )


def _finding(found: Found) -> FindingBody:
    return FindingBody(
        council=found.council,
        service=found.service,
        month=found.month,
        item=found.item,
        target=found.target,
        check=found.finding.check,
        at=instant(found.finding.at),
        until=maybe_instant(found.finding.until),
        seconds=found.finding.seconds,
    )


def percentile_body(found: Percentile) -> PercentileBody:
    """The percentile as the API shows it."""
    counted, target = found.attainment.counted, found.target
    return PercentileBody(
        council=counted.council,
        service=counted.service,
        target=counted.target,
        measure=counted.measure,
        period=counted.period,
        percent=found.objective.percent,
        within=target.within,
        total=counted.total,
        rank=found.rank,
        elapsed_s=found.elapsed_s,
    )


def quality_body(quality: Quality) -> QualityBody:
    """The promise and its result as the API shows them."""
    benefit, baseline, improved = quality.benefit, quality.baseline, quality.improvement
    return QualityBody(
        partnership=quality.partnership.id,
        benefit=benefit.id,
        illustrative=benefit.illustrative,
        source=benefit.source,
        period=str(quality.year),
        ended=quality.ended,
        promised_percent=benefit.promised_percent or "0",
        improvement_percent=None if improved is None else improved.percent_text,
        outcome=quality.realised.value,
        good=quality.attained.good,
        total=quality.attained.total,
        attained_percent=quality.attained.percent_text,
        baseline_source=None if baseline is None else baseline.source,
        baseline_percent=None if baseline is None else baseline.share.percent_text,
    )

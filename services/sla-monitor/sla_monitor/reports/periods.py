"""Verdict counts put together: to months, quarters and financial years, and to the windows of burn rates."""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

import msgspec
from msgspec import Struct

from shared.contracts.definitions import Objective, Target
from shared.contracts.objectives import MEASURED_OVER, Judgement, Ratio, judge
from shared.instants import epoch_s, instant
from shared.period import Month, Period, PeriodLength, month_of, period_of, require_begun
from shared.scope import Scope
from sla_monitor.domain.agreements import AgreementIndex, MissingCalendar
from sla_monitor.domain.attainment import combined, misses_remaining
from sla_monitor.domain.budget import (
    WORKING_WINDOWS,
    BurnRateAlert,
    WorkingWindow,
    burn_rate,
    burn_rate_alerts,
    window_start,
)
from sla_monitor.domain.working_time.compiled import WorkingTime
from sla_monitor.ports import TargetKey, VerdictCounts
from sla_monitor.reports.sources import Sources


class Attainment(Struct, frozen=True):
    """A council's period against one target, which is None where no agreement of the period has it.

    `so_far` while the period goes on.
    """

    counts: VerdictCounts
    target: Target | None
    over: PeriodLength = "month"
    so_far: bool = False

    @property
    def objective(self) -> Objective | None:
        """What was agreed, over whatever period."""
        return None if self.target is None else self.target.objective

    @property
    def share(self) -> Ratio:
        """Good of total, in what the objective weighs by."""
        return self.counts.attained.weighed(self.objective)

    @property
    def judgement(self) -> Judgement:
        """Against the target's objective; one that is measured over another period says nothing about this one."""
        objective = self.objective
        if objective is not None and objective.over != self.over:
            return MEASURED_OVER[objective.over]
        return judge(self.counts.attained, objective)

    @property
    def misses_remaining(self) -> int | None:
        """How much more could have missed, in items or pence; None without an objective over such a period."""
        objective = self.objective
        if objective is None or objective.over != self.over:
            return None
        return misses_remaining(self.counts.attained, objective)


def attainments(
    sources: Sources,
    scope: Scope,
    *,
    month: Month | None,
    service: str | None = None,
    over: PeriodLength = "month",
) -> list[Attainment]:
    """By council, service, agreement, target and period; only of the one in which `month` lies, where it is given.

    Work that was done early may count in a month that has not begun: it is in no figure before that. Blocks: call it
    from a worker thread. Raises `MonthNotBegun`.
    """
    now = sources.clock.now()
    if month is not None:
        require_begun(month, now=now)
    months = None if month is None else [str(each) for each in period_of(month, over).months]
    monthly = sources.read_model.attainment(scope, months=months, service=service)
    counts = by_period([row for row in monthly if Month.parse(row.period) <= month_of(now)], over)
    targets = TargetsByPeriod(sources.catalogue.agreement_index)
    return [
        Attainment(
            row, targets.of(row.council, period).get((row.agreement, row.target)), over, so_far=now < period.end_at
        )
        for row, period in counts
    ]


class TargetsByPeriod:
    """The targets of any council and period, each looked up once. Made for one answer, then dropped."""

    def __init__(self, agreement_index: AgreementIndex) -> None:
        self._agreement_index = agreement_index
        self._targets: dict[tuple[str, Period], dict[tuple[str, str], Target]] = {}

    def of(self, council: str, period: Period) -> dict[tuple[str, str], Target]:
        """By agreement and id, as they last were in the period: what was agreed later does not judge it."""
        key = council, period
        if key not in self._targets:
            self._targets[key] = self._agreement_index.targets(council, before_s=epoch_s(period.end_at))
        return self._targets[key]


def by_period(monthly: Iterable[VerdictCounts], over: PeriodLength) -> list[tuple[VerdictCounts, Period]]:
    """The sums over whole periods, in the order given, which is by key and month."""
    grouped = groupby(monthly, key=lambda row: _key(row, over))
    return [(_summed(list(rows), period), period) for (*_, period), rows in grouped]


def _key(row: VerdictCounts, over: PeriodLength) -> tuple[TargetKey, str, Period]:
    return row.key, row.measure, period_of(Month.parse(row.period), over)


def _summed(rows: list[VerdictCounts], period: Period) -> VerdictCounts:
    total = combined(row.attained for row in rows)
    return msgspec.structs.replace(
        rows[0],
        period=str(period),
        met=total.good,
        total=total.total,
        met_pence=total.good_pence,
        total_pence=total.total_pence,
    )


class BurnRateWindows:
    """What fell due in the working-day windows that end now; each window is counted once for all that share it."""

    def __init__(self, sources: Sources, scope: Scope, now: datetime) -> None:
        self._sources, self._scope, self.now = sources, scope, now
        self._now_s = epoch_s(now)
        self._counted: dict[int, dict[TargetKey, Ratio]] = {}

    def rates(self, key: TargetKey, objective: Objective) -> dict[int, float]:
        """The burn rate of each window, by its working days; none where `alerts` has none."""
        hours = self._hours(key)
        if hours is None:
            return {}
        return {
            window.working_days: burn_rate(self._share(key, window, hours), objective) for window in WORKING_WINDOWS
        }

    def alerts(self, key: TargetKey, objective: Objective) -> list[BurnRateAlert]:
        """The windows that fire; none where the target is no longer in force or its calendar is not known."""
        hours = self._hours(key)
        if hours is None:
            return []
        return burn_rate_alerts(((window, self._share(key, window, hours)) for window in WORKING_WINDOWS), objective)

    def _hours(self, key: TargetKey) -> WorkingTime | None:
        try:
            bound = self._sources.catalogue.agreement_index.bound_targets(key.council, [key.service], self._now_s)
        except MissingCalendar:
            return None
        return next((each.hours for each in bound if (each.agreement, each.id) == (key.agreement, key.target)), None)

    def _share(self, key: TargetKey, window: WorkingWindow, hours: WorkingTime) -> Ratio:
        start = window_start(window, hours=hours, now=self._now_s)
        if start not in self._counted:
            counts = self._sources.read_model.due_within(self._scope, instant(start), self.now)
            self._counted[start] = {row.key: row.attained.by_count for row in counts}
        return self._counted[start].get(key, Ratio(0, 0))

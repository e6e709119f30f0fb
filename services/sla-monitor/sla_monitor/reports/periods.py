"""What was agreed for a period, and monthly counts put together to periods."""

from collections.abc import Iterable
from itertools import groupby

import msgspec

from shared.contracts.definitions import Target
from shared.period import Month, Period, PeriodLength, period_of
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.attainment import combined
from sla_monitor.ports import VerdictCounts


class TargetsByPeriod:
    """The targets of any council and period, each looked up once. Made for one answer, then dropped."""

    def __init__(self, agreement_index: AgreementIndex) -> None:
        self._book = agreement_index
        self._targets: dict[tuple[str, Period], dict[str, Target]] = {}

    def targets(self, council: str, period: Period) -> dict[str, Target]:
        """By id, as they last were in the period: what was promised later does not judge it."""
        name = council, period
        if name not in self._targets:
            self._targets[name] = self._book.targets(council, before_s=int(period.end_at.timestamp()))
        return self._targets[name]

    def target(self, counted: VerdictCounts, period: Period) -> Target | None:
        """The target that the counts are about."""
        return self.targets(counted.council, period).get(counted.target)


def by_period(monthly: Iterable[VerdictCounts], over: PeriodLength) -> list[tuple[VerdictCounts, Period]]:
    """The sums over whole periods, in the order given, which is by council, service, target and month."""
    return [
        (_summed(list(rows), period), period) for (*_, period), rows in groupby(monthly, key=lambda row: _of(row, over))
    ]


def _of(row: VerdictCounts, over: PeriodLength) -> tuple[str, str, str, str, Period]:
    return row.council, row.service, row.target, row.measure, period_of(Month.parse(row.period), over)


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

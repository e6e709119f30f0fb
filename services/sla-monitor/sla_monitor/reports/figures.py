"""The reports' figures as metrics: what every instance exports alike, worked out by the reports themselves.

No figure is summed here in another way than a report does; a metric is a report's row under its labels.
"""

import asyncio
from collections.abc import Iterable, Sequence

from shared.contracts.definitions import EVERY_SERVICE, Council, Service, Target
from shared.metrics.definition import Figures
from shared.metrics.every_service import CATALOGUE_VERSIONS
from shared.period import month_of
from shared.scope import Scope
from sla_monitor import metrics
from sla_monitor.domain.agreements import AgreementIndex, MissingCalendar
from sla_monitor.domain.open_targets import OpenItems
from sla_monitor.domain.working_time.compiled import BeyondHorizon, WorkingTime
from sla_monitor.ports import Catalogue, TargetKey
from sla_monitor.reports.budget import BudgetRow, budgets
from sla_monitor.reports.periods import BurnRateWindows, attainments
from sla_monitor.reports.sources import Sources

OTHER_PRIORITY = "other"
_NORMAL = "normal"  # of an event that names none

Labels = tuple[str, ...]
Samples = dict[Labels, float]


async def read_model_figures(sources: Sources) -> Figures:
    """The figures of every council, as of now; open items are as old as `Sources.open_targets`."""
    report = await budgets(sources, Scope.all(), month=None, service=None)
    items = await sources.open_items()
    return await asyncio.to_thread(_figures, sources, items, report.budgets)


def known_targets(catalogue: Catalogue, now_s: int) -> list[Labels]:
    """The labels of every target in force: one of every service once for each service that is known."""
    index, services = catalogue.agreement_index, catalogue.ids(Service)
    return [
        (council, service, agreement, target.id, target.measure)
        for council in index.councils
        for agreement, target in index.targets_in_force(council, now_s)
        if target.measure != "availability"
        for service in (services if target.service == EVERY_SERVICE else [target.service])
    ]


def _figures(sources: Sources, items: OpenItems, budget_rows: Sequence[BudgetRow]) -> Figures:
    catalogue = sources.catalogue
    versions: Samples = {(kind,): count for kind, count in catalogue.version_counts().items()}
    names: Samples = {(council, catalogue.name(Council, council)): 1 for council in catalogue.ids(Council)}
    return {
        CATALOGUE_VERSIONS: versions,
        metrics.COUNCIL_INFO: names,
        metrics.COUNCIL_SILENT: silence(catalogue.agreement_index, items, sources.now_s),
        **_attained(sources),
        **_allowances(sources, budget_rows),
        **_open(catalogue.agreement_index, items, sources.now_s),
    }


def _attained(sources: Sources) -> Figures:
    good: Samples = dict.fromkeys(known_targets(sources.catalogue, sources.now_s), 0)
    decided = dict(good)
    for row in attainments(sources, Scope.all(), month=month_of(sources.clock.now())):
        labels = (*row.counts.key, row.counts.measure)
        good[labels], decided[labels] = row.counts.met, row.counts.total
    return {metrics.GOOD_ITEMS: good, metrics.DECIDED_ITEMS: decided}


def _allowances(sources: Sources, rows: Iterable[BudgetRow]) -> Figures:
    remaining: Samples = {}
    consumed: Samples = {}
    burn: Samples = {}
    windows = BurnRateWindows(sources, Scope.all(), sources.clock.now())
    objectives = _Objectives(sources)
    for row in rows:
        key = TargetKey(row.council, row.service, row.agreement, row.target)
        labels = (*key, row.measure)
        remaining[labels] = row.remaining
        consumed[labels] = row.used / row.allowed if row.allowed else float("inf" if row.used else 0)
        target = objectives.target(key)
        if target is not None and target.objective is not None:
            for days, rate in windows.rates(key, target.objective).items():
                burn[(*labels, f"{days}d")] = rate
    return {metrics.MISSES_REMAINING: remaining, metrics.ALLOWANCE_CONSUMED: consumed, metrics.ALLOWANCE_BURN: burn}


class _Objectives:
    """The targets in force now, looked up once for each council."""

    def __init__(self, sources: Sources) -> None:
        self._index, self._now_s = sources.catalogue.agreement_index, sources.now_s
        self._targets: dict[str, dict[tuple[str, str], Target]] = {}

    def target(self, key: TargetKey) -> Target | None:
        if key.council not in self._targets:
            current = self._index.targets_in_force(key.council, self._now_s)
            self._targets[key.council] = {(agreement, target.id): target for agreement, target in current}
        return self._targets[key.council].get((key.agreement, key.target))


def _open(index: AgreementIndex, items: OpenItems, now_s: int) -> Figures:
    """Any text may be a priority: what no agreement of the council names is one label, so that they are bounded."""
    named = {council: _priorities(index, council, now_s) for council in index.councils}

    def labels(council: str, service: str, priority: str) -> Labels:
        return council, service, priority if priority in named.get(council, ()) else OTHER_PRIORITY

    open_: Samples = {}
    at_risk: Samples = {}
    for key, count in items.open.items():
        open_[labels(*key)] = open_.get(labels(*key), 0) + count
        at_risk[labels(*key)] = at_risk.get(labels(*key), 0) + items.at_risk[key]
    next_breach: Samples = {}
    for key, left_s in items.next_breach_s.items():
        next_breach[labels(*key)] = min(left_s, next_breach.get(labels(*key), left_s))
    oldest: Samples = {(council, service): age for (council, service), age in items.oldest_s.items()}
    return {
        metrics.OPEN_ITEMS: open_,
        metrics.AT_RISK_ITEMS: at_risk,
        metrics.OLDEST_ITEM: oldest,
        metrics.NEXT_BREACH: next_breach,
    }


def _priorities(index: AgreementIndex, council: str, now_s: int) -> set[str]:
    named = (target.when.get("priority", ()) for _, target in index.targets_in_force(council, now_s))
    return {_NORMAL, *(priority for each in named for priority in each)}


def silence(index: AgreementIndex, items: OpenItems, now_s: int) -> Samples:
    """Working seconds since the last event of every council with an agreement in force, or since that began.

    A silence is one by the service hours that the council has least of.
    """
    silence: Samples = {}
    for council in index.councils:
        begun = index.in_force_since(council, now_s)
        if begun is None:
            continue
        since = max(begun, items.last_fact_s.get(council, begun))
        silence[(council,)] = min((_between(hours, since, now_s) for hours in _hours(index, council, now_s)), default=0)
    return silence


def _hours(index: AgreementIndex, council: str, now_s: int) -> list[WorkingTime]:
    """The service hours of the council's targets; all hours where none has any."""
    targets = [target for _, target in index.targets_in_force(council, now_s)]
    with_hours = [target for target in targets if target.calendar is not None]
    try:
        return [index.hours(target) for target in with_hours or targets]
    except MissingCalendar:
        return []


def _between(hours: WorkingTime, start: int, end: int) -> int:
    try:
        return hours.between(start, end)
    except BeyondHorizon:
        return 0

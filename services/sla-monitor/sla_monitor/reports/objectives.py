"""All that may be asked about objectives, put together for whoever answers."""

from dataclasses import dataclass

from sla_monitor.reports.at_risk import AtRisk
from sla_monitor.reports.availability import AvailabilityReport
from sla_monitor.reports.budget import BudgetReport
from sla_monitor.reports.fairness import FairnessReport
from sla_monitor.reports.percentiles import PercentileReport
from sla_monitor.reports.quality import QualityReport


@dataclass(frozen=True, slots=True)
class Objectives:
    """How periods stand, what comes next, whether it is fair, and whether the partnership is worth it."""

    availabilities: AvailabilityReport
    budgets: BudgetReport
    at_risk: AtRisk
    fairness: FairnessReport
    percentiles: PercentileReport
    qualities: QualityReport

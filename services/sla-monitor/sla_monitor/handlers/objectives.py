"""All that may be asked about objectives, put together for whoever answers."""

from dataclasses import dataclass

from sla_monitor.handlers.at_risk import AtRisk
from sla_monitor.handlers.availability import Availabilities
from sla_monitor.handlers.budgets import Budgets
from sla_monitor.handlers.fairness import Fairness
from sla_monitor.handlers.percentiles import Percentiles
from sla_monitor.handlers.quality import Qualities


@dataclass(frozen=True, slots=True)
class Objectives:
    """How periods stand, what comes next, whether it is fair, and whether the partnership is worth it."""

    availabilities: Availabilities
    budgets: Budgets
    at_risk: AtRisk
    fairness: Fairness
    percentiles: Percentiles
    qualities: Qualities

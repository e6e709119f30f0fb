"""Billing's own figures."""

from prometheus_client import CollectorRegistry

from shared.metrics.groups import GroupMetrics


class BillingMetrics:
    """What the reading of the log looks like; money is told by statements, never by metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.groups = GroupMetrics(registry)

"""The catalogue's own figures."""

from prometheus_client import CollectorRegistry, Gauge


class CatalogueMetrics:
    """Set by the service as it looks at its store."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.unannounced = Gauge(
            "catalogue_outbox_waiting_messages", "Versions recorded that the log does not hold yet.", registry=registry
        )

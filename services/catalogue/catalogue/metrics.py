"""The catalogue's metrics: the annotated list, and the figures that it samples."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from catalogue.domain.versions import DEFINITION_TYPES
from shared.metrics.definition import Exporter, MetricDefinition, SampledMetrics
from shared.metrics.every_service import OUTBOX_AGE, OUTBOX_METRICS, OUTBOX_WAITING, PROCESS_METRICS
from shared.metrics.groups import FirstSeen

ANNOUNCED = MetricDefinition(
    name="tallystick_announced_versions_total",
    kind="counter",
    unit="versions",
    labels=("kind",),
    meaning="Versions of definitions that were recorded and that the log holds, by kind; a total of the database.",
    action="More here than in tallystick_catalogue_versions of a reader: that reader is behind, or its log was lost.",
    exporter=Exporter.EVERY_INSTANCE,
)
METRICS = (*OUTBOX_METRICS, *PROCESS_METRICS, ANNOUNCED)


class CatalogueMetrics:
    """What is to be announced, and what was."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._shown = SampledMetrics(registry)
        self._oldest = FirstSeen()
        self._announced: dict[tuple[str, ...], int] = {}

    def show(self, recorded: Mapping[str, int], waiting: Mapping[str, int], *, first: int | None) -> None:
        """`recorded` versions and those of them that are `waiting`, by kind; `first` is the oldest one's position."""
        for kind in DEFINITION_TYPES:
            # What is announced once more waits again, and was announced all the same: a counter never falls.
            announced = recorded.get(kind, 0) - waiting.get(kind, 0)
            self._announced[(kind,)] = max(announced, self._announced.get((kind,), 0))
        self._shown.show(
            {
                ANNOUNCED: dict(self._announced),
                OUTBOX_WAITING: {(): sum(waiting.values())},
                OUTBOX_AGE: {(): self._oldest.oldest_s([] if first is None else [first])},
            }
        )

"""A metric as its list describes it; Prometheus's objects and docs/metrics.md are both made from that list.

Names begin with `tallystick_` and end in their unit; labels are bounded: councils, services, agreements, targets,
measures, priorities, partitions, never items or people.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as MetricFamily
from prometheus_client.registry import Collector

# The instant at which a series was made, beside every counter and histogram, would double them, and nobody reads it.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no annotation there

Figures = Mapping["MetricDefinition", Mapping[tuple[str, ...], float]]


class Exporter(Enum):
    """Who exports a figure, and so how several instances are read together.

    The owner of a partition: `sum` or `max`. Every instance the same: `max by (…)`, never `sum`. Each about itself:
    `sum` of rates, or `by (instance)`.
    """

    OWNER = "partition's owner"
    EVERY_INSTANCE = "every instance, the same"
    EACH_INSTANCE = "each instance, its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDefinition:
    """One metric. `meaning` is its help text, `action` what to do when it is not as it should be.

    Of a counter the name ends in `_total`. `buckets` are a histogram's upper bounds, ascending, in `unit`.
    """

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    unit: str
    meaning: str
    action: str
    exporter: Exporter
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    def gauge(self, registry: CollectorRegistry) -> Gauge:
        """The metric as a gauge in `registry`."""
        return Gauge(self.name, self.meaning, self.labels, registry=registry)

    def counter(self, registry: CollectorRegistry) -> Counter:
        """The metric as a counter in `registry`; without labels it is there from now on, as 0."""
        return Counter(self.name, self.meaning, self.labels, registry=registry)

    def histogram(self, registry: CollectorRegistry) -> Histogram:
        """The metric as a histogram in `registry`."""
        return Histogram(self.name, self.meaning, self.labels, registry=registry, buckets=self.buckets)

    def family(self, samples: Mapping[tuple[str, ...], float]) -> MetricFamily:
        """The metric with these values by labels, in the order of `labels`."""
        make = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = make(self.name, self.meaning, labels=self.labels)
        for labels, value in samples.items():
            family.add_metric(labels, value)
        return family


class SampledMetrics(Collector):
    """Figures that a sampling loop replaces whole: a scrape sees one sample or the next, never half of one.

    Before the first sample there are none; what a sample leaves out is gone.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._figures: Figures = {}
        registry.register(self)

    def show(self, figures: Figures) -> None:
        """From now on these are shown, and no others."""
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """The figures last shown."""
        return [definition.family(samples) for definition, samples in self._figures.items()]


def exposition(registries: Mapping[str, CollectorRegistry]) -> bytes:
    """What Prometheus reads of several services in one process; `job`, a label of every sample, says whose it is.

    In production each service is a process of its own and Prometheus itself adds that label.
    """
    together = CollectorRegistry()
    together.register(_Together(registries))
    return generate_latest(together)


class _Together(Collector):
    def __init__(self, registries: Mapping[str, CollectorRegistry]) -> None:
        self._registries = registries

    def collect(self) -> Iterable[Metric]:
        """Each metric once, with the samples of all registries."""
        families: dict[str, Metric] = {}
        for job, registry in self._registries.items():
            for found in registry.collect():
                family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
                family.samples += [each._replace(labels={**each.labels, "job": job}) for each in found.samples]
        return families.values()


def markdown_table(definitions: Sequence[MetricDefinition]) -> list[str]:
    """The list as docs/metrics.md shows it, one row a metric."""
    rows = [
        f"| `{each.name}` | {each.kind}, {each.unit} | {', '.join(f'`{label}`' for label in each.labels) or 'none'} |"
        f" {each.meaning} | {each.action} | {each.exporter.value} |"
        for each in definitions
    ]
    head = "| Name | Kind, unit | Labels | Meaning | What to do | Exported by |"
    return [head, "|---|---|---|---|---|---|", *rows]

"""docs/metrics.md, made from the services' annotated lists: `python -m tallystick.metrics_page > docs/metrics.md`."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.metrics import METRICS as BILLING
from catalogue.metrics import METRICS as CATALOGUE
from shared.metrics.definition import MetricDefinition, markdown_table
from shared.metrics.every_service import OUTBOX_METRICS, PROCESS_METRICS, READER_METRICS
from sla_monitor.metrics import CAUSES, METRICS, OUTCOMES

LISTS: dict[str, Sequence[MetricDefinition]] = {"catalogue": CATALOGUE, "sla-monitor": METRICS, "billing": BILLING}
_SHARED = (*PROCESS_METRICS, *READER_METRICS, *OUTBOX_METRICS)
_BURN_WINDOWS = 4
_ELAPSED_SERIES = 9  # seven buckets, sum and count
_SHARD_SERIES = 9  # five gauges, four outcomes


@dataclass(frozen=True, slots=True)
class Extent:
    """A partnership as metrics see it. `targets` are those of all councils, one of every service once a service."""

    councils: int
    services: int
    targets: int
    priorities: int
    measures: int
    partitions: int

    @property
    def most_series(self) -> int:
        """The most series of councils and partitions that one instance of the monitor exports.

                Beside them
        each process has some tens of its own, and 14 for each route and status that was asked for.
        """
        by_target = 2 + len(OUTCOMES) + 2 + _BURN_WINDOWS
        by_council = 4 + len(CAUSES) + self.measures * _ELAPSED_SERIES
        by_service = 1 + 3 * (self.priorities + 1)
        return (
            self.targets * by_target
            + self.councils * (by_council + self.services * by_service)
            + self.partitions * _SHARD_SERIES
        )


_EXAMPLE = Extent(councils=40, services=15, targets=1800, priorities=4, measures=3, partitions=36)
_PROSE = f"""# Metrics

Each service serves `/metrics` on its admin port, for Prometheus; the demo serves those of all three at `/metrics` of
its address, with the label `job` on every sample (scrape it with `honor_labels: true`). In production `job` is the
label that `deploy/prometheus/prometheus.yml` and the ServiceMonitor give: `catalogue`, `sla-monitor` or `billing`. The
label `service` is something else: what a council uses, such as payroll.

This page is made from the lists in the code (`shared/shared/metrics/every_service.py`, and each service's
`metrics.py`). After a change there: `python -m tallystick.metrics_page > docs/metrics.md`.

* **Names** begin with `tallystick_` and end in their unit; counters in `_total`. Those of the process itself
  (`process_…`, `python_…`) are the client library's own.
* **Labels** are bounded: ids of councils, services, agreements, targets and measures of the catalogue, priorities that
  an agreement names (any other is `other`), partitions, the last twelve months. Never an item, a person or a text
  that somebody typed.
* **From the start at 0** are the counters of every partition, outcome, council, target and route, so that the first bad
  event is an increase that an alert sees. A new council or target has its series within seconds of its version.
* **Exported by** every instance, the same: what is read from the common stores; read it with `max by (…)`, never `sum`.
  By the partition's owner: what belongs to a partition moves with it; `sum` or `max`. By each instance, its own: what
  it did itself; `sum` of rates.
* **Sampled** every 5 seconds; figures of the read model every 15 (billing: 60), and more seldom where they cost more:
  they take at most a tenth of one core. A figure that cannot be worked out keeps its last value: see
  `tallystick_store_up`.
* **Money** is for display. What is payable is on the statement. The ledger is summed up again once a hundred times what
  its last sum took has passed: it takes at most a hundredth of one core, however long it is.

## How many series

One instance of the monitor exports at most

    targets × {2 + len(OUTCOMES) + 2 + _BURN_WINDOWS}
    + councils × ({4 + len(CAUSES)} + measures × {_ELAPSED_SERIES})
    + councils × services × (1 + 3 × (priorities + 1))
    + partitions × {_SHARD_SERIES}

where a target of every service counts once for each service. With {_EXAMPLE.councils} councils,
{_EXAMPLE.services} services, {_EXAMPLE.targets:,} targets in all, {_EXAMPLE.priorities} priorities and
{_EXAMPLE.measures} measures that is {_EXAMPLE.most_series:,} series an instance.

Billing has 10 a council, 1 for each council's service, 5 for each of at most 12 months, and the same for partitions.
Beside them each process has some tens, and 14 for each route and status that was asked for.
"""


def page() -> str:
    """The page as Markdown."""
    parts = [_PROSE, "## Every service", "", _EVERY_SERVICE, "", *markdown_table(_SHARED)]
    for service, metrics in LISTS.items():
        own = [each for each in metrics if each not in _SHARED]
        parts += ["", f"## {service}", "", *markdown_table(own)]
    return "\n".join(parts) + "\n"


_EVERY_SERVICE = """The catalogue reads no log and has no metrics of consumers."""

if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 (its output is the page)

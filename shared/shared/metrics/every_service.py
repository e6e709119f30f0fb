"""The metrics that every service has, whatever it does. What reads no log, or has no outbox, leaves those out."""

import platform
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, GCCollector, Info, PlatformCollector, ProcessCollector

from shared.log.failures import PRODUCT_VERSION
from shared.metrics.definition import Exporter, MetricDefinition

_SHARD = ("group", "topic", "partition")
# What may become of a record; parked ones leave that state when what they waited for comes, and are a gauge.
OUTCOMES = ("applied", "duplicate", "quarantined", "absent")
ENDINGS = ("applied", "busy", "halted", "fenced", "failed")
STORES = ("database", "state", "bus")

LAG_RECORDS = MetricDefinition(
    name="tallystick_consumer_lag_records",
    kind="gauge",
    unit="records",
    labels=_SHARD,
    meaning="Records of the partition that are not applied yet.",
    action="While batches are applied it catches up: add instances. Otherwise see consumer_halted and store_up.",
    exporter=Exporter.OWNER,
)
LAG_SECONDS = MetricDefinition(
    name="tallystick_consumer_lag_seconds",
    kind="gauge",
    unit="seconds",
    labels=_SHARD,
    meaning="How long the oldest record that is not applied yet has waited, as far as this instance has seen it.",
    action="As for tallystick_consumer_lag_records. It begins at 0 with a start and a change of owner.",
    exporter=Exporter.OWNER,
)
UNACCOUNTED = MetricDefinition(
    name="tallystick_consumer_unaccounted_records",
    kind="gauge",
    unit="records",
    labels=_SHARD,
    meaning="Records without a result (above 0) or with two (below 0). Always 0, or figures are wrong.",
    action="Issue no statements; report a bug in Tallystick.",
    exporter=Exporter.OWNER,
)
PARKED = MetricDefinition(
    name="tallystick_consumer_parked_records",
    kind="gauge",
    unit="records",
    labels=_SHARD,
    meaning="Valid records that wait for a council, a service or an agreement.",
    action="Load what is missing, or tell the sender that the name is wrong.",
    exporter=Exporter.OWNER,
)
HALTED = MetricDefinition(
    name="tallystick_consumer_halted",
    kind="gauge",
    unit="1 or 0",
    labels=_SHARD,
    meaning="1 while the partition is halted, until people decide.",
    action="The log event shard.halted and /readyz say what can be decided.",
    exporter=Exporter.OWNER,
)
RECORDS = MetricDefinition(
    name="tallystick_consumer_records_total",
    kind="counter",
    unit="records",
    labels=(*_SHARD, "outcome"),
    meaning=f"Records by what became of them: {', '.join(OUTCOMES)}. The totals are those of the store.",
    action="Look at quarantined ones with `tallystick quarantine list`.",
    exporter=Exporter.OWNER,
)
BATCHES = MetricDefinition(
    name="tallystick_consumer_batches_total",
    kind="counter",
    unit="batches",
    labels=("group", "ending"),
    meaning="Batches by ending: applied, busy (a store did not answer), halted, fenced (another was first), failed.",
    action="If busy ones go on, see store_up. If failed ones do, the log of the service holds the cause.",
    exporter=Exporter.EACH_INSTANCE,
)
BATCH_SECONDS = MetricDefinition(
    name="tallystick_consumer_batch_seconds",
    kind="histogram",
    unit="seconds",
    labels=("group",),
    meaning="How long it took to apply a batch of one partition.",
    action="If it grows, look at the store's disk and at the processor time of the instance.",
    exporter=Exporter.EACH_INSTANCE,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
FENCE_CONFLICTS = MetricDefinition(
    name="tallystick_fence_conflicts_total",
    kind="counter",
    unit="writes",
    labels=("group",),
    meaning="Writes refused because another instance had moved the partition first. Nothing is lost by one.",
    action="Some at each rebalance are right. If they go on, two instances read the same partitions.",
    exporter=Exporter.EACH_INSTANCE,
)
QUARANTINE_OPEN = MetricDefinition(
    name="tallystick_quarantine_open_records",
    kind="gauge",
    unit="records",
    labels=("group", "topic"),
    meaning="Quarantined records about which nobody has decided yet. They count nowhere.",
    action="`tallystick quarantine list`, then redrive or discard them.",
    exporter=Exporter.EVERY_INSTANCE,
)
STORE_UP = MetricDefinition(
    name="tallystick_store_up",
    kind="gauge",
    unit="1 or 0",
    labels=("store",),
    meaning="Whether the store (database, state or bus) answered within five seconds.",
    action="Restore the store; the service goes on by itself.",
    exporter=Exporter.EACH_INSTANCE,
)
OUTBOX_WAITING = MetricDefinition(
    name="tallystick_outbox_waiting_messages",
    kind="gauge",
    unit="messages",
    meaning="Results that the log does not hold yet; of the monitor up to 200 a partition are counted.",
    action="If it stays above 0, the log does not accept messages: see store_up of the bus.",
    exporter=Exporter.OWNER,
)
OUTBOX_AGE = MetricDefinition(
    name="tallystick_outbox_age_seconds",
    kind="gauge",
    unit="seconds",
    meaning="How long the oldest of these messages has waited, as far as this instance has seen it; 0 where none does.",
    action="As for tallystick_outbox_waiting_messages.",
    exporter=Exporter.OWNER,
)
CATALOGUE_VERSIONS = MetricDefinition(
    name="tallystick_catalogue_versions",
    kind="gauge",
    unit="versions",
    labels=("kind",),
    meaning="Versions of definitions that the service has read from the catalogue's log, by kind.",
    action="0 agreements: the catalogue has published nothing, or its log was lost. Every record is parked.",
    exporter=Exporter.EVERY_INSTANCE,
)
HTTP_SECONDS = MetricDefinition(
    name="tallystick_http_request_duration_seconds",
    kind="histogram",
    unit="seconds",
    labels=("method", "route", "status"),
    meaning="How long an answer took, by the route as it is written; status none: there was no answer.",
    action="If a route is slow, compare it with batches and with the database.",
    exporter=Exporter.EACH_INSTANCE,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
HTTP_ERRORS = MetricDefinition(
    name="tallystick_http_errors_total",
    kind="counter",
    unit="answers",
    labels=("method", "route"),
    meaning="Requests that ended in a 5xx status or without an answer; 0 from the start for every route.",
    action="The log event http.failed holds the cause.",
    exporter=Exporter.EACH_INSTANCE,
)
EVENT_LOOP_LAG = MetricDefinition(
    name="tallystick_event_loop_lag_seconds",
    kind="histogram",
    unit="seconds",
    meaning="How late the event loop comes round.",
    action="Over 0.25 something blocks it: look first whether the machine has free processor time.",
    exporter=Exporter.EACH_INSTANCE,
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
)
BUILD_INFO = MetricDefinition(
    name="tallystick_build_info",
    kind="gauge",
    unit="always 1",
    labels=("service", "version", "python"),
    meaning="Which release of which service runs, on which Python.",
    action="After an upgrade every instance should show the same version.",
    exporter=Exporter.EACH_INSTANCE,
)

READER_METRICS = (
    LAG_RECORDS,
    LAG_SECONDS,
    UNACCOUNTED,
    PARKED,
    HALTED,
    RECORDS,
    BATCHES,
    BATCH_SECONDS,
    FENCE_CONFLICTS,
    QUARANTINE_OPEN,
    CATALOGUE_VERSIONS,
)
OUTBOX_METRICS = (OUTBOX_WAITING, OUTBOX_AGE)
PROCESS_METRICS = (STORE_UP, HTTP_SECONDS, HTTP_ERRORS, EVENT_LOOP_LAG, BUILD_INFO)


def register_process(registry: CollectorRegistry, *, service: str) -> None:
    """`registry` has what is known of the process itself: build, memory, processor time, garbage collection."""
    build: Mapping[str, str] = {
        "service": service,
        "version": PRODUCT_VERSION,
        "python": platform.python_version(),
    }
    Info(BUILD_INFO.name.removesuffix("_info"), BUILD_INFO.meaning, registry=registry).info(dict(build))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)

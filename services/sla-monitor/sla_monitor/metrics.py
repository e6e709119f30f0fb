"""The monitor's own metrics: the annotated list, and those of them that are about this instance.

The figures of the read model, which every instance exports alike, are worked out in `reports.figures`.
"""

from collections import Counter as Counts
from collections.abc import Callable, Collection, Iterable, Sequence

from prometheus_client import CollectorRegistry

from shared.contracts.verdicts import TargetBreached, TargetMet, VerdictCorrected, VerdictEvent, VerdictRetracted
from shared.instants import epoch_s
from shared.log.port import Shard
from shared.metrics.definition import Exporter, MetricDefinition, SampledMetrics
from shared.metrics.every_service import OUTBOX_AGE, OUTBOX_METRICS, OUTBOX_WAITING, PROCESS_METRICS, READER_METRICS
from shared.metrics.groups import FirstSeen, GroupMetrics, ShardStatus
from shared.state.port import StateStore
from shared.units import EpochSeconds
from sla_monitor.domain.item import OUTAGE_MARK

# How many waiting announcements of a shard are counted: more are a backlog, whose size the lag of its readers tells.
_OUTBOX_COUNTED = 200
_TARGET = ("council", "service", "agreement", "target", "measure")
_ITEMS = ("council", "service", "priority")
OUTCOMES = ("met", "breached")
# A breach is published when the threshold is used up: how long the item takes in the end is not known then.
_MISSED_RATIO = 1.01
# What a correction followed from, as far as its cause says: an id that nothing else has is of an event.
CAUSES = ("event", "exclusion", "correction-run", "retry", "catalogue", "clock", "rebuild")

GOOD_ITEMS = MetricDefinition(
    name="tallystick_attainment_good_items",
    kind="gauge",
    unit="items",
    labels=_TARGET,
    meaning="Items that met the target, of this London month so far.",
    action="Divide by tallystick_attainment_items, and compare with the objective on the attainment page.",
    exporter=Exporter.EVERY_INSTANCE,
)
DECIDED_ITEMS = MetricDefinition(
    name="tallystick_attainment_items",
    kind="gauge",
    unit="items",
    labels=_TARGET,
    meaning="Items decided against the target, of this London month so far.",
    action="0 for a whole day where there was work before: see tallystick_council_silent_working_seconds.",
    exporter=Exporter.EVERY_INSTANCE,
)
MISSES_REMAINING = MetricDefinition(
    name="tallystick_misses_remaining",
    kind="gauge",
    unit="items, or pence where the objective weighs by value",
    labels=_TARGET,
    meaning="How much more may miss in the objective's present period at its expected volume; negative beyond it.",
    action="At 2 or fewer, work first on what /v1/at-risk lists of this target.",
    exporter=Exporter.EVERY_INSTANCE,
)
ALLOWANCE_CONSUMED = MetricDefinition(
    name="tallystick_allowance_consumed_ratio",
    kind="gauge",
    unit="ratio",
    labels=_TARGET,
    meaning="Share of the period's allowed misses that is used up; +Inf where none is allowed and one happened.",
    action="From 0.75 on, look at the items behind it: /v1/budget and the attainment page.",
    exporter=Exporter.EVERY_INSTANCE,
)
ALLOWANCE_BURN = MetricDefinition(
    name="tallystick_allowance_burn_ratio",
    kind="gauge",
    unit="ratio",
    labels=(*_TARGET, "window"),
    meaning="How many times faster than allowed items missed that fell due in the last working days (window).",
    action="1 uses the allowance up exactly by the end of the period. See tallystick_allowance_consumed_ratio.",
    exporter=Exporter.EVERY_INSTANCE,
)
OPEN_ITEMS = MetricDefinition(
    name="tallystick_open_items",
    kind="gauge",
    unit="items",
    labels=_ITEMS,
    meaning="Open items that any target applies to. A priority that no agreement names is other.",
    action="If it grows for days, more comes in than is done.",
    exporter=Exporter.EVERY_INSTANCE,
)
AT_RISK_ITEMS = MetricDefinition(
    name="tallystick_at_risk_items",
    kind="gauge",
    unit="items",
    labels=_ITEMS,
    meaning="Open items of which a warning was reached for a target that can still be met.",
    action="/v1/at-risk lists them, the most urgent first.",
    exporter=Exporter.EVERY_INSTANCE,
)
OLDEST_ITEM = MetricDefinition(
    name="tallystick_oldest_open_item_working_seconds",
    kind="gauge",
    unit="working seconds",
    labels=("council", "service"),
    meaning="Working time since the oldest open item was opened, pauses included.",
    action="Look whether somebody works on it, or whether its end was never sent.",
    exporter=Exporter.EVERY_INSTANCE,
)
NEXT_BREACH = MetricDefinition(
    name="tallystick_next_breach_working_seconds",
    kind="gauge",
    unit="seconds of the target's clock",
    labels=_ITEMS,
    meaning="What is left to the open item that breaches next: working time, or time around the clock if agreed so.",
    action="/v1/at-risk names the item.",
    exporter=Exporter.EVERY_INSTANCE,
)
ELAPSED_RATIO = MetricDefinition(
    name="tallystick_elapsed_threshold_ratio",
    kind="histogram",
    unit="ratio",
    labels=("council", "measure"),
    meaning="Elapsed time of decided items as a share of their threshold; all that missed are just over 1.",
    action="If many lie just below 1, the target is met by a hair: the next peak will miss it.",
    exporter=Exporter.EACH_INSTANCE,
    buckets=(0.1, 0.25, 0.5, 0.75, 0.9, 1.0),
)
VERDICTS = MetricDefinition(
    name="tallystick_verdicts_total",
    kind="counter",
    unit="verdicts",
    labels=(*_TARGET, "outcome"),
    meaning="Verdicts recorded when first decided: met or breached; both 0 from the start for every known target.",
    action="For rates only: what holds after corrections is in tallystick_attainment_items.",
    exporter=Exporter.EACH_INSTANCE,
)
CORRECTIONS = MetricDefinition(
    name="tallystick_verdict_corrections_total",
    kind="counter",
    unit="verdicts",
    labels=("council", "cause"),
    meaning=f"Verdicts corrected or retracted after they were published, by cause: {', '.join(CAUSES)}.",
    action="Many by event: a sender is late or reverses what it sent. /v1/quality says which.",
    exporter=Exporter.EACH_INSTANCE,
)
EVALUATION_DELAY = MetricDefinition(
    name="tallystick_evaluation_delay_seconds",
    kind="histogram",
    unit="seconds",
    meaning="From when an item became due to when its breach was recorded. History sent late is late here too.",
    action="If it grows without a replay, see consumer_lag_records and due_overdue_seconds.",
    exporter=Exporter.EACH_INSTANCE,
    buckets=(1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400),
)
COUNCIL_SILENT = MetricDefinition(
    name="tallystick_council_silent_working_seconds",
    kind="gauge",
    unit="working seconds",
    labels=("council",),
    meaning="Working time since the council's last ticket or work event, or since its agreement began.",
    action="Ask the sender whether its system still sends. Service hours: those of its targets that passed least.",
    exporter=Exporter.EVERY_INSTANCE,
)
FAILED_ITEMS = MetricDefinition(
    name="tallystick_failed_items",
    kind="gauge",
    unit="items",
    labels=("council",),
    meaning="Items of this instance's partitions that could not be judged, and are in no figure.",
    action="Report the bug that `tallystick quarantine list` shows; they are judged again after an upgrade.",
    exporter=Exporter.OWNER,
)
HELD_SHARDS = MetricDefinition(
    name="tallystick_held_shards",
    kind="gauge",
    unit="partitions",
    labels=("council",),
    meaning="This instance's partitions in which none of the council's items is judged: too many of them failed.",
    action="Undo what began it: publish the terms that held before, or install the release before.",
    exporter=Exporter.OWNER,
)
UNRECONCILED = MetricDefinition(
    name="tallystick_unreconciled_shards",
    kind="gauge",
    unit="partitions",
    meaning="Partitions that may have published what live state has forgotten; compared once they have read all.",
    action="After a loss of Redis it falls to 0 by itself. If it does not, the partitions do not catch up.",
    exporter=Exporter.OWNER,
)
ARCHIVED = MetricDefinition(
    name="tallystick_archived_items_total",
    kind="counter",
    unit="items",
    meaning="Ended items that this instance has moved from live state to the archive in the database.",
    action="None for days: live state grows. Look for an error in the log.",
    exporter=Exporter.EACH_INSTANCE,
)
DUE_OVERDUE = MetricDefinition(
    name="tallystick_due_overdue_seconds",
    kind="gauge",
    unit="seconds",
    meaning="How long the item longest due has been waiting to be evaluated; 0 when none is due.",
    action="Over 60 breaches are published late: the monitor is behind, or too few instances run.",
    exporter=Exporter.OWNER,
)
COUNCIL_INFO = MetricDefinition(
    name="tallystick_council_info",
    kind="gauge",
    unit="always 1",
    labels=("council", "name"),
    meaning="The name of each council, for `* on (council) group_left (name)`.",
    action="Nothing: it is there to be joined.",
    exporter=Exporter.EVERY_INSTANCE,
)
OWN_METRICS = (
    GOOD_ITEMS,
    DECIDED_ITEMS,
    MISSES_REMAINING,
    ALLOWANCE_CONSUMED,
    ALLOWANCE_BURN,
    OPEN_ITEMS,
    AT_RISK_ITEMS,
    OLDEST_ITEM,
    NEXT_BREACH,
    ELAPSED_RATIO,
    VERDICTS,
    CORRECTIONS,
    EVALUATION_DELAY,
    COUNCIL_SILENT,
    FAILED_ITEMS,
    HELD_SHARDS,
    UNRECONCILED,
    ARCHIVED,
    DUE_OVERDUE,
    COUNCIL_INFO,
)
METRICS = (*READER_METRICS, *OUTBOX_METRICS, *PROCESS_METRICS, *OWN_METRICS)


class MonitorMetrics:
    """Counters of what this instance did, gauges of what its shards hold."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.groups = GroupMetrics(registry)
        self.read_model = SampledMetrics(registry)
        self.archived = ARCHIVED.counter(registry)
        self._shards = SampledMetrics(registry)
        self._verdicts, self._corrections = VERDICTS.counter(registry), CORRECTIONS.counter(registry)
        self._elapsed, self._delay = ELAPSED_RATIO.histogram(registry), EVALUATION_DELAY.histogram(registry)
        self._outbox_waiting = FirstSeen()

    def create_series(self, targets: Iterable[tuple[str, ...]], councils: Iterable[str]) -> None:
        """The counters of these targets (their labels) and councils are there: the first breach is an increase."""
        for labels in targets:
            for outcome in OUTCOMES:
                self._verdicts.labels(*labels, outcome)
        for council in councils:
            for cause in CAUSES:
                self._corrections.labels(council, cause)

    def count_verdicts(
        self, events: Sequence[VerdictEvent], *, now_s: int, cause_of: Callable[[str, str], str]
    ) -> None:
        """`events` are counted as what this instance recorded: twice where one comes twice.

        `cause_of` says which of `CAUSES` the id behind a council's correction is.
        """
        for event in events:
            match event:
                case TargetMet() | TargetBreached():
                    self._count_decided(event, now_s)
                case VerdictCorrected() | VerdictRetracted():
                    self._corrections.labels(event.council, cause_of(event.council, event.data.cause)).inc()

    def _count_decided(self, event: TargetMet | TargetBreached, now_s: int) -> None:
        data = event.data
        labels = (event.council, data.service, data.agreement, data.target, data.measure)
        self._verdicts.labels(*labels, data.outcome).inc()
        elapsed = self._elapsed.labels(event.council, data.measure)
        if isinstance(event, TargetBreached):
            elapsed.observe(_MISSED_RATIO)
            self._delay.observe(max(0, now_s - epoch_s(event.time)))
        elif data.elapsed_s is not None and data.margin_s is not None and data.elapsed_s + data.margin_s > 0:
            elapsed.observe(data.elapsed_s / (data.elapsed_s + data.margin_s))

    async def sample(
        self,
        states: StateStore,
        shards: Collection[Shard],
        councils: Collection[str],
        *,
        now_s: int,
        unreconciled: int = 0,
    ) -> list[ShardStatus]:
        """The gauges show `shards` as they are at `now_s`; returns how far each of them is."""
        outbox = [await states.outbox(shard, limit=_OUTBOX_COUNTED) for shard in shards]
        due = [at for shard in shards for _, at in await states.due(shard, until_s=EpochSeconds(now_s), limit=1)]
        found = [(shard, await states.head(shard)) for shard in shards]
        heads = [(shard, head) for shard, head in found if head is not None]
        failed = Counts(key.removeprefix(OUTAGE_MARK).partition(":")[0] for _, head in heads for key in head.failed)
        held = Counts(council for _, head in heads for council in head.held)
        self._shards.show(
            {
                OUTBOX_WAITING: {(): sum(map(len, outbox))},
                OUTBOX_AGE: {(): self._outbox_waiting.oldest_s([first.id for first, *_ in filter(None, outbox)])},
                DUE_OVERDUE: {(): max((now_s - at for at in due), default=0)},
                UNRECONCILED: {(): unreconciled},
                FAILED_ITEMS: {(council,): failed[council] for council in {*councils, *failed}},
                HELD_SHARDS: {(council,): held[council] for council in {*councils, *held}},
            }
        )
        return [ShardStatus.of_head(shard, head) for shard, head in heads]

"""The monitor's own figures."""

from collections import Counter as Counts
from collections.abc import Collection, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.contracts.verdicts import TargetBreached, TargetMet, VerdictCorrected, VerdictEvent, VerdictRetracted
from shared.log.port import Shard
from shared.metrics import GroupMetrics, ShardStatus
from shared.state.port import Head, StateStore
from shared.units import EpochSeconds
from sla_monitor.domain.item import OUTAGE_MARK

# Decided verdicts by council, service, agreement, target and outcome.
VERDICT_COUNTER = "tallystick_verdicts_total"
# How many waiting announcements of a shard are counted: more are a backlog, whose size the lag of its readers tells.
_OUTBOX_COUNTED = 200


class MonitorMetrics:
    """Counters of what this instance did, gauges of what its shards hold."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.groups = GroupMetrics(registry)
        self._evaluations = Counter(
            VERDICT_COUNTER.removesuffix("_total"),
            "Verdicts recorded: met or breached when first decided; corrected and retracted ones beside them.",
            ["council", "service", "agreement", "target", "measure", "outcome"],
            registry=registry,
        )
        self._waiting = Gauge(
            "tallystick_outbox_waiting_messages",
            f"Announcements of live state that the log does not hold yet, counted up to {_OUTBOX_COUNTED} a shard.",
            registry=registry,
        )
        self.unreconciled = Gauge(
            "tallystick_unreconciled_shards",
            "Shards that may have announced what live state has forgotten: compared when they have read all there is.",
            registry=registry,
        )
        self.archived = Counter(
            "tallystick_archived_items",
            "Ended items that this instance has moved from live state to the archive in the database.",
            registry=registry,
        )
        self._failed = Gauge(
            "tallystick_failed_items",
            "Items of this instance's shards that could not be judged, and are in no figure.",
            ["council"],
            registry=registry,
        )
        self._held = Gauge(
            "tallystick_held_shards",
            "This instance's shards in which none of the council's items is judged, because too many of them failed.",
            ["council"],
            registry=registry,
        )
        self._overdue = Gauge(
            "tallystick_due_overdue_seconds",
            "How long the item longest due has been waiting to be looked at; 0 when none is due.",
            registry=registry,
        )

    def count_verdicts(self, events: Sequence[VerdictEvent]) -> None:
        """The verdicts in `events` are counted as what this instance recorded: twice where one comes twice.

        What holds is asked of the read model.
        """
        for event in events:
            match event:
                case TargetMet() | TargetBreached():
                    outcome: str = event.data.outcome
                case VerdictCorrected():
                    outcome = "corrected"
                case VerdictRetracted():
                    outcome = "retracted"
                case _:
                    continue
            data = event.data
            self._evaluations.labels(
                event.council, data.service, data.agreement, data.target, data.measure, outcome
            ).inc()

    def _show_failures(self, heads: Sequence[Head], councils: Collection[str]) -> None:
        """Every one of `councils` has gauges, mostly of 0."""
        failed = Counts(key.removeprefix(OUTAGE_MARK).partition(":")[0] for head in heads for key in head.failed)
        held = Counts(council for head in heads for council in head.held)
        for gauge, counts in ((self._failed, failed), (self._held, held)):
            gauge.clear()
            for council in {*councils, *counts}:
                gauge.labels(council).set(counts[council])

    async def sample(
        self, states: StateStore, shards: Collection[Shard], councils: Collection[str], *, now_s: int
    ) -> list[ShardStatus]:
        """The gauges show `shards` as they are at `now_s`; returns how far each of them is."""
        self._waiting.set(sum([len(await states.outbox(shard, limit=_OUTBOX_COUNTED)) for shard in shards]))
        due = [at for shard in shards for _, at in await states.due(shard, until_s=EpochSeconds(now_s), limit=1)]
        self._overdue.set(max((now_s - at for at in due), default=0))
        found = [(shard, await states.head(shard)) for shard in shards]
        heads = [(shard, head) for shard, head in found if head is not None]
        self._show_failures([head for _, head in heads], councils)
        return [ShardStatus.of_head(shard, head) for shard, head in heads]

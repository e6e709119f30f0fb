"""The monitor's own figures."""

from collections.abc import Collection, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.contracts.verdicts import TargetBreached, TargetMet, VerdictCorrected, VerdictEvent, VerdictRetracted
from shared.log.port import Shard
from shared.metrics.groups import GroupMetrics, ShardStatus
from shared.state.port import StateStore
from sla_monitor.domain.openslo import COUNTER
from sla_monitor.ports import AnnouncementStore

# How many waiting announcements of a shard are counted: more are a backlog, whose size the lag of its readers tells.
_OUTBOX_COUNTED = 200


class MonitorMetrics:
    """Counters of what this instance did, gauges of what its shards hold."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.groups = GroupMetrics(registry)
        self._evaluations = Counter(
            COUNTER.removesuffix("_total"),
            "Verdicts recorded: met or breached when first decided; corrected and retracted ones beside them.",
            ["council", "service", "target", "outcome"],
            registry=registry,
        )
        self._waiting = Gauge(
            "sla_outbox_waiting_messages",
            f"Announcements of live state that the log does not hold yet, counted up to {_OUTBOX_COUNTED} a shard.",
            registry=registry,
        )
        self.in_doubt = Gauge(
            "sla_shards_in_doubt",
            "Shards that may have announced what live state has forgotten: compared when they have read all there is.",
            registry=registry,
        )
        self._overdue = Gauge(
            "sla_due_overdue_seconds",
            "How long the item longest due has been waiting to be looked at; 0 when none is due.",
            registry=registry,
        )

    def decided(self, events: Sequence[VerdictEvent]) -> None:
        """The verdicts in `events` are counted."""
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
            self._evaluations.labels(event.council, event.data.service, event.data.target, outcome).inc()

    async def look_at(self, states: StateStore, shards: Collection[Shard], *, now_s: int) -> list[ShardStatus]:
        """The gauges are as `shards` stand at `now_s`; returns how far each of them is."""
        self._waiting.set(sum([len(await states.outbox(shard, limit=_OUTBOX_COUNTED)) for shard in shards]))
        due = [at for shard in shards for _, at in await states.due(shard, until_s=now_s, limit=1)]
        self._overdue.set(max((now_s - at for at in due), default=0))
        heads = [(shard, await states.head(shard)) for shard in shards]
        return [ShardStatus.of_head(shard, head) for shard, head in heads if head is not None]


class MeteredAnnouncementStore:
    """`sla_monitor.ports.AnnouncementStore` with what is recorded counted once it is stored.

    A message that comes twice is counted twice: what this instance did is told here, what holds by the read model.
    """

    def __init__(self, records: AnnouncementStore, metrics: MonitorMetrics) -> None:
        self._records, self._metrics = records, metrics

    def position(self, shard: Shard) -> int | None:
        """As the records say."""
        return self._records.position(shard)

    def record(
        self, shard: Shard, *, expected: int | None, first: int, after: int, events: Sequence[VerdictEvent]
    ) -> None:
        """As the records do."""
        self._records.record(shard, expected=expected, first=first, after=after, events=events)
        self._metrics.decided(events)

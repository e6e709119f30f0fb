"""What every service measures: its consumer groups' batches, the state of their shards in the store, HTTP requests.

Totals are those that the store holds, so they survive restarts and are exact; each belongs to one shard, so that a
shard's moving to another instance ends one series and begins another, and no rate is ever wrong. A service's own
metrics are in its metrics.py.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as AsgiMessage

from shared.log.port import AppendUncertain, Bus, Fenced, Record, Shard
from shared.log.processor import Busy, CaughtUp, Processor
from shared.sql.progress import ShardProgress
from shared.state.port import Head

_BATCH_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_SHARD = ("group", "topic", "partition")
# Parked records leave that state when what they waited for comes: a total that may fall is no counter.
_PARKED = "parked"


@dataclass(frozen=True, slots=True)
class ShardStatus:
    """A shard as its reader's store has it: what became of the offsets from `first_offset` to below `next_offset`."""

    shard: Shard
    first_offset: int
    next_offset: int
    counts: Mapping[str, int]

    @classmethod
    def of_progress(cls, progress: ShardProgress) -> "ShardStatus":
        """The status of a shard whose progress is kept in SQL."""
        return cls(progress.shard, progress.first_offset, progress.next_offset, asdict(progress.counts))

    @classmethod
    def of_head(cls, shard: Shard, head: Head) -> "ShardStatus":
        """The status of a shard of live state."""
        return cls(shard, head.first_offset, head.next_offset, head.counts)

    @property
    def unaccounted(self) -> int:
        """Offsets that no count includes, less those that two include: 0 unless records were lost or counted twice."""
        return self.next_offset - self.first_offset - sum(self.counts.values())


class GroupMetrics(Collector):
    """The metrics of every group that one service reads in."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.batch_seconds = Histogram(
            "tallystick_consumer_batch_seconds",
            "How long it took to apply a batch of one shard.",
            ["group"],
            buckets=_BATCH_SECONDS,
            registry=registry,
        )
        self.batches = Counter(
            "tallystick_consumer_batches", "Batches by how they ended.", ["group", "ending"], registry=registry
        )
        self._shown: dict[str, list[tuple[ShardStatus, int]]] = {}
        self._halted: dict[str, Collection[Shard]] = {}
        registry.register(self)

    async def show(
        self, group: str, bus: Bus, statuses: Iterable[ShardStatus], *, halted: Collection[Shard] = ()
    ) -> None:
        """From now on `group` is shown as `statuses` say, beside the ends that the log has now."""
        self._halted[group] = halted
        self._shown[group] = [(each, (await bus.bounds(each.shard)).end) for each in statuses]

    def collect(self) -> Iterable[Metric]:
        """The metrics of the shards last shown."""
        lag = GaugeMetricFamily("tallystick_consumer_lag_records", "Records of a shard not applied yet.", labels=_SHARD)
        unaccounted = GaugeMetricFamily(
            "tallystick_consumer_unaccounted_records",
            "Records that were lost or counted twice. Always 0, or data is wrong.",
            labels=_SHARD,
        )
        parked = GaugeMetricFamily(
            "tallystick_consumer_parked_records", "Records that wait for what they refer to.", labels=_SHARD
        )
        halted = GaugeMetricFamily(
            "tallystick_consumer_halted", "1 for a shard that is halted until people decide.", labels=_SHARD
        )
        outcomes = CounterMetricFamily(
            "tallystick_consumer_records", "Records of a shard by what became of them.", labels=[*_SHARD, "outcome"]
        )
        for group, shown in self._shown.items():
            for status, end in shown:
                labels = [group, status.shard.topic, str(status.shard.partition)]
                lag.add_metric(labels, end - status.next_offset)
                unaccounted.add_metric(labels, status.unaccounted)
                halted.add_metric(labels, float(status.shard in self._halted[group]))
                parked.add_metric(labels, status.counts.get(_PARKED, 0))
                for outcome in status.counts.keys() - {_PARKED}:
                    outcomes.add_metric([*labels, outcome], status.counts[outcome])
        return lag, unaccounted, parked, halted, outcomes


class MeasuredProcessor:
    """A `shared.log.processor.Processor` whose batches are timed and counted; it does nothing else."""

    def __init__(self, processor: Processor, metrics: GroupMetrics, *, group: str) -> None:
        self._processor = processor
        self._seconds = metrics.batch_seconds.labels(group)
        self._endings = {
            ending: metrics.batches.labels(group, ending) for ending in ("applied", "busy", "fenced", "failed")
        }

    async def position(self, shard: Shard) -> int | None:
        return await self._processor.position(shard)

    async def apply(self, shard: Shard, records: Sequence[Record]) -> int:
        begun = perf_counter()
        ending = "failed"
        try:
            reached = await self._processor.apply(shard, records)
            ending = "applied"
        except Fenced:
            ending = "fenced"
            raise
        except (Busy, AppendUncertain):
            ending = "busy"
            raise
        finally:
            self._endings[ending].inc()
            self._seconds.observe(perf_counter() - begun)
        return reached

    async def idle(self, shard: Shard, *, caught_up: CaughtUp) -> None:
        await self._processor.idle(shard, caught_up=caught_up)


class MeasuredHttp:
    """An ASGI application whose requests are timed. Labels are bounded: routes as written, not as asked for.

    Plain ASGI: FastAPI's own middleware would cancel what a client has hung up on.
    """

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._seconds = Histogram(
            "tallystick_http_request_duration_seconds",
            "How long an answer took.",
            ["method", "route", "status"],
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = "none"  # the client hung up, or we failed, before there was an answer
        begun = perf_counter()

        async def noting(message: AsgiMessage) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._seconds.labels(method, _route(scope), status).observe(perf_counter() - begun)


def _route(scope: Scope) -> str:
    """The route as its routers together write it: `/v1/councils/{id}`; a router's part of it alone has no prefix."""
    whole = scope.get("fastapi", {}).get("effective_route_context", scope.get("route"))
    return getattr(whole, "path_format", "none")

"""A service's consumer groups as metrics: their batches, and the state of their shards in the store.

Totals are those that the store holds, so they survive restarts and are exact; each belongs to one shard, so that a
shard's moving to another instance ends one series and begins another, and no rate is ever wrong. Every shard that is
read has all its series from the beginning, at 0.
"""

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from time import monotonic, perf_counter
from typing import TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from shared.log.port import Bus, BusUnavailable, Fenced, Record, Shard
from shared.log.processor import Busy, CaughtUp, Halted, Processor
from shared.metrics import every_service as metrics
from shared.sql.progress import ShardProgress
from shared.state.port import Head

S = TypeVar("S")
T = TypeVar("T")
# Ends of the log that are remembered of a shard; with more, every second one is dropped, so that days fit.
_MOST_ENDS = 500


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


class WaitingTime:
    """How long what was seen has been waiting, by a clock that no sender sets: from when it was first seen here."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._seen: deque[tuple[float, int]] = deque()

    def of(self, *, end: int, reached: int) -> float:
        """Seconds since the place `reached` was first behind an end of the log; `end` is where it ends now."""
        now = self._now()
        if not self._seen or end > self._seen[-1][1]:
            self._seen.append((now, end))
        while self._seen and self._seen[0][1] <= reached:
            self._seen.popleft()
        if len(self._seen) > _MOST_ENDS:
            self._seen = deque([*self._seen][::2])
        return now - self._seen[0][0] if self._seen else 0.0


class FirstSeen:
    """How long something has been there, from when it was first seen here."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._seen: Mapping[Hashable, float] = {}

    def oldest_s(self, present: Collection[Hashable]) -> float:
        """Seconds since the first of what is `present` was seen; 0 where nothing is."""
        now = self._now()
        self._seen = {each: self._seen.get(each, now) for each in present}
        return max((now - since for since in self._seen.values()), default=0.0)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A shard, and whether it is halted."""

    status: ShardStatus
    halted: bool


@dataclass(frozen=True, slots=True)
class _Lag:
    """How many records of a shard are unread, and how long the oldest of them has waited."""

    records: int
    waited_s: float


class GroupMetrics(Collector):
    """The metrics of every group that one service reads in."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.batch_seconds = metrics.BATCH_SECONDS.histogram(registry)
        self.batches = metrics.BATCHES.counter(registry)
        self.fence_conflicts = metrics.FENCE_CONFLICTS.counter(registry)
        self._shown: dict[str, Mapping[Shard, _Shown]] = {}
        self._lags: dict[str, Mapping[Shard, _Lag]] = {}
        self._waiting: dict[tuple[str, Shard], WaitingTime] = {}
        registry.register(self)

    def show(
        self,
        group: str,
        statuses: Iterable[ShardStatus],
        *,
        owned: Collection[Shard] = (),
        halted: Collection[Shard] = (),
    ) -> None:
        """From now on `group` is shown as `statuses` say. Of the `owned` shards those without one were never read."""
        unread = {shard: ShardStatus(shard, 0, 0, {}) for shard in owned}
        by_shard = unread | {status.shard: status for status in statuses}
        self._shown[group] = {shard: _Shown(by_shard[shard], shard in halted) for shard in sorted(by_shard)}

    async def show_lag(self, group: str, bus: Bus, positions: Mapping[Shard, int]) -> None:
        """From now on the lag of `group` is that of the reader's `positions`; it asks no store, which may be away.

        While the log itself is away nobody knows how much waits, and no lag is shown: the last one would be stale.
        """
        lags: dict[Shard, _Lag] = {}
        try:
            for shard, reached in sorted(positions.items()):
                end = (await bus.bounds(shard)).end
                waiting = self._waiting.setdefault((group, shard), WaitingTime())
                lags[shard] = _Lag(end - reached, waiting.of(end=end, reached=reached))
        except BusUnavailable:
            lags = {}
        for lost in [key for key in self._waiting if key[0] == group and key[1] not in positions]:
            del self._waiting[lost]
        self._lags[group] = lags

    def collect(self) -> Iterable[Metric]:
        """The metrics of the shards last shown."""
        return [
            metrics.LAG_RECORDS.family(_each(self._lags, lambda each: each.records)),
            metrics.LAG_SECONDS.family(_each(self._lags, lambda each: each.waited_s)),
            metrics.UNACCOUNTED.family(_each(self._shown, lambda each: each.status.unaccounted)),
            metrics.PARKED.family(_each(self._shown, lambda each: each.status.counts.get("parked", 0))),
            metrics.HALTED.family(_each(self._shown, lambda each: each.halted)),
            metrics.RECORDS.family(
                {
                    (*labels, outcome): counts.get(outcome, 0)
                    for labels, counts in _each(self._shown, lambda each: each.status.counts).items()
                    for outcome in metrics.OUTCOMES
                }
            ),
        ]


def _each(shown: Mapping[str, Mapping[Shard, S]], value: Callable[[S], T]) -> dict[tuple[str, ...], T]:
    """By group, topic and partition."""
    return {
        (group, shard.topic, str(shard.partition)): value(each)
        for group, shards in shown.items()
        for shard, each in shards.items()
    }


class MeasuredProcessor:
    """A `shared.log.processor.Processor` whose batches are timed and counted; it does nothing else."""

    def __init__(self, processor: Processor, shown: GroupMetrics, *, group: str) -> None:
        self._processor = processor
        self._seconds = shown.batch_seconds.labels(group)
        self._endings = {ending: shown.batches.labels(group, ending) for ending in metrics.ENDINGS}
        self._conflicts = shown.fence_conflicts.labels(group)

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
            self._conflicts.inc()
            raise
        except Halted:
            ending = "halted"
            raise
        except (Busy, BusUnavailable):
            ending = "busy"
            raise
        finally:
            self._endings[ending].inc()
            self._seconds.observe(perf_counter() - begun)
        return reached

    async def idle(self, shard: Shard, *, caught_up: CaughtUp) -> None:
        try:
            await self._processor.idle(shard, caught_up=caught_up)
        except Fenced:
            self._conflicts.inc()
            raise

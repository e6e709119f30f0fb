"""Reading from Kafka as one member of a group.

Kafka rebalances in the background, in the middle of whatever is done here; `_begun` and `_ended` are called then and
only turn switches. A shard's next offset is kept here: after every change the consumer seeks to where the reader left
off, and what nobody has started is paused.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from shared.bus.kafka_address import KafkaAddress
from shared.bus.kafka_client import (
    FAULTS,
    NoPosition,
    OutOfRange,
    RawRecord,
    RebalanceListener,
    as_partition,
    bus_error,
    group_consumer,
    stop,
)
from shared.bus.kafka_commits import OffsetCommits
from shared.bus.kafka_records import records_of
from shared.bus.kafka_topics import GUIDE, TopicGuard
from shared.log.port import Bounds, BusError, OffsetGone, Record, Shard, check_offset

# A rebalance takes as long as the session of a member that has gone: up to a minute.
JOIN_S = 90.0
# A fetch that outlasts what it was given by this much is waiting for a rebalance.
GRACE_S = 0.25

_Fetched = Mapping[Shard, Sequence[RawRecord]]


class KafkaSubscription:
    """A `Subscription` of a `KafkaBus` to `topics`, which `guard` watches over."""

    def __init__(
        self,
        address: KafkaAddress,
        group: str,
        topics: Collection[str],
        *,
        guard: TopicGuard,
        bounds: Callable[[Shard], Awaitable[Bounds]],
        leave: Callable[["KafkaSubscription"], None],
    ) -> None:
        self._topics = topics
        self._guard = guard
        self._bounds = bounds
        self._leave = leave
        self._consumer = group_consumer(address, group)
        self._commits = OffsetCommits(self._consumer)
        self._assigned: frozenset[Shard] = frozenset()
        self._settled = asyncio.Event()
        self._next: dict[Shard, int] = {}
        self._paused: set[Shard] = set()
        self._fetching: asyncio.Future[_Fetched] | None = None
        self._polling = False
        self._polled_at = self._answered_at = time.monotonic()
        self._open = True

    async def join(self) -> None:
        """The member owns its first share; for the bus to call once."""
        self._consumer.subscribe(list(self._topics), listener=RebalanceListener(begun=self._begun, ended=self._ended))
        try:
            await self._consumer.start()
            async with asyncio.timeout(JOIN_S):
                await self._settled.wait()
        except FAULTS as fault:
            await self.close()
            raise bus_error("Kafka did not accept this member into the group", fault) from fault

    def silent_s(self) -> float:
        """Seconds for which the brokers have been asked for what is read here, and have not answered.

        While the reader is busy with something else, and asks for nothing, no answer is due.
        """
        return max(0.0, (time.monotonic() if self._polling else self._polled_at) - self._answered_at)

    def assigned(self) -> frozenset[Shard]:
        """While the group rebalances, the member keeps what it had."""
        for shard in self._next.keys() - self._assigned:
            del self._next[shard]
        return self._assigned

    async def seek(self, shard: Shard, offset: int) -> None:
        check_offset(shard, offset, await self._bounds(shard))
        self._next[shard] = offset
        self._seek_all([shard])

    async def poll(self, *, max_records: int, timeout_s: float) -> Mapping[Shard, Sequence[Record]]:
        """Raises `OffsetGone` or `PartitionMismatch` for a topic that is not what it was."""
        if not self._open:
            raise BusError("the subscription is closed")
        self._guard.check()
        self._answered_at += time.monotonic() - self._polled_at
        self._polling = True
        try:
            fetched = await self._fetch(max_records, timeout_s)
        finally:
            self._polling, self._polled_at = False, time.monotonic()
        found = {shard: records_of(raw) for shard, raw in fetched.items() if raw and self._delivers(shard)}
        self._next.update({shard: records[-1].offset + 1 for shard, records in found.items()})
        self._note_answer(answered=bool(found))
        self._commits.send()
        return found

    async def position(self, shard: Shard) -> int:
        """The consumer's own position counts only while no fetch may have gone past what was delivered."""
        if self._fetching is not None or not self._settled.is_set() or shard not in self._assigned:
            return self._next[shard]
        return await self._consumer.position(as_partition(shard))

    def pause(self, shards: Collection[Shard]) -> None:
        self._paused.update(shards)
        self._seek_all(shards)

    def resume(self, shards: Collection[Shard]) -> None:
        self._paused.difference_update(shards)
        self._seek_all(shards)

    async def commit(self, shard: Shard, next_offset: int) -> None:
        """Reaches the brokers about once a second."""
        self._commits.note(shard, next_offset)

    async def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._leave(self)
        await asyncio.gather(self._guard.close(), self._shut_down())
        self._assigned = frozenset()
        if self._fetching is not None:
            # The consumer is dead, so that nothing can be lost by cancelling what it may never answer.
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    async def _shut_down(self) -> None:
        await self._commits.close()
        await stop(self._consumer)

    def _begun(self) -> None:
        self._settled.clear()

    def _ended(self, assigned: frozenset[Shard]) -> None:
        self._assigned = assigned
        self._seek_all(assigned)
        self._settled.set()

    def _seek_all(self, shards: Collection[Shard]) -> None:
        """The consumer is where the reader left off, and delivers nothing of what is not started or is paused."""
        for shard in frozenset(shards) & self._consumer.assignment():
            partition = as_partition(shard)
            self._consumer.seek(partition, self._next.get(shard, 0))
            if self._delivers(shard):
                self._consumer.resume(partition)
            else:
                self._consumer.pause(partition)

    def _delivers(self, shard: Shard) -> bool:
        return shard in self._assigned and shard in self._next and shard not in self._paused

    async def _fetch(self, max_records: int, timeout_s: float) -> _Fetched:
        try:
            arrived = await self._first(max_records, timeout_s)
            return {**arrived, **await self._rest(max_records, arrived.keys())} if arrived else {}
        except OutOfRange as gone:
            raise OffsetGone(f"Kafka does not hold what is to be read next, {gone.args[0]}; {GUIDE}") from gone
        except NoPosition:
            return {}  # A shard that nobody has started was asked for between two steps of a rebalance.
        except UnicodeDecodeError as fault:
            raise BusError(f"a header's name is not UTF-8 near {self._next}, and aiokafka cannot go past it") from fault
        except FAULTS as fault:
            raise bus_error("Kafka did not deliver records", fault) from fault

    async def _first(self, max_records: int, timeout_s: float) -> _Fetched:
        """Up to `max_records` of whatever has come.

        During a rebalance `getmany` waits without end, and cancelling it may lose what it holds. So it is left to
        itself, the next call waits for it again, and what it then brings is read again: it may be from before a
        `seek`.
        """
        left_behind = self._fetching is not None
        if self._fetching is None:
            asked = self._consumer.getmany(timeout_ms=round(timeout_s * 1000), max_records=max_records)
            self._fetching = asyncio.ensure_future(asked)
        await asyncio.wait([self._fetching], timeout=timeout_s + GRACE_S)
        if not self._fetching.done():
            return {}
        fetched, self._fetching = self._fetching, None
        if left_behind:
            fetched.exception()
            self._seek_all(self._assigned)
            return {}
        return {Shard(*partition): raw for partition, raw in fetched.result().items()}

    async def _rest(self, max_records: int, have: Collection[Shard]) -> _Fetched:
        """What is here of the other shards, without waiting: one `getmany` stops at its limit for all of them."""
        found: dict[Shard, Sequence[RawRecord]] = {}
        for shard in self._assigned - frozenset(have):
            if self._settled.is_set() and self._delivers(shard):
                partition = as_partition(shard)
                try:
                    found.update(await self._consumer.getmany(partition, timeout_ms=0, max_records=max_records))
                except (OutOfRange, NoPosition):
                    continue  # It comes again at the next poll; what was fetched of other shards is not dropped.
        return {Shard(*partition): raw for partition, raw in found.items()}

    def _note_answer(self, *, answered: bool) -> None:
        """A member that is to get nothing is not silent for getting none."""
        delivering = [shard for shard in self._assigned if self._delivers(shard)]
        if answered or not delivering:
            self._answered_at = time.monotonic()
        if answered or not delivering or not self._settled.is_set():
            return
        answers_ms = [self._consumer.last_poll_timestamp(as_partition(shard)) or 0 for shard in delivering]
        ago_s = max(0.0, time.time() - max(answers_ms) / 1000)
        self._answered_at = max(self._answered_at, time.monotonic() - ago_s)

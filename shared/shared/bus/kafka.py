"""The log on Kafka.

Nothing is asked of a broker before the first call, and all calls belong in one running loop. Kafka's transactions are
not used, and the offsets that it stores are for lag tools only: the position that counts is the reader's own (ADR 1).
"""

import asyncio
import time
from collections.abc import Sequence

from shared.bus import kafka_topics
from shared.bus.kafka_address import KafkaAddress
from shared.bus.kafka_client import (
    FAULTS,
    REQUEST_MS,
    Consumer,
    RawRecord,
    as_partition,
    bus_error,
    standalone_consumer,
    stop,
)
from shared.bus.kafka_records import records_of
from shared.bus.kafka_subscription import KafkaSubscription
from shared.bus.kafka_topics import TopicDescription, TopicGuard, describe_cluster
from shared.bus.kafka_writer import KafkaWriter
from shared.contracts.topics import Topic
from shared.log.partitioner import by_partition, places_of
from shared.log.port import Bounds, BusError, Message, Place, Record, Shard, check_offset
from shared.units import Offset

# How long a topic that is not what it was may be read on, at most.
GUARD_EVERY_S = 30.0
_FETCH_MS = 500


class KafkaBus:
    """A `Bus` on the brokers at `address`: one producer, one consumer for offsets, one a subscription."""

    def __init__(self, address: KafkaAddress, *, guard_every_s: float = GUARD_EVERY_S) -> None:
        self._address = address
        self._guard_every_s = guard_every_s
        self._writer = KafkaWriter(address)
        self._offsets: Consumer | None = None
        self._connecting = asyncio.Lock()
        # Topics as they were first met: keys go by their partitions, whatever happens to them later.
        self._topics: dict[str, TopicDescription] = {}
        self._members: set[KafkaSubscription] = set()

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        await kafka_topics.ensure(self._address, topics)

    async def bounds(self, shard: Shard) -> Bounds:
        """The end is where the first open transaction begins, as readers see it."""
        if not 0 <= shard.partition < (await self._topic(shard.topic)).partitions:
            raise BusError(f"there is no shard {shard}")
        partition = as_partition(shard)
        try:
            offsets = await self._offset_consumer()
            first, end = await asyncio.gather(offsets.beginning_offsets([partition]), offsets.end_offsets([partition]))
        except FAULTS as fault:
            raise bus_error(f"Kafka does not say what it holds of {shard}", fault) from fault
        return Bounds(Offset(first[partition]), Offset(end[partition]))

    async def identity(self, topic: str) -> str:
        """Kafka draws one for each topic that is created."""
        return str((await self._topic(topic)).identity)

    async def publish(self, topic: str, messages: Sequence[Message]) -> Sequence[Place]:
        partitions = (await self._topic(topic)).partitions
        if not messages:
            return []
        offsets = await self._writer.append(topic, by_partition(messages, partitions))
        return places_of(messages, partitions, offsets)

    async def publish_to(self, shard: Shard, messages: Sequence[Message]) -> None:
        await self._topic(shard.topic)
        if messages:
            await self._writer.append(shard.topic, {shard.partition: messages})

    async def read(self, shard: Shard, start: int, *, limit: int) -> Sequence[Record]:
        """Raises `BusError` when records that should be there do not come."""
        held = await self.bounds(shard)
        check_offset(shard, start, held)
        if start == held.end:
            return []
        try:
            return records_of(await _fetch_range(self._address, shard, start=start, end=held.end, limit=limit))
        except FAULTS as fault:
            raise bus_error(f"Kafka did not deliver records of {shard}", fault) from fault

    async def subscribe(self, group: str, topics: Sequence[str]) -> KafkaSubscription:
        """Raises `BusError` for a topic that does not exist. Waits for the member's first share."""
        guard = TopicGuard(
            self._address, {topic: await self._topic(topic) for topic in topics}, every_s=self._guard_every_s
        )
        member = KafkaSubscription(
            self._address, group, topics, guard=guard, bounds=self.bounds, leave=self._members.discard
        )
        self._members.add(member)
        await member.join()
        return member

    def silent_s(self) -> float:
        return max((member.silent_s() for member in self._members), default=0.0)

    async def close(self) -> None:
        """All at once: with the brokers gone, each shutdown takes as long as it may."""
        offsets, self._offsets = self._offsets, None
        stopping = [] if offsets is None else [stop(offsets)]
        await asyncio.gather(*[member.close() for member in self._members], self._writer.close(), *stopping)

    async def _topic(self, name: str) -> TopicDescription:
        if name not in self._topics:
            found = (await describe_cluster(self._address)).topics
            self._topics = {**found, **self._topics}
        if name not in self._topics:
            raise BusError(f"there is no topic {name}")
        return self._topics[name]

    async def _offset_consumer(self) -> Consumer:
        async with self._connecting:
            if self._offsets is None:
                consumer = standalone_consumer(self._address)
                try:
                    await consumer.start()
                except (*FAULTS, asyncio.CancelledError):
                    await stop(consumer)
                    raise
                self._offsets = consumer
            return self._offsets


async def _fetch_range(address: KafkaAddress, shard: Shard, *, start: int, end: int, limit: int) -> list[RawRecord]:
    """The records of `shard` in [start, end), at most `limit`; raises `TimeoutError` when they do not come."""
    consumer = standalone_consumer(address)
    try:
        await consumer.start()
        partition = as_partition(shard)
        consumer.assign([partition])
        consumer.seek(partition, start)
        return await _fetched(consumer, partition, end=end, limit=limit)
    finally:
        await stop(consumer)


async def _fetched(consumer: Consumer, partition: Shard, *, end: int, limit: int) -> list[RawRecord]:
    found: list[RawRecord] = []
    answered_at = time.monotonic()
    # What ends the log may be no record but the mark of a transaction: the consumer's position passes it.
    while len(found) < limit and await consumer.position(partition) < end:
        fetched = await consumer.getmany(partition, timeout_ms=_FETCH_MS, max_records=limit - len(found))
        if fetched:
            answered_at = time.monotonic()
            found += [record for record in fetched[partition] if record.offset < end]
        elif time.monotonic() - answered_at >= REQUEST_MS / 1000:
            raise TimeoutError(f"nothing came in {REQUEST_MS} ms")
    return found

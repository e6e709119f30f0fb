"""The log on Kafka.

Nothing is asked of a broker before the first call, and all calls belong in one running loop. Kafka's transactions are
not used, and the offsets that it keeps are a hint: the position that counts is the reader's own (ADR 1).
"""

import asyncio
from collections.abc import Sequence

from shared.bus import kafka_topics
from shared.bus.kafka_address import KafkaAddress
from shared.bus.kafka_client import FAULTS, Consumer, as_partition, standalone_consumer, stop
from shared.bus.kafka_cluster import TopicDescription, describe_cluster
from shared.bus.kafka_excerpt import fetch_range
from shared.bus.kafka_guard import TopicGuard
from shared.bus.kafka_records import records_of
from shared.bus.kafka_subscription import KafkaSubscription
from shared.bus.kafka_writer import KafkaWriter
from shared.contracts.topics import Topic
from shared.log.partitioner import partition_of
from shared.log.port import Bounds, BusError, Message, Record, Shard, check_offset

# How long a topic that is not what it was may be read on, at most.
GUARD_EVERY_S = 30.0


class KafkaBus:
    """A `Bus` on the brokers at `address`: one producer, one onlooker for offsets, one consumer a subscription."""

    def __init__(self, address: KafkaAddress, *, guard_every_s: float = GUARD_EVERY_S) -> None:
        self._address = address
        self._guard_every_s = guard_every_s
        self._writer = KafkaWriter(address)
        self._onlooker: Consumer | None = None
        self._connecting = asyncio.Lock()
        # Topics as we first met them: keys go by their partitions, whatever happens to them later.
        self._topics: dict[str, TopicDescription] = {}
        self._members: set[KafkaSubscription] = set()

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        """As the port says."""
        await kafka_topics.ensure(self._address, topics)

    async def bounds(self, shard: Shard) -> Bounds:
        """As the port says. The end is where the first open transaction begins, as readers see it."""
        if not 0 <= shard.partition < (await self._topic(shard.topic)).partitions:
            raise BusError(f"there is no shard {shard}")
        partition = as_partition(shard)
        try:
            looking = await self._look()
            first, end = await asyncio.gather(looking.beginning_offsets([partition]), looking.end_offsets([partition]))
        except FAULTS as fault:
            raise BusError(f"Kafka does not say what it holds of {shard}: {fault!r}") from fault
        return Bounds(first[partition], end[partition])

    async def identity(self, topic: str) -> str:
        """As the port says: Kafka draws one for each topic that is made."""
        return str((await self._topic(topic)).identity)

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """As the port says."""
        count = (await self._topic(topic)).partitions
        by_partition: dict[int, list[Message]] = {}
        for message in messages:
            by_partition.setdefault(partition_of(message.key.encode(), count), []).append(message)
        if by_partition:
            await self._writer.append(topic, by_partition)

    async def publish_to(self, shard: Shard, messages: Sequence[Message]) -> None:
        """As the port says."""
        await self._topic(shard.topic)
        if messages:
            await self._writer.append(shard.topic, {shard.partition: messages})

    async def read(self, shard: Shard, start: int, *, limit: int) -> Sequence[Record]:
        """As the port says. Raises `BusError` when records that should be there do not come."""
        held = await self.bounds(shard)
        check_offset(shard, start, held)
        if start == held.end:
            return []
        try:
            return records_of(await fetch_range(self._address, shard, start=start, end=held.end, limit=limit))
        except FAULTS as fault:
            raise BusError(f"Kafka did not give us records of {shard}: {fault!r}") from fault

    async def subscribe(self, group: str, topics: Sequence[str]) -> KafkaSubscription:
        """As the port says; raises `BusError` for a topic that does not exist. Waits for the member's first share."""
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
        """As the port says."""
        return max((member.silent_s() for member in self._members), default=0.0)

    async def close(self) -> None:
        """As the port says. All at once: with the brokers gone, each goodbye takes as long as it may."""
        onlooker, self._onlooker = self._onlooker, None
        goodbyes = [] if onlooker is None else [stop(onlooker)]
        await asyncio.gather(*[member.close() for member in self._members], self._writer.close(), *goodbyes)

    async def _topic(self, name: str) -> TopicDescription:
        if name not in self._topics:
            held = (await describe_cluster(self._address)).topics
            self._topics = {**held, **self._topics}
        if name not in self._topics:
            raise BusError(f"there is no topic {name}")
        return self._topics[name]

    async def _look(self) -> Consumer:
        async with self._connecting:
            if self._onlooker is None:
                looking = standalone_consumer(self._address)
                try:
                    await looking.start()
                except FAULTS:
                    await stop(looking)
                    raise
                self._onlooker = looking
            return self._onlooker

"""The log on Kafka.

Nothing is asked of a broker before the first call, and all calls belong in one running loop. Kafka's transactions are
not used, and the offsets that it keeps are a hint: the position that counts is the reader's own (ADR 1).
"""

import asyncio
from collections.abc import Sequence

from shared.bus import kafka_topics
from shared.bus.kafka_address import KafkaAddress
from shared.bus.kafka_client import FAULTS, Consumer, as_partition, onlooker, stop
from shared.bus.kafka_reader import KafkaSubscription
from shared.bus.kafka_writer import KafkaWriter
from shared.bus.partitioner import partition_of
from shared.bus.port import Bounds, BusError, Message, Shard
from shared.contracts.topics import Topic


class KafkaBus:
    """A `Bus` on the brokers at `address`: one producer, one onlooker for offsets, one consumer a subscription."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address
        self._writer = KafkaWriter(address)
        self._onlooker: Consumer | None = None
        self._connecting = asyncio.Lock()
        # How many partitions a topic had when we first met it: keys go by that, whatever happens to the topic.
        self._counts: dict[str, int] = {}
        self._members: set[KafkaSubscription] = set()

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        """As the port says."""
        await kafka_topics.ensure(self._address, topics)
        self._counts.update({topic.name: topic.partitions for topic in topics})

    async def bounds(self, shard: Shard) -> Bounds:
        """As the port says. The end is where the first open transaction begins, as readers see it."""
        if not 0 <= shard.partition < await self._count(shard.topic):
            raise BusError(f"there is no shard {shard}")
        partition = as_partition(shard)
        try:
            looking = await self._look()
            first, end = await asyncio.gather(looking.beginning_offsets([partition]), looking.end_offsets([partition]))
        except FAULTS as fault:
            raise BusError(f"Kafka does not say what it holds of {shard}: {fault!r}") from fault
        return Bounds(first[partition], end[partition])

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """As the port says."""
        count = await self._count(topic)
        by_partition: dict[int, list[Message]] = {}
        for message in messages:
            by_partition.setdefault(partition_of(message.key.encode(), count), []).append(message)
        if by_partition:
            await self._writer.append(topic, by_partition)

    async def publish_to(self, shard: Shard, messages: Sequence[Message]) -> None:
        """As the port says."""
        await self._count(shard.topic)
        if messages:
            await self._writer.append(shard.topic, {shard.partition: messages})

    async def subscribe(self, group: str, topics: Sequence[str]) -> KafkaSubscription:
        """As the port says; raises `BusError` for a topic that does not exist. Waits for the member's first share."""
        counts = {topic: await self._count(topic) for topic in topics}
        member = KafkaSubscription(self._address, group, counts, bounds=self.bounds, leave=self._members.discard)
        self._members.add(member)
        await member.join()
        return member

    def silent_s(self) -> float:
        """As the port says."""
        return max((member.silent_s() for member in self._members), default=0.0)

    async def close(self) -> None:
        """As the port says."""
        await asyncio.gather(*[member.close() for member in self._members])
        await self._writer.close()
        if self._onlooker is not None:
            await stop(self._onlooker)
            self._onlooker = None

    async def _count(self, topic: str) -> int:
        if topic not in self._counts:
            self._counts.update(await kafka_topics.partition_counts(self._address))
        if topic not in self._counts:
            raise BusError(f"there is no topic {topic}")
        return self._counts[topic]

    async def _look(self) -> Consumer:
        async with self._connecting:
            if self._onlooker is None:
                looking = onlooker(self._address)
                try:
                    await looking.start()
                except FAULTS:
                    await stop(looking)
                    raise
                self._onlooker = looking
            return self._onlooker

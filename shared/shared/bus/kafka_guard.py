"""Stops a reader whose topic is no longer the one that it began to read.

Offsets cannot tell: a topic that was deleted and made anew may already be longer than the reader is far, and would
be read on in the middle of something else.
"""

import asyncio
from collections.abc import Mapping

from shared.bus.kafka_address import KafkaAddress
from shared.bus.kafka_client import STOP_S, within
from shared.bus.kafka_cluster import TopicDescription, describe_cluster
from shared.bus.kafka_topics import GUIDE
from shared.log.port import BusError, OffsetGone, PartitionMismatch


class TopicGuard:
    """Compares the topics with what they were when they were `seen`, every so often and in the background."""

    def __init__(self, address: KafkaAddress, seen: Mapping[str, TopicDescription], *, every_s: float) -> None:
        self._address = address
        self._seen = seen
        self._every_s = every_s
        self._looking: asyncio.Task[Mapping[str, TopicDescription] | None] | None = None
        self._due_at = asyncio.get_running_loop().time() + every_s

    def check(self) -> None:
        """Raises what the last look found: `OffsetGone` for a topic made anew or deleted, or `PartitionMismatch`."""
        if self._looking is not None and self._looking.done():
            held, self._looking = self._looking.result(), None
            if held is not None:
                _compare(self._seen, held)
        now = asyncio.get_running_loop().time()
        if self._looking is None and now >= self._due_at:
            self._due_at = now + self._every_s
            self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """No look is on its way any more."""
        if self._looking is not None:
            # Cancelled only when it takes too long, for aiokafka then leaves its connection open.
            await within(STOP_S, self._looking)

    async def _look(self) -> Mapping[str, TopicDescription] | None:
        try:
            return (await describe_cluster(self._address)).topics
        except BusError:
            return None  # Brokers that do not answer are for others to notice.


def _compare(seen: Mapping[str, TopicDescription], held: Mapping[str, TopicDescription]) -> None:
    for name, before in seen.items():
        now = held.get(name)
        if now is None or now.identity != before.identity:
            gone = "deleted" if now is None else "made anew"
            raise OffsetGone(f"{name} was {gone} while it was read: stored positions mean nothing now; {GUIDE}")
        if now.partitions != before.partitions:
            raise PartitionMismatch(
                f"expected {before.partitions} partitions of {name}, Kafka has {now.partitions} now: keys have moved, "
                f"and one item's events are no longer in one partition; {GUIDE}"
            )

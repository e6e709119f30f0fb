"""How far a group is, committed to Kafka for lag tools: now and then, in the background, never in anybody's way."""

import asyncio
from collections.abc import Mapping

import structlog

from shared.bus.kafka_client import FAULTS, Consumer, as_partition
from shared.log.port import Shard

EVERY_S = 1.0
LAST_S = 1.0

log = structlog.get_logger()


class OffsetCommits:
    """The offsets that a member's reader is to read next, of the shards that moved since they were last committed."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._noted: dict[Shard, int] = {}
        self._sending: asyncio.Task[None] | None = None
        self._sent_at = 0.0

    def note(self, shard: Shard, next_offset: int) -> None:
        """`next_offset` is committed the next time. It is the one after the last record, as Kafka wants it."""
        self._noted[shard] = next_offset

    def send(self) -> None:
        """What is noted is on its way, unless an earlier commit is still, or was only just."""
        now = asyncio.get_running_loop().time()
        resting = now - self._sent_at < EVERY_S or (self._sending is not None and not self._sending.done())
        if self._noted and not resting:
            noted, self._noted, self._sent_at = self._noted, {}, now
            self._sending = asyncio.create_task(self._commit(noted))

    async def close(self) -> None:
        """The last offsets are committed, or `LAST_S` have passed."""
        self._sent_at = -EVERY_S
        self.send()
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=LAST_S)
            self._sending.cancel()

    async def _commit(self, noted: Mapping[Shard, int]) -> None:
        try:
            owned = self._consumer.assignment()
            await self._consumer.commit({as_partition(s): offset for s, offset in noted.items() if s in owned})
        except FAULTS as fault:
            log.info("kafka.commit_refused", fault=repr(fault))

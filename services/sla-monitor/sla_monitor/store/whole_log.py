"""A compacted log of one partition, read from its beginning and followed: small enough to be held in memory."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import uuid4

from shared.contracts.topics import Topic
from shared.heartbeat import Heartbeat
from shared.log.port import Bus, Record, Shard, Subscription

_BATCH = 1000
_PATIENCE_S = 0.5


class WholeLog:
    """Hands every record of `topic` to `take`, in order. Every instance reads all of it: no group shares it."""

    def __init__(self, bus: Bus, topic: Topic, take: Callable[[Sequence[Record]], None]) -> None:
        self._bus, self._topic, self._take = bus, topic, take
        self._shard = Shard(topic.name, 0)
        self.heartbeat = Heartbeat(topic.name)
        self._subscription: Subscription | None = None
        self._next_offset = 0
        self._turn = asyncio.Lock()  # a subscription is one task's at a time

    async def catch_up(self) -> None:
        """Whatever the log holds now has been taken. May be called while `run` is under way."""
        end = (await self._bus.bounds(self._shard)).end
        while self._next_offset < end:
            await self._read()

    async def run(self, stop: asyncio.Event) -> None:
        """Records are taken soon after they are published, until `stop` is set."""
        while not stop.is_set():
            await self._read()
            self.heartbeat.beat()

    async def _read(self) -> None:
        async with self._turn:
            subscription = self._subscription or await self._subscribe()
            polled = await subscription.poll(max_records=_BATCH, timeout_s=_PATIENCE_S)
            if records := polled.get(self._shard):
                self._next_offset = records[-1].offset + 1
                self._take(records)

    async def _subscribe(self) -> Subscription:
        self._subscription = await self._bus.subscribe(f"sla-monitor-{self._topic.name}-{uuid4()}", [self._topic.name])
        while self._shard not in self._subscription.assigned():
            await self._subscription.poll(max_records=1, timeout_s=0.1)
        first = (await self._bus.bounds(self._shard)).first
        await self._subscription.seek(self._shard, first)
        return self._subscription

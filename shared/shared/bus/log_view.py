"""A log of one partition that is read whole into memory, from its beginning."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from uuid import uuid4

from shared.contracts.topics import Topic
from shared.heartbeat import Heartbeat
from shared.log.port import Bus, BusUnavailable, Record, Shard, Subscription

_BATCH = 1000
_POLL_S = 0.5
_AGAIN_S = 1.0


class LogView:
    """Hands every record of `topic` to `apply`, in order. Every instance reads all of it: no group shares it.

    `reader` names who reads, in the names of its subscriptions. `caught_up` once it has applied what the log held then.
    """

    def __init__(self, bus: Bus, topic: Topic, apply: Callable[[Sequence[Record]], None], *, reader: str) -> None:
        self._bus, self._topic, self._apply, self._reader = bus, topic, apply, reader
        self._shard = Shard(topic.name, 0)
        self.heartbeat = Heartbeat(topic.name)
        self._subscription: Subscription | None = None
        self._next_offset = 0
        self.caught_up = False
        self._turn = asyncio.Lock()  # a subscription is one task's at a time

    async def catch_up(self) -> None:
        """Whatever the log holds now has been applied. May be called while `run` is under way."""
        end = (await self._bus.bounds(self._shard)).end
        while self._next_offset < end:
            await self._read()
        self.caught_up = True

    async def run(self, stop: asyncio.Event) -> None:
        """Records are applied soon after they are published, until `stop` is set; a log that is away is waited for."""
        while not stop.is_set():
            try:
                await (self._read() if self.caught_up else self.catch_up())
            except BusUnavailable:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _AGAIN_S)
            self.heartbeat.beat()

    async def _read(self) -> None:
        async with self._turn:
            subscription = self._subscription = self._subscription or await self._subscribe()
            try:
                polled = await subscription.poll(max_records=_BATCH, timeout_s=_POLL_S)
            except BusUnavailable:
                self._subscription = None  # this one is of no use any more
                await subscription.close()
                raise
            if records := polled.get(self._shard):
                self._next_offset = records[-1].offset + 1
                self._apply(records)

    async def _subscribe(self) -> Subscription:
        """A subscription that goes on behind the last record that was applied."""
        made = await self._bus.subscribe(f"{self._reader}-{self._topic.name}-{uuid4()}", [self._topic.name])
        try:
            while self._shard not in made.assigned():
                await made.poll(max_records=1, timeout_s=0.1)
            first = (await self._bus.bounds(self._shard)).first
            await made.seek(self._shard, max(first, self._next_offset))
        except BusUnavailable:
            await made.close()
            raise
        return made

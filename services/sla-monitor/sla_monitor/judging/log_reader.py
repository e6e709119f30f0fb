"""Single shards read from the first record that the log still holds, outside of the groups that share the work."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from shared.contracts.topics import Topic
from shared.log.port import Bus, Record, Shard, Subscription

_BATCH = 500
_PATIENCE_S = 0.5


class LogReader:
    """Reads one shard at a time."""

    def __init__(self, bus: Bus, subscription: Subscription) -> None:
        self._bus, self._subscription = bus, subscription

    async def begin(self, shard: Shard) -> int:
        """The shard is read from here on, from the offset returned."""
        while shard not in self._subscription.assigned():
            await self._subscription.poll(max_records=1, timeout_s=0.1)
        first = (await self._bus.bounds(shard)).first
        await self._subscription.seek(shard, first)
        return first

    async def more(self, shard: Shard) -> Sequence[Record]:
        """The next records; none when they are slow to come."""
        polled = await self._subscription.poll(max_records=_BATCH, timeout_s=_PATIENCE_S)
        return polled.get(shard, ())

    def end(self, shard: Shard) -> None:
        """The shard is read no further."""
        self._subscription.pause([shard])


@asynccontextmanager
async def log_reader(bus: Bus, topics: Sequence[Topic]) -> AsyncIterator[LogReader]:
    """A reader of the shards of `topics`, for the length of the block."""
    subscription = await bus.subscribe(f"sla-monitor-rebuild-{uuid4()}", [topic.name for topic in topics])
    try:
        yield LogReader(bus, subscription)
    finally:
        await subscription.close()

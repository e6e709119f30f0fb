"""One process's way to the log in memory: the bus port."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from shared.contracts.topics import Topic
from shared.log.port import AppendUncertain, Bounds, BusError, Message, Record, Shard
from tests.simulation.gate import Gate, OpenGate
from tests.simulation.log import Log


class MemoryBus:
    """One process's `Bus` on a log that others share."""

    def __init__(self, log: Log, gate: Gate | None = None) -> None:
        self.log, self._gate = log, gate or OpenGate()
        self._subscriptions: list[MemorySubscription] = []

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        """As the port says."""
        for topic in topics:
            self.log.create(topic)

    async def identity(self, topic: str) -> str:
        """Topics are never made anew."""
        return topic

    async def bounds(self, shard: Shard) -> Bounds:
        """As the port says."""
        await self._gate.pause()
        held = self.log.bounds(shard)
        await self._gate.pause()
        return held

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """As the port says."""
        await self._gate.pause()
        trouble = self._gate.take("lost", "partly", "doubted")
        arriving = {"lost": [], "partly": messages[:1]}.get(trouble or "", messages)
        self.log.append(topic, arriving)
        await self._gate.pause()
        if trouble is not None:
            raise AppendUncertain(f"no answer came to {len(messages)} messages")

    async def publish_to(self, shard: Shard, messages: Sequence[Message]) -> None:
        """As the port says."""
        await self._gate.pause()
        for message in messages:
            self.log.append_to(shard, message)

    async def read(self, shard: Shard, start: int, *, limit: int) -> Sequence[Record]:
        """As the port says."""
        await self._gate.pause()
        return self.log.read(shard, start, limit)

    async def subscribe(self, group: str, topics: Sequence[str]) -> "MemorySubscription":
        """As the port says."""
        member = MemorySubscription(self.log, self._gate, group, topics)
        self._subscriptions.append(member)
        member.join()
        return member

    def silent_s(self) -> float:
        """As the port says: never silent."""
        return 0.0

    async def close(self) -> None:
        """As the port says."""
        for member in self._subscriptions:
            await member.close()

    def evict(self) -> None:
        """The groups have heard nothing of this process for too long, and go on without it."""
        for member in self._subscriptions:
            member.leave()


class MemorySubscription:
    """A `Subscription`. A member that was evicted joins again at its next poll, as Kafka's clients do."""

    def __init__(self, log: Log, gate: Gate, group: str, topics: Sequence[str]) -> None:
        self.topics = frozenset(topics)
        self._log, self._gate, self._group = log, gate, group
        self._assigned: frozenset[Shard] = frozenset()
        self._next: dict[Shard, int] = {}
        self._held: set[Shard] = set()
        self._news = asyncio.Event()
        self._open = True

    def join(self) -> None:
        """The group has this member."""
        members = self._log.members.setdefault(self._group, [])
        if self not in members:
            members.append(self)
            self._log.share_out(self._group)

    def leave(self) -> None:
        """The group has this member no longer."""
        if self in self._log.members[self._group]:
            self._log.members[self._group].remove(self)
            self._log.share_out(self._group)
            self.assign(frozenset())

    def assign(self, shards: frozenset[Shard]) -> None:
        """These are the member's shards now."""
        self._assigned = shards
        self.wake()

    def wake(self) -> None:
        """A waiting `poll` looks again."""
        self._news.set()

    def assigned(self) -> frozenset[Shard]:
        """As the port says."""
        for shard in self._next.keys() - self._assigned:
            del self._next[shard]
        return self._assigned

    async def seek(self, shard: Shard, offset: int) -> None:
        """As the port says."""
        await self._gate.pause()
        self._log.check(shard, offset)
        self._next[shard] = offset

    async def poll(self, *, max_records: int, timeout_s: float) -> Mapping[Shard, Sequence[Record]]:
        """As the port says."""
        until = asyncio.get_running_loop().time() + timeout_s
        await self._gate.pause()
        while self._open:
            self.join()
            self._news.clear()
            left_s = until - asyncio.get_running_loop().time()
            if (found := self._read(max_records)) or left_s <= 0:
                return found
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):  # wait_for takes other turns in one release of Python than in another
                    await self._news.wait()
        raise BusError("the subscription is closed")

    async def position(self, shard: Shard) -> int:
        """As the port says."""
        await self._gate.pause()
        return self._next[shard]

    def pause(self, shards: Collection[Shard]) -> None:
        """As the port says."""
        self._held.update(shards)

    def resume(self, shards: Collection[Shard]) -> None:
        """As the port says."""
        self._held.difference_update(shards)

    async def commit(self, shard: Shard, next_offset: int) -> None:
        """Nothing: no lag tool reads this log."""

    async def close(self) -> None:
        """As the port says."""
        if self._open:
            self._open = False
            self.leave()
            self.wake()

    def _read(self, limit: int) -> dict[Shard, list[Record]]:
        mine = {shard: at for shard, at in self._next.items() if shard in self._assigned and shard not in self._held}
        found = {shard: self._log.read(shard, offset, limit) for shard, offset in mine.items()}
        held = {shard: records for shard, records in found.items() if records}
        self._next.update({shard: records[-1].offset + 1 for shard, records in held.items()})
        return held

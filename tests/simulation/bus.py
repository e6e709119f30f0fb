"""The bus port of one process, on a log in memory."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from shared.contracts.topics import Topic
from shared.log.port import AppendUncertain, Bounds, BusError, Message, Place, Record, Shard
from tests.simulation.faults import FaultInjector, NoFaults
from tests.simulation.log import Log


class MemoryBus:
    """One process's `Bus` on a log that others share."""

    def __init__(self, log: Log, faults: FaultInjector | None = None) -> None:
        self.log, self._faults = log, faults or NoFaults()
        self._subscriptions: list[MemorySubscription] = []

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        for topic in topics:
            self.log.create(topic)

    async def identity(self, topic: str) -> str:
        """Topics are never recreated."""
        return topic

    async def bounds(self, shard: Shard) -> Bounds:
        await self._faults.yield_turn()
        held = self.log.bounds(shard)
        await self._faults.yield_turn()
        return held

    async def publish(self, topic: str, messages: Sequence[Message]) -> Sequence[Place]:
        await self._faults.yield_turn()
        fault = self._faults.take("lost", "partly", "unconfirmed")
        arriving = {"lost": [], "partly": messages[:1]}.get(fault or "", messages)
        places = self.log.append(topic, arriving)
        await self._faults.yield_turn()
        if fault is not None:
            raise AppendUncertain(f"no answer came to {len(messages)} messages")
        return places

    async def publish_to(self, shard: Shard, messages: Sequence[Message]) -> None:
        await self._faults.yield_turn()
        for message in messages:
            self.log.append_to(shard, message)

    async def read(self, shard: Shard, start: int, *, limit: int) -> Sequence[Record]:
        await self._faults.yield_turn()
        return self.log.read(shard, start, limit)

    async def subscribe(self, group: str, topics: Sequence[str]) -> "MemorySubscription":
        member = MemorySubscription(self.log, self._faults, group, topics)
        self._subscriptions.append(member)
        member.join()
        return member

    def silent_s(self) -> float:
        return 0.0

    async def close(self) -> None:
        for member in self._subscriptions:
            await member.close()

    def evict(self) -> None:
        """The process has missed its heartbeats: its groups give its partitions to others."""
        for member in self._subscriptions:
            member.leave()


class MemorySubscription:
    """A `Subscription`. A member that was evicted joins again at its next poll, as Kafka's clients do."""

    def __init__(self, log: Log, faults: FaultInjector, group: str, topics: Sequence[str]) -> None:
        self.topics = frozenset(topics)
        self._log, self._faults, self._group = log, faults, group
        self._assigned: frozenset[Shard] = frozenset()
        self._next: dict[Shard, int] = {}
        self._paused: set[Shard] = set()
        self._appended = asyncio.Event()
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
        """A waiting `poll` reads again."""
        self._appended.set()

    def assigned(self) -> frozenset[Shard]:
        for shard in self._next.keys() - self._assigned:
            del self._next[shard]
        return self._assigned

    async def seek(self, shard: Shard, offset: int) -> None:
        await self._faults.yield_turn()
        self._log.check(shard, offset)
        self._next[shard] = offset

    async def poll(self, *, max_records: int, timeout_s: float) -> Mapping[Shard, Sequence[Record]]:
        until = asyncio.get_running_loop().time() + timeout_s
        await self._faults.yield_turn()
        while self._open:
            self.join()
            self._appended.clear()
            left_s = until - asyncio.get_running_loop().time()
            if (found := self._read(max_records)) or left_s <= 0:
                return found
            with suppress(TimeoutError):
                async with asyncio.timeout(
                    left_s
                ):  # wait_for takes other turns in one release of Python than in another
                    await self._appended.wait()
        raise BusError("the subscription is closed")

    async def position(self, shard: Shard) -> int:
        await self._faults.yield_turn()
        return self._next[shard]

    def pause(self, shards: Collection[Shard]) -> None:
        self._paused.update(shards)

    def resume(self, shards: Collection[Shard]) -> None:
        self._paused.difference_update(shards)

    async def commit(self, shard: Shard, next_offset: int) -> None:
        """Nothing: no lag tool reads this log."""

    async def close(self) -> None:
        if self._open:
            self._open = False
            self.leave()
            self.wake()

    def _read(self, limit: int) -> dict[Shard, list[Record]]:
        mine = {shard: at for shard, at in self._next.items() if shard in self._assigned and shard not in self._paused}
        found = {shard: self._log.read(shard, offset, limit) for shard, offset in mine.items()}
        held = {shard: records for shard, records in found.items() if records}
        self._next.update({shard: records[-1].offset + 1 for shard, records in held.items()})
        return held

"""The log without a server: one SQLite file with Kafka's meaning, for any number of appending processes.

A group's shards are assigned to its subscriptions in one process. A group that is also read by another process has
each shard read by both; whoever stores first wins, as with Kafka's stale members.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from shared.bus import log_file
from shared.clock import Clock, WallClock
from shared.contracts.topics import Topic
from shared.instants import epoch_ms
from shared.log.partitioner import assign_shards
from shared.log.port import AppendUncertain, Bounds, BusError, Message, Place, Record, Shard, check_offset
from shared.sqlite import SqliteFile

T = TypeVar("T")
# Appends of this process wake its readers at once; those of other processes are looked for this often.
LOOK_EVERY_S = 0.1
# Records of all shards that are read before any is applied: a round of full batches would be ten times as many.
ENOUGH = 4_000


class EmbeddedBus:
    """A `Bus` on the file at `path`. Appending waits for the disk in a thread of its own; reading waits for nobody."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        # Durable: readers store offsets elsewhere, and must not be ahead of the log after a power cut.
        self._writer = SqliteFile(path, schema=log_file.SCHEMA, durable=True)
        self._reader = SqliteFile(path, schema=log_file.SCHEMA, durable=False)
        self._clock = clock or WallClock()
        self._groups: dict[str, list[EmbeddedSubscription]] = {}

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        await self._writer.write(lambda connection: log_file.create_topics(connection, topics))

    async def bounds(self, shard: Shard) -> Bounds:
        return await self._reader.read(lambda connection: log_file.bounds(connection, shard))

    async def identity(self, topic: str) -> str:
        """Raises `BusError` where there is no such topic. No topic of a file is ever recreated alone."""
        await self._shards_of(topic)
        return await self._reader.read(log_file.identity)

    async def publish(self, topic: str, messages: Sequence[Message]) -> Sequence[Place]:
        """One transaction, so that all are appended or none."""
        now_ms = self._now_ms()
        return await self._append(lambda connection: log_file.append_by_key(connection, topic, messages, now_ms))

    async def publish_to(self, shard: Shard, messages: Sequence[Message]) -> None:
        now_ms = self._now_ms()
        await self._append(lambda connection: log_file.append(connection, shard, messages, now_ms))

    async def read(self, shard: Shard, start: int, *, limit: int) -> Sequence[Record]:
        check_offset(shard, start, await self.bounds(shard))
        found = await self._reader.read(lambda connection: log_file.read(connection, {shard: start}, limit, enough=1))
        return found.get(shard, [])

    async def delete_before(self, shard: Shard, offset: int) -> None:
        """Records of `shard` below `offset` are gone, as Kafka's retention or DeleteRecords would have it.

        Nothing else deletes: retention by age would take the records of a replay, which have the time of its events.
        """
        await self._writer.write(lambda connection: log_file.delete_before(connection, shard, offset))

    async def subscribe(self, group: str, topics: Sequence[str]) -> "EmbeddedSubscription":
        """Raises `BusError` for a topic that does not exist."""
        shards = [shard for topic in topics for shard in await self._shards_of(topic)]
        member = EmbeddedSubscription(self._reader, topics, shards, leave=lambda: self._leave(group, member))
        self._groups.setdefault(group, []).append(member)
        _rebalance(self._groups[group])
        return member

    def silent_s(self) -> float:
        """Never silent: a file answers or raises."""
        return 0.0

    async def close(self) -> None:
        for member in [member for members in self._groups.values() for member in members]:
            await member.close()
        await self._writer.close()
        await self._reader.close()

    def _now_ms(self) -> int:
        return epoch_ms(self._clock.now())

    async def _append(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            done = await self._writer.write(work)
        except sqlite3.OperationalError as fault:
            raise AppendUncertain(f"the log's file did not take the messages: {fault}") from fault
        for members in self._groups.values():
            for member in members:
                member.wake()
        return done

    async def _shards_of(self, topic: str) -> list[Shard]:
        shards = await self._reader.read(lambda connection: log_file.shards_of(connection, topic))
        if not shards:
            raise BusError(f"there is no topic {topic}")
        return shards

    def _leave(self, group: str, member: "EmbeddedSubscription") -> None:
        self._groups[group].remove(member)
        _rebalance(self._groups[group])


class EmbeddedSubscription:
    """A `Subscription` of an `EmbeddedBus`, which assigns its shards."""

    def __init__(
        self, reader: SqliteFile, topics: Sequence[str], shards: Collection[Shard], *, leave: Callable[[], None]
    ) -> None:
        self.topics = frozenset(topics)
        self.shards = frozenset(shards)
        self._reader = reader
        self._leave = leave
        self._assigned: frozenset[Shard] = frozenset()
        self._next: dict[Shard, int] = {}
        self._paused: set[Shard] = set()
        self._appended = asyncio.Event()
        self._open = True

    def assign(self, shards: frozenset[Shard]) -> None:
        """The member owns `shards` from now on; for the bus to call."""
        self._assigned = shards
        self.wake()

    def wake(self) -> None:
        """A waiting `poll` looks again; for the bus to call."""
        self._appended.set()

    def assigned(self) -> frozenset[Shard]:
        for shard in self._next.keys() - self._assigned:
            del self._next[shard]
        return self._assigned

    async def seek(self, shard: Shard, offset: int) -> None:
        held = await self._reader.read(lambda connection: log_file.bounds(connection, shard))
        check_offset(shard, offset, held)
        self._next[shard] = offset

    async def poll(self, *, max_records: int, timeout_s: float) -> Mapping[Shard, Sequence[Record]]:
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while self._open:
            self._appended.clear()
            found = await self._read(max_records)
            left_s = until - loop.time()
            if found or left_s <= 0:
                return found
            with suppress(TimeoutError):
                await asyncio.wait_for(self._appended.wait(), min(left_s, LOOK_EVERY_S))
        raise BusError("the subscription is closed")

    async def position(self, shard: Shard) -> int:
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
            self._assigned = frozenset()
            self._leave()
            self.wake()

    async def _read(self, limit: int) -> dict[Shard, list[Record]]:
        wanted = {shard: offset for shard, offset in self._next.items() if self._delivers(shard)}
        if not wanted:
            return {}
        found = await self._reader.read(lambda connection: log_file.read(connection, wanted, limit, enough=ENOUGH))
        # Shards may have gone to another member while the file was read.
        mine = {shard: records for shard, records in found.items() if self._delivers(shard)}
        for shard, records in mine.items():
            del self._next[shard]  # the others come first next time
            self._next[shard] = records[-1].offset + 1
        return mine

    def _delivers(self, shard: Shard) -> bool:
        return shard in self._assigned and shard not in self._paused


def _rebalance(members: Sequence[EmbeddedSubscription]) -> None:
    shards = {shard for member in members for shard in member.shards}
    for member, share in zip(members, assign_shards(shards, [member.topics for member in members]), strict=True):
        member.assign(share)

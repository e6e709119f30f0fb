"""The servers of a log, in memory: records, groups, and retention that can delete what readers need and be undone."""

from collections.abc import Sequence
from typing import Protocol

from shared.clock import Clock
from shared.contracts.topics import Topic
from shared.log.partitioner import assign_shards, partition_of
from shared.log.port import (
    Bounds,
    BusError,
    Message,
    OffsetGone,
    PartitionMismatch,
    Place,
    Record,
    Shard,
)
from shared.units import EpochMillis, Offset


class Member(Protocol):
    """A member of a group, as the log knows it."""

    @property
    def topics(self) -> frozenset[str]:
        """What it wants to read."""
        ...

    def assign(self, shards: frozenset[Shard]) -> None:
        """These are its shards now."""
        ...

    def wake(self) -> None:
        """There may be something new to read."""
        ...


class Log:
    """What the servers of the log hold: records, the first offset that retention left, and who reads what."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.records: dict[Shard, list[Record]] = {}
        self.first: dict[Shard, int] = {}
        self.members: dict[str, list[Member]] = {}

    def shards_of(self, topic: str) -> list[Shard]:
        """The shards of a topic; none when there is no such topic."""
        return [shard for shard in self.records if shard.topic == topic]

    def bounds(self, shard: Shard) -> Bounds:
        """What is held of `shard`."""
        if shard not in self.records:
            raise BusError(f"there is no shard {shard}")
        return Bounds(Offset(self.first[shard]), Offset(len(self.records[shard])))

    def create(self, topic: Topic) -> None:
        """The topic is there; raises `PartitionMismatch`."""
        held = len(self.shards_of(topic.name))
        if held not in {0, topic.partitions}:
            raise PartitionMismatch(f"expected {topic.partitions} partitions of {topic.name}, the log has {held}")
        for partition in range(topic.partitions):
            self.records.setdefault(Shard(topic.name, partition), [])
            self.first.setdefault(Shard(topic.name, partition), 0)

    def append(self, topic: str, messages: Sequence[Message]) -> list[Place]:
        """Each message is at the end of its key's partition; returns where."""
        partitions = len(self.shards_of(topic))
        shards = [Shard(topic, partition_of(message.key.encode(), partitions)) for message in messages]
        sent = zip(shards, messages, strict=True)
        return [Place(shard.partition, self.append_to(shard, message)) for shard, message in sent]

    def append_to(self, shard: Shard, message: Message) -> int:
        """The message is at the end of `shard`, at the offset that is returned, and waiting readers are woken."""
        at_ms = int(self._clock.now().timestamp() * 1000) if message.timestamp_ms is None else message.timestamp_ms
        held = self.records[shard]
        held.append(Record(Offset(len(held)), message.key.encode(), message.value, message.headers, EpochMillis(at_ms)))
        for member in [member for members in self.members.values() for member in members]:
            member.wake()
        return len(held) - 1

    def read(self, shard: Shard, offset: int, limit: int) -> list[Record]:
        """At most `limit` records from `offset` on; raises `OffsetGone`."""
        self.check(shard, offset)
        return self.records[shard][offset : offset + limit]

    def check(self, shard: Shard, offset: int) -> None:
        """Raises `OffsetGone` unless `shard` can be read from `offset` on."""
        held = self.bounds(shard)
        if not held.first <= offset <= held.end:
            raise OffsetGone(f"{shard} holds offsets from {held.first} to below {held.end}, wanted from {offset}")

    def share_out(self, group: str) -> None:
        """The group's shards are shared out again among its members."""
        members = self.members[group]
        wanted = [shard for shard in self.records if any(shard.topic in member.topics for member in members)]
        for member, share in zip(members, assign_shards(wanted, [member.topics for member in members]), strict=True):
            member.assign(share)

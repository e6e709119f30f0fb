"""The port of the log that services talk over: Kafka's meaning, no more than Tallystick needs.

A topic has a fixed number of partitions. A record's key chooses its partition (Kafka's murmur2), a partition keeps
the order of appending, offsets ascend and may have gaps. Delivery is at least once: a consumer that re-reads from a
stored offset sees the same records again. The position that counts is stored by the reader with its results;
the one kept here (`commit`) only feeds lag tools.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

from msgspec import Struct

from shared.contracts.topics import Topic
from shared.units import EpochMillis, Offset


class Shard(NamedTuple):
    """One partition of one topic: the unit of order, ownership and progress."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


def every_shard(topics: Iterable[Topic]) -> list[Shard]:
    """The shards of all `topics`, those of one topic together and in order."""
    return [Shard(topic.name, partition) for topic in topics for partition in range(topic.partitions)]


# Made by the million: a struct is made in a tenth of a frozen dataclass's time.
class Message(Struct, frozen=True, gc=False):
    """What is to be appended. `timestamp_ms` is the wall clock unless a replay sets the event's own time."""

    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: EpochMillis | None = None


class Record(Struct, frozen=True, gc=False):
    """What was appended, as anybody may have sent it: key and value can be missing or hold anything."""

    offset: Offset
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: EpochMillis


class Place(NamedTuple):
    """Where a message is in its topic; the offset is None where the log took it without saying so."""

    partition: int
    offset: int | None


class Outgoing(Struct, frozen=True, gc=False):
    """A message to be published. `id` is deterministic: writing or publishing it twice is harmless."""

    id: str
    topic: str
    key: str
    value: bytes
    timestamp_ms: EpochMillis


class Quarantined(Struct, frozen=True):
    """A record that could not be read, with its original bytes, and why; `redriven`: an operator had sent it again."""

    offset: Offset
    reason: str
    detail: str
    key: bytes | None
    value: bytes | None
    timestamp_ms: EpochMillis
    redriven: bool = False


class Bounds(NamedTuple):
    """The offset of the first record still held, and the one that the next record will get."""

    first: Offset
    end: Offset


class BusError(Exception):
    """The log could not do what was asked; nothing is known to be lost."""


class BusUnavailable(BusError):
    """The log does not answer now: the same may be asked again later."""


class AppendUncertain(BusUnavailable):
    """Whether the messages were appended is unknown: send them again with the same event ids."""


class PartitionMismatch(BusError):
    """The topic exists with another number of partitions than the contract says."""


class OffsetGone(BusError):
    """The wanted offset is no longer (or not yet) in the log: retention overtook it, or the topic was recreated."""


class Fenced(Exception):
    """Another writer changed the shard first: forget what was computed, load the head again."""


def check_offset(shard: Shard, offset: int, held: Bounds) -> None:
    """Raises `OffsetGone` unless `shard`, of which the log holds `held`, can be read from `offset` on."""
    if not held.first <= offset <= held.end:
        raise OffsetGone(f"{shard} holds offsets from {held.first} to below {held.end}, wanted from {offset}")


async def publish_outgoing(bus: "Bus", outgoing: Iterable[Outgoing]) -> None:
    """The log holds all of `outgoing` durably, in their order; raises `AppendUncertain` as `Bus.publish`."""
    for topic, messages in groupby(outgoing, key=lambda message: message.topic):
        await bus.publish(topic, [Message(m.key, m.value, timestamp_ms=m.timestamp_ms) for m in messages])


class Subscription(Protocol):
    """One member of a consumer group. Used by one task; not safe to share."""

    def assigned(self) -> frozenset[Shard]:
        """The shards that are this member's now. May change between any two awaits, without notice.

        A shard that this call showed to be lost needs `seek` when it returns; one that was lost and regained
        between two calls goes on where it was, and the fencing of the reader's store decides whether it may.
        """

    async def seek(self, shard: Shard, offset: int) -> None:
        """Deliver `shard` from `offset` on. Nothing of a newly assigned shard is delivered before this call.

        Raises `OffsetGone` when `offset` is below the first held or above the end; never skips silently. For a shard
        that is this member's no longer it does nothing.
        """

    async def poll(self, *, max_records: int, timeout_s: float) -> Mapping[Shard, Sequence[Record]]:
        """The next records of started shards that are not paused, at most `max_records` a shard, in offset order.

        Waits up to `timeout_s` for the first one; an empty mapping means that none came. Never raises for what a
        record holds; raises `OffsetGone` when retention has overtaken a started shard, never skips silently, and
        `BusUnavailable` where this member is of no use any more: subscribe again.
        """

    async def position(self, shard: Shard) -> int:
        """The offset from which a started shard is delivered next.

        It lies further than one after the last delivered record where offsets hold nothing to deliver: at gaps, and at
        the marks of Kafka's transactions, of which every log that is written in transactions has one at its end.
        """

    def pause(self, shards: Collection[Shard]) -> None:
        """Deliver nothing of `shards` until `resume`; polling goes on, so that the group keeps this member."""

    def resume(self, shards: Collection[Shard]) -> None:
        """Undo `pause`; delivery goes on where `seek` or the last delivered record left it."""

    async def commit(self, shard: Shard, next_offset: int) -> None:
        """Store how far the group is, for lag tools. May fail silently; nothing depends on it."""

    async def close(self) -> None:
        """Leave the group. Idempotent, and returns within 10 seconds."""


class Bus(Protocol):
    """A log of topics. Safe to share between the tasks of one event loop.

    While it is away, whatever needs an answer raises `BusUnavailable`.
    """

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        """Create what is missing; raises `PartitionMismatch` where a topic exists with another partition count."""

    async def bounds(self, shard: Shard) -> Bounds:
        """What the log holds of `shard` now."""

    async def identity(self, topic: str) -> str:
        """What distinguishes the topic from every other one that ever had its name; up to 64 characters."""

    async def publish(self, topic: str, messages: Sequence[Message]) -> Sequence[Place]:
        """Append all of `messages`; when it returns they are durable and those of one key are in order.

        Returns the place of each, in the order of `messages`.
        Raises `AppendUncertain` when some may not be; sending all of them again is always right.
        """

    async def publish_to(self, shard: Shard, messages: Sequence[Message]) -> None:
        """As `publish`, into one partition whatever the keys; for marks that every partition must get."""

    async def read(self, shard: Shard, start: int, *, limit: int) -> Sequence[Record]:
        """The records of `shard` from `start` on, at most `limit` of them and in no group; none at the end.

        Raises `OffsetGone` when `start` is below the first held or above the end.
        """

    async def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        """Join `group`. Members of one group share the shards; each shard has one owner (a stale one may linger)."""

    def silent_s(self) -> float:
        """Seconds since the log last answered those who wait for records, if only with none; 0 when nobody waits."""

    async def close(self) -> None:
        """Close all subscriptions and release everything. Idempotent."""

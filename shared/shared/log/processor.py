"""What the loop that reads the log asks of whoever does something with the records."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from shared.log.port import Record, Shard


class Busy(Exception):
    """What the processor needs does not answer now: offer the same records again later."""


class Halted(Busy):
    """Only people can say how the shard goes on; the message tells them why, and what they can do."""


# Whether every record which the log holds when this is asked has been applied.
CaughtUp = Callable[[], Awaitable[bool]]


class Processor(Protocol):
    """What is done with the records of a group's shards: one call at a time for a shard, but several shards at once.

    It may remember what it last stored or found. So who only asks (`unread`) asks another one over the same store.
    """

    async def position(self, shard: Shard) -> int | None:
        """The stored next offset; None when the shard was never read, and is to be read from the first held."""

    async def apply(self, shard: Shard, records: Sequence[Record]) -> int:
        """Store the results of `records` and the next offset in one atomic write; returns that offset.

        It may lie before the end of `records`: the rest is offered again. Raises `Fenced` when the stored position is
        not where `records` begin, `Busy` when it should be tried later, `Halted` when people must decide first.
        Records that it cannot read are its own to quarantine; whatever else it raises stops the group.
        """

    async def idle(self, shard: Shard, *, caught_up: CaughtUp) -> None:
        """Called for owned shards that got no records: timers, outbox. May raise as `apply` may.

        Who goes by the wall clock reads it before asking `caught_up`: after the answer a process may be held up for
        hours, while records come that it does not know of.
        """


class KnownLogs(Protocol):
    """Which logs the stored positions belong to: a topic that is deleted and recreated is another log."""

    async def known_log(self, topic: str) -> str | None:
        """The identity of the log of `topic` that was read until now; None at first. Raises `Busy`."""

    async def save_known_log(self, topic: str, identity: str) -> None:
        """The positions to be stored are of the log of that identity. Raises `Busy`."""

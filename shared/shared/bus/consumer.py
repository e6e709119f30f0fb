"""The loop that reads the log, written once: monitor, billing and read models differ only in their `Processor`.

It knows three endings for a batch. Records that are no good are the processor's: it sets them aside in the same
atomic write as the offset. `Busy` means not now: the shard is held back and the same records are offered again,
while polling goes on so that the group keeps this member. Anything else ends the process, loudly: a restart reads
again from the stored offset, and nothing is lost by dying. `Fenced` is no failure: another worker moved the shard,
so the stored position is loaded again.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.bus.port import AppendUncertain, Bus, OffsetGone, Record, Shard, Subscription
from shared.state.port import Fenced


class Busy(Exception):
    """What the processor needs does not answer now: offer the same records again later."""


class Processor(Protocol):
    """What is done with the records of a group's shards. Called by one task, one call at a time."""

    async def position(self, shard: Shard) -> int | None:
        """The stored next offset; None when the shard was never read, and is to be read from the first held."""
        ...

    async def apply(self, shard: Shard, records: Sequence[Record]) -> int:
        """Store the results of `records` and the next offset in one atomic write; returns that offset.

        Raises `Fenced` when the stored position is not where `records` begin, `Busy` when it should be tried later.
        Records that it cannot read are its own to quarantine; whatever else it raises stops the group.
        """
        ...

    async def idle(self, shard: Shard, *, caught_up: bool) -> None:
        """Called for owned shards that got no records: timers, outbox. May raise as `apply` may.

        `caught_up` says that every record which the log held a moment ago has been applied.
        """
        ...

"""Billing's end of the log: the consumer loop's processor, its blocking work kept off the event loop."""

import asyncio
from collections.abc import Sequence

from billing.handlers import BillingHandlers
from shared.log.port import Record, Shard
from shared.log.processor import CaughtUp
from shared.sql.outage import busy_during_outages


class BillingProcessor:
    """`shared.log.processor.Processor` over billing's handlers.

    The position that a batch must find in the store is the one last loaded or written here. A stale worker's is
    behind, and the store refuses its batch.
    """

    def __init__(self, handlers: BillingHandlers) -> None:
        self._handlers = handlers
        self._stands_at: dict[Shard, int | None] = {}

    async def position(self, shard: Shard) -> int | None:
        """The stored next offset; None when the shard was never read."""
        with busy_during_outages():
            self._stands_at[shard] = await asyncio.to_thread(self._handlers.position, shard)
        return self._stands_at[shard]

    async def apply(self, shard: Shard, records: Sequence[Record]) -> int:
        """Facts, quarantine and next offset are stored in one transaction; raises `Busy` while the database is away."""
        expected = self._stands_at[shard]
        with busy_during_outages():
            reached = await asyncio.to_thread(self._handlers.consume, shard, records, expected=expected)
        self._stands_at[shard] = reached
        return reached

    async def idle(self, shard: Shard, *, caught_up: CaughtUp) -> None:
        """Nothing is due: usage has no timers."""

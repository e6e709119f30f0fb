"""Billing's quarantine, for those who wait for an answer without blocking the event loop."""

import asyncio

from billing.ports import Store
from shared.log.port import Quarantined, Shard


class SqlQuarantineStore:
    """`shared.quarantine.service.QuarantineStore` over billing's store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def quarantine(self, shard: Shard, *, after_offset: int, limit: int) -> list[Quarantined]:
        """As the protocol says."""
        return await asyncio.to_thread(self._store.quarantine, shard, after_offset=after_offset, limit=limit)

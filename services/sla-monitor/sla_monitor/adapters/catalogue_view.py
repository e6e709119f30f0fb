"""The catalogue's log, read from its beginning into memory: it is compacted, small, and holds every version."""

import asyncio
from uuid import uuid4

from shared.bus.port import Bus, Shard, Subscription
from shared.contracts.catalogue import CatalogueEvent
from shared.contracts.codec import decode_event
from shared.contracts.definitions import Agreement, Council, Partnership, Service
from shared.contracts.topics import CATALOGUE
from sla_monitor.domain.catalogue import Versions
from sla_monitor.domain.terms import Book

_SHARD = Shard(CATALOGUE.name, 0)
_BATCH = 1000


class CatalogueView:
    """`sla_monitor.ports.Catalogue`, kept current by `run`. Every instance reads all of the log: no group shares it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._versions = Versions()
        self._subscription: Subscription | None = None
        self._next_offset = 0
        self.position = 0
        self.book: Book = self._versions.book()

    async def catch_up(self) -> None:
        """Whatever the catalogue's log holds now is known."""
        end = (await self._bus.bounds(_SHARD)).end
        while self._next_offset < end:
            await self._read(timeout_s=0.5)

    async def run(self, stop: asyncio.Event) -> None:
        """Changes are known soon after they are published, until `stop` is set."""
        while not stop.is_set():
            await self._read(timeout_s=0.5)

    def partnerships(self) -> list[Partnership]:
        """The newest version of each partnership."""
        return self._versions.partnerships()

    def name(self, kind: type[Council | Service], id_: str) -> str:
        """What a council or service is called now; its id while it is not known."""
        return self._versions.name(kind, id_)

    def agreements(self, council: str) -> list[Agreement]:
        """The newest version of each agreement of a council."""
        return self._versions.agreements(council)

    async def _read(self, *, timeout_s: float) -> None:
        subscription = self._subscription or await self._subscribe()
        records = (await subscription.poll(max_records=_BATCH, timeout_s=timeout_s)).get(_SHARD, ())
        news = False
        for record in records:
            event = decode_event(record.value or b"")
            news |= isinstance(event, CatalogueEvent) and self._versions.take(event)
            self._next_offset = record.offset + 1
        if news:
            self.book = self._versions.book()
            self.position = self._next_offset

    async def _subscribe(self) -> Subscription:
        self._subscription = await self._bus.subscribe(f"sla-monitor-catalogue-{uuid4()}", [CATALOGUE.name])
        while _SHARD not in self._subscription.assigned():
            await self._subscription.poll(max_records=1, timeout_s=0.1)
        first = (await self._bus.bounds(_SHARD)).first
        await self._subscription.start_at(_SHARD, first)
        return self._subscription

"""Billing put together: the only file that knows every part."""

import asyncio

from fastapi import APIRouter

from billing import api
from billing.adapters.consumer import Intake
from billing.adapters.documents.printed import PrintedDocuments
from billing.adapters.sql import GROUP, SqlStore
from billing.domain.intake import TOPICS
from billing.handlers import Handlers
from billing.settings import Settings
from shared.bus.consumer import consume, unread
from shared.bus.port import Bus
from shared.clock import Clock

BATCH = 1000  # records a transaction: large enough that SQL's overhead vanishes, small enough to redo


class BillingApp:
    """The running parts. `router` answers; `run` works until it is told to stop."""

    def __init__(self, settings: Settings, *, bus: Bus) -> None:
        self._bus = bus
        self._store = SqlStore.open(settings.database)
        self.handlers = Handlers(self._store)
        self._intake = Intake(self.handlers)

    @property
    def router(self) -> APIRouter:
        """Billing's routes."""
        return api.router(self.handlers, PrintedDocuments())

    async def run(self, stop: asyncio.Event) -> None:
        """Takes usage and terms in until `stop` is set; raises what made it impossible to go on."""
        await consume(self._bus, group=GROUP, topics=TOPICS, processor=self._intake, stop=stop, batch=BATCH)

    async def unread(self) -> int:
        """How many records it has still to take in."""
        return await unread(self._bus, Intake(self.handlers), TOPICS)

    async def close(self) -> None:
        """Everything is released. Idempotent."""
        self._store.close()


def build(settings: Settings, *, bus: Bus, clock: Clock) -> BillingApp:  # noqa: ARG001 (every service is built alike)
    """Billing, its database migrated, ready to run. No figure of it depends on the time of day."""
    return BillingApp(settings, bus=bus)

"""Billing put together: the only file that knows every part."""

import asyncio

from fastapi import APIRouter

from billing import api
from billing.adapters.consumer import Intake
from billing.adapters.documents.printed import PrintedDocuments
from billing.adapters.sql import GROUP, SqlStore
from billing.domain.canonical import canonical_json
from billing.domain.intake import TOPICS
from billing.domain.statement import Statement
from billing.handlers import Handlers
from billing.schemas import href
from billing.settings import Settings
from shared.bus.consumer import consume, unread
from shared.bus.port import Bus
from shared.clock import Clock

# Records a transaction. Identities come at random, so each writes its own page of the inbox: large batches share pages
# and syncs. 4,000 took in half as many again a second as 1,000; their in-list stays far below SQL's parameter limits.
BATCH = 4000


class BillingApp:
    """The running parts. `router` answers; `run` works until it is told to stop."""

    types = api.TYPES

    def __init__(self, settings: Settings, *, bus: Bus) -> None:
        self._bus = bus
        self._store = SqlStore.open(settings.database)
        self.handlers = Handlers(self._store)
        self._intake = Intake(self.handlers)
        self._documents = PrintedDocuments()

    @property
    def router(self) -> APIRouter:
        """Billing's routes."""
        return api.router(self.handlers, self._documents)

    def forms(self, statement: Statement) -> dict[str, bytes]:
        """The statement as files, by suffix: the same figures in each."""
        page = self._documents.page(statement, base=href(statement.council.id, str(statement.month)))
        return {
            "json": canonical_json(statement),
            "csv": self._documents.csv(statement, for_spreadsheets=True),
            "html": page.encode(),
            "pdf": self._documents.pdf(statement),
        }

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

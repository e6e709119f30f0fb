"""The catalogue put together: the only file that knows every part."""

import asyncio

from fastapi import APIRouter

from catalogue import api
from catalogue.adapters import partnership_files
from catalogue.adapters.sql import SqlVersions
from catalogue.adapters.tables import outbox
from catalogue.handlers import Handlers, Recorded
from catalogue.schemas import API_TYPES
from catalogue.settings import Settings
from shared.bus.port import Bus
from shared.clock import Clock
from shared.holidays import load_holidays
from shared.sql.engine import connect
from shared.sql.migrate import prepare
from shared.sql.outbox import relay, relay_once, waiting


class CatalogueApp:
    """The running parts. `router` answers; `run` announces what was recorded until it is told to stop."""

    types = API_TYPES

    def __init__(self, settings: Settings, *, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._engine = connect(settings.database)
        prepare(self._engine, "catalogue")
        self.handlers = Handlers(SqlVersions(self._engine), load_holidays(settings.holidays_file))

    @property
    def router(self) -> APIRouter:
        """The catalogue's routes."""
        return api.router(self.handlers, self._clock)

    def load(self, name_or_path: str, *, actor: str) -> Recorded:
        """A shipped example or a partnership file is recorded; raises `Refused` with the place of every fault."""
        found = partnership_files.load(name_or_path)
        return self.handlers.load(found.given, at=self._clock.now(), actor=actor)

    async def announce(self) -> None:
        """Every version recorded so far is in the log."""
        while await self.unannounced():
            await relay_once(self._engine, self._bus, outbox=outbox)

    async def unannounced(self) -> int:
        """How many versions the log does not hold yet."""
        return await asyncio.to_thread(waiting, self._engine, outbox)

    async def run(self, stop: asyncio.Event) -> None:
        """Announces every recorded version, until `stop` is set."""
        await relay(self._engine, self._bus, stop, outbox=outbox)

    async def close(self) -> None:
        """Everything is released."""
        self._engine.dispose()


def build(settings: Settings, *, bus: Bus, clock: Clock) -> CatalogueApp:
    """The catalogue, its database migrated, ready to run."""
    return CatalogueApp(settings, bus=bus, clock=clock)

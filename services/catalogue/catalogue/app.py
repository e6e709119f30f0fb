"""The catalogue put together: the only file that knows every part."""

import asyncio
from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from catalogue import api
from catalogue.adapters import partnership_files
from catalogue.adapters.sql import SqlVersionStore, outbox
from catalogue.handlers import CatalogueHandlers, RecordResult
from catalogue.metrics import CatalogueMetrics
from catalogue.settings import CatalogueSettings
from shared.bus.consumer import ConsumerStatus
from shared.clock import Clock
from shared.heartbeat import Heartbeat
from shared.holidays import load_holidays
from shared.log.port import Bus
from shared.running.health import Check, database_checks
from shared.sql.engine import connect
from shared.sql.migrate import prepare
from shared.sql.outbox import relay, relay_once, unpublished_count


class CatalogueApp:
    """The running parts: `router` answers, `run` announces what was recorded until its stop is set."""

    name = "catalogue"
    title = "Tallystick: the catalogue"
    read_model_every_s = 60.0
    types = api.API_TYPES
    consumers: Sequence[ConsumerStatus] = ()

    def __init__(self, settings: CatalogueSettings, *, bus: Bus, clock: Clock, registry: CollectorRegistry) -> None:
        self._bus, self._clock = bus, clock
        self._engine = connect(settings.database)
        prepare(self._engine, "catalogue")
        self._versions = SqlVersionStore(self._engine)
        self.handlers = CatalogueHandlers(self._versions, load_holidays(settings.holidays_file))
        self.registry = registry
        self._metrics = CatalogueMetrics(registry)
        self._relaying = Heartbeat("outbox relay")
        self.heartbeats = (self._relaying,)
        self.checks: Mapping[str, Check] = database_checks(self._engine, "catalogue")

    @property
    def router(self) -> APIRouter:
        return api.router(self.handlers, self._clock)

    def public_routes(self, *, illustrative: bool) -> Sequence[APIRouter]:  # noqa: ARG002 (it has no pages)
        return [self.router]

    def load(self, name_or_path: str, *, actor: str) -> RecordResult:
        """A shipped example or a partnership file is recorded; raises `UnknownPartnershipFile`, `InvalidSubmission`."""
        return self.handlers.load(partnership_files.load(name_or_path), at=self._clock.now(), actor=actor)

    async def announce(self) -> None:
        """Every version recorded so far is in the log."""
        while await self.unannounced():
            await relay_once(self._engine, self._bus, outbox=outbox)

    async def unannounced(self) -> int:
        """How many versions the log does not hold yet."""
        return await asyncio.to_thread(unpublished_count, self._engine, outbox)

    async def run(self, stop: asyncio.Event) -> None:
        await relay(self._engine, self._bus, stop, outbox=outbox, heartbeat=self._relaying)

    def operator_routes(self) -> Sequence[APIRouter]:
        """None: it reads no other service's events, so that it quarantines nothing."""
        return []

    async def sample(self) -> None:
        """What is announced and what waits is as the database has it now."""
        recorded, waiting, first = await asyncio.to_thread(self._versions.counts)
        self._metrics.show(recorded, waiting, first=first)

    async def sample_read_model(self) -> None:
        """Nothing: it keeps no figures of councils."""

    async def close(self) -> None:
        self._engine.dispose()


def build(
    settings: CatalogueSettings, *, bus: Bus, clock: Clock, registry: CollectorRegistry | None = None
) -> CatalogueApp:
    """The catalogue on a database of the newest schema, ready to run. Its metrics are in `registry`."""
    return CatalogueApp(settings, bus=bus, clock=clock, registry=registry or CollectorRegistry())

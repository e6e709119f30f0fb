"""The catalogue put together: the only file that knows every part."""

import asyncio
from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from catalogue import api
from catalogue.adapters import partnership_files
from catalogue.adapters.sql import SqlVersionStore, installation_key, outbox
from catalogue.handlers import CatalogueHandlers, RecordResult
from catalogue.log_repair import AnnouncedVersions, LogAhead, LogDiffers, require_complete_database
from catalogue.metrics import CatalogueMetrics
from catalogue.settings import CatalogueSettings
from shared.bus.access_view import AccessView
from shared.bus.consumer import ConsumerStatus
from shared.clock import Clock
from shared.heartbeat import Heartbeat
from shared.holidays import load_holidays
from shared.http.ways import authentication
from shared.log.port import Bus
from shared.running.health import Check, NotReady, database_checks
from shared.sql.installation_key import derived_key
from shared.sql.isolation import Database
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
        self._database = Database.at(settings.database)
        self._engine = self._database.workers
        prepare(self._engine, "catalogue")
        self.cursor_key = derived_key(self._engine, installation_key, "cursors")
        self._versions = SqlVersionStore(self._database)
        self.handlers = CatalogueHandlers(self._versions, load_holidays(settings.holidays_file))
        self.registry = registry
        self._metrics = CatalogueMetrics(registry)
        self._relaying = Heartbeat("outbox relay")
        self._access = AccessView(bus, reader=self.name)
        self.authentication = authentication(self._access, clock, audience=settings.audience, secure=settings.is_secure)
        self.heartbeats = (self._relaying, self._access.heartbeat)
        self._announced = AnnouncedVersions(bus)
        self.checks: Mapping[str, Check] = {
            **database_checks(self._engine, "catalogue"),
            "versions": self._versions_agree,
        }

    @property
    def router(self) -> APIRouter:
        return api.router(self.handlers, self._clock)

    def public_routes(self, *, illustrative: bool) -> Sequence[APIRouter]:  # noqa: ARG002 (it has no pages)
        return [self.router]

    def load(self, name_or_path: str, *, actor: str) -> RecordResult:
        """A shipped example or a partnership file is recorded; raises `UnknownPartnershipFile`, `InvalidSubmission`."""
        return self.handlers.load(partnership_files.load(name_or_path), at=self._clock.now(), actor=actor)

    async def record(self, name_or_path: str, *, actor: str) -> RecordResult:
        """As `load`, and the log has every version; raises `LogAhead` and `LogDiffers` before anything is recorded."""
        await self.require_complete_database()
        recorded = await asyncio.to_thread(self.load, name_or_path, actor=actor)
        await self.announce()
        return recorded

    async def announce(self) -> int:
        """Every version recorded so far is in the log; returns how many the log had lost.

        Raises `LogDiffers`, and `LogAhead` where the database has lost some instead.
        """
        await self._publish()
        lost = await asyncio.to_thread(self.handlers.announce, await self._announced.read())
        await self._publish()
        return lost

    async def restore(self, *, actor: str) -> int:
        """Every version that the log holds is in the database; returns how many it had lost. Raises `LogDiffers`."""
        return await asyncio.to_thread(self.handlers.restore, await self._announced.read(), actor=actor)

    async def require_complete_database(self) -> None:
        """Raises `LogAhead` where the log holds versions that the database has lost, `LogDiffers` where other ones."""
        announced = await self._announced.read()
        require_complete_database(await asyncio.to_thread(self.handlers.compare, announced))

    async def _publish(self) -> None:
        while await self.unannounced():
            await relay_once(self._engine, self._bus, outbox=outbox)

    async def _versions_agree(self) -> str:
        announced = await self._announced.read()
        try:
            found = await asyncio.to_thread(self.handlers.compare, announced)
            require_complete_database(found)
        except (LogAhead, LogDiffers) as fault:
            raise NotReady(str(fault)) from fault
        if found.missing_in_log:
            raise NotReady(f"the log lacks {len(found.missing_in_log)} versions: run `python -m catalogue announce`")
        return f"{len(announced)} in the log"

    async def unannounced(self) -> int:
        """How many versions the log does not hold yet."""
        return await asyncio.to_thread(unpublished_count, self._engine, outbox)

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._access.run(stop))
            tasks.create_task(relay(self._engine, self._bus, stop, outbox=outbox, heartbeat=self._relaying))

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
        self._database.close()


def build(
    settings: CatalogueSettings, *, bus: Bus, clock: Clock, registry: CollectorRegistry | None = None
) -> CatalogueApp:
    """The catalogue on a database of the newest schema, ready to run. Its metrics are in `registry`."""
    return CatalogueApp(settings, bus=bus, clock=clock, registry=registry or CollectorRegistry())

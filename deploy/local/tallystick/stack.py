"""The three services in one process, over one folder of state: no server is needed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from billing.app import BillingApp
from billing.app import build as build_billing
from billing.settings import BillingSettings
from catalogue.app import CatalogueApp
from catalogue.app import build as build_catalogue
from catalogue.settings import CatalogueSettings
from shared.bus.connect import connect
from shared.clock import Clock, WallClock
from shared.contracts.definitions import AnyDefinition
from shared.contracts.topics import TOPICS
from shared.log.port import Bus
from shared.running.gc_tuning import tune_gc
from sla_monitor.app import MonitorApp
from sla_monitor.app import build as build_monitor
from sla_monitor.settings import MonitorSettings

ACTOR = "tallystick-local"
_LOOK_EVERY_S = 1.0
# A service's work, until the event is set.
Work = Callable[[asyncio.Event], Coroutine[None, None, None]]


class Stack:
    """The services and the log between them, ready to be run."""

    def __init__(self, folder: Path, *, bus: Bus, clock: Clock, margin_s: int) -> None:
        self.folder = folder
        self.bus = bus
        self.catalogue: CatalogueApp = build_catalogue(CatalogueSettings(TALLYSTICK_VAR=folder), bus=bus, clock=clock)
        self.monitor: MonitorApp = build_monitor(
            MonitorSettings(TALLYSTICK_VAR=folder, SLA_CLOCK_MARGIN_S=margin_s), bus=bus, clock=clock
        )
        self.billing: BillingApp = build_billing(BillingSettings(TALLYSTICK_VAR=folder), bus=bus, clock=clock)

    async def record(self, definitions: Sequence[AnyDefinition]) -> int:
        """`definitions` are in the catalogue and announced; returns how many versions were added."""
        at = WallClock().now()  # when the catalogue learnt of them is no part of what is replayed
        recorded = await asyncio.to_thread(self.catalogue.handlers.record, definitions, at=at, actor=ACTOR)
        await self.catalogue.announce()
        return len(recorded.added)

    async def run(self, stop: asyncio.Event) -> None:
        """All services work until `stop` is set; raises what stopped one of them, after stopping the others."""
        async with asyncio.TaskGroup() as tasks:
            for service in (self.catalogue, self.monitor, self.billing):
                tasks.create_task(_run(service.run, stop))

    async def pending(self) -> int:
        """How much is still to be done; 0 when every service has come to rest."""
        return await self.catalogue.unannounced() + await self.monitor.pending() + await self.billing.unread()

    async def drain(self, report: Callable[[int], None]) -> None:
        """The services have done all there is to do by now. `report` is told what is left, every second."""
        await self._work_off(self.run, self.pending, report)

    async def meter(self) -> None:
        """Billing has taken in all that the log holds by now."""
        await self._work_off(self.billing.run, self.billing.unread, lambda _: None)

    async def _work_off(self, run: Work, left: Callable[[], Awaitable[int]], report: Callable[[int], None]) -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_run(run, stop))
            try:
                while count := await left():
                    report(count)
                    await asyncio.sleep(_LOOK_EVERY_S)
            finally:
                stop.set()

    async def close(self) -> None:
        """Everything is released."""
        for part in (self.catalogue, self.monitor, self.billing, self.bus):
            await part.close()


async def _run(service: Work, stop: asyncio.Event) -> None:
    try:
        await service(stop)
    finally:
        stop.set()


@asynccontextmanager
async def open_stack(folder: Path, *, clock: Clock, margin_s: int = 1) -> AsyncIterator[Stack]:
    """The services on `folder`, their topics made; closed on the way out."""
    tune_gc()
    bus = connect(f"sqlite:///{folder}/log.db")
    await bus.ensure_topics(TOPICS)
    stack = Stack(folder, bus=bus, clock=clock, margin_s=margin_s)
    try:
        yield stack
    finally:
        await stack.close()

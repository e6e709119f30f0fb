"""The three services in one process, over one folder of state: no server is needed."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from rich.progress import Progress

from shared.clock import Clock, WallClock
from shared.contracts.definitions import AnyDefinition
from shared.contracts.topics import TOPICS
from shared.log.port import Bus

if TYPE_CHECKING:  # importing the services takes a second: `--help` of a verb does not wait for them
    from billing.app import BillingApp
    from catalogue.app import CatalogueApp
    from sla_monitor.app import MonitorApp

ACTOR = "tallystick-local"
_LOOK_EVERY_S = 1.0
_SERVICES = ("catalogue.app", "sla_monitor.app", "billing.app")
# A service's work, until the event is set.
Work = Callable[[asyncio.Event], Coroutine[None, None, None]]


class FolderInUse(Exception):
    """Another process runs the services on this folder."""


class UnusableFolder(Exception):
    """The folder cannot be made, read or written."""


class Stack:
    """The services and the log between them, ready to be run."""

    def __init__(
        self, folder: Path, bus: Bus, *, catalogue: "CatalogueApp", monitor: "MonitorApp", billing: "BillingApp"
    ) -> None:
        self.folder, self.bus = folder, bus
        self.catalogue, self.monitor, self.billing = catalogue, monitor, billing

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
        """How much is still to be done; 0 when no service has anything left to do."""
        return await self.catalogue.unannounced() + await self.monitor.pending() + await self.billing.unread()

    async def drain(self, report: Callable[[int], None] = lambda _: None) -> None:
        """The services have done all there is to do by now; `report` gets what is left, every second."""
        await _run_until_none_left(self.run, self.pending, report)

    async def drain_showing(self, bars: Progress, title: str) -> None:
        """As `drain`, with a progress bar."""
        total = await self.pending()
        bar = bars.add_task(title, total=total)
        await self.drain(lambda left: bars.update(bar, completed=max(total - left, 0)))
        bars.update(bar, completed=total)

    async def meter(self) -> None:
        """Billing has ingested all that the log holds by now."""
        await _run_until_none_left(self.billing.run, self.billing.unread, lambda _: None)


async def _run_until_none_left(work: Work, left: Callable[[], Awaitable[int]], report: Callable[[int], None]) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_run(work, stop))
        try:
            while count := await left():
                report(count)
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            stop.set()


async def _run(service: Work, stop: asyncio.Event) -> None:
    try:
        await service(stop)
    finally:
        stop.set()


@asynccontextmanager
async def open_stack(folder: Path, *, clock: Clock | None = None, margin_s: int = 1) -> AsyncIterator[Stack]:
    """The services on `folder`, their topics made; closed on the way out. Raises `UnusableFolder`."""
    from billing.app import build as build_billing
    from billing.settings import BillingSettings
    from catalogue.app import build as build_catalogue
    from catalogue.settings import CatalogueSettings
    from shared.bus.connect import connect
    from shared.running.command import tune_gc
    from sla_monitor.app import build as build_monitor
    from sla_monitor.settings import MonitorSettings

    require_folder(folder)
    tune_gc()
    clock = clock or WallClock()
    async with AsyncExitStack() as exits:
        bus = connect(f"sqlite:///{folder}/log.db")
        exits.push_async_callback(bus.close)
        await bus.ensure_topics(TOPICS)
        # Each is closed also where a later one finds its store unusable.
        catalogue = build_catalogue(CatalogueSettings(TALLYSTICK_VAR=folder), bus=bus, clock=clock)
        exits.push_async_callback(catalogue.close)
        monitor_settings = MonitorSettings(TALLYSTICK_VAR=folder, SLA_CLOCK_MARGIN_S=margin_s)
        monitor = build_monitor(monitor_settings, bus=bus, clock=clock)
        exits.push_async_callback(monitor.close)
        billing = build_billing(BillingSettings(TALLYSTICK_VAR=folder), bus=bus, clock=clock)
        exits.push_async_callback(billing.close)
        yield Stack(folder, bus, catalogue=catalogue, monitor=monitor, billing=billing)


@contextmanager
def exclusive_use(folder: Path) -> Iterator[None]:
    """Only this process runs the services on `folder`; others may read it and append to its log.

    Raises `FolderInUse` and `UnusableFolder`. A killed process leaves no lock behind.
    """
    require_folder(folder)
    for name in _SERVICES:  # before the folder is held: the services take a second to import
        import_module(name)
    try:
        with FileLock(folder / "services.lock", blocking=False):
            yield
    except Timeout as busy:
        raise FolderInUse(f"another tallystick is running on {folder}") from busy


def require_folder(folder: Path, *, unless: Sequence[str] = ("",)) -> None:
    """The folder exists and can be read and written; raises `UnusableFolder`.

    Where all of the addresses `unless` are set, state is on servers and the folder is not needed.
    """
    if all(unless):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise UnusableFolder(f"the state folder {folder} cannot be made: {fault.strerror}") from fault
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise UnusableFolder(f"the state folder {folder} cannot be read and written")

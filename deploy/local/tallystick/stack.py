"""The three services in one process, over one folder of state: no server is needed."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shared.clock import Clock, FixedClock, WallClock
from shared.contracts.topics import TOPICS
from shared.log.port import Bus, Shard
from shared.scope import Scope
from tallystick.console import err
from tallystick.draining import run_and_stop, run_until_none_left

if TYPE_CHECKING:  # importing the services takes a second: `--help` of a verb does not wait for them
    from rich.progress import Progress

    from billing.app import BillingApp
    from catalogue.app import CatalogueApp
    from shared.bus.consumer import ConsumerStatus
    from shared.contracts.definitions import AnyDefinition
    from sla_monitor.app import MonitorApp

ACTOR = "tallystick-local"
_PAGE = 1_000
_SERVICES = ("catalogue.app", "sla_monitor.app", "billing.app")


class FolderInUse(Exception):
    """Another process runs the services on this folder."""


class UnusableFolder(Exception):
    """The folder cannot be made, read or written."""


class EmptyFolder(Exception):
    """Nothing was ever stored in the folder."""


class Stack:
    """The services and the log between them, ready to be run."""

    def __init__(
        self, folder: Path, bus: Bus, *, catalogue: "CatalogueApp", monitor: "MonitorApp", billing: "BillingApp"
    ) -> None:
        self.folder, self.bus = folder, bus
        self.catalogue, self.monitor, self.billing = catalogue, monitor, billing

    async def record(self, definitions: "Sequence[AnyDefinition]") -> int:
        """`definitions` are in the catalogue and announced; returns how many versions were added.

        Raises as `CatalogueApp.record`, before anything is recorded.
        """
        await self.catalogue.require_complete_database()
        at = WallClock().now()  # when the catalogue learnt of them is no part of what is replayed
        recorded = await asyncio.to_thread(self.catalogue.handlers.record, definitions, at=at, actor=ACTOR)
        await self.catalogue.announce()
        return len(recorded.added)

    async def defined(self, kind: Literal["council", "service"]) -> set[str]:
        """The ids that the catalogue has of that kind."""
        names: list[str] = []
        while page := await asyncio.to_thread(self._listed, kind, names[-1] if names else ""):
            names += page
        return set(names)

    def _listed(self, kind: Literal["council", "service"], after: str) -> list[str]:
        found = self.catalogue.handlers.listing(kind, Scope.all(), on=None, after=after, limit=_PAGE)
        return [version.definition.id for version in found]

    async def run(self, stop: asyncio.Event) -> None:
        """All services work until `stop` is set; raises what stopped one of them, after stopping the others."""
        async with asyncio.TaskGroup() as tasks:
            for service in (self.catalogue, self.monitor, self.billing):
                tasks.create_task(run_and_stop(service.run, stop))

    async def pending(self) -> int:
        """How much is still to be done; 0 when no service has anything left to do."""
        waiting = await self.catalogue.unannounced() + await self.catalogue.unpublished_events()
        return waiting + await self.monitor.pending() + await self.billing.unread()

    async def drain(self, report: Callable[[int], None] = lambda _: None) -> None:
        """The services have done all there is to do by now; `report` gets what is left, every second.

        Raises `NoProgress` where they come no further.
        """
        await run_until_none_left(_AllOfIt(self), report)

    async def drain_showing(self, bars: "Progress", title: str) -> None:
        """As `drain`, with a progress bar."""
        total = await self.pending()
        bar = bars.add_task(title, total=total)
        await self.drain(lambda left: bars.update(bar, completed=max(total - left, 0)))
        bars.update(bar, completed=total)

    async def meter(self) -> None:
        """Billing has ingested all that the log holds by now."""
        await run_until_none_left(_Metering(self), lambda _: None)


@dataclass(frozen=True, slots=True)
class _AllOfIt:
    """Everything that the services have to do."""

    stack: Stack

    async def run(self, stop: asyncio.Event) -> None:
        await self.stack.run(stop)

    async def left(self) -> int:
        return await self.stack.pending()

    async def progress(self) -> object:
        """The count of writes: judging the items of one partition again leaves `pending` as it was for a long time."""
        return sum(head.revision for head in (await self.stack.monitor.heads()).values())

    def halted(self) -> Mapping[Shard, str]:
        return {shard: advice for each in self._consumers for shard, advice in each.halted.items()}

    def paused(self) -> frozenset[Shard]:
        return frozenset(shard for each in self._consumers for shard in each.paused)

    @property
    def _consumers(self) -> "Sequence[ConsumerStatus]":
        return *self.stack.monitor.consumers, *self.stack.billing.consumers


class _Metering(_AllOfIt):
    """What billing has to ingest."""

    async def run(self, stop: asyncio.Event) -> None:
        await self.stack.billing.run(stop)

    async def left(self) -> int:
        return await self.stack.billing.unread()


@asynccontextmanager
async def open_stack(
    folder: Path,
    *,
    clock: Clock | None = None,
    judged_by: Clock | None = None,
    margin_s: int = 1,
    sign_in: Mapping[str, str] | None = None,
    archive_days: int | None = None,
) -> AsyncIterator[Stack]:
    """The services on `folder`, their topics made; closed on the way out. Raises `UnusableFolder`.

    Items are judged by the clock `judged_by`, where it is another one. `sign_in` are the settings of the catalogue by
    which people sign in, where they do. Ended items are archived after `archive_days`, where those are named.
    """
    from billing.app import build as build_billing
    from billing.settings import BillingSettings
    from catalogue.app import build as build_catalogue
    from catalogue.settings import CatalogueSettings
    from shared.bus.connect import connect
    from shared.running.command import tune_gc
    from shared.settings import read_settings
    from sla_monitor.app import build as build_monitor
    from sla_monitor.settings import MonitorSettings

    require_folder(folder)
    tune_gc()
    clock = clock or WallClock()
    async with AsyncExitStack() as exits:
        bus = connect(f"sqlite:///{folder}/log.db")
        exits.push_async_callback(bus.close)
        await bus.ensure_topics(TOPICS)
        settings = read_settings(CatalogueSettings, TALLYSTICK_VAR=folder, **(sign_in or {}))
        # Each is closed also where a later one finds its store unusable.
        catalogue = build_catalogue(settings, bus=bus, clock=clock)
        exits.push_async_callback(catalogue.close)
        named = {} if archive_days is None else {"SLA_ARCHIVE_DAYS": archive_days}
        monitor_settings = read_settings(MonitorSettings, TALLYSTICK_VAR=folder, SLA_CLOCK_MARGIN_S=margin_s, **named)
        monitor = build_monitor(monitor_settings, bus=bus, clock=judged_by or clock)
        exits.push_async_callback(monitor.close)
        billing = build_billing(BillingSettings(TALLYSTICK_VAR=folder), bus=bus, clock=clock)
        exits.push_async_callback(billing.close)
        yield Stack(folder, bus, catalogue=catalogue, monitor=monitor, billing=billing)


@asynccontextmanager
async def open_existing_stack(folder: Path) -> AsyncIterator[Stack]:
    """As `open_stack`, on a folder where something is stored already; raises `EmptyFolder`, and makes no folder."""
    require_data(folder)
    async with open_stack(folder) as stack:
        yield stack


@asynccontextmanager
async def open_as_judged(folder: Path) -> AsyncIterator[Stack]:
    """As `open_existing_stack`, at the instant as of which a replay judged the folder last, which is said on stderr."""
    require_data(folder)
    clock = clock_as_judged(folder)
    async with open_stack(folder, clock=clock, margin_s=0) if clock else open_stack(folder) as stack:
        yield stack


def clock_as_judged(folder: Path) -> FixedClock | None:
    """Stands at the instant as of which a replay judged the folder last, which is said on stderr; None without one."""
    from tallystick.replay.export_register import judged_as_of

    as_of = judged_as_of(folder)
    if as_of is None:
        return None
    err.print(f"As of {as_of:%Y-%m-%dT%H:%M:%SZ}, as the last replay into {folder} was.")
    return FixedClock(as_of)


@contextmanager
def exclusive_use(folder: Path) -> Iterator[None]:
    """Only this process runs the services on `folder`; others may read it and append to its log.

    Raises `FolderInUse` and `UnusableFolder`. A killed process leaves no lock behind.
    """
    from filelock import FileLock, Timeout

    require_folder(folder)
    for name in _SERVICES:  # before the folder is held: the services take a second to import
        import_module(name)
    try:
        with FileLock(folder / "services.lock", blocking=False):
            yield
    except Timeout as busy:
        raise FolderInUse(f"another tallystick is running on {folder}") from busy


def require_data(folder: Path, *, unless: Sequence[str] = ()) -> None:
    """Something is stored in the folder; raises `EmptyFolder`, and `UnusableFolder` where it cannot be used.

    Where any of the addresses `unless` is set, a part of what is stored is on servers, and the folder may be new.
    """
    if any(unless) or folder.exists():
        require_folder(folder, unless=unless or ("",))
    if not any(unless) and not any(folder.glob("*.db")):
        raise EmptyFolder(f"there is no data in {folder}: nothing was ever stored there")


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

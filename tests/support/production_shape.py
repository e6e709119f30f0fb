"""The production shape for one test: servers that nobody else uses, the monitor and billing at work on them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from billing.app import BillingApp
from billing.app import build as build_billing
from billing.settings import BillingSettings
from shared.bus.connect import connect
from shared.clock import Clock
from shared.contracts.topics import TOPICS
from shared.log.port import Bus, BusError, every_shard
from sla_monitor.app import MonitorApp
from sla_monitor.app import build as build_monitor
from sla_monitor.settings import MonitorSettings
from tests.support import servers
from tests.support.databases import working_copy

PATIENCE_S = 240


@dataclass(frozen=True, slots=True)
class ProductionServers:
    """Addresses; those of the databases for the role that services log in as."""

    kafka: str
    redis: str
    monitor_database: str
    billing_database: str

    @property
    def bus_url(self) -> str:
        """The BUS_URL of every service."""
        return f"kafka://{self.kafka}"

    @property
    def monitor(self) -> MonitorSettings:
        """The monitor's settings."""
        return MonitorSettings(BUS_URL=self.bus_url, STATE_URL=self.redis, DATABASE_URL=self.monitor_database)

    @property
    def billing(self) -> BillingSettings:
        """Billing's settings."""
        return BillingSettings(BUS_URL=self.bus_url, DATABASE_URL=self.billing_database)


@contextmanager
def own_servers(migrated_databases: Callable[[str], str]) -> Iterator[ProductionServers]:
    """A broker and a Redis, and copies of the databases that the fixture of that name makes; gone afterwards."""
    with ExitStack() as stack:
        copies = [stack.enter_context(working_copy(migrated_databases(name))) for name in ("sla_monitor", "billing")]
        yield ProductionServers(stack.enter_context(servers.kafka()), stack.enter_context(servers.redis()), *copies)


@asynccontextmanager
async def log_of(at: ProductionServers) -> AsyncIterator[Bus]:
    """The log, with all of its topics."""
    bus = connect(at.bus_url)
    try:
        await bus.ensure_topics(TOPICS)
        await led(bus)
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def running_services(
    at: ProductionServers, bus: Bus, clock: Clock
) -> AsyncIterator[tuple[MonitorApp, BillingApp]]:
    """Both services read and write until the block is left, for `PATIENCE_S` at most."""
    monitor, billing = build_monitor(at.monitor, bus=bus, clock=clock), build_billing(at.billing, bus=bus, clock=clock)
    stop = asyncio.Event()
    try:
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            for service in (monitor, billing):
                tasks.create_task(service.run(stop))
            try:
                yield monitor, billing
            finally:
                stop.set()
    finally:
        for service in (monitor, billing):
            await service.close()


async def led(bus: Bus) -> None:
    """Every partition has a leader: a new broker needs a while for that."""
    while True:
        try:
            for shard in every_shard(TOPICS):
                await bus.bounds(shard)
        except BusError:
            await asyncio.sleep(0.1)
        else:
            return

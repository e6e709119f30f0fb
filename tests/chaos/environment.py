"""Services running on real servers, supervised, and their lag measured, until all that was sent is read."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.fleet import Fleet, fleet
from tests.chaos.lag import PARTITIONS, READ_BY, UNREACHABLE, LagMonitor
from tests.chaos.oracle import stores
from tests.chaos.servers import Servers
from tests.chaos.traffic import TICKETS

EACH = 2  # instances of each service
STARTS_WITHIN_S, IDLE_WITHIN_S = 120.0, 600.0
LOOK_EVERY_S = 1.0
IDLE_LOOKS = 2


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a run happens."""

    servers: Servers
    fleet: Fleet
    lag: LagMonitor

    async def wait_until_started(self, *readers: str) -> None:
        """Every reader, or each of those, has stored something: a fault that comes now has something to destroy."""
        async with asyncio.timeout(STARTS_WITHIN_S):
            for reader in readers or READ_BY:
                while not await asyncio.to_thread(self.lag.progress, reader):  # noqa: ASYNC110 (stores announce nothing)
                    await asyncio.sleep(LOOK_EVERY_S)

    async def upgrade(self, service: str) -> None:
        """The service's instances are those of the release under test from now on, whatever ran before."""
        for each in self.fleet.of(service):
            each.module = ""
            each.send_signal(signal.SIGKILL)
        async with asyncio.timeout(STARTS_WITHIN_S):
            while stores.failed_items(self.servers.redis.url, TICKETS, PARTITIONS):  # noqa: ASYNC110 (as above)
                await asyncio.sleep(LOOK_EVERY_S)

    async def wait_until_idle(self) -> list[str]:
        """All was read and announced, or the fault that it was not in time."""
        calm, until = 0, time.monotonic() + IDLE_WITHIN_S
        while calm < IDLE_LOOKS:
            if time.monotonic() > until:
                return [f"not idle within {IDLE_WITHIN_S:.0f} s: unread {self.lag.unread}"]
            with suppress(*UNREACHABLE):
                alive = all(each.is_alive for each in self.fleet.instances)
                calm = calm + 1 if await self.lag.measure() and alive else 0
            await asyncio.sleep(LOOK_EVERY_S)
        return []


@asynccontextmanager
async def running_environment(
    servers: Servers, folder: Path, *, services: Sequence[str] = ("sla_monitor", "billing"), monitor: str = ""
) -> AsyncIterator[Environment]:
    """The services work until the block is left. Their logs are in `folder`. `monitor` names another module for one."""
    working = fleet(folder, {name: servers.env(name) for name in services}, each=EACH)
    for each in working.of("sla_monitor"):
        each.module = monitor
    lag = LagMonitor(servers, working)
    stop = asyncio.Event()
    supervising, watching = asyncio.create_task(working.supervise()), asyncio.create_task(lag.watch(stop))
    try:
        yield Environment(servers, working, lag)
    finally:
        stop.set()
        supervising.cancel()
        await asyncio.gather(supervising, watching, return_exceptions=True)
        working.stop()

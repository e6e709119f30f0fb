"""Services at work on servers, supervised and metered, until all that was sent is read."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.fleet import Fleet, fleet
from tests.chaos.meter import AWAY, READ_BY, Meter
from tests.chaos.servers import Servers

EACH = 2  # instances of each service
BEGINS_WITHIN_S, RESTS_WITHIN_S = 120.0, 600.0
LOOK_EVERY_S = 1.0
LOOKS_AT_REST = 2


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a run happens."""

    servers: Servers
    fleet: Fleet
    meter: Meter

    async def begun(self, *readers: str) -> None:
        """Every reader, or each of those, has stored something: a fault that comes now has something to destroy."""
        async with asyncio.timeout(BEGINS_WITHIN_S):
            for reader in readers or READ_BY:
                while not await asyncio.to_thread(self.meter.standings, reader):  # noqa: ASYNC110 (stores announce nothing)
                    await asyncio.sleep(LOOK_EVERY_S)

    async def at_rest(self) -> list[str]:
        """All was read and announced, or the fault that it was not in time."""
        calm, until = 0, time.monotonic() + RESTS_WITHIN_S
        while calm < LOOKS_AT_REST:
            if time.monotonic() > until:
                return [f"not at rest within {RESTS_WITHIN_S:.0f} s: unread {self.meter.unread}"]
            with suppress(*AWAY):
                alive = all(each.is_alive for each in self.fleet.instances)
                calm = calm + 1 if await self.meter.look() and alive else 0
            await asyncio.sleep(LOOK_EVERY_S)
        return []


@asynccontextmanager
async def stage(
    servers: Servers, folder: Path, *, services: Sequence[str] = ("sla_monitor", "billing")
) -> AsyncIterator[Stage]:
    """The services work until the block is left. Their logs are in `folder`."""
    working = fleet(folder, {name: servers.env(name) for name in services}, each=EACH)
    meter = Meter(servers, working)
    tasks = [asyncio.create_task(working.supervise()), asyncio.create_task(meter.watch())]
    try:
        yield Stage(servers, working, meter)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        working.stop()

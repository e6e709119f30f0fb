"""A million events without any fault: memory rises to what the work needs, and then stays."""

import asyncio
import time
from pathlib import Path

from tests.chaos.environment import running_environment
from tests.chaos.fleet import Fleet
from tests.chaos.run import too_large
from tests.chaos.sending import Sender
from tests.chaos.servers import Servers
from tests.chaos.traffic import Size, sendings

# So many tickets that the items which the monitor keeps in memory are as many as it keeps long before all is sent.
SIZE, SMALL_SIZE = Size(usage=500_000, tickets=500_000), Size(usage=45_000, tickets=5_000)
PER_S = 5000.0
# After so much of the sending everything is warm; from there on it may grow by so much.
WARM, MOST_GROWTH_MIB = 0.4, 30.0
EVERY_S = 2.0


def run(servers: Servers, folder: Path, *, size: Size, seed: int) -> tuple[dict[str, float], list[str]]:
    """What each service held when it was warm and when all was done; more than that much growth is a fault."""
    return asyncio.run(_run(servers, folder, size, seed))


async def _run(servers: Servers, folder: Path, size: Size, seed: int) -> tuple[dict[str, float], list[str]]:
    sender, events = Sender(servers.kafka), sendings(size, seed=seed, now=int(time.time()))
    async with running_environment(servers, folder) as on:
        sending = asyncio.create_task(sender.send(events, per_s=PER_S))
        while sender.sent < WARM * (size.usage + size.tickets) and not sending.done():  # noqa: ASYNC110 (a count)
            await asyncio.sleep(EVERY_S)
        warm = holds_mib(on.fleet)
        await sending
        not_idle = await on.wait_until_idle()
        done = holds_mib(on.fleet)
        peaks = too_large(on.fleet)
    grown = {name: done[name] - warm[name] for name in done if done[name] - warm[name] > MOST_GROWTH_MIB}
    figures = {f"{name} {when} MiB": held[name] for when, held in (("warm", warm), ("done", done)) for name in held}
    return figures, [*not_idle, *peaks, *(f"{name} grew by {mib:.0f} MiB" for name, mib in grown.items())]


def holds_mib(fleet: Fleet) -> dict[str, float]:
    """What each process holds now."""
    return {each.name: each.resident_mib() for each in fleet.instances}

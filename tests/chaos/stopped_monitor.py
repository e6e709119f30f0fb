"""The monitor was stopped for an hour and more while calls came in and were all resolved in time."""

import asyncio
import time
from pathlib import Path
from random import Random

from tests.chaos.environment import running_environment
from tests.chaos.oracle import log
from tests.chaos.oracle.announcements import Announcements
from tests.chaos.sending import Sender
from tests.chaos.servers import Servers
from tests.chaos.traffic import Sending, call

CALLS, SMALL = 5000, 500
AGO_S, SINCE_S = 2 * 3600, 3600  # when the calls came
RESOLVED_WITHIN_S = 1700  # 30 minutes are allowed
PER_S = 5000.0


def run(servers: Servers, folder: Path, *, calls: int, seed: int) -> tuple[dict[str, float], list[str]]:
    """What was announced about them, by kind; anything but that they were met is a fault."""
    return asyncio.run(_run(servers, folder, calls, seed))


async def _run(servers: Servers, folder: Path, calls: int, seed: int) -> tuple[dict[str, float], list[str]]:
    await Sender(servers.kafka).send(backlog(calls, seed=seed, now=int(time.time())), per_s=PER_S)
    async with running_environment(servers, folder) as on:
        await on.wait_until_started()
        not_idle = await on.wait_until_idle()
    announced = Announcements()
    async for record in log.records(servers.kafka, "sla.verdicts.v1"):
        announced.take(record)
    kinds = {kind: float(count) for kind, count in announced.kinds.items() if kind != "warning"}
    return kinds, [
        *not_idle,
        *([] if kinds == {"met": calls} else [f"expected {calls} met and nothing else, got {kinds}"]),
    ]


def backlog(calls: int, *, seed: int, now: int) -> list[Sending]:
    """Openings and resolutions in the order in which they happened; each record carries that time."""
    chance = Random(seed)  # noqa: S311 (a test's choice)
    found = []
    for number in range(calls):
        opened = now - chance.randrange(SINCE_S, AGO_S)
        found.append(call("opened", number, opened, carries_time=True))
        resolved = opened + 1 + chance.randrange(RESOLVED_WITHIN_S)
        found.append(call("resolved", number, resolved, carries_time=True))
    return sorted(found, key=lambda sending: sending.at or 0)

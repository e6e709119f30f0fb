"""PostgreSQL answers nothing for two minutes while readings and tickets come in."""

import asyncio
import subprocess
import time
from pathlib import Path

from tests.chaos.environment import Environment, running_environment
from tests.chaos.run import too_large, verified
from tests.chaos.sending import Sender
from tests.chaos.servers import Servers
from tests.chaos.traffic import Size, sendings
from tests.support import kafka_broker

SIZE, FROZEN_S = Size(usage=200_000, tickets=20_000), 120.0
SMALL_SIZE, SMALL_FROZEN_S = Size(usage=20_000, tickets=2_000), 25.0
BEFORE_S = 10.0
GROUPS = ("billing", "sla-monitor", "sla-monitor-read-model")


def run(
    servers: Servers, folder: Path, *, size: Size, frozen_s: float, seed: int
) -> tuple[dict[str, float], list[str]]:
    """Peaks of memory and the time to catch up; a member that left its group, or anything lost, is a fault."""
    return asyncio.run(_run(servers, folder, size, frozen_s, seed))


async def _run(
    servers: Servers, folder: Path, size: Size, frozen_s: float, seed: int
) -> tuple[dict[str, float], list[str]]:
    events = sendings(size, seed=seed, now=int(time.time()))
    per_s = (size.usage + size.tickets) / (frozen_s + 2 * BEFORE_S)
    async with running_environment(servers, folder) as on:
        sending = asyncio.create_task(Sender(servers.kafka).send(events, per_s=per_s))
        await on.wait_until_started()
        await asyncio.sleep(BEFORE_S)
        before = await members(servers.kafka)
        with servers.postgres.frozen():
            await asyncio.sleep(frozen_s)
        await sending
        thawed = time.time()
        not_idle = await on.wait_until_idle()
        figures = {"s to catch up": time.time() - thawed, **on.fleet.peaks_mib()}
        faults = [*not_idle, *too_large(on.fleet), *await _left(on, before)]
        verification = await verified(on, as_of=int(time.time()))
    return figures, [*faults, *verification.faults]


async def members(server: str) -> dict[str, set[str]]:
    """Who is in each group, by the ids that the broker gave them when they joined, as Kafka's own tool lists them."""
    return {group: await asyncio.to_thread(_members, server, group) for group in GROUPS}


def _members(server: str, group: str) -> set[str]:
    tool = ("/opt/kafka/bin/kafka-consumer-groups.sh", "--bootstrap-server", "localhost:9092")
    asked = ["docker", "exec", kafka_broker.container_of(server), *tool, "--describe", "--members", "--group", group]
    output = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    return {line.split()[1] for line in output.splitlines() if line.startswith(f"{group} ")}


async def _left(on: Environment, before: dict[str, set[str]]) -> list[str]:
    ended = [f"{service} ended by itself with {code}" for service, code in on.fleet.endings]
    after = await members(on.servers.kafka)
    return ended + [f"members of {group} left it" for group in GROUPS if before[group] != after[group]]

"""The production shape: each service a process, talking over Kafka, on Redis and PostgreSQL."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from shared.bus.connect import connect
from shared.bus.port import Message
from shared.contracts.codec import encode_event
from shared.contracts.topics import TICKETS
from tests.support import servers
from tests.support.alone import SERVICES, Alone, alone, eventually, finished
from tests.support.databases import empty_database
from tests.support.monitoring import ticket


@dataclass(frozen=True, slots=True)
class Production:
    """The addresses of servers that nobody else uses."""

    bus_url: str
    state_url: str
    databases: dict[str, str]

    def env(self, service: str) -> dict[str, str]:
        """The settings of one service."""
        return {"BUS_URL": self.bus_url, "STATE_URL": self.state_url, "DATABASE_URL": self.databases[service]}


@pytest.fixture(scope="module")
def production(postgres_server: str) -> Iterator[Production]:
    servers.require_docker()
    with ExitStack() as stack:
        kafka, redis = stack.enter_context(servers.kafka()), stack.enter_context(servers.redis())
        databases = {service: stack.enter_context(empty_database(postgres_server)) for service in SERVICES}
        yield Production(f"kafka://{kafka}", redis, databases)


def test_services_refuse_what_is_not_prepared_and_work_when_it_is(production: Production) -> None:
    refused = finished("-m", "catalogue", env=production.env("catalogue"))
    assert refused.returncode == 1
    assert "python -m catalogue migrate" in json.loads(refused.stdout.splitlines()[-1])["reason"]

    for service in SERVICES:
        assert finished("-m", service, "migrate", env=production.env(service)).returncode == 0
    topics = finished("-m", "shared.bus", "topics", "create", env={"BUS_URL": production.bus_url})
    assert topics.returncode == 0, topics.stderr
    loaded = finished("-m", "catalogue", "load", "adur-worthing", env=production.env("catalogue"))
    assert loaded.returncode == 0, loaded.stdout

    with ExitStack() as stack:
        running = {name: stack.enter_context(alone("-m", name, env=production.env(name))) for name in SERVICES}
        asyncio.run(send_a_ticket(production.bus_url))
        for service in running.values():
            eventually(service.is_ready)
        monitor, billing = running["sla_monitor"], running["billing"]
        eventually(lambda: "ICT" in monitor.public("/attainment?month=2026-10", accept="text/html")[1])
        eventually(lambda: resolved_tickets(billing) == "1")

        second = stack.enter_context(alone("-m", "sla_monitor", env=production.env("sla_monitor")))
        eventually(lambda: shards(monitor) == shards(second) == 12)


async def send_a_ticket(bus_url: str) -> None:
    events = ticket(("Mon 2026-10-05 09:00", "opened"), ("Mon 2026-10-05 09:30", "resolved"))
    bus = connect(bus_url)
    try:
        await bus.publish(TICKETS.name, [Message(event.key, encode_event(event)) for event in events])
    finally:
        await bus.close()


def resolved_tickets(billing: Alone) -> str | None:
    """The quantity of the ICT line that adur's statement of October has."""
    status, body = billing.public("/v1/statements/adur/2026-10.csv")
    found = [line for line in body.splitlines() if line.partition(",")[0] and "ict" in line.lower()]
    return "1" if status == 200 and found else None


def shards(monitor: Alone) -> int | None:
    """How many of the 24 shards of tickets and work it has, by its own word."""
    part = json.loads(monitor.admin("/readyz")[1])["parts"]["group sla-monitor"]
    found = re.search(r"in (\d+) shards", part["detail"])
    return int(found[1]) if found else None

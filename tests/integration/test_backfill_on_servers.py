"""A backfill in the production shape: services at work on Kafka, Redis and PostgreSQL, an operator beside them."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from billing.app import BillingApp
from billing.app import build as build_billing
from billing.settings import Settings as BillingSettings
from catalogue.adapters.partnership_files import load as read_example
from catalogue.app import build as build_catalogue
from catalogue.settings import Settings as CatalogueSettings
from shared.bus.connect import connect
from shared.bus.port import Bus, BusError, Shard
from shared.clock import WallClock
from shared.contracts.topics import TICKETS, TOPICS, USAGE, VERDICTS
from shared.period import Month
from sla_monitor.app import build as build_monitor
from sla_monitor.rebuild import rebuild
from sla_monitor.settings import Settings as MonitorSettings
from tallystick.__main__ import app
from tests.support import servers
from tests.support.backfills import LATE, LIVE, READING, file_of, message
from tests.support.databases import working_copy

PATIENCE_S = 240
WORD = ("--reason", "the desk's export of March", "--actor", "ada")


@dataclass(frozen=True, slots=True)
class Servers:
    """The addresses of servers that nobody else uses; the databases as the role that services work as."""

    kafka: str
    redis: str
    monitor_database: str
    billing_database: str

    @property
    def monitor(self) -> MonitorSettings:
        """What the monitor is told."""
        return MonitorSettings(
            BUS_URL=f"kafka://{self.kafka}", STATE_URL=self.redis, DATABASE_URL=self.monitor_database
        )

    @property
    def environment(self) -> dict[str, str]:
        """What the operator sets."""
        return {
            "BUS_URL": f"kafka://{self.kafka}",
            "STATE_URL": self.redis,
            "DATABASE_URL": self.billing_database,
            "COLUMNS": "200",
        }


@pytest.fixture
def addresses(postgres_server: str, migrated_databases: Callable[[str], str]) -> Iterator[Servers]:
    with ExitStack() as stack:
        copies = [stack.enter_context(working_copy(migrated_databases(name))) for name in ("sla_monitor", "billing")]
        yield Servers(stack.enter_context(servers.kafka()), stack.enter_context(servers.redis()), *copies)


@asynccontextmanager
async def running(at: Servers, folder: Path) -> AsyncIterator[tuple[Bus, BillingApp]]:
    """The monitor and billing at work until the block is left, and the example's catalogue known."""
    bus, stop = connect(f"kafka://{at.kafka}"), asyncio.Event()
    await bus.ensure_topics(TOPICS)
    await ends(bus)
    catalogue = build_catalogue(CatalogueSettings(TALLYSTICK_VAR=folder), bus=bus, clock=WallClock())
    definitions = [placed.definition for placed in read_example("adur-worthing").given.placed]
    catalogue.handlers.record(definitions, at=WallClock().now(), actor="tester")
    await catalogue.announce()
    monitor = build_monitor(at.monitor, bus=bus, clock=WallClock())
    billing = build_billing(BillingSettings(DATABASE_URL=at.billing_database), bus=bus, clock=WallClock())
    try:
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            for service in (monitor, billing):
                tasks.create_task(service.run(stop))
            try:
                yield bus, billing
            finally:
                stop.set()
    finally:
        for part in (catalogue, monitor, billing, bus):
            await part.close()


async def ends(bus: Bus) -> Counter[str]:
    """How many records each topic holds; a new broker needs a while until every partition has a leader."""
    while True:
        try:
            return Counter(
                {
                    topic.name: sum([(await bus.bounds(Shard(topic.name, n))).end for n in range(topic.partitions)])
                    for topic in TOPICS
                }
            )
        except BusError:
            await asyncio.sleep(0.1)


async def said(at: Servers, file: Path, *arguments: str) -> str:
    """What the command printed, having ended well, while the services work."""
    run = CliRunner(env=at.environment).invoke
    result = await asyncio.to_thread(run, app, ["backfill", str(file), *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_what_was_told_comes_true_and_is_no_difference_afterwards_nor_is_a_rebuild(
    addresses: Servers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, report = file_of(tmp_path, [*LATE, READING, LIVE[0]]), tmp_path / "report.json"

    async def scenario() -> None:
        async with running(addresses, tmp_path) as (bus, billing):
            await bus.publish(TICKETS.name, [message(event) for event in LIVE])
            await said(addresses, file, "--json", str(report))
            before, told = await ends(bus), json.loads(report.read_bytes())

            await said(addresses, file, "--approve", told["digest"], *WORD)
            again = await said(addresses, file)

            grown, changes = await ends(bus) - before, told["changes"]
            difference = changes["difference"]
            assert "No difference" in again
            assert told["known"] == 1
            assert (grown[TICKETS.name], grown[USAGE.name]) == (len(LATE), 1)
            assert grown[VERDICTS.name] == len(difference["verdicts"]) + difference["warnings"] > 10
            assert [each["council"] for each in changes["moved"]] == ["adur", "worthing"]
            for each in changes["moved"]:
                statement = billing.handlers.statement(each["council"], Month.parse(each["month"]))
                assert statement.total_pence == each["after_pence"]
            assert [kept.digest for kept in billing.approvals.all()] == [told["digest"]]
        await rebuild(addresses.monitor, ["--shadow"])
        foreseen = capsys.readouterr().out
        await rebuild(addresses.monitor, ["--approve", foreseen.split()[-1], *WORD])
        assert "verdicts: 0 added, 0 removed, 0 changed; warnings: 0" in foreseen

    asyncio.run(scenario())

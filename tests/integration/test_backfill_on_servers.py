"""A backfill in the production shape: services at work on Kafka, Redis and PostgreSQL, an operator beside them."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalogue.adapters.partnership_files import load as read_example
from catalogue.app import build as build_catalogue
from catalogue.settings import CatalogueSettings
from shared.clock import WallClock
from shared.contracts.topics import TICKETS, TOPICS, USAGE, VERDICTS
from shared.log.port import Bus
from shared.period import Month
from shared.scope import Scope
from sla_monitor.rebuild_command import rebuild
from tallystick.command import app
from tests.support.backfills import LATE, LIVE, READING, file_of, message
from tests.support.log_reading import record_counts
from tests.support.production_shape import ProductionServers, log_of, own_servers, running_services

APPROVAL = ("--reason", "the desk's export of March", "--actor", "ada")


@pytest.fixture
def at(migrated_databases: Callable[[str], str]) -> Iterator[ProductionServers]:
    with own_servers(migrated_databases) as at:
        yield at


async def announce_the_example(bus: Bus, folder: Path) -> None:
    """The log holds the definitions of an example."""
    catalogue = build_catalogue(CatalogueSettings(TALLYSTICK_VAR=folder), bus=bus, clock=WallClock())
    definitions = [placed.definition for placed in read_example("adur-worthing").entries]
    catalogue.handlers.record(definitions, at=WallClock().now(), actor="tester")
    await catalogue.announce()
    await catalogue.close()


async def output_of(at: ProductionServers, file: Path, *arguments: str) -> str:
    """What the command printed, having ended well, while the services work."""
    settings = {"BUS_URL": at.bus_url, "STATE_URL": at.redis, "DATABASE_URL": at.billing_database, "COLUMNS": "200"}
    settings["MONITOR_DATABASE_URL"] = at.monitor_database  # what has ended in spring is archived by now
    run = CliRunner(env=settings).invoke
    result = await asyncio.to_thread(run, app, ["backfill", str(file), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_the_dry_run_shows_comes_true_and_is_no_difference_afterwards_nor_is_a_rebuild(
    at: ProductionServers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = file_of(tmp_path, [*LATE, READING, LIVE[0]])

    async def scenario() -> None:
        async with log_of(at) as bus:
            await announce_the_example(bus, tmp_path)
            async with running_services(at, bus, WallClock()) as (_, billing):
                await bus.publish(TICKETS.name, [message(event) for event in LIVE])
                report = json.loads(await output_of(at, file, "--json"))
                before = await record_counts(bus, TOPICS)

                await output_of(at, file, "--approve", report["digest"], *APPROVAL)
                again = await output_of(at, file)

                grown, changes = await record_counts(bus, TOPICS) - before, report["changes"]
                difference = changes["verdict_changes"]
                assert "No difference" in again
                assert report["known"] == 1
                assert (grown[TICKETS.name], grown[USAGE.name]) == (len(LATE), 1)
                assert grown[VERDICTS.name] == len(difference["verdicts"]) + difference["warnings"] > 10
                assert [each["council"] for each in changes["statement_deltas"]] == ["adur", "worthing"]
                for each in changes["statement_deltas"]:
                    month = Month.parse(each["month"])
                    statement = billing.statements.statement(each["council"], month, scope=Scope.all())
                    assert statement.total_pence == each["after_pence"]
                assert [kept.digest for kept in billing.approvals.all()] == [report["digest"]]
        await rebuild(at.monitor, ["--dry-run"])
        dry_run = capsys.readouterr().out
        await rebuild(at.monitor, ["--approve", dry_run.split()[-1], *APPROVAL])
        assert "verdicts: 0 added, 0 removed, 0 changed; warnings: 0" in dry_run

    asyncio.run(scenario())

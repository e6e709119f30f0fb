"""The catalogue's log or its database lost, and completed from the other."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from catalogue.app import CatalogueApp, build
from catalogue.log_repair import LogAhead, LogDiffers
from catalogue.settings import CatalogueSettings
from shared.bus.connect import connect
from shared.clock import WallClock
from shared.contracts.topics import AUDIT, CATALOGUE
from shared.log.port import Bus, Message, Record, Shard
from shared.running.health import NotReady
from tests.support.definitions import council

pytestmark = pytest.mark.anyio
SHARD = Shard(CATALOGUE.name, 0)
EXAMPLE = "adur-worthing"


@dataclass(frozen=True, slots=True)
class Losses:
    """Opens a catalogue on a log and a database, each new or one of before by its name."""

    folder: Path
    database_of: Callable[[str], str]
    databases: dict[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def opened(self, *, log: str = "first", database: str = "first") -> AsyncIterator[tuple[CatalogueApp, Bus]]:
        bus = connect(f"sqlite:///{self.folder}/log-{log}.db")
        await bus.ensure_topics([CATALOGUE, AUDIT])
        settings = CatalogueSettings(TALLYSTICK_VAR=self.folder, DATABASE_URL=self._address(database))
        app = build(settings, bus=bus, clock=WallClock())
        try:
            yield app, bus
        finally:
            await app.close()
            await bus.close()

    def _address(self, name: str) -> str:
        if name not in self.databases:
            url = self.database_of("catalogue")
            self.databases[name] = url.replace(".db", f"-{name}.db") if url.startswith("sqlite:") else url
        return self.databases[name]


@pytest.fixture
def losses(tmp_path: Path, database_of: Callable[[str], str]) -> Losses:
    return Losses(tmp_path, database_of)


async def records(bus: Bus) -> Sequence[Record]:
    """Those of versions: beside them the log has the key that the catalogue signs by."""
    held = await bus.read(SHARD, 0, limit=1000)
    return [record for record in held if not (record.key or b"").startswith(b"signing-key:")]


async def content(bus: Bus) -> dict[bytes | None, bytes | None]:
    return {record.key: record.value for record in await records(bus)}


async def test_an_emptied_log_gets_every_version_again_as_it_was_announced_and_only_once(losses: Losses) -> None:
    async with losses.opened() as (app, bus):
        await app.record(EXAMPLE, actor="test")
        app.handlers.record([council()], at=WallClock().now(), actor="test")
        app.handlers.record([council(name="Renamed")], at=WallClock().now(), actor="test")
        await app.announce()
        before = await content(bus)

    async with losses.opened(log="emptied") as (app, bus):
        with pytest.raises(NotReady, match="run `python -m catalogue announce`"):
            await app.checks["versions"]()
        announced, again = await app.announce(), await app.announce()

        assert (announced, again) == (len(before), 0)
        assert await content(bus) == before
        assert len(await records(bus)) == len(before)
        assert await app.checks["versions"]() == f"{len(before)} in the log"


async def test_what_waits_to_be_published_is_published_once(losses: Losses) -> None:
    """The service may be about to publish what the command finds missing."""
    async with losses.opened() as (app, bus):
        app.handlers.record([council()], at=WallClock().now(), actor="test")
        assert await app.checks["versions"]() == "0 in the log"

        assert await app.announce() == 0
        assert len(await records(bus)) == 1


async def test_a_lost_database_is_restored_from_the_log_and_goes_on_with_the_next_version(losses: Losses) -> None:
    async with losses.opened() as (app, bus):
        await app.record(EXAMPLE, actor="test")
        before = await content(bus)

    async with losses.opened(database="new") as (app, bus):
        with pytest.raises(NotReady, match="run `python -m catalogue restore`"):
            await app.checks["versions"]()
        with pytest.raises(LogAhead, match="the database lacks what the log holds: agreement "):
            await app.record(EXAMPLE, actor="test")
        assert await app.restore(actor="test") == len(before)
        assert await app.restore(actor="test") == 0
        assert (await app.record(EXAMPLE, actor="test")).added == ()
        assert await app.announce() == 0

        recorded = app.handlers.record([council(name="Renamed")], at=WallClock().now(), actor="test")
        await app.announce()
        assert recorded.added == (("council", council().id, 2),)
        assert before.items() < (await content(bus)).items()


async def test_an_older_copy_of_the_database_gets_the_versions_recorded_since(losses: Losses) -> None:
    async with losses.opened(database="older") as (app, _):
        app.handlers.record([council()], at=WallClock().now(), actor="test")
        await app.announce()
    async with losses.opened() as (app, _):
        await app.restore(actor="test")
        app.handlers.record([council(name="Renamed")], at=WallClock().now(), actor="test")
        await app.announce()

    async with losses.opened(database="older") as (app, _):
        assert await app.restore(actor="test") == 1
        recorded = app.handlers.record([council(name="Again")], at=WallClock().now(), actor="test")
        assert recorded.added == (("council", council().id, 3),)


async def test_two_definitions_of_one_version_are_named_and_neither_is_changed(losses: Losses) -> None:
    async with losses.opened() as (app, bus):
        app.handlers.record([council()], at=WallClock().now(), actor="test")
        await app.announce()
        before = await content(bus)
    async with losses.opened(log="other", database="older") as (app, _):
        app.handlers.record([council(name="Another")], at=WallClock().now(), actor="test")
        await app.announce()

    async with losses.opened(database="older") as (app, bus):
        for change in (app.announce(), app.restore(actor="test")):
            with pytest.raises(LogDiffers, match=f"other definitions than the database: council {council().id}, vers"):
                await change
        with pytest.raises(NotReady, match="other definitions"):
            await app.checks["versions"]()
        assert await content(bus) == before


async def test_what_is_no_version_is_skipped(losses: Losses) -> None:
    async with losses.opened() as (app, bus):
        await bus.publish(CATALOGUE.name, [Message("stray", b"{")])
        app.handlers.record([council()], at=WallClock().now(), actor="test")

        assert (await app.announce(), await app.checks["versions"]()) == (0, "1 in the log")

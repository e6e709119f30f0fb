"""Ended items leave live state, and whatever comes or is asked afterwards, all is as if they had not."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import date
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.bus.embedded import EmbeddedBus
from shared.contracts.codec import encode_event
from shared.contracts.topics import TICKETS
from shared.contracts.verdicts import VerdictCorrected
from shared.log.port import Shard, every_shard
from shared.log.processor import Busy
from shared.scope import Scope
from shared.sql.engine import connect
from shared.sql.migrate import prepare
from shared.startup_errors import InvalidSettings
from sla_monitor.domain.archive import ArchivedItem, ArchiveLost
from sla_monitor.domain.item import FactResult
from sla_monitor.judging.archiving import ArchiveReader
from sla_monitor.judging.dry_run import JudgingDryRun
from sla_monitor.judging.rebuild import RebuildResult
from sla_monitor.settings import DryRunSettings
from sla_monitor.store.archive import SqlArchive
from tests.support.histories import calendar
from tests.support.live_state import live_state_content, state_address
from tests.support.monitor_client import COUNCIL, LATE, MonitorClient, monitor_client
from tests.support.monitoring import NEVER_ARCHIVED, Monitor, idle_monitor, monitor, ticket

AT_ONCE = 0
THEN, LATER = "Wed 2026-03-04 12:00", "Mon 2026-06-01 12:00"
# March is frozen on the fifteenth of April, and June's first day is long after that.
IN_TIME = [("Mon 2026-03-02 09:00", "opened"), ("Mon 2026-03-02 15:00", "resolved")]
STILL_OPEN = [("Mon 2026-06-01 09:00", "opened")]
ENDED = {"adur:in-time", "adur:late", "adur:also-late"}
Act = Callable[[MonitorClient], Awaitable[object]]


async def history(on: Monitor) -> None:
    """What happened in March, and what was open at the beginning of June."""
    await on.send(*ticket(*IN_TIME, item="in-time"), *ticket(*LATE, item="late"), *ticket(*LATE, item="also-late"))
    await on.wait_until_idle()


async def left(on: Monitor, keys: set[str]) -> None:
    """Live state holds none of `keys` any more."""
    async with asyncio.timeout(30):
        while keys & await live_keys(on):  # noqa: ASYNC110 (nobody announces it)
            await asyncio.sleep(0.05)


async def live_keys(on: Monitor) -> set[str]:
    pages = [page async for page in on.app.sources.items.live_pages(Scope.all())]
    return {f"{item.council}:{item.name}" for page in pages for item in page}


async def late_pause(at: MonitorClient) -> None:
    """A pause until the end becomes known: what was three hours late was in time."""
    await at.on.send(*ticket(("Tue 2026-03-03 11:00", "paused"), item="late"), at=LATER)


async def reopening(at: MonitorClient) -> None:
    await at.on.send(*ticket(("Mon 2026-05-25 12:00", "reopened"), item="in-time"), at=LATER)


async def sent_again(at: MonitorClient) -> None:
    await at.on.send(*ticket(*IN_TIME, item="in-time"), *ticket(*LATE, item="late"), at=LATER)


async def contradicted(at: MonitorClient) -> None:
    opened = encode_event(ticket(*LATE, item="late")[0])
    await at.on.send_raw("adur:late", opened.replace(b'"service":"ict"', b'"service":"hr"'), at=LATER)


async def excluded(at: MonitorClient) -> None:
    await at.propose()
    await at.post("/v1/exclusions/X1/approve", expect=200, by=COUNCIL)


async def catalogue_changed(at: MonitorClient) -> None:
    """A closed day is proclaimed afterwards: what has ended keeps its verdict."""
    await at.on.publish_catalogue(calendar(closed={date(2026, 3, 3): "Proclaimed"}), version=2)


async def correction_run(at: MonitorClient) -> None:
    await catalogue_changed(at)
    await at.on.wait_until_idle()
    scope = {"from_date": "2026-03-01", "to_date": "2026-04-01", "council": "adur"}
    await at.post("/v1/correction-runs", {"id": "R1", "scope": scope}, expect=202)


async def nothing(_: MonitorClient) -> None:
    pass


ACTS = [late_pause, reopening, sent_again, contradicted, excluded, catalogue_changed, correction_run, nothing]


async def answers(at: MonitorClient) -> dict[str, Any]:
    """What reports say, but for the instant at which they say it."""
    target = {"id": "resolve", "service": "*", "measure": "resolution-time", "within": "6 working hours"}
    draft = {"targets": [target | {"calendar": "office"}]}
    paths = [*(f"/v1/items/{name}" for name in ("in-time", "late", "still-open")), "/v1/attainment", "/v1/at-risk"]
    paths += ["/v1/fairness", "/v1/adjustments", "/v1/evidence/adur/2026-03"]
    asked = {path: await at.read(path) for path in paths}
    what_if = {"draft": draft, "first_month": "2026-03", "last_month": "2026-03"}
    return asked | {"what-if": await at.post("/v1/what-if/targets", what_if, expect=200)}


async def effects(folder: Path, act: Act, *, archive_days: int) -> tuple[Any, ...]:
    """All that others see after an act in June, when March's items have left live state or have not."""
    async with monitor_client(folder, now=THEN) as at:
        await history(at.on)
    async with monitor_client(folder, now=LATER, archive_days=archive_days) as at:
        await at.on.send(*ticket(*STILL_OPEN, item="still-open"))
        await at.on.wait_until_idle()
        if archive_days == AT_ONCE:
            await left(at.on, ENDED)
            assert await live_keys(at.on) == {"adur:still-open"}
        await act(at)
        await at.on.wait_until_idle()
        announced = {event.id: event for event in await at.on.announced()}
        counts = [head.counts for head in (await at.on.heads()).values()]
        return (
            announced,
            {name: sum(each.get(name, 0) for each in counts) for name in ("applied", "duplicate", "quarantined")},
            [record.reason for record in await at.on.quarantined_records()],
            await answers(at),
        )


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_whatever_comes_after_items_have_left_is_as_if_they_had_not(tmp_path: Path, act: Act) -> None:
    async def scenario() -> None:
        kept, archived = [
            await effects(tmp_path / name, act, archive_days=days)
            for name, days in (("kept", NEVER_ARCHIVED), ("archived", AT_ONCE))
        ]

        assert archived == kept
        expected: dict[Act, int] = {late_pause: 1, reopening: 1, excluded: 3, correction_run: 2}
        corrected = [event for event in archived[0].values() if isinstance(event, VerdictCorrected)]
        assert len(corrected) == expected.get(act, 0)

    asyncio.run(scenario())


def test_what_came_back_leaves_again_with_what_it_has_got(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitor_client(tmp_path, now=THEN) as at:
            await history(at.on)
        async with monitor_client(tmp_path, now=LATER, archive_days=AT_ONCE) as at:
            await left(at.on, ENDED)
            await late_pause(at)
            await at.on.wait_until_idle()
            assert await live_keys(at.on) == {"adur:late"}
        async with monitor(tmp_path, now="Mon 2026-06-01 13:00", archive_days=AT_ONCE) as on:
            await left(on, ENDED)
            (found,) = await on.app.sources.items.find("adur", "late")  # type: ignore[arg-type] # ids as they are written
            assert len(found.load().facts) == 3
            assert len(await on.announced()) > 3

    asyncio.run(scenario())


def test_a_state_that_was_lost_is_read_again_with_what_the_archive_holds(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitor_client(tmp_path, now=THEN) as at:
            await history(at.on)
        async with monitor_client(tmp_path, now=LATER, archive_days=AT_ONCE) as at:
            await sent_again(at)
            await at.on.wait_until_idle()
            await left(at.on, ENDED)
            before = await announced_and_counts(at.on)
        lose_state(tmp_path)
        async with monitor(tmp_path, now=LATER, archive_days=AT_ONCE) as on:
            await on.wait_until_idle()
            await left(on, ENDED)
            assert await announced_and_counts(on) == before

    asyncio.run(scenario())


def test_a_rebuild_begins_with_what_the_archive_holds_also_where_the_log_holds_nothing_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitor_client(tmp_path, now=THEN) as at:
            await history(at.on)
        async with monitor_client(tmp_path, now=LATER, archive_days=AT_ONCE) as at:
            await left(at.on, ENDED)
            await late_pause(at)
            await at.on.wait_until_idle()
            asked = await at.read("/v1/items/in-time"), await at.read("/v1/items/late")
            announced = {event.id for event in await at.on.announced()}
        before = await live_state_content(state_address(tmp_path, ""))
        lose_state(tmp_path)
        await expire_openings(tmp_path)
        async with idle_monitor(tmp_path, now=LATER, archive_days=AT_ONCE) as idle:
            assert await idle.app.rebuild.dry_run() == []
            # What has left stays where it is; what came back is live again, and whole.
            assert await idle.app.rebuild.run() == RebuildResult(items=1, missing=0)
        after = await live_state_content(state_address(tmp_path, ""))
        assert {key: item.facts for shard in after.values() for key, item in shard.items.items()} == {
            key: item.facts for shard in before.values() for key, item in shard.items.items()
        }
        async with monitor_client(tmp_path, now=LATER, archive_days=AT_ONCE) as at:
            await at.on.wait_until_idle()
            assert (await at.read("/v1/items/in-time"), await at.read("/v1/items/late")) == asked
            assert {event.id for event in await at.on.announced()} == announced

    asyncio.run(scenario())


def test_a_database_that_lost_archived_items_stops_the_monitor_until_a_rebuild(tmp_path: Path) -> None:
    database, older = tmp_path / "sla-monitor.db", tmp_path / "older.db"

    async def scenario() -> None:
        async with monitor_client(tmp_path, now=THEN) as at:
            await history(at.on)
        shutil.copy(database, older)
        async with monitor(tmp_path, now=LATER, archive_days=AT_ONCE) as on:
            await left(on, ENDED)
        for name in ("sla-monitor.db-wal", "sla-monitor.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        shutil.copy(older, database)

        async with idle_monitor(tmp_path, now=LATER, archive_days=AT_ONCE) as idle:
            with pytest.RaisesGroup(ArchiveLost):
                await idle.app.run(asyncio.Event())
            assert await idle.app.rebuild.run() == RebuildResult(items=3, missing=0)
        async with monitor(tmp_path, now=LATER, archive_days=AT_ONCE) as on:
            await left(on, ENDED)

    asyncio.run(scenario())


def test_a_dry_run_knows_what_is_only_archived_or_says_that_it_cannot(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitor_client(tmp_path, now=THEN) as at:
            await history(at.on)
        async with monitor_client(tmp_path, now=LATER, archive_days=AT_ONCE) as at:
            await left(at.on, ENDED)
            shard = next(shard for shard, head in (await at.on.heads()).items() if head.next_offset)
            again = await at.on.bus.read(shard, 0, limit=9)
            of_billing = "postgresql+psycopg://nowhere/billing"
            settings = [DryRunSettings(TALLYSTICK_VAR=tmp_path, DATABASE_URL=url) for url in ("", of_billing)]
            known, unknown = [JudgingDryRun(each, bus=at.on.bus, clock=at.on.clock) for each in settings]
            assert set(await known.insert_results(shard, again)) == {FactResult.DUPLICATE}
            with pytest.raises(InvalidSettings, match="MONITOR_DATABASE_URL"):
                await unknown.insert_results(shard, again)
            await known.close()
            await unknown.close()

    asyncio.run(scenario())


class FrozenArchive(SqlArchive):
    """A database that takes a question and gives no answer, until it is `thawed`."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.thawed = Event()

    def find(self, shard: Shard, keys: Collection[str], *, after_write: int) -> dict[str, ArchivedItem]:
        self.thawed.wait(30)
        return super().find(shard, keys, after_write=after_write)


def test_nobody_waits_long_for_a_frozen_database_and_nobody_else_for_the_same_answer(tmp_path: Path) -> None:
    shard = Shard(TICKETS.name, 0)

    async def scenario() -> None:
        engine = connect(f"sqlite:///{tmp_path}/monitor.db")
        prepare(engine, "sla_monitor")
        archive = FrozenArchive(engine)
        reader = ArchiveReader(archive, answers_within_s=0.5)
        await reader.put(shard, {}, read_to=0)

        for sentence in ("does not answer now", "still owes an answer"):
            with pytest.raises(Busy, match=sentence):
                await reader.find(shard, ["adur:T1"])
        archive.thawed.set()
        async with asyncio.timeout(10):
            while True:
                with suppress(Busy):
                    assert await reader.find(shard, ["adur:T1"]) == {}
                    break
                await asyncio.sleep(0.01)
        engine.dispose()

    asyncio.run(scenario())


async def announced_and_counts(on: Monitor) -> tuple[set[str], dict[Shard, dict[str, int]]]:
    heads = await on.heads()
    return {event.id for event in await on.announced()}, {shard: dict(head.counts) for shard, head in heads.items()}


async def expire_openings(folder: Path) -> None:
    """Retention has deleted the first record of every shard: each is the opening of an item."""
    bus = EmbeddedBus(folder / "log.db")
    for shard in every_shard([TICKETS]):
        bounds = await bus.bounds(shard)
        await bus.delete_before(shard, min(bounds.end, bounds.first + 1))
    await bus.close()


def lose_state(folder: Path) -> None:
    for path in folder.glob("sla-monitor-state.db*"):
        path.unlink()

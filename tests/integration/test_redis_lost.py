"""Redis emptied, restored from an old copy, or killed with its file cut, while the monitor is at work."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from random import Random
from shutil import copytree
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select

from shared.contracts.codec import encode_event
from shared.contracts.topics import VERDICTS
from shared.contracts.verdicts import TargetBreached, TargetMet, VerdictData, WarningReached
from shared.log.port import Message
from shared.sql.engine import connect as connect_database
from shared.sql.engine import read_transaction
from sla_monitor.store.tables import ADJUSTMENT, VERDICT
from tests.support.crashing_redis import CrashingRedis, crashing_redis
from tests.support.histories import calendar
from tests.support.live_state import live_state_content
from tests.support.monitor_client import agreement
from tests.support.monitoring import Monitor, monitor, ticket

pytestmark = pytest.mark.anyio

NOON, NEXT_DAY = "Mon 2026-03-02 12:00", "Tue 2026-03-03 12:00"
MORNING = ("Mon 2026-03-02 09:00", "opened")


@pytest.fixture
def server(docker_engine: None) -> Iterator[CrashingRedis]:
    """A new one for each test: what a cut takes away may be the emptying between two of them."""
    with crashing_redis() as server:
        yield server


async def begin(on: Monitor) -> None:
    """The morning: tickets of which half are done by noon."""
    await on.publish_catalogue(calendar(), agreement())
    await on.wait_until_idle()
    await morning(on, range(40))


async def morning(on: Monitor, numbers: range) -> None:
    """Tickets of these numbers, every other one of which is done by noon."""
    for number in numbers:
        done = [("Mon 2026-03-02 11:00", "resolved")] if number % 2 else []
        await on.send(*ticket(MORNING, *done, item=f"T{number}"), at=NOON)
    await on.wait_until_idle()


def effects(folder: Path) -> list[tuple[Any, ...]]:
    """The verdicts that hold for those who read them, and what was adjusted."""
    engine = connect_database(f"sqlite:///{folder}/sla-monitor.db")
    with read_transaction(engine) as connection:
        rows = [tuple(row) for table in (VERDICT, ADJUSTMENT) for row in connection.execute(select(table))]
    engine.dispose()
    return sorted(rows, key=repr)


async def undisturbed(folder: Path) -> tuple[list[tuple[Any, ...]], dict[Any, Any]]:
    """The effects and the items of a monitor without faults."""
    async with monitor(folder, now=NOON) as on:
        await begin(on)
        on.clock.move(NEXT_DAY)
        await on.wait_until_idle()
    return effects(folder), await items(f"sqlite:///{folder}/sla-monitor-state.db")


async def items(address: str) -> dict[Any, Any]:
    """What is stored of each item, and when it is due."""
    return {shard: (each.items, each.due, each.outbox) for shard, each in (await live_state_content(address)).items()}


async def test_everything_lost_in_a_quiet_hour_is_noticed_and_read_again(
    tmp_path: Path, server: CrashingRedis, caplog: pytest.LogCaptureFixture
) -> None:
    expected = await undisturbed(tmp_path / "undisturbed")
    with caplog.at_level(logging.WARNING):
        async with monitor(tmp_path, now=NOON, state_url=server.url) as on:
            await begin(on)
            with Redis.from_url(server.url) as client:
                client.flushall()
            await until_back(on, caplog)
            on.clock.move(NEXT_DAY)
            await on.wait_until_idle()
            assert (effects(tmp_path), await items(server.url)) == expected


async def until_back(on: Monitor, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody has noticed a loss, and what was lost has been read again."""
    async with asyncio.timeout(20):
        while "went back" not in caplog.text:  # noqa: ASYNC110 (the log says it, nothing signals it)
            await asyncio.sleep(0.05)
    await on.wait_until_idle()


async def test_a_restored_old_copy_is_noticed_and_leads_to_the_same_verdicts(
    tmp_path: Path, server: CrashingRedis, caplog: pytest.LogCaptureFixture
) -> None:
    expected = await undisturbed(tmp_path / "undisturbed")
    with caplog.at_level(logging.WARNING):
        async with monitor(tmp_path, now=NOON, state_url=server.url) as on:
            await on.publish_catalogue(calendar(), agreement())
            await on.wait_until_idle()
            await morning(on, range(15))
            backup = server.files()
            await morning(on, range(15, 40))
            on.clock.move(NEXT_DAY)
            await on.wait_until_idle()
            assert effects(tmp_path) == expected[0]

            await asyncio.to_thread(server.crash)
            server.put_back(backup)
            await asyncio.to_thread(server.start)
            await until_back(on, caplog)

            assert (effects(tmp_path), await items(server.url)) == expected


@pytest.mark.parametrize("seed", range(2))
async def test_killed_at_any_byte_of_its_file_redis_costs_nothing_but_reading_again(
    tmp_path: Path, server: CrashingRedis, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 (a test's choice)
    expected = await undisturbed(tmp_path / "undisturbed")
    async with monitor(tmp_path, now=NOON, state_url=server.url) as on:
        await on.publish_catalogue(calendar(), agreement())
        await on.wait_until_idle()
        for start in (0, 20):
            await morning(on, range(start, start + 20))
            await asyncio.to_thread(server.crash)
            assert server.cut(chance) > 0
            await asyncio.to_thread(server.start)
        on.clock.move(NEXT_DAY)
        await on.wait_until_idle()

        assert (effects(tmp_path), await items(server.url)) == expected


async def test_a_commit_cut_after_any_of_its_commands_costs_nothing_but_reading_again(
    tmp_path: Path, server: CrashingRedis
) -> None:
    """As two crashes can leave it behind: docs/redis.md names the bug of Redis that brings such a beginning back."""
    expected = await undisturbed(tmp_path / "undisturbed")
    async with monitor(tmp_path / "stopped", now=NOON, state_url=server.url) as on:
        await begin(on)
    commits = server.commits()
    at = next(at for at, commit in enumerate(commits) if any(command[1].endswith(b":due") for command in commit))
    before = [command for commit in commits[:at] for command in commit]
    cut = commits[at]

    for held in range(1, len(cut)):
        folder = tmp_path / str(held)
        copytree(tmp_path / "stopped", folder)
        server.put([*before, *cut[:held]])
        async with monitor(folder, now=NEXT_DAY, state_url=server.url) as on:
            await on.wait_until_idle()
            assert (effects(folder), await items(server.url)) == expected, f"the last that is held: {cut[held - 1][:2]}"


async def test_a_breach_that_was_forgotten_before_a_pause_disproved_it_is_retracted(
    tmp_path: Path, server: CrashingRedis, caplog: pytest.LogCaptureFixture
) -> None:
    """The records come again with the pause in one batch, in which the item was never late."""
    async with monitor(tmp_path, now=NOON, state_url=server.url) as on:
        await begin(on)
        backup = server.files()
        await on.send(*ticket(MORNING, item="asleep"), at=NOON)
        await on.wait_until_idle()
        on.clock.move(NEXT_DAY)
        await on.wait_until_idle()
        assert "asleep" in repr(effects(tmp_path))

        await asyncio.to_thread(server.crash)
        server.put_back(backup)
        await on.send(*ticket(("Mon 2026-03-02 11:00", "paused"), item="asleep"), at=NEXT_DAY)
        await asyncio.to_thread(server.start)
        await until_back(on, caplog)

        decided = [event for event in await on.announced() if not isinstance(event, WarningReached)]
        published = [type(event).__name__ for event in decided if event.subject == "asleep"]
        assert published == ["TargetBreached", "VerdictRetracted"]
        assert "asleep" not in repr(effects(tmp_path))


async def test_what_was_published_and_then_forgotten_is_retracted(
    tmp_path: Path, server: CrashingRedis, caplog: pytest.LogCaptureFixture
) -> None:
    """Else the verdict that is worked out again has the id of the first one, and readers drop it as a repetition."""
    async with monitor(tmp_path, now=NOON, state_url=server.url) as on:
        await begin(on)
        truth = effects(tmp_path)
        (met, *_) = [event for event in await on.announced() if isinstance(event, TargetMet)]
        await on.bus.publish(VERDICTS.name, [Message(met.key, encode_event(missed(met)))])
        await on.wait_until_idle()
        misled = effects(tmp_path)
        with Redis.from_url(server.url) as client:
            client.flushall()
        await until_back(on, caplog)

        assert misled != truth
        assert effects(tmp_path) == truth


def missed(met: TargetMet) -> TargetBreached:
    """The event of a monitor that has read the item's opening only."""
    about = {name: getattr(met.data, name) for name in VerdictData.__struct_fields__}
    data = VerdictData(**{**about, "outcome": "breached", "stopped_at": None, "elapsed_s": None, "margin_s": None})
    return TargetBreached(
        id=f"{met.id}-missed", source=met.source, time=met.time, subject=met.subject, council=met.council, data=data
    )

"""Live state lost, and computed again from the log: the same state, and nothing announced twice."""

import asyncio
from datetime import date
from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedBus, EmbeddedSubscription
from shared.contracts.topics import TICKETS
from shared.contracts.verdicts import VerdictCorrected
from shared.log.port import Bounds, OffsetGone, Shard
from shared.state.connect import connect
from shared.state.port import Change
from shared.units import Offset
from sla_monitor.judging.rebuild import RebuildResult
from sla_monitor.judging.shard_rebuild import UNFINISHED_HEAD
from tests.support.histories import calendar
from tests.support.live_state import ShardContent, live_state_content, state_address
from tests.support.monitor_client import LATE, agreement
from tests.support.monitoring import Monitor, idle_monitor, monitor, ticket

IN_TIME = [("Mon 2026-03-02 09:00", "opened"), ("Mon 2026-03-02 15:00", "resolved")]
NOW, LATER = "Wed 2026-03-04 12:00", "Thu 2026-03-05 12:00"
PROCLAIMED = calendar(closed={date(2026, 3, 3): "Proclaimed"})


@pytest.fixture(params=["embedded", pytest.param("redis", marks=pytest.mark.docker)])
def state_url(request: pytest.FixtureRequest) -> str:
    """An address of live state that holds nothing; empty for the file beside the log."""
    return "" if request.param == "embedded" else str(request.getfixturevalue("redis_database"))


async def live(on: Monitor) -> None:
    """Whatever may happen to tickets: resolved in time and late, open, corrected, sent twice, invalid, parked."""
    await on.publish_catalogue(calendar(), agreement(), agreement("worthing"))
    await on.wait_until_idle()
    for number in range(20):
        await on.send(*ticket(*IN_TIME, item=f"in-time-{number}"), *ticket(*LATE, item=f"late-{number}"))
    await on.send(*ticket(*IN_TIME, item="in-time-1"), *ticket(*IN_TIME, council="unknown"))
    await on.send(*ticket(LATE[0], item="open"), ticket(LATE[0], item="paused")[0])
    await on.send(*ticket(("Mon 2026-03-02 13:00", "paused"), item="paused"))
    await on.send_raw("adur:poison", b"{", at=NOW)
    await on.wait_until_idle()
    await on.send(*ticket(("Mon 2026-03-02 13:00", "paused"), item="late-3"), at=NOW)
    await on.send(*ticket(("Mon 2026-03-02 16:00", "resumed"), item="late-3"), at=NOW)
    await on.send(*ticket(("Tue 2026-03-03 16:00", "reopened"), item="in-time-2"), at=NOW)
    await on.wait_until_idle()


async def lost_and_rebuilt(
    folder: Path, state_url: str, *, now: str = NOW
) -> tuple[RebuildResult, dict[Shard, ShardContent]]:
    """The result of a rebuild, and the live state after it."""
    async with idle_monitor(folder, now=now, state_url=state_url) as idle:
        result = await idle.app.rebuild.run()
    return result, await live_state_content(state_address(folder, state_url))


async def published_ids(on: Monitor) -> list[str]:
    return [event.id for event in await on.announced()]


def test_a_rebuild_restores_the_same_state_and_announces_nothing(tmp_path: Path, state_url: str) -> None:
    async def scenario() -> None:
        async with monitor(tmp_path, now=NOW, state_url=state_url) as on:
            await live(on)
            announced = await published_ids(on)
        before = await live_state_content(state_address(tmp_path, state_url))

        result, after = await lost_and_rebuilt(tmp_path, state_url)

        assert after == before
        assert result == RebuildResult(items=sum(len(shard.items) for shard in before.values()), missing=0)
        async with monitor(tmp_path, now=NOW, state_url=state_url) as on:
            await on.wait_until_idle()
            assert await published_ids(on) == announced
            assert len(announced) > 40

    asyncio.run(scenario())


def test_ended_items_keep_the_catalogue_of_their_time_through_a_rebuild(tmp_path: Path, state_url: str) -> None:
    async def scenario() -> None:
        async with monitor(tmp_path, now=NOW, state_url=state_url) as on:
            await live(on)
            await on.publish_catalogue(PROCLAIMED, version=2)
            await on.wait_until_idle()
            announced = await published_ids(on)
        before = await live_state_content(state_address(tmp_path, state_url))

        result, after = await lost_and_rebuilt(tmp_path, state_url)

        assert (result.missing, after) == (0, before)
        async with monitor(tmp_path, now=NOW, state_url=state_url) as on:
            await on.wait_until_idle()
            assert await published_ids(on) == announced
            pause = ticket(("Mon 2026-03-02 13:00", "paused"), ("Mon 2026-03-02 13:30", "resumed"), item="late-7")
            await on.send(*pause, at=NOW)
            await on.wait_until_idle()
            last = [event for event in await on.announced() if event.subject == "late-7"][-1]
        assert isinstance(last, VerdictCorrected)
        assert (last.data.outcome, last.data.calendar_version) == ("breached", 1)

    asyncio.run(scenario())


def test_what_the_log_lacks_waits_after_a_rebuild_and_is_published_once(tmp_path: Path, state_url: str) -> None:
    async def scenario() -> None:
        async with monitor(tmp_path, now=NOW, state_url=state_url) as on:
            await live(on)
            announced = await published_ids(on)
        async with idle_monitor(tmp_path, now=NOW, state_url=state_url) as idle:
            await idle.send(*ticket(*IN_TIME, item="unpublished-1"), *ticket(*LATE, item="unpublished-2"), at=NOW)

        result, _ = await lost_and_rebuilt(tmp_path, state_url)

        async with monitor(tmp_path, now=NOW, state_url=state_url) as on:
            await on.wait_until_idle()
            new = [event for event in await on.announced() if event.id not in announced]
        kinds = sorted((event.subject, type(event).__name__) for event in new)
        assert [kind for kind in kinds if kind[1] != "WarningReached"] == [
            ("unpublished-1", "TargetMet"),
            ("unpublished-2", "TargetBreached"),
        ]
        assert result.missing == len(new)

    asyncio.run(scenario())


def test_a_monitor_does_not_work_on_what_a_rebuild_left_unfinished(tmp_path: Path, state_url: str) -> None:
    async def scenario() -> None:
        states, shard = connect(state_address(tmp_path, state_url)), Shard(TICKETS.name, 3)
        await states.commit(shard, None, Change(UNFINISHED_HEAD))
        await states.close()

        async with monitor(tmp_path, now=NOW, state_url=state_url) as on:
            await on.wait_until_idle()
            await asyncio.sleep(5)

    with pytest.raises(ExceptionGroup) as stopped:
        asyncio.run(scenario())
    assert stopped.group_contains(OffsetGone, match="rebuilt")


def test_a_rebuild_that_was_interrupted_is_completed_by_the_next(tmp_path: Path, state_url: str) -> None:
    async def scenario() -> None:
        async with monitor(tmp_path, now=NOW, state_url=state_url) as on:
            await live(on)
        before = await live_state_content(state_address(tmp_path, state_url))
        async with idle_monitor(tmp_path, now=NOW, state_url=state_url) as idle:
            cut = asyncio.create_task(idle.app.rebuild.run())
            await asyncio.sleep(0.05)
            cut.cancel()
            await asyncio.gather(cut, return_exceptions=True)

        result, after = await lost_and_rebuilt(tmp_path, state_url)

        assert (result.missing, after) == (0, before)

    asyncio.run(scenario())


def test_a_rebuild_ends_where_the_mark_of_a_transaction_ends_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka's marks have offsets, and no record is ever delivered for one."""
    bounds, position = EmbeddedBus.bounds, EmbeddedSubscription.position

    async def bounds_with_mark(bus: EmbeddedBus, shard: Shard) -> Bounds:
        found = await bounds(bus, shard)
        return found._replace(end=Offset(found.end + 1)) if shard.topic == TICKETS.name else found

    async def position_after_mark(subscription: EmbeddedSubscription, shard: Shard) -> int:
        return await position(subscription, shard) + 1

    async def scenario() -> RebuildResult:
        async with idle_monitor(tmp_path, now=NOW) as idle:
            await idle.send(*ticket(*IN_TIME))
            monkeypatch.setattr(EmbeddedBus, "bounds", bounds_with_mark)
            monkeypatch.setattr(EmbeddedSubscription, "position", position_after_mark)
            return await idle.app.rebuild.run()

    assert asyncio.run(scenario()).items == 1

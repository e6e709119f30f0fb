"""What a service reports of its own health."""

import asyncio
from pathlib import Path

import pytest

from shared.bus.consumer import ConsumerStatus
from shared.bus.embedded import EmbeddedBus
from shared.contracts.topics import TICKETS, TOPICS
from shared.heartbeat import Heartbeat
from shared.log.port import Bounds, BusUnavailable, Message, Shard
from shared.running import health
from shared.running.health import (
    ConsumerStalled,
    HealthPart,
    NotReady,
    Readiness,
    consumer_check,
    liveness,
    watch_consumers,
)
from shared.running.watchdog import Watched
from shared.units import Offset

pytestmark = pytest.mark.anyio

SHARD = Shard(TICKETS.name, 0)


async def answers() -> str:
    return "answers"


async def refuses() -> str:
    raise NotReady("the schema is old")


async def breaks() -> str:
    raise ConnectionError("postgresql://app:hunter2@server does not answer")


async def test_a_service_is_ready_when_every_part_is() -> None:
    found = await Readiness({"bus": answers, "database": answers}).ask()

    assert (found.ok, found.parts) == (
        True,
        {"bus": HealthPart(True, "answers"), "database": HealthPart(True, "answers")},
    )


async def test_one_part_that_is_not_ready_is_named_beside_those_that_are() -> None:
    found = await Readiness({"bus": answers, "schema": refuses}).ask()

    assert (found.ok, found.parts) == (
        False,
        {"bus": HealthPart(True, "answers"), "schema": HealthPart(False, "the schema is old")},
    )


async def test_requests_come_once_all_was_ready_and_then_while_the_database_answers() -> None:
    checks = {"bus": refuses, "database": answers}
    readiness = Readiness(checks)
    assert not (await readiness.ask_for_requests()).ok

    checks["bus"] = answers
    assert (await readiness.ask_for_requests()).ok

    checks["bus"] = refuses
    assert (await readiness.ask_for_requests()).parts == {"database": HealthPart(True, "answers")}
    assert not (await readiness.ask()).ok

    checks["database"] = breaks
    assert not (await readiness.ask_for_requests()).ok


async def test_what_a_part_raises_is_reported_by_its_kind_because_its_text_may_be_secret() -> None:
    found = await Readiness({"database": breaks}).ask()

    assert found.parts == {"database": HealthPart(False, "ConnectionError")}


async def test_a_part_that_does_not_answer_is_asked_once_however_often_health_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "CHECK_S", 0.01)
    asked, thaw = [], asyncio.Event()

    async def frozen() -> str:
        asked.append(1)
        await thaw.wait()
        return "answers"

    readiness = Readiness({"state": frozen})
    for _ in range(3):
        assert (await readiness.ask()).parts == {"state": HealthPart(False, "no answer within 0.01 s")}
    assert len(asked) == 1

    thaw.set()
    assert (await readiness.ask()).ok


@pytest.mark.parametrize(
    ("behind", "is_ready"),
    [(0, True), (2, True), (3, False)],
)
async def test_a_group_may_be_so_far_behind_and_no_further(behind: int, is_ready: bool, tmp_path: Path) -> None:
    bus, reading = EmbeddedBus(tmp_path / "log.db"), ConsumerStatus("group")
    await bus.ensure_topics(TOPICS)
    await bus.publish_to(SHARD, [Message("a:b", b"{}")] * 5)
    reading.positions = {SHARD: 5 - behind}

    found = await Readiness({"group": consumer_check(bus, reading, lag_records=2)}).ask()

    await bus.close()
    assert found.ok is is_ready


async def test_a_group_whose_log_is_away_blames_the_log_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, reading = EmbeddedBus(tmp_path / "log.db"), ConsumerStatus("group")
    reading.positions, reading.paused = {SHARD: 0}, frozenset({SHARD})

    async def away(_: Shard) -> Bounds:
        raise BusUnavailable("no answer")

    monkeypatch.setattr(bus, "bounds", away)
    found = await Readiness({"group": consumer_check(bus, reading, lag_records=0)}).ask()

    await bus.close()
    assert found.parts["group"] == HealthPart(False, "the log does not answer")


class SilentBus:
    """A log that readers have had no answer from for `silent`, and which answers others while `answers`."""

    def __init__(self, *, silent: float, answers: bool) -> None:
        self.silent, self.answers, self.asked = silent, answers, 0

    def silent_s(self) -> float:
        return self.silent

    async def bounds(self, _: Shard) -> Bounds:
        self.asked += 1
        if not self.answers:
            raise BusUnavailable("no answer")
        return Bounds(Offset(0), Offset(0))


async def watched(bus: SilentBus, monkeypatch: pytest.MonkeyPatch, *, limit_s: float) -> None:
    monkeypatch.setattr(health, "_LOOK_EVERY_S", 0.001)
    stop = asyncio.Event()
    watching = asyncio.create_task(watch_consumers(bus, stop, limit_s=limit_s))  # type: ignore[arg-type]  # asks no more
    while bus.asked < 5 and not watching.done():  # noqa: ASYNC110 (it announces nothing)
        await asyncio.sleep(0.001)
    stop.set()
    await watching


async def test_readers_that_stay_without_an_answer_though_the_log_answers_end_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ConsumerStalled):
        await watched(SilentBus(silent=31, answers=True), monkeypatch, limit_s=0)


@pytest.mark.parametrize("answers", [False, True])
async def test_readers_that_have_had_no_answer_in_a_long_outage_are_given_time_when_it_is_over(
    answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watched(SilentBus(silent=100_000, answers=answers), monkeypatch, limit_s=300)


async def test_a_group_without_shards_or_with_paused_shards_is_not_ready(tmp_path: Path) -> None:
    bus, reading = EmbeddedBus(tmp_path / "log.db"), ConsumerStatus("group")
    await bus.ensure_topics(TOPICS)
    ready = Readiness({"group": consumer_check(bus, reading, lag_records=0)})

    unassigned = await ready.ask()
    reading.positions, reading.paused = {SHARD: 0}, frozenset({SHARD})
    held = await ready.ask()

    await bus.close()
    assert unassigned.parts["group"] == HealthPart(False, "no shard is assigned")
    assert held.parts["group"] == HealthPart(False, "1 of 1 shards are paused")


async def test_a_loop_that_is_silent_for_longer_than_it_may_be_is_not_alive() -> None:
    found = liveness([Watched(Heartbeat("relay"), 60.0), Watched(Heartbeat("event loop"), -1.0)])

    assert not found.ok
    assert {name: part.ok for name, part in found.parts.items()} == {"relay": True, "event loop": False}

"""The reading loop, on the embedded log."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from shared.bus.consumer import ConsumerStatus, consume, unread
from shared.bus.embedded import EmbeddedBus
from shared.contracts.topics import Topic
from shared.log.port import AppendUncertain, BusUnavailable, Fenced, Message, OffsetGone, Record, Shard
from shared.log.processor import Busy, Halted
from shared.sqlite import SqliteFile
from tests.support.log_reading import shards_of
from tests.support.totals import Store, Totals

TOPIC = Topic("numbers.v1", "number", 3, 400, ("tests",), ("tests",))
SHARD = Shard(TOPIC.name, 0)
PATIENCE_S = 60

pytestmark = pytest.mark.anyio


class Broken(Exception):
    """A fault that no loop can answer."""


class Outage:
    """While it `lasts`, the log answers nothing; `met` counts how often that was noticed."""

    lasts = False
    met = 0

    def instead_of(self, read: Callable[..., Any]) -> Callable[..., Any]:
        async def read_unless_away(file: SqliteFile, work: object) -> Any:
            if self.lasts:
                self.met += 1
                raise BusUnavailable("no answer")
            return await read(file, work)

        return read_unless_away


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[EmbeddedBus]:
    bus = EmbeddedBus(tmp_path / "log.db")
    await bus.ensure_topics([TOPIC])
    yield bus
    await bus.close()


async def publish(bus: EmbeddedBus, numbers: Sequence[int]) -> None:
    await bus.publish(TOPIC.name, [Message(f"number-{n}", str(n).encode()) for n in numbers])


async def run_until(
    bus: EmbeddedBus,
    done: Callable[[], bool],
    *workers: Totals,
    batch: int = 500,
    status: ConsumerStatus | None = None,
) -> None:
    """Each worker consumes as one member of the group, until `done` or until one of them dies."""
    stop = asyncio.Event()

    async def watch() -> None:
        while not done():  # noqa: ASYNC110 (`done` looks at what the workers have stored; nothing announces it)
            await asyncio.sleep(0.001)
        stop.set()

    async with asyncio.timeout(PATIENCE_S):
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(watch())
                for worker in workers:
                    tasks.create_task(
                        consume(
                            bus,
                            group="totals",
                            topics=[TOPIC],
                            processor=worker,
                            known_logs=worker.store,
                            stop=stop,
                            batch=batch,
                            poll_s=0.01,
                            retry_s=0.001,
                            status=status,
                        )
                    )
        except ExceptionGroup as group:
            raise group.exceptions[0] from None


def failing(times: int, fault: Exception) -> Callable[..., None]:
    """Raises `fault` the first `times` times that it is called."""
    left = [fault] * times

    def fail(*_: object) -> None:
        if left:
            raise left.pop()

    return fail


async def test_every_record_is_applied_once_from_the_first_held_on(bus: EmbeddedBus) -> None:
    store = Store()
    await publish(bus, range(100))

    await run_until(bus, lambda: len(store.numbers) == 100, Totals(store), batch=7)

    assert store.numbers == list(range(100))


async def test_a_restarted_group_goes_on_from_the_stored_offset(bus: EmbeddedBus) -> None:
    store = Store()
    await publish(bus, range(50))
    await run_until(bus, lambda: len(store.numbers) == 50, Totals(store))
    await publish(bus, range(50, 60))
    second = Totals(store)

    await run_until(bus, lambda: len(store.numbers) == 60, second)

    assert store.numbers == list(range(60))
    assert sum(next_offset - first for _, first, next_offset in second.offered) == 10


@pytest.mark.parametrize(
    "fault", [Busy("the store does not answer"), AppendUncertain("nor does the log"), BusUnavailable("of its end")]
)
async def test_a_busy_shard_is_offered_the_same_records_again_until_they_are_taken(
    bus: EmbeddedBus, fault: Exception
) -> None:
    store = Store()
    worker = Totals(store, before=failing(4, fault))
    await bus.publish_to(SHARD, [Message("one", b"1"), Message("two", b"2")])

    await run_until(bus, lambda: bool(store.applied), worker)

    assert worker.offered == [(SHARD, 0, 2)] * 5
    assert store.applied == {SHARD: [1, 2]}


async def test_a_halted_shard_says_why_and_goes_on_when_that_is_over_and_others_never_stop(bus: EmbeddedBus) -> None:
    store, status = Store(), ConsumerStatus("totals")
    halting = [Halted("decide")]

    def halt(shard: Shard, _: Sequence[Record]) -> None:
        if shard == SHARD and halting:
            raise halting[0]

    worker = Totals(store, before=halt)
    for shard in shards_of(TOPIC):
        await bus.publish_to(shard, [Message("one", b"1")])
    await run_until(bus, lambda: bool(status.halted) and len(store.numbers) == 2, worker, status=status)
    assert status.halted == {SHARD: "decide"}
    halting.clear()
    await run_until(bus, lambda: len(store.numbers) == 3 and not status.halted, worker, status=status)

    assert store.applied.keys() == shards_of(TOPIC)


class OneByOne(Totals):
    """Takes the first of whatever it is offered."""

    async def apply(self, shard: Shard, records: Sequence[Record]) -> int:
        """As `Totals`, of the first record."""
        return await super().apply(shard, records[:1])


async def test_what_a_processor_leaves_of_a_batch_is_offered_again(bus: EmbeddedBus) -> None:
    store = Store()
    await bus.publish_to(SHARD, [Message("n", str(n).encode()) for n in range(5)])

    await run_until(bus, lambda: len(store.numbers) == 5, OneByOne(store))

    assert store.applied == {SHARD: [0, 1, 2, 3, 4]}


async def test_other_shards_go_on_while_one_is_busy(bus: EmbeddedBus) -> None:
    store = Store()

    def busy_on_first(shard: Shard, _: Sequence[Record]) -> None:
        if shard == SHARD:
            raise Busy

    for shard in shards_of(TOPIC):
        await bus.publish_to(shard, [Message("one", b"1")])
    await run_until(bus, lambda: len(store.numbers) == 2, Totals(store, before=busy_on_first))

    assert store.applied.keys() == shards_of(TOPIC) - {SHARD}


async def test_a_fenced_worker_goes_on_from_where_the_other_one_stored(bus: EmbeddedBus) -> None:
    store = Store()
    await bus.publish_to(SHARD, [Message("n", str(n).encode()) for n in range(4)])

    def another_was_faster(shard: Shard, records: Sequence[Record]) -> None:
        if records[0].offset == 0:
            store.applied[shard], store.next_offset[shard] = [0, 1, 2], 3

    await run_until(bus, lambda: len(store.numbers) == 4, Totals(store, before=another_was_faster))

    assert store.applied == {SHARD: [0, 1, 2, 3]}


@pytest.mark.parametrize("fenced", [0, 1])
async def test_a_store_that_does_not_give_its_position_is_asked_again(bus: EmbeddedBus, fenced: int) -> None:
    store = Store()
    await publish(bus, range(30))
    asked = count()

    class Reticent(Totals):
        async def position(self, shard: Shard) -> int | None:
            if next(asked) % 3:
                raise Busy("the store does not answer")
            return await super().position(shard)

    await run_until(bus, lambda: len(store.numbers) == 30, Reticent(store, before=failing(fenced, Fenced())))

    assert store.numbers == list(range(30))


async def test_a_log_recreated_is_not_read_on_although_it_is_longer_than_the_old_one(
    bus: EmbeddedBus, tmp_path: Path
) -> None:
    store = Store()
    await publish(bus, range(10))
    await run_until(bus, lambda: len(store.numbers) == 10, Totals(store))
    recreated = EmbeddedBus(tmp_path / "recreated" / "log.db")
    await recreated.ensure_topics([TOPIC])
    await publish(recreated, range(100, 200))

    with pytest.raises(OffsetGone, match=f"{TOPIC.name} was recreated since it was last read"):
        await run_until(recreated, lambda: False, Totals(store))

    await recreated.close()
    assert store.numbers == list(range(10))


async def test_which_log_it_is_is_asked_again_while_the_store_does_not_answer(bus: EmbeddedBus) -> None:
    asked = count()

    class Reticent(Store):
        async def known_log(self, topic: str) -> str | None:
            if next(asked) < 3:
                raise Busy("the store does not answer")
            return await super().known_log(topic)

    store = Reticent()
    await publish(bus, range(30))

    await run_until(bus, lambda: len(store.numbers) == 30, Totals(store))

    assert store.logs == {TOPIC.name: await bus.identity(TOPIC.name)}


async def test_workers_that_come_and_go_lose_nothing_and_double_nothing(bus: EmbeddedBus) -> None:
    store = Store()
    workers = [Totals(store) for _ in range(4)]
    await publish(bus, range(300))

    await run_until(bus, lambda: len(store.numbers) >= 100, *workers, batch=5)
    await run_until(bus, lambda: len(store.numbers) >= 200, *workers[:1], batch=5)
    await run_until(bus, lambda: len(store.numbers) >= 300, *workers[1:], batch=5)

    assert store.numbers == list(range(300))


async def test_a_log_that_is_away_is_waited_for_and_then_read_on(
    bus: EmbeddedBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.bus.consumer.MAX_PAUSE_S", 0.01)
    store, status, away = Store(), ConsumerStatus("totals"), Outage()
    monkeypatch.setattr(SqliteFile, "read", away.instead_of(SqliteFile.read))
    await publish(bus, range(50))

    async def during_the_outage() -> None:
        while len(store.numbers) < 50:  # noqa: ASYNC110 (nothing announces what a worker has stored)
            await asyncio.sleep(0.001)
        away.lasts = True
        await publish(bus, range(50, 60))
        while away.met < 20 or status.positions:  # noqa: ASYNC110 (as above)
            await asyncio.sleep(0.001)
        away.lasts = False

    outage = asyncio.create_task(during_the_outage())
    await run_until(bus, lambda: len(store.numbers) == 60, Totals(store), status=status)
    await outage

    assert store.numbers == list(range(60))


async def test_any_other_fault_ends_the_loop_loudly_and_leaves_the_group(bus: EmbeddedBus) -> None:
    store = Store()
    await publish(bus, range(10))

    with pytest.raises(Broken):
        await run_until(bus, lambda: False, Totals(store, before=failing(1, Broken())))
    await run_until(bus, lambda: len(store.numbers) == 10, Totals(store))

    assert store.numbers == list(range(10))


@pytest.mark.parametrize("stored", [2, 6])
async def test_a_position_that_the_log_does_not_hold_ends_the_loop_with_advice(bus: EmbeddedBus, stored: int) -> None:
    await bus.publish_to(SHARD, [Message("n", b"1")] * 5)
    await bus.delete_before(SHARD, 3)

    with pytest.raises(OffsetGone, match=r"numbers\.v1/0 holds offsets from 3 .* rebuilt"):
        await run_until(bus, lambda: False, Totals(Store(next_offset={SHARD: stored})))


async def test_idle_sees_a_shard_as_caught_up_only_when_all_of_it_is_applied(bus: EmbeddedBus) -> None:
    store = Store()
    seen: list[tuple[bool, bool]] = []

    def note(shard: Shard, caught_up: bool) -> None:
        if shard == SHARD:
            seen.append((caught_up, len(store.numbers) == 20))

    worker = Totals(store, before=failing(3, Busy()), on_idle=note)
    await bus.publish_to(SHARD, [Message("n", str(n).encode()) for n in range(20)])
    await run_until(bus, lambda: (True, True) in seen, worker, batch=5)

    assert set(seen) <= {(False, False), (True, True)}


@pytest.mark.parametrize("fault", [Busy(), AppendUncertain(), Fenced()])
async def test_an_idle_shard_may_be_busy_or_fenced_and_is_asked_again(bus: EmbeddedBus, fault: Exception) -> None:
    asked: list[Shard] = []
    fail = failing(2, fault)

    def idle(shard: Shard, _: bool) -> None:
        asked.append(shard)
        fail()

    await run_until(bus, lambda: len(asked) >= 9, Totals(Store(), on_idle=idle))

    assert set(asked) == shards_of(TOPIC)


async def test_a_fault_while_idle_ends_the_loop_loudly(bus: EmbeddedBus) -> None:
    with pytest.raises(Broken):
        await run_until(bus, lambda: False, Totals(Store(), on_idle=failing(1, Broken())))


async def test_unread_counts_what_is_still_to_be_applied(bus: EmbeddedBus) -> None:
    store = Store()
    await publish(bus, range(30))
    await bus.publish_to(SHARD, [Message("n", b"1")] * 5)
    await bus.delete_before(SHARD, 3)
    store.next_offset[SHARD] = 4
    held = sum([bounds.end - bounds.first for bounds in [await bus.bounds(shard) for shard in shards_of(TOPIC)]])

    before = await unread(bus, Totals(store), [TOPIC])
    for shard in shards_of(TOPIC):
        store.next_offset[shard] = (await bus.bounds(shard)).end
    after = await unread(bus, Totals(store), [TOPIC])

    assert (before, after) == (held - 1, 0)

"""PostgreSQL freezes, crashes or ends connections under load: calls end, nothing is lost or doubled, work goes on."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import count, islice
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from billing import api
from billing.consumer import BillingProcessor
from billing.statements.compared import ComparedStatements
from billing.statements.drafts import Statements
from billing.store.sql import GROUP, SqlStore
from shared.bus.consumer import consume, unread
from shared.bus.embedded import EmbeddedBus
from shared.clock import WallClock
from shared.contracts.codec import encode_event
from shared.contracts.topics import USAGE
from shared.http import create_app
from shared.log.port import Message, Record, Shard
from shared.log.processor import Busy
from shared.period import Month
from shared.scope import Scope
from shared.sql import postgres
from shared.sql.engine import busy_during_outages, connect
from shared.sql.migrate import migrate
from tests.support.callers import MAY_ALL
from tests.support.postgres import Postgres, own_postgres
from tests.support.recharges import ASHBY, recorded
from tests.support.totals import Store

OUTAGES = 3
SHORT_ANSWER_S = 1.0

pytestmark = pytest.mark.anyio


class Counting(BillingProcessor):
    """Billing's end of the log, which counts the batches that it stored, and those that met an absent database."""

    stored = 0
    outages = 0

    async def apply(self, shard: Shard, records: Sequence[Record]) -> int:
        try:
            kept = await super().apply(shard, records)
        except Busy:
            self.outages += 1
            raise
        self.stored += 1
        return kept


@pytest.fixture(scope="module")
def server(docker_engine: None) -> Iterator[Postgres]:
    with own_postgres() as server:
        engine = connect(server.url("tallystick_migrate", "billing"))
        migrate(engine, "billing")
        engine.dispose()
        yield server


@pytest.fixture
def store(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlStore]:
    monkeypatch.setattr(postgres.BoundedConnection, "answer_s", SHORT_ANSWER_S)
    store = SqlStore.open(server.url("tallystick_app", "billing"))
    yield store
    store.close()


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[EmbeddedBus]:
    bus = EmbeddedBus(tmp_path / "log.db")
    await bus.ensure_topics([USAGE])
    yield bus
    await bus.close()


async def test_a_call_to_a_frozen_server_ends_as_busy_in_bounded_time(server: Postgres, store: SqlStore) -> None:
    began = time.monotonic()
    with server.frozen(), pytest.raises(Busy), busy_during_outages():
        store.progress()
    took_s = time.monotonic() - began

    assert took_s < SHORT_ANSWER_S + postgres.CONNECT_S + 2


def test_a_council_that_asks_meanwhile_is_asked_to_retry(server: Postgres, store: SqlStore) -> None:
    statements = Statements(store, WallClock())
    routes = api.router(statements, ComparedStatements(store, statements, WallClock()))
    with TestClient(create_app("Billing", [routes], authentication=MAY_ALL)) as client:
        with server.frozen():
            meanwhile = client.get("/v1/statements?month=2026-05")
        afterwards = client.get("/v1/statements?month=2026-05")

    assert (meanwhile.status_code, meanwhile.headers["Retry-After"]) == (503, "5")
    assert afterwards.status_code == 200


def freeze(server: Postgres) -> None:
    with server.frozen():
        time.sleep(4 * SHORT_ANSWER_S)


@pytest.mark.parametrize("disturb", [freeze, Postgres.end_connections, Postgres.crash])
async def test_readings_ingested_during_outages_are_each_stored_once(
    server: Postgres, store: SqlStore, bus: EmbeddedBus, disturb: Callable[[Postgres], None]
) -> None:
    empty(server)
    intake, stop, numbers = Counting(store), asyncio.Event(), count()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            consume(
                bus,
                group=GROUP,
                topics=[USAGE],
                processor=intake,
                known_logs=Store(),  # asked once, at the start: not what is disturbed here
                stop=stop,
                batch=10,
                poll_s=0.05,
            )
        )
        for _ in range(OUTAGES):
            await at_work(intake, bus, numbers)  # or it might sit the outage out, waiting for the end of the last
            disturbing = asyncio.create_task(asyncio.to_thread(disturb, server))
            while not disturbing.done():
                await publish(bus, islice(numbers, 5))
                await asyncio.sleep(0.05)
            await disturbing
        await publish(bus, islice(numbers, 100))
        await caught_up(bus, store)
        stop.set()

    assert intake.outages > 0, "nothing was disturbed"
    readings = next(numbers)
    with store.snapshot(Scope.all()) as snapshot:
        (usage,) = snapshot.usage.of_month(Month(2026, 5), ASHBY.id)
    assert (usage.events, usage.quantity) == (readings, Decimal(readings))
    assert sum(shard.counts.applied for shard in store.progress()) == readings
    assert {shard.unaccounted for shard in store.progress()} == {0}


def empty(server: Postgres) -> None:
    engine = connect(server.url("tallystick_migrate", "billing"))
    try:
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE progress, inbox, event"))
    finally:
        engine.dispose()


async def at_work(intake: Counting, bus: EmbeddedBus, numbers: Iterator[int]) -> None:
    """A batch is stored."""
    stored = intake.stored
    while intake.stored == stored:
        await publish(bus, islice(numbers, 5))
        await asyncio.sleep(0.05)


async def publish(bus: EmbeddedBus, numbers: Iterable[int]) -> None:
    events = [recorded(f"r-{number}", "2026-05-07T12:00:00+00:00", "1") for number in numbers]
    await bus.publish(USAGE.name, [Message(event.key, encode_event(event)) for event in events])


async def caught_up(bus: EmbeddedBus, store: SqlStore) -> None:
    looking = BillingProcessor(store)
    while True:
        try:
            if not await unread(bus, looking, [USAGE]):
                return
        except Busy:
            pass
        await asyncio.sleep(0.05)

"""The outbox on a real server with many writers at once, where positions do not commit in their order."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, MetaData, select

from shared.bus.embedded import EmbeddedBus
from shared.contracts.topics import Topic
from shared.log.port import Outgoing
from shared.sql.engine import connect, read_transaction
from shared.sql.migrate import migrate
from shared.sql.outbox import add, outbox_table, relay, unpublished_count
from shared.units import EpochMillis
from tests.support.databases import empty_database
from tests.support.log_reading import read_records, seek_all, shards_of, wait_for_assignment

OUTBOX = outbox_table(MetaData())
TOPIC = Topic("to.v1", "key", 3, None, ("tests",), ("tests",))
WRITERS = 8
ROUNDS = 60
LONGEST_HOLD_S = 0.01

pytestmark = pytest.mark.anyio


@pytest.fixture
def engine(postgres_server: str) -> Iterator[Engine]:
    with empty_database(postgres_server) as url:
        engine = connect(url)
        migrate(engine, "tests.support.migrated")
        yield engine
        engine.dispose()


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[EmbeddedBus]:
    bus = EmbeddedBus(tmp_path / "log.db")
    await bus.ensure_topics([TOPIC])
    yield bus
    await bus.close()


def outgoing(key: str, number: int) -> Outgoing:
    return Outgoing(f"{key}-{number}", TOPIC.name, key, str(number).encode(), EpochMillis(0))


def write(engine: Engine, key: str) -> None:
    """One transaction after the other; each draws its positions and commits a while later."""
    chance = random.Random(key)  # noqa: S311 (the same pauses in every run, nothing secret)
    for number in range(ROUNDS):
        with engine.begin() as connection:
            add(connection, OUTBOX, [outgoing(key, 2 * number), outgoing(key, 2 * number + 1)])
            time.sleep(chance.uniform(0, LONGEST_HOLD_S))


async def test_what_eight_writers_write_is_published_whole_and_in_each_writers_order(
    engine: Engine, bus: EmbeddedBus
) -> None:
    keys = [f"writer-{number}" for number in range(WRITERS)]
    stop = asyncio.Event()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay(engine, bus, stop, outbox=OUTBOX, pause_s=0.001))
        await asyncio.gather(*(asyncio.to_thread(write, engine, key) for key in keys))
        while await asyncio.to_thread(unpublished_count, engine, OUTBOX):  # noqa: ASYNC110 (the relay does not say when it rests)
            await asyncio.sleep(0.01)
        stop.set()

    assert await published(bus, WRITERS * ROUNDS * 2) == {key: list(range(2 * ROUNDS)) for key in keys}


async def published(bus: EmbeddedBus, count: int) -> dict[str, list[int]]:
    """What the log holds of each key, in order."""
    reader = await bus.subscribe("test", [TOPIC.name])
    await wait_for_assignment([reader], shards_of(TOPIC))
    await seek_all(reader)
    found: dict[str, list[int]] = defaultdict(list)
    for records in (await read_records(reader, count)).values():
        for record in records:
            found[(record.key or b"").decode()].append(int(record.value or b""))
    await reader.close()
    return found


def test_a_reader_that_went_on_from_the_highest_position_it_saw_would_lose_messages(engine: Engine) -> None:
    seen: list[str] = []
    with engine.connect() as slow, engine.connect() as quick:
        add(slow, OUTBOX, [outgoing("drew its position first", 0)])
        add(quick, OUTBOX, [outgoing("committed first", 0)])
        quick.commit()
        highest = go_on(engine, 0, seen)
        slow.commit()
    go_on(engine, highest, seen)

    assert seen == ["committed first-0"]
    assert unpublished_count(engine, OUTBOX) == 2


def go_on(engine: Engine, after: int, seen: list[str]) -> int:
    """The highest position there is, after reading what lies above `after`."""
    with read_transaction(engine) as connection:
        rows = _above(connection, after)
    seen += [id_ for _, id_ in rows]
    return max([after, *(position for position, _ in rows)])


def _above(connection: Connection, position: int) -> list[tuple[int, str]]:
    query = select(OUTBOX.c.position, OUTBOX.c.id).where(OUTBOX.c.position > position).order_by(OUTBOX.c.position)
    return [(row.position, row.id) for row in connection.execute(query)]

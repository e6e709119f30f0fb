"""A SQLite file, with a thread of its own where it waits for the disk."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from shared.sqlite import SqliteFile
from tests.support.service_process import PATIENCE_S

SCHEMA = "CREATE TABLE IF NOT EXISTS numbers (number INTEGER PRIMARY KEY);"

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[True, False], ids=["durable", "not durable"])
def durable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def file(tmp_path: Path, durable: bool) -> AsyncIterator[SqliteFile]:
    file = SqliteFile(tmp_path / "new folder" / "numbers.db", schema=SCHEMA, durable=durable)
    yield file
    await file.close()


def add(connection: sqlite3.Connection, *numbers: int) -> None:
    connection.executemany("INSERT INTO numbers VALUES (?)", [(number,) for number in numbers])


def add_one(number: int, connection: sqlite3.Connection) -> None:
    add(connection, number)


def is_open(connection: sqlite3.Connection) -> bool:
    try:
        connection.total_changes  # noqa: B018 (whatever is asked of a closed connection is refused)
    except sqlite3.ProgrammingError:
        return False
    return True


def count(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("SELECT count(*) FROM numbers").fetchone()
    return int(found)


async def test_work_that_fails_half_way_changes_nothing_and_the_next_work_goes_on(file: SqliteFile) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        await file.write(lambda connection: add(connection, 1, 2, 1))

    await file.write(lambda connection: add(connection, 3))

    assert await file.read(count) == 1


async def test_a_caller_who_gives_up_waiting_leaves_the_file_in_order(file: SqliteFile) -> None:
    waiting = asyncio.create_task(file.write(lambda connection: add(connection, *range(50_000))))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert await file.read(count) in {0, 50_000}
    await file.write(lambda connection: add(connection, 50_000))


async def test_who_asks_again_and_again_lets_others_have_their_turn(file: SqliteFile) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.create_task(other())
    for _ in range(10):
        await file.read(count)
    beside.cancel()

    assert turns >= 9


async def test_event_loops_of_several_threads_have_one_transaction_after_the_other(file: SqliteFile) -> None:
    async def ask(numbers: range) -> None:
        for number in numbers:
            await file.write(partial(add_one, number))
            await file.read(count)

    await asyncio.gather(*(asyncio.to_thread(asyncio.run, ask(range(each, 400, 4))) for each in range(4)))

    assert await file.read(count) == 400


async def test_files_opened_by_several_at_once_wait_for_each_other(
    file: SqliteFile, tmp_path: Path, durable: bool
) -> None:
    others = [SqliteFile(tmp_path / "new folder" / "numbers.db", schema=SCHEMA, durable=durable) for _ in range(3)]

    await asyncio.gather(
        *(
            other.write(partial(add_one, 100 * start + step))
            for start, other in enumerate([file, *others])
            for step in range(50)
        )
    )

    assert await file.read(count) == 200
    for other in others:
        await other.close()


async def test_a_new_file_may_be_opened_by_several_at_once(tmp_path: Path, durable: bool) -> None:
    for number in range(20):
        opening = partial(SqliteFile, tmp_path / f"{number}.db", schema=SCHEMA, durable=durable)
        files = await asyncio.gather(*(asyncio.to_thread(opening) for _ in range(6)))

        assert [await file.read(count) for file in files] == [0] * 6
        for file in files:
            await file.close()


async def test_a_caller_who_gives_up_waiting_for_the_end_leaves_the_file_closed(file: SqliteFile) -> None:
    held: list[sqlite3.Connection] = []
    await file.read(held.append)
    working = asyncio.create_task(file.write(lambda connection: add(connection, *range(50_000))))
    await asyncio.sleep(0)
    closing = asyncio.create_task(file.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(working, closing, return_exceptions=True)

    async with asyncio.timeout(PATIENCE_S):
        while is_open(held[0]):  # noqa: ASYNC110 (it is closed by another thread)
            await asyncio.sleep(0.01)

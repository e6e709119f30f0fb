"""A SQLite file for those who need its full speed: plain SQL on one connection.

The event loop never waits for the disk to have taken a commit: that is worth a thread. All else is over in less time
than it takes to wake one. Calls are served in the order of asking, and several processes may hold the same file open.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from shared.sql.pragmas import set_pragmas

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


def path_of(url: str) -> Path:
    """The file that `sqlite:///relative/path` or `sqlite:////absolute/path` names."""
    return Path(url.removeprefix("sqlite:///"))


class SqliteFile:
    """One connection to the file at `path`, which exists and has the tables of `schema`.

    `durable` as in `set_pragmas`; only a file that is has a thread, so open it without for who only reads. Work is a
    function of the connection; it runs in one transaction, whole or not at all, and is given no second chance: what it
    raises is raised here. A file belongs to one event loop.
    """

    def __init__(self, path: Path, *, schema: str, durable: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=path.name) if durable else None
        self._connection = _open(path, schema, durable=durable)
        self._open = True

    async def read(self, work: Work[T]) -> T:
        """The answer of `work`, which sees the file as of one moment."""
        return await self._run("BEGIN", work)

    async def write(self, work: Work[T]) -> T:
        """The answer of `work`, whose changes are committed when this returns; waits for other writers."""
        return await self._run("BEGIN IMMEDIATE", work)

    async def close(self) -> None:
        """Release the file once the work asked for before is done. Idempotent."""
        if self._open:
            self._open = False
            if self._thread is not None:
                await asyncio.to_thread(self._thread.shutdown)
            self._connection.close()

    async def _run(self, begin: str, work: Work[T]) -> T:
        if self._thread is None:
            await asyncio.sleep(0)  # whoever asks again and again lets others have their turn
            return _in_transaction(self._connection, begin, work)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _in_transaction, self._connection, begin, work)


def _open(path: Path, schema: str, *, durable: bool) -> sqlite3.Connection:
    # Never used by two threads at a time: what has a thread is used by that one only, after it was opened here.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    set_pragmas(connection, durable=durable)
    connection.executescript(f"BEGIN IMMEDIATE; {schema} COMMIT;")
    return connection


def _in_transaction(connection: sqlite3.Connection, begin: str, work: Work[T]) -> T:
    connection.execute(begin)
    try:
        answer = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return answer

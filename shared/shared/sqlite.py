"""How every SQLite file of Tallystick is opened: one writer, many readers, and nothing torn by a crash.

`SqliteFile` is for those who need its full speed: plain SQL on one connection. The event loop never waits for the disk
to have taken a commit: that is worth a thread. All else is over in less time than it takes to wake one. Calls are
served in the order of asking, and several processes may hold the same file open.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from shared.startup_errors import (
    STORED_FORMAT,
    IncompatibleStore,
    StorageFailed,
    UnusableDatabase,
    require_stored_format,
)

# Several processes write to one file (a replay beside the server); none of them holds the lock for long.
BUSY_TIMEOUT_S = 30.0
_RETRY_S = 0.005
_CACHE_KIB = 4 * 1024
# 64 MiB of pages: SQLite's own 4 MiB makes a writer of large batches copy its pages back after every other one.
_CHECKPOINT_PAGES = 16 * 1024
_DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
_FULL = frozenset({sqlite3.SQLITE_FULL})
_FAILING = frozenset({sqlite3.SQLITE_IOERR})
_CLOSED = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})
_STORED = "SELECT user_version, (SELECT count(*) FROM sqlite_master) FROM pragma_user_version"

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


def path_of(url: str) -> Path:
    """The file that `sqlite:///relative/path` or `sqlite:////absolute/path` names."""
    return Path(url.removeprefix("sqlite:///"))


class SqliteFile:
    """One connection to the file at `path`, which exists and has the tables of `schema`.

    Raises `IncompatibleStore` for a file of another stored format. `durable` as in `set_pragmas`; only a file that is
    has a thread, so open it without for who only reads. Work is a function of the connection; it runs in one
    transaction, whole or not at all, and is given no second chance: what it raises is raised here, and for a disk or a
    file that is of no use any more what `refuse_unusable` does. Event loops of several threads may ask: one
    transaction is over before the next begins.
    """

    def __init__(self, path: Path, *, schema: str, durable: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._connection = _open(path, schema, durable=durable)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=path.name) if durable else None
        self._one_at_a_time = threading.Lock()
        self._open = True

    async def read(self, work: Work[T]) -> T:
        """The answer of `work`, which sees the file as of one moment."""
        return await self._run("BEGIN", work)

    async def write(self, work: Work[T]) -> T:
        """The answer of `work`, whose changes are committed when this returns; waits for other writers."""
        return await self._run("BEGIN IMMEDIATE", work)

    async def close(self) -> None:
        """Release the file once the work asked for before is done, also where nobody waits for it. Idempotent."""
        if not self._open:
            return
        self._open = False
        if self._thread is None:
            self._release()
        else:
            released = self._thread.submit(self._release)
            self._thread.shutdown(wait=False)
            await asyncio.to_thread(released.result)

    def _release(self) -> None:
        with self._one_at_a_time:
            self._connection.close()

    async def _run(self, begin: str, work: Work[T]) -> T:
        if self._thread is None:
            await asyncio.sleep(0)  # whoever asks again and again lets others have their turn
            return self._in_transaction(begin, work)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._in_transaction, begin, work)

    def _in_transaction(self, begin: str, work: Work[T]) -> T:
        with self._one_at_a_time:
            return _in_transaction(self._connection, self._path, begin, work)


def refuse_unusable(fault: BaseException, path: Path) -> None:
    """Raises `IncompatibleStore`, which names the file, where `fault` says that it is no database or a broken one.

    `UnusableDatabase` where it says that the file cannot be opened or written, `StorageFailed` where the disk is full
    or fails; nothing for any other fault.
    """
    kind = getattr(fault, "sqlite_errorcode", 0) & 0xFF
    if kind in _DAMAGED:
        raise IncompatibleStore(
            f"{path} is not a Tallystick database (damaged?): "
            "set TALLYSTICK_VAR to another folder, or delete it and replay the events"
        ) from fault
    if kind in _CLOSED:
        raise UnusableDatabase(f"{path} cannot be opened and written: {fault}") from fault
    if kind in _FULL:
        raise StorageFailed(f"the disk is full, and {path} takes no more: make room, and start it again") from fault
    if kind in _FAILING:
        raise StorageFailed(
            f"{path} cannot be read or written ({fault}): look whether its disk is full, limited or failing, put that "
            "right, and start it again"
        ) from fault


def set_pragmas(connection: sqlite3.Connection, *, durable: bool) -> None:
    """The connection waits for locks, checks foreign keys and writes ahead.

    With `durable` a commit has reached the disk when it returns; without, a power cut (never a killed process) can
    undo the newest commits, whole ones and the newest only.
    """
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
    _write_ahead(connection)
    for pragma in (
        f"synchronous = {'FULL' if durable else 'NORMAL'}",
        "foreign_keys = ON",
        f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
        f"cache_size = -{_CACHE_KIB}",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    # Of several who open a new file at once only one can change its journal; SQLite refuses the others without
    # the wait that it grants elsewhere.
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _open(path: Path, schema: str, *, durable: bool) -> sqlite3.Connection:
    # Threads share the connection one at a time: each transaction of a `SqliteFile` is under its lock.
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        set_pragmas(connection, durable=durable)
        _require_format(connection, path)
        connection.executescript(f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {STORED_FORMAT}; COMMIT;")
    except BaseException as fault:
        if connection is not None:
            connection.close()
        refuse_unusable(fault, path)
        raise
    return connection


def _require_format(connection: sqlite3.Connection, path: Path) -> None:
    found, tables = connection.execute(_STORED).fetchone()
    if tables:
        remedy = f"delete the folder {path.parent} and send or replay the events again"
        require_stored_format(found, str(path), remedy=remedy)


def _in_transaction(connection: sqlite3.Connection, path: Path, begin: str, work: Work[T]) -> T:
    try:
        connection.execute(begin)
        answer = work(connection)
        connection.execute("COMMIT")
    except BaseException as fault:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        refuse_unusable(fault, path)
        raise
    return answer

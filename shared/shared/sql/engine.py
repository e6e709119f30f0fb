"""Engines that behave alike on SQLite and PostgreSQL: bounded waits, no half-done reads, no lost writes.

`engine.begin()` is a writing transaction; `read_transaction(engine)` sees one moment and writes nothing. Faults that
pass by themselves, so that the same work is right again a little later, become `Busy`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.pool import ConnectionPoolEntry

from shared.log.processor import Busy
from shared.sqlite import BUSY_TIMEOUT_S, refuse_unusable, set_pragmas
from shared.startup_errors import UnusableDatabase

_DEFERRED = "tallystick_deferred"
_READING: dict[str, dict[str, Any]] = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    "sqlite": {_DEFERRED: True},
}
# Classes of SQLSTATE, PostgreSQL's manual, appendix A: connection exception, rolled back in favour of others,
# insufficient resources, operator intervention (statements that took too long are cancelled under it, too).
_TRANSIENT_CLASSES = frozenset({"08", "40", "53", "57"})
# No lock in time; a transaction ended for being silent, or for taking too long.
_TRANSIENT_STATES = frozenset({"55P03", "25P03", "25P04"})
_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def connect(url: str, *, role: str | None = None) -> Engine:
    """An engine for `sqlite:///path` or `postgresql+psycopg://…`; raises `UnusableDatabase` for any other.

    On a server each connection works as `role`, where one is given, instead of the role that logs in.

    Nothing is opened yet, but the folder of a SQLite file exists afterwards. A file or a disk that is of no use any
    more raises what `shared.sqlite.refuse_unusable` does.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as fault:
        raise UnusableDatabase(f"DATABASE_URL cannot be read: {fault}") from fault
    match parsed.get_backend_name():
        case "sqlite":
            if parsed.database in {None, "", ":memory:"}:
                raise UnusableDatabase("SQLite needs a file: in memory, every thread would see a database of its own")
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
            return _sqlite(create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S}, hide_parameters=True))
        case "postgresql":
            from shared.sql.postgres import postgres_engine  # noqa: PLC0415 (its driver is not needed without a server)

            return postgres_engine(parsed, role)
        case other:
            raise UnusableDatabase(f"expected sqlite:///… or postgresql+psycopg://…, got a {other} address")


def close(engine: Engine) -> None:
    """No connection is open, and one that a thread still uses is closed as soon as it gives it back. Idempotent.

    A request that was cut off leaves its thread at work; its connection would otherwise go back to a pool that nobody
    has any more.
    """
    event.listen(engine, "checkin", _close_returned)
    engine.dispose()


def _close_returned(_connection: object, record: ConnectionPoolEntry) -> None:
    record.close()


@contextmanager
def read_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees the database as of one moment. Whatever it writes is rolled back or refused."""
    with engine.connect() as connection:
        yield connection.execution_options(**_READING[engine.dialect.name])


@contextmanager
def busy_during_outages() -> Iterator[None]:
    """Raises `Busy` for a transient fault of the database: no connection, no answer, no lock in time.

    Whether a transaction that was about to commit did so is unknown then; stored offsets decide, not the caller.
    """
    try:
        yield
    except NoConnectionFree as fault:
        raise Busy(f"every connection is in use: {fault}") from fault
    except DBAPIError as fault:
        if not is_transient(fault):
            raise
        raise Busy(f"the database does not answer now: {fault.orig}") from fault


def is_transient(fault: DBAPIError) -> bool:
    """Whether the statement did nothing wrong: tried later, it may well succeed."""
    if fault.connection_invalidated:
        return True
    if isinstance(fault.orig, sqlite3.Error):
        return getattr(fault.orig, "sqlite_errorcode", 0) & 0xFF in _SQLITE_BUSY
    state = getattr(fault.orig, "sqlstate", None)
    if state is None:  # It never came to a statement, or no answer to it.
        return isinstance(fault, OperationalError | InterfaceError)
    return state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_STATES


def _sqlite(engine: Engine) -> Engine:
    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        # The driver's own transaction handling begins too late (at the first write), so BEGIN is sent here.
        connection.isolation_level = None
        set_pragmas(connection, durable=True)

    @event.listens_for(engine, "handle_error")
    def _name(context: ExceptionContext) -> None:
        refuse_unusable(context.original_exception, Path(str(engine.url.database)))

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and writes later cannot be upgraded once somebody else has written:
        # SQLite refuses it at once, without waiting. So a transaction that may write takes the lock as it begins.
        deferred = connection.get_execution_options().get(_DEFERRED, False)
        connection.exec_driver_sql("BEGIN" if deferred else "BEGIN IMMEDIATE")

    return engine

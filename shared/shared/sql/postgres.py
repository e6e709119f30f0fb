"""PostgreSQL with an end to every wait: what the server does not end, the client does.

The server ends statements that take or wait too long, and transactions whose client has fallen silent. A server that
is itself frozen ends nothing, and its machine goes on acknowledging packets, so that no TCP timeout comes either:
then this side gives up, and closes a connection whose state it no longer knows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import InsufficientPrivilege, InvalidParameterValue
from psycopg.pq import TransactionStatus
from psycopg.sql import SQL, Identifier
from psycopg.types.array import ListBinaryDumper
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL

from shared.startup_errors import UnusableDatabase

STATEMENT_S = 15
LOCK_S = 5
SILENCE_S = 10
CONNECT_S = 3
POOL_S = 5
# A service has an engine for each: what works as another role than it logs in as are its few workers.
REQUESTS_CONNECTIONS, WORKERS_CONNECTIONS = 10, 5
# Longer than a statement may take, so that the server's own error comes first; short enough that a call which began
# just before its service was told to stop, and then finds no connection, ends within the 20 seconds granted for that.
ANSWER_S = 16.0
_LOOK_AGAIN_S = 0.1
_ARGS = {
    "options": f"-c statement_timeout={STATEMENT_S}s -c lock_timeout={LOCK_S}s "
    f"-c idle_in_transaction_session_timeout={SILENCE_S}s -c timezone=UTC",
    "tcp_user_timeout": SILENCE_S * 1000,
    "connect_timeout": CONNECT_S,
}
T = TypeVar("T")


def postgres_engine(url: URL, role: str | None = None) -> Engine:
    """An engine whose every wait ends: for a connection, a lock, a statement, an answer.

    Its connections work as `role`, where one is given; raises `UnusableDatabase` when the first cannot.
    """
    engine = create_engine(
        url,
        connect_args=_ARGS,
        pool_pre_ping=True,
        pool_timeout=POOL_S,
        pool_size=WORKERS_CONNECTIONS,
        max_overflow=0 if role else REQUESTS_CONNECTIONS - WORKERS_CONNECTIONS,
        hide_parameters=True,
    )

    def open_connection(_dialect: object, _record: object, args: Any, settings: Any) -> BoundedConnection:
        connection = _connect(args, settings)
        if role is not None:
            _take_role(connection, role)
        return connection

    event.listen(engine, "do_connect", open_connection)
    return engine


@contextmanager
def without_statement_timeout(connection: Connection) -> Iterator[None]:
    """Statements in here may take as long as they need (a migration builds an index); waits for locks stay bounded."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, BoundedConnection):
        yield
        return
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    driver.answer_s = None
    try:
        yield
    finally:
        driver.answer_s = ANSWER_S


def take_advisory_lock(connection: Connection, name: str) -> None:
    """Nobody else has the turn called `name` until the transaction ends; waits as long as it takes."""
    usual = connection.scalar(text("SHOW lock_timeout"))
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})
    connection.execute(text("SELECT set_config('lock_timeout', :usual, true)"), {"usual": usual})


def require_code_point_order(connection: Connection) -> None:
    """Text sorts by code point here as it does in SQLite and Python, and can be any; else raises `UnusableDatabase`."""
    if not connection.scalar(text("SELECT 'Z' < 'a' AND current_setting('server_encoding') = 'UTF8'")):
        raise UnusableDatabase(
            "expected a database of UTF-8 that sorts text by code point: "
            "create it with TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
        )


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed, with an `OperationalError`, when the server has not answered for `answer_s`."""

    answer_s: float | None = ANSWER_S

    def wait(self, gen: PQGen[T], interval: float = _LOOK_AGAIN_S, timeout: float | None = None) -> T:
        """What the server answers to `gen`."""
        try:
            return super().wait(gen, interval, timeout or self.answer_s)
        except psycopg.OperationalError as fault:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.close()
            raise psycopg.OperationalError(f"PostgreSQL did not answer within {self.answer_s} s") from fault


def _take_role(connection: BoundedConnection, role: str) -> None:
    """Committed, so that no transaction that is rolled back takes it away again."""
    try:
        connection.execute(SQL("SET ROLE {}").format(Identifier(role)))
        connection.commit()
    except (InvalidParameterValue, InsufficientPrivilege) as fault:
        connection.close()
        raise UnusableDatabase(
            f"the database's user may not work as {role}: create the roles with deploy/postgres/init.sql"
        ) from fault


def _connect(args: Any, settings: Any) -> BoundedConnection:
    connection = BoundedConnection.connect(*args, **settings)
    # Arrays travel in binary: as text, every byte string would be spelled out and quoted.
    connection.adapters.register_dumper(list, ListBinaryDumper)
    return connection

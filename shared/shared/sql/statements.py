"""Statements that both dialects can run, where SQLAlchemy keeps one construct for each.

Putting a statement together takes SQLAlchemy longer than sending it: what runs for every batch is made once and kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, CursorResult, Table, any_, bindparam, func, select, text, true
from sqlalchemy import Insert as AnyInsert
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert

from shared.scope import Scope

T = TypeVar("T")


@cache
def insert_ignore(table: Table) -> Insert:
    """An insert that leaves rows alone whose primary or unique key is taken: rowcount 1 for new, 0 for known.

    The construct is PostgreSQL's; SQLite renders the same words for it (the contract suite runs it on both).
    """
    # Without the option SQLAlchemy forgets how many rows an insert stored on PostgreSQL.
    return insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def upsert(table: Table, *, where: ColumnElement[bool] | None = None) -> Insert:
    """An insert that puts its row in the place of the one with the same primary key, if there is one and `where` holds.

    `where` compares `insert(table).excluded`, the new row, with the table's columns, those of the stored one.
    """
    statement = insert(table)
    key = list(table.primary_key.columns)
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=rest, where=where)


def insert_rows(
    connection: Connection, statement: AnyInsert, rows: Sequence[Mapping[str, Any]]
) -> CursorResult[*tuple[Any, ...]]:
    """As `insert_columns`, of `rows` that all have the same columns, and are at least one."""
    if connection.dialect.name != "postgresql":
        return connection.execute(statement, rows)
    return insert_columns(connection, statement, {name: [row[name] for row in rows] for name in rows[0]})


def insert_columns(
    connection: Connection, statement: AnyInsert, columns: Mapping[str, Sequence[Any]]
) -> CursorResult[*tuple[Any, ...]]:
    """Rows go in by one `statement`, an insert without values: `columns` by name, as long as each other and not empty.

    PostgreSQL is sent each column as one array: a parameter for every value costs several times as much. An upsert
    there refuses two rows of one key; the caller leaves one.
    """
    if connection.dialect.name != "postgresql":
        rows = zip(*columns.values(), strict=True)
        return connection.execute(statement, [dict(zip(columns, row, strict=True)) for row in rows])
    return connection.execute(_unnesting(statement, tuple(columns)), columns)


def in_list(dialect: str, column: ColumnElement[T], name: str) -> ColumnElement[bool]:
    """`column` is one of the parameter `name`, a list; on PostgreSQL that is one parameter, however long it is.

    SQLite has `json_each` for that, but a process that asked so for long enough was ended by SQLite 3.40.1.
    """
    if dialect != "postgresql":
        return column.in_(bindparam(name, expanding=True))
    return column == any_(bindparam(name, type_=ARRAY(column.type)))


@contextmanager
def reading_by_index(connection: Connection) -> Iterator[None]:
    """PostgreSQL looks things up by index in here, also in a table that was empty when it made its plan.

    It keeps the plan of a prepared statement until the table is analysed. One that was made for an empty table reads
    the table whole, and compares each row with each value of a list.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    yield
    connection.execute(text("SET LOCAL enable_seqscan TO DEFAULT"))


def in_scope(column: ColumnElement[str], scope: Scope) -> ColumnElement[bool]:
    """`column` is a council that `scope` allows. Bound as one parameter a council."""
    return true() if scope.councils is None else column.in_(sorted(scope.councils))


@lru_cache(maxsize=64)  # a bound for callers that make their statement again; those of our tables are fewer
def _unnesting(statement: AnyInsert, names: tuple[str, ...]) -> AnyInsert:
    """`statement` with rows whose columns come as arrays, each a parameter called as its column."""
    columns = [statement.table.c[name] for name in names]
    unnested = select(*(func.unnest(bindparam(column.name, type_=ARRAY(column.type))) for column in columns))
    return statement.from_select(names, unnested, include_defaults=False)

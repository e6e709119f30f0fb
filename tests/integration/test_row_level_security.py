"""On PostgreSQL a request sees rows of the councils in its scope, whatever its query asks for; without a scope none."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from itertools import count
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Integer,
    LargeBinary,
    String,
    Table,
    func,
    insert,
    select,
    text,
)

from shared.scope import Scope
from shared.sql.columns import UtcDateTime
from shared.sql.engine import connect, read_transaction
from shared.sql.isolation import REQUESTS, Database, scoped_read
from shared.sql.migrate import migrate
from shared.startup_errors import UnusableDatabase
from tests.integration.test_migrations import SERVICES, tables_of
from tests.support.databases import APP, OWNER, READONLY, SUPERUSER, address, as_owner, working_copy

COUNCILS = ("adur", "worthing")
# The tables that requests read whatever their scope. Another one is a decision: nothing in it is about a council.
OPEN = {"billing": {"progress", "sealing_key", "judged_through"}, "catalogue": set(), "sla_monitor": set()}
# Rows without a council in these are what councils share: services, calendars, tariffs.
SHARED = {"billing": {"definition_version"}, "catalogue": {"versions"}, "sla_monitor": set()}
# What signs what requests bring back: nobody reads it but workers.
SECRET = {"installation_key"}
BUSIEST = {"billing": "event", "catalogue": "versions", "sla_monitor": "announcement"}
UNPROTECTED = text(
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')"
    " AND NOT relrowsecurity"
)
IN_FORCE = text("SELECT current_setting('tallystick.councils', true)")

pytestmark = pytest.mark.docker


@pytest.fixture(params=SERVICES)
def package(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(package: str, migrated_databases: Callable[[str], str]) -> Iterator[str]:
    """A service's database, every table filled: for each council a row, and one of nobody's where that can be."""
    with working_copy(migrated_databases(package)) as url:
        owner = connect(address(url, role=SUPERUSER))
        with owner.begin() as connection:
            # Without triggers: those of the audit log refuse to forget its first row.
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for table in tables_of(package).sorted_tables:
                connection.execute(table.delete())
                numbers = count(1)
                for council in (*COUNCILS, *([None] if may_be_nobodys(table) else [])):
                    connection.execute(insert(table), row(table, council, next(numbers)))
        owner.dispose()
        yield url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database.at(url)
    yield database
    database.close()


def may_be_nobodys(table: Table) -> bool:
    return "council" not in table.c or bool(table.c.council.nullable)


def row(table: Table, council: str | None, number: int) -> dict[str, Any]:
    """Values for every column; `number` keeps keys apart."""
    return {column.name: value_of(column, council, number) for column in table.columns}


def value_of(column: Column[Any], council: str | None, number: int) -> Any:
    if column.name == "council":
        return council
    values = {
        UtcDateTime: datetime(2026, 3, number, tzinfo=UTC),
        Boolean: False,
        Integer: number,
        Date: date(2026, 3, number),
        LargeBinary: b"{}",
        String: f"{number}",
    }
    return next(value for type_, value in values.items() if isinstance(column.type, type_))


def councils_seen(connection: Any, table: Table) -> list[str | None]:
    """Of each row that is seen its council; "?" where the table has no such column."""
    wanted = table.c.council if "council" in table.c else text("'?'")
    return sorted(connection.scalars(select(wanted).select_from(table)), key=str)


def seen_in(database: Database, scope: Scope, package: str) -> dict[str, list[str | None]]:
    """What a request of `scope` sees of each table that is not open, asking for all of it."""
    tables = [table for table in tables_of(package).sorted_tables if table.name not in OPEN[package]]
    with scoped_read(database.requests, scope) as connection:
        return {table.name: councils_seen(connection, table) for table in tables}


def test_without_a_scope_a_request_sees_no_row_of_any_table(database: Database, package: str) -> None:
    with read_transaction(database.requests) as connection:
        seen = {table.name: councils_seen(connection, table) for table in tables_of(package).sorted_tables}

    assert {table for table, councils in seen.items() if councils} == OPEN[package]


def test_a_request_sees_rows_of_its_scope_and_what_councils_share(database: Database, package: str) -> None:
    of_one, of_both = (seen_in(database, scope, package) for scope in (Scope.of("adur"), Scope.of(*COUNCILS)))

    for table in tables_of(package).sorted_tables:
        if table.name in OPEN[package]:
            continue
        shared = [None] if table.name in SHARED[package] else []
        has_council = "council" in table.c
        assert of_one[table.name] == sorted([*(["adur"] if has_council else []), *shared], key=str), table.name
        assert of_both[table.name] == sorted([*(COUNCILS if has_council else []), *shared], key=str), table.name


def test_a_request_of_no_council_sees_only_what_councils_share(database: Database, package: str) -> None:
    seen = seen_in(database, Scope.of(), package)

    assert {name: rows for name, rows in seen.items() if rows} == {table: [None] for table in SHARED[package]}


@pytest.mark.parametrize("councils", [("*", "x"), ("adur' OR 'a' = 'a",), ("%",), ("ADUR",), ("adu",)])
def test_a_scope_names_councils_and_is_no_pattern_and_no_sql(
    database: Database, package: str, councils: tuple[str, ...]
) -> None:
    seen = seen_in(database, Scope.of(*councils), package)

    assert {council for rows in seen.values() for council in rows} <= {None}


def test_who_sees_every_council_sees_every_row_that_names_one(database: Database, package: str) -> None:
    seen = seen_in(database, Scope.all(), package)

    for table in tables_of(package).sorted_tables:
        if table.name not in OPEN[package] and "council" in table.c:
            nobodys = [None] if may_be_nobodys(table) else []
            assert seen[table.name] == sorted([*COUNCILS, *nobodys], key=str), table.name


def test_workers_see_every_row_and_readers_all_but_keys(database: Database, url: str, package: str) -> None:
    readers = connect(address(url, role=READONLY))
    for engine, hidden in ((database.workers, set()), (readers, SECRET)):
        with read_transaction(engine) as connection:
            for table in tables_of(package).sorted_tables:
                expected = 0 if table.name in hidden else len(COUNCILS) + may_be_nobodys(table)
                assert connection.scalar(select(func.count()).select_from(table)) == expected, table.name
    readers.dispose()


def test_every_table_of_the_database_is_protected(url: str) -> None:
    assert not [name for name in unprotected(url) if not name.endswith("_revision")]


def test_a_new_table_without_a_policy_is_found_and_closed_by_the_next_migration(url: str, package: str) -> None:
    owner = connect(as_owner(url))
    with owner.begin() as connection:
        connection.execute(text("CREATE TABLE later (council text, note text)"))
        connection.execute(text("CREATE TABLE undeclared (id int)"))
        connection.execute(text("INSERT INTO later VALUES ('adur', 'a'), ('worthing', 'w'), (NULL, 'n')"))
        connection.execute(text("INSERT INTO undeclared VALUES (1)"))
    before = unprotected(url)
    migrate(owner, package)
    owner.dispose()

    assert {"later", "undeclared"} <= set(before)
    assert not {"later", "undeclared"} & set(unprotected(url))
    database = Database.at(url)
    with scoped_read(database.requests, Scope.of("adur")) as connection:
        assert connection.scalars(text("SELECT note FROM later")).all() == ["a"]
        assert connection.scalars(text("SELECT id FROM undeclared")).all() == []
    database.close()


def unprotected(url: str) -> list[str]:
    owner = connect(as_owner(url))
    with owner.connect() as connection:
        found = list(connection.scalars(UNPROTECTED))
    owner.dispose()
    return found


def test_a_request_has_none_of_the_workers_rights(database: Database) -> None:
    with database.requests.connect() as connection:
        assert connection.scalar(text("SELECT current_user")) == REQUESTS
        inherits = "SELECT pg_has_role(current_user, 'tallystick_worker', 'USAGE')"
        assert connection.scalar(text(inherits)) is False


def test_a_rolled_back_transaction_of_a_worker_leaves_it_a_worker(database: Database) -> None:
    for _ in range(3):
        with database.workers.connect() as connection:
            assert connection.scalar(text("SELECT current_user")) == "tallystick_worker"
            connection.rollback()


def test_a_login_that_may_not_become_a_worker_is_told_what_to_do(url: str) -> None:
    engine = connect(address(url, role=READONLY), role="tallystick_worker")
    with pytest.raises(UnusableDatabase, match=r"may not work as tallystick_worker: .*deploy/postgres/init\.sql"):
        engine.connect()
    unknown = connect(address(url, role=OWNER), role="no_such_role")
    with pytest.raises(UnusableDatabase, match="may not work as no_such_role"):
        unknown.connect()


def test_a_connection_goes_back_without_a_scope_however_its_transaction_ended(database: Database) -> None:
    def cut_off() -> None:
        with scoped_read(database.requests, Scope.of("adur")) as connection:
            connection.execute(text("SELECT 1"))
            raise TimeoutError

    def failed() -> None:
        with scoped_read(database.requests, Scope.of("adur")) as connection:
            connection.execute(text("SELECT 1 / 0"))

    def killed() -> None:
        with scoped_read(database.requests, Scope.of("adur")) as connection:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    for ending in (cut_off, failed, killed):
        with pytest.raises(Exception):  # noqa: B017, PT011 (each ends with an error of its own kind)
            ending()
        with database.requests.connect() as connection:
            assert not connection.scalar(IN_FORCE), ending.__name__


def test_twenty_councils_on_few_connections_never_see_each_other(url: str, package: str) -> None:
    """With transactions that end well, are cancelled on the server, fail, or lose their connection."""
    councils = [f"council-{number}" for number in range(20)]
    table = tables_of(package).tables[BUSIEST[package]]
    owner, database = connect(as_owner(url)), Database.at(url)
    with owner.begin() as connection:
        connection.execute(table.delete())
        for number, council in enumerate(councils, start=1):
            connection.execute(insert(table), row(table, council, number % 28 + 1) | {primary(table): f"{number}"})
    superuser = connect(address(url, role=SUPERUSER))
    together = Barrier(8)

    def ask(worker: int) -> set[tuple[str, str]]:
        chance, foreign = random.Random(worker), set()  # noqa: S311 (it draws who asks, no secret)
        together.wait()
        for _ in range(60):
            council = chance.choice(councils)
            try:
                with scoped_read(database.requests, Scope.of(council)) as connection:
                    seen = set(connection.scalars(select(table.c.council)))
                    foreign |= {(council, each) for each in seen - {council, None}}
                    assert council in seen
                    cut_off(connection, chance.random())
            except AssertionError:
                raise
            except Exception:  # noqa: BLE001, S112 (what was made to happen)
                continue
        return foreign

    def cut_off(connection: Any, chance: float) -> None:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        if chance < 0.1:
            with superuser.begin() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        elif chance < 0.2:
            raise TimeoutError
        elif chance < 0.3:
            connection.execute(text("SELECT 1 / 0"))

    with ThreadPoolExecutor(8) as pool:
        assert set().union(*pool.map(ask, range(8))) == set()
    for engine in (owner, superuser):
        engine.dispose()
    database.close()


def primary(table: Table) -> str:
    """A text column of its key, beside the council."""
    return next(
        column.name for column in table.primary_key if isinstance(column.type, String) and column.name != "council"
    )


def test_app_is_the_role_of_requests() -> None:
    assert REQUESTS == APP

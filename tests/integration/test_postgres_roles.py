"""The roles of a deployed PostgreSQL: requests read, workers add rows, nobody but the owner can rewrite history."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError

from billing.store.sql import SqlStore
from shared.sql.engine import connect
from shared.sql.isolation import Database
from shared.sql.migrate import SchemaOutdated, changeable, version_table
from tests.support.databases import APP, OWNER, READONLY, WORKER, address, empty_database

SERVICES = ("catalogue", "sla_monitor", "billing")
HISTORIES = {
    "catalogue": ("versions", "audit_entry"),
    "sla_monitor": ("announcement", "adjustment"),
    "billing": ("inbox", "event", "verdict", "definition_version"),
}
TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
MAY = text("SELECT has_table_privilege(:role, :table, :what)")

AsRole = Callable[[str, str], Engine]


@pytest.fixture
def as_role(migrated_databases: Callable[[str], str]) -> Iterator[AsRole]:
    """An engine on a service's migrated database, for a role. As a worker nobody logs in: the service becomes one."""
    made: list[Engine] = []

    def engine(role: str, package: str) -> Engine:
        url = migrated_databases(package)
        as_worker = Database.at(address(url, role=APP)).workers
        made.append(as_worker if role == WORKER else connect(address(url, role=role)))
        return made[-1]

    yield engine
    for each in made:
        each.dispose()


def refused(engine: Engine, statement: str) -> str:
    """What the server says to a statement that it refuses, as SQLSTATE."""
    with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
        connection.execute(text(statement))
    return getattr(caught.value.orig, "sqlstate", "none")


@pytest.mark.parametrize("package", SERVICES)
@pytest.mark.parametrize("role", [APP, WORKER, READONLY])
@pytest.mark.parametrize(
    "statement", ["CREATE TABLE mine (id int)", "CREATE SCHEMA mine", "CREATE TEMP TABLE mine (id int)"]
)
def test_only_the_owner_creates_anything(as_role: AsRole, role: str, package: str, statement: str) -> None:
    assert refused(as_role(role, package), statement) in {"42501", "25006"}


@pytest.mark.parametrize(
    ("package", "table"), [(package, table) for package in HISTORIES for table in HISTORIES[package]]
)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}", "ALTER TABLE {} ADD mine int"])
@pytest.mark.parametrize("role", [APP, WORKER])
def test_a_service_cannot_delete_its_history(
    as_role: AsRole, role: str, package: str, table: str, statement: str
) -> None:
    assert refused(as_role(role, package), statement.format(table)) == "42501"


@pytest.mark.parametrize("package", SERVICES)
def test_workers_may_change_what_their_migrations_name_and_nothing_else(as_role: AsRole, package: str) -> None:
    with as_role(OWNER, package).connect() as connection:
        may: dict[str, set[str]] = {
            table: {
                what
                for what in ("UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
                if connection.scalar(MAY, {"role": WORKER, "table": table, "what": what})
            }
            for table in connection.scalars(TABLES)
        }

    assert {table: allowed for table, allowed in may.items() if allowed} == {
        table: set(allowed.split(", ")) for table, allowed in changeable(package).items()
    }


@pytest.mark.parametrize("package", SERVICES)
def test_a_service_cannot_say_that_its_schema_is_another(as_role: AsRole, package: str) -> None:
    statement = f"INSERT INTO {version_table(package)} VALUES ('9999')"  # noqa: S608 (ours)

    assert refused(as_role(APP, package), statement) == "42501"
    assert refused(as_role(WORKER, package), statement) == "42501"


@pytest.mark.parametrize("package", SERVICES)
def test_what_answers_requests_may_write_nothing(as_role: AsRole, package: str) -> None:
    with as_role(OWNER, package).connect() as connection:
        may = [
            (table, what)
            for table in connection.scalars(TABLES)
            for what in ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
            if connection.scalar(MAY, {"role": APP, "table": table, "what": what})
        ]

    assert may == []


@pytest.mark.parametrize("package", SERVICES)
def test_readers_read_every_table_and_write_none(as_role: AsRole, package: str) -> None:
    engine = as_role(READONLY, package)
    with engine.connect() as connection:
        tables = connection.scalars(TABLES).all()
        counts = [connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables]  # noqa: S608 (as above)

    assert len(counts) > len(HISTORIES[package])
    for table in tables:
        deleting = f"SET TRANSACTION READ WRITE; DELETE FROM {table}"  # noqa: S608 (as above)
        assert refused(engine, deleting) == "42501"


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (APP, {"statement_timeout": "15s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "10s"}),
        (READONLY, {"statement_timeout": "15s", "lock_timeout": "5s", "default_transaction_read_only": "on"}),
        (OWNER, {"statement_timeout": "0", "lock_timeout": "5s"}),
    ],
)
def test_whatever_program_logs_in_keeps_nobody_waiting_for_ever(
    postgres_server: str, role: str, expected: dict[str, str]
) -> None:
    plain = make_url(address(postgres_server, role=role, database="billing")).set(drivername="postgresql")
    with closing(psycopg.connect(plain.render_as_string(hide_password=False))) as connection:
        found = {name: _one(connection, f"SHOW {name}") for name in expected}

    assert found == expected


def test_a_service_on_a_database_without_its_tables_says_what_to_run(postgres_server: str) -> None:
    with empty_database(postgres_server) as url, pytest.raises(SchemaOutdated, match="run `python -m billing migrate`"):
        SqlStore.open(address(url, role=APP))


def _one(connection: psycopg.Connection[Any], statement: str) -> object:
    row = connection.execute(statement.encode()).fetchone()
    return row and row[0]

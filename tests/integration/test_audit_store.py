"""The audit log on both databases: writers at once make one chain, and what was rolled back is no part of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, update

from shared.audit import AuditEntry, AuditRecord, first_broken
from shared.scope import Scope
from shared.sql.audit import AuditTables
from shared.sql.engine import connect, read_transaction
from tests.support.databases import empty_database

METADATA = MetaData()
LOG = AuditTables(METADATA)


@pytest.fixture
def engine(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if dialect == "sqlite":
        yield prepared(connect(f"sqlite:///{tmp_path}/audit.db"))
        return
    with empty_database(request.getfixturevalue("postgres_server")) as url:
        engine = prepared(connect(url))
        yield engine
        engine.dispose()


def prepared(engine: Engine) -> Engine:
    with engine.begin() as connection:
        METADATA.create_all(connection)
        LOG.begin(connection)
    return engine


def record(subject: str, council: str | None = None) -> AuditRecord:
    details = {"reason": "the depot’s “power cut”", "side": "council"}
    return AuditRecord(at_us=1, actor="ada", action="approve", subject=subject, council=council, details=details)


def everything(engine: Engine, scope: Scope | None = None) -> list[AuditEntry]:
    with read_transaction(engine) as connection:
        return list(LOG.read(connection, scope or Scope.all()))


def test_entries_come_back_as_they_were_added(engine: Engine) -> None:
    with engine.begin() as connection:
        added = LOG.add(connection, record("a"), record("b", "adur"))
    with engine.begin() as connection:
        added += LOG.add(connection, record("c", "worthing"))
        LOG.add(connection)

    assert everything(engine) == added
    assert [entry.number for entry in added] == [1, 2, 3]
    assert first_broken(added) is None
    assert [entry.number for entry in everything(engine, Scope.of("adur"))] == [2]


def test_what_was_rolled_back_leaves_no_gap(engine: Engine) -> None:
    with suppress(ZeroDivisionError), engine.begin() as connection:
        LOG.add(connection, record("never"))
        raise ZeroDivisionError
    with engine.begin() as connection:
        LOG.add(connection, record("a"))

    assert [(entry.number, entry.record.subject) for entry in everything(engine)] == [(1, "a")]


def test_writers_at_once_make_one_chain(engine: Engine) -> None:
    def write(writer: int) -> None:
        for number in range(10):
            with engine.begin() as connection:
                LOG.add(connection, *[record(f"{writer}-{number}-{part}") for part in range(number % 3)])

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(write, range(8)))

    entries = everything(engine)
    assert len({entry.record.subject for entry in entries}) == len(entries) == 8 * sum(n % 3 for n in range(10))
    assert first_broken(entries) is None


def test_a_row_changed_by_hand_is_named(engine: Engine) -> None:
    with engine.begin() as connection:
        LOG.add(connection, *[record(str(number)) for number in range(2_500)])
        connection.execute(update(LOG.entries).where(LOG.entries.c.number == 1_777).values(actor="grace"))

    assert first_broken(everything(engine)) == (1_777, "its content was changed")

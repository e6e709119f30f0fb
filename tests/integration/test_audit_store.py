"""The audit log on both databases: writers at once make one chain, and what was rolled back is no part of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, MetaData, delete, text, update
from sqlalchemy.exc import DBAPIError

from shared.audit import AuditEntry, AuditRecord, first_broken
from shared.scope import Scope
from shared.sql.audit import AuditLogDiffers, AuditTables
from shared.sql.engine import connect, read_transaction
from tests.support.databases import empty_database

METADATA = MetaData()
LOG = AuditTables(METADATA)


@pytest.fixture
def engine(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if dialect == "sqlite":
        engine = prepared(connect(f"sqlite:///{tmp_path}/audit.db"))
        yield engine
        engine.dispose()
        return
    with empty_database(request.getfixturevalue("postgres_server")) as url:
        engine = prepared(connect(url))
        yield engine
        engine.dispose()


def prepared(engine: Engine) -> Engine:
    with engine.begin() as connection:
        METADATA.create_all(connection)
    return engine


@contextmanager
def without_triggers(engine: Engine) -> Iterator[Connection]:
    """As whoever owns the database can, and no service may."""
    names = {
        "sqlite": ["audit_entry_no_UPDATE", "audit_entry_no_DELETE"],
        "postgresql": ["audit_entry_only_grows ON audit_entry"],
    }
    with engine.begin() as connection:
        for name in names[engine.dialect.name]:
            connection.execute(text(f"DROP TRIGGER {name}"))
        yield connection


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
    with without_triggers(engine) as connection:
        connection.execute(update(LOG.entries).where(LOG.entries.c.number == 1_777).values(actor="grace"))

    assert first_broken(everything(engine)) == (1_777, "its content was changed")


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET actor = 'grace'", "DELETE FROM audit_entry"])
def test_not_even_the_owner_changes_or_removes_an_entry(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        LOG.add(connection, record("a"))

    with pytest.raises(DBAPIError, match="only grows"), engine.begin() as connection:
        connection.execute(text(statement))

    assert len(everything(engine)) == 1


def test_what_was_published_and_is_lost_is_stored_again(engine: Engine) -> None:
    with engine.begin() as connection:
        published = LOG.add(connection, *[record(str(number)) for number in range(5)])
    with without_triggers(engine) as connection:  # as a database that was restored from a copy of entry 2
        connection.execute(delete(LOG.entries).where(LOG.entries.c.number > 2))
        connection.execute(update(LOG.newest).values(number=2, digest=published[1].digest, published=2))

    with engine.begin() as connection:
        assert LOG.restore(connection, published) == 3
        assert LOG.restore(connection, published) == 0
        [added] = LOG.add(connection, record("new"))

    assert everything(engine) == [*published, added]
    assert first_broken(everything(engine)) is None


def test_what_does_not_go_on_from_the_stored_log_is_not_taken_for_it(engine: Engine) -> None:
    with engine.begin() as connection:
        first, second, third = LOG.add(connection, record("a"), record("b"), record("c"))
    with without_triggers(engine) as connection:
        connection.execute(delete(LOG.entries).where(LOG.entries.c.number > 1))
        connection.execute(update(LOG.newest).values(number=1, digest=first.digest))
    forged = replace(third, record=replace(third.record, actor="grace"))

    for published in ([second, forged], [third], [replace(second, previous="0" * 64)]):
        with pytest.raises(AuditLogDiffers, match="was published"), engine.begin() as connection:
            LOG.restore(connection, published)
    assert everything(engine) == [first]


def test_entries_are_published_from_where_publishing_stopped(engine: Engine) -> None:
    with engine.begin() as connection:
        entries = LOG.add(connection, *[record(str(number)) for number in range(4)])
        assert LOG.unpublished(connection, limit=3) == entries[:3]
        LOG.mark_published(connection, 3)
        LOG.mark_published(connection, 2)  # another instance, which was slower
        assert LOG.unpublished(connection, limit=3) == entries[3:]

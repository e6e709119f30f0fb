"""The archive of ended items on each database: nothing that was ever put there is lost, whoever writes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.log.port import Shard
from shared.scope import Scope
from shared.sql.engine import connect
from shared.sql.isolation import Database
from shared.sql.migrate import prepare
from sla_monitor.domain.archive import ArchiveLost
from sla_monitor.domain.item import Item, insert_fact
from sla_monitor.store.archive import SqlArchive
from tests.conftest import DatabaseOf
from tests.support.histories import at, fact

SHARD, OTHER = Shard("provider.tickets.v1", 3), Shard("provider.work.v1", 3)
OPENED, RESOLVED = ("Thu 2026-01-29 12:00", "opened"), ("Fri 2026-01-30 11:00", "resolved")
LATE = ("Thu 2026-01-29 13:00", "paused council")


@pytest.fixture
def engine(database_of: DatabaseOf) -> Iterator[Engine]:
    engine = Database.at(database_of("sla_monitor")).workers
    prepare(engine, "sla_monitor")
    yield engine
    engine.dispose()


@pytest.fixture
def archive(engine: Engine) -> SqlArchive:
    return SqlArchive(engine)


def item(*lines: tuple[str, str], known_to: int = 4) -> Item:
    made = Item(known_to=known_to)
    for line in lines:
        insert_fact(made, fact(*line))
    return made


def test_what_was_put_is_found_by_its_key_in_its_shard_and_nowhere_else(archive: SqlArchive) -> None:
    ended = item(OPENED, RESOLVED)

    assert archive.put(SHARD, {"adur:T1": ended}, read_to=7) == 1

    found = archive.find(SHARD, ["adur:T1", "adur:T2"], after_write=1)
    assert {key: (copy.item, copy.read_to) for key, copy in found.items()} == {"adur:T1": (ended, [7, 7])}
    assert archive.find(OTHER, ["adur:T1"], after_write=0) == {}
    assert (archive.writes(SHARD), archive.writes(OTHER)) == (1, 0)


def test_putting_again_adds_what_is_new_and_keeps_since_when_the_rest_is_there(archive: SqlArchive) -> None:
    archive.put(SHARD, {"adur:T1": item(OPENED, RESOLVED)}, read_to=7)

    for read_to in (20, 30):
        archive.put(SHARD, {"adur:T1": item(OPENED, LATE, RESOLVED, known_to=9)}, read_to=read_to)

    copy = archive.find(SHARD, ["adur:T1"], after_write=3)["adur:T1"]
    assert copy.item == item(OPENED, LATE, RESOLVED, known_to=9)
    assert copy.read_to == [7, 20, 7]


def test_a_worker_with_an_old_view_of_an_item_takes_nothing_away(archive: SqlArchive) -> None:
    archive.put(SHARD, {"adur:T1": item(OPENED, LATE, RESOLVED)}, read_to=20)

    archive.put(SHARD, {"adur:T1": item(OPENED, RESOLVED)}, read_to=7)

    copy = archive.find(SHARD, ["adur:T1"], after_write=2)["adur:T1"]
    assert len(copy.item.facts) == 3


def test_workers_who_write_one_item_at_once_lose_nothing_of_each_other(archive: SqlArchive) -> None:
    pauses = [(f"Thu 2026-01-29 13:{minute:02}", "paused council") for minute in range(12)]

    with ThreadPoolExecutor(6) as workers:
        numbers = list(workers.map(lambda line: archive.put(SHARD, {"adur:T1": item(OPENED, line)}, read_to=1), pauses))

    assert sorted(numbers) == list(range(1, 13))
    copy = archive.find(SHARD, ["adur:T1"], after_write=12)["adur:T1"]
    assert len(copy.item.facts) == 13


def test_a_database_that_lost_a_write_is_not_asked_as_if_it_had_none(archive: SqlArchive) -> None:
    archive.put(SHARD, {"adur:T1": item(OPENED, RESOLVED)}, read_to=7)

    with pytest.raises(ArchiveLost):
        archive.find(SHARD, ["adur:T2"], after_write=2)


def test_all_of_a_shard_comes_in_pages_of_the_councils_in_scope(archive: SqlArchive) -> None:
    keys = [f"{council}:T{number}" for council in ("adur", "worthing") for number in range(5)]
    archive.put(SHARD, {key: item(OPENED, RESOLVED) for key in keys}, read_to=7)
    archive.put(OTHER, {"adur:elsewhere": item(OPENED, RESOLVED)}, read_to=7)

    assert read(archive, Scope.all(), limit=3) == keys
    assert read(archive, Scope.all(), limit=10) == keys
    assert read(archive, Scope.of("worthing"), limit=2) == keys[5:]
    assert read(archive, Scope.of(), limit=2) == []


def test_what_ended_before_a_span_or_began_after_it_is_left_out(archive: SqlArchive) -> None:
    archive.put(SHARD, {"adur:T1": item(OPENED, RESOLVED)}, read_to=7)
    began, ended = at(OPENED[0]), at(RESOLVED[0])

    def within(start: int, end: int) -> list[str]:
        return list(archive.page(SHARD, Scope.all(), after="", limit=9, spans=(start, end)).items)

    assert within(ended, ended + 1) == within(began - 9, began + 1) == ["adur:T1"]
    assert within(ended + 1, ended + 9) == within(began - 9, began) == []


def test_an_archive_keeps_its_items_when_it_is_opened_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/monitor.db"
    for _ in range(2):
        engine = connect(url)
        prepare(engine, "sla_monitor")
        number = SqlArchive(engine).put(SHARD, {"adur:T1": item(OPENED, RESOLVED)}, read_to=7)
        engine.dispose()

    assert number == 2


def read(archive: SqlArchive, scope: Scope, *, limit: int) -> list[str]:
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page, after = archive.page(SHARD, scope, after=after, limit=limit)
        found += page
    return found

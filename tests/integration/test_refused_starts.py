"""What keeps a service from starting is said in one sentence: a store of another format, a log out of reach."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.bus.embedded import EmbeddedBus
from shared.contracts.topics import TICKETS
from shared.sql.engine import connect
from shared.sql.migrate import prepare, version_table
from shared.startup_errors import IncompatibleStore, UnusableDatabase
from shared.state.connect import connect as connect_state
from shared.state.embedded import EmbeddedStateStore

SERVICES = ("catalogue", "sla_monitor", "billing")

pytestmark = pytest.mark.anyio


def make_older(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 0")


async def test_an_older_file_of_live_state_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    await EmbeddedStateStore(file).close()
    make_older(file)
    before = file.read_bytes()

    with pytest.raises(
        IncompatibleStore, match=rf"state.db .* got 0\): delete the folder {tmp_path} and send or replay"
    ):
        EmbeddedStateStore(file)

    assert file.read_bytes() == before


async def test_an_older_file_of_the_log_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "log.db"
    await EmbeddedBus(file).close()
    make_older(file)

    with pytest.raises(IncompatibleStore, match="delete the folder"):
        EmbeddedBus(file)


async def test_files_of_this_release_are_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        await EmbeddedBus(tmp_path / "log.db").close()
        await EmbeddedStateStore(tmp_path / "state.db").close()


@pytest.mark.parametrize("package", SERVICES)
def test_a_database_of_an_unreleased_revision_is_refused(package: str, tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/service.db")
    prepare(engine, package)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {version_table(package)} SET version_num = '0001'"))  # noqa: S608 (ours)

    with pytest.raises(IncompatibleStore, match=r"got 0001: .* create a new database .* and replay the events"):
        prepare(engine, package)

    engine.dispose()


@pytest.mark.parametrize("table", ["verdict", "alembic_version"])
@pytest.mark.parametrize("package", SERVICES)
def test_a_file_with_tables_but_no_revision_of_ours_is_refused(package: str, table: str, tmp_path: Path) -> None:
    file = tmp_path / "service.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"CREATE TABLE {table} (version_num TEXT)")
    engine = connect(f"sqlite:///{file}")

    with pytest.raises(
        IncompatibleStore, match=rf"{file} was written by another release \(expected stored format \d+, got 0\): "
    ):
        prepare(engine, package)

    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [(table,)]


def test_a_file_of_another_service_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/shared.db")
    prepare(engine, "billing")

    with pytest.raises(UnusableDatabase, match=r"is the database of billing: give catalogue a file of its own"):
        prepare(engine, "catalogue")
    prepare(engine, "billing")

    engine.dispose()


def test_a_service_whose_log_is_out_of_reach_says_so_once_and_without_a_traceback(tmp_path: Path) -> None:
    environment = {"BUS_URL": "kafka://localhost:1", "DATABASE_URL": f"sqlite:///{tmp_path}/catalogue.db"}

    ended = subprocess.run(
        [sys.executable, "-m", "catalogue"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    (failed,) = [json.loads(line) for line in ended.stdout.splitlines() if "service.failed" in line]
    assert (ended.returncode, ended.stderr) == (1, "")
    assert failed["reason"].startswith("Kafka at localhost:1 does not answer: ")
    assert "exception" not in failed


@pytest.mark.parametrize(
    ("package", "environment", "missing"),
    [
        ("catalogue", {}, "DATABASE_URL is"),
        ("billing", {}, "DATABASE_URL is"),
        ("sla_monitor", {}, "STATE_URL and DATABASE_URL are"),
        ("sla_monitor", {"DATABASE_URL": "postgresql+psycopg://server/sla_monitor"}, "STATE_URL is"),
        ("sla_monitor", {"STATE_URL": "redis://server"}, "DATABASE_URL is"),
    ],
)
def test_a_service_on_kafka_refuses_to_keep_results_in_a_file_that_nobody_named(
    package: str, environment: dict[str, str], missing: str, tmp_path: Path
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", package],
        env={"TALLYSTICK_VAR": str(tmp_path), "BUS_URL": "kafka://localhost:1", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith(f"{package}: BUS_URL names a server, but {missing} not set: results would go to a file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", SERVICES)
def test_a_service_that_finds_an_older_folder_ends_with_that_sentence(package: str, tmp_path: Path) -> None:
    make_older_log = tmp_path / "log.db"
    with closing(sqlite3.connect(make_older_log)) as connection:
        connection.execute("CREATE TABLE shards (number INTEGER)")
    environment = {"TALLYSTICK_VAR": str(tmp_path), "HTTP_PORT": "0", "ADMIN_PORT": "0"}

    ended = subprocess.run(
        [sys.executable, "-m", package], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith(f"{package}: {make_older_log} was written by another release")


async def test_older_live_state_in_redis_is_refused(redis_server: str) -> None:
    redis_url = redis_server.removesuffix("0") + "15"  # a database of its own: other tests share the first
    states = connect_state(redis_url)
    await states.save_known_log(TICKETS.name, "identity")
    await states.close()
    again = connect_state(redis_url)
    assert await again.known_log(TICKETS.name) == "identity"
    await again._client.call("HDEL", "tallystick:logs", "format")  # type: ignore[attr-defined]  # as it was before
    await again.close()

    older = connect_state(redis_url)
    with pytest.raises(IncompatibleStore, match=r"FLUSHDB\), or name another one, and rebuild"):
        await older.known_log(TICKETS.name)
    await older.close()

"""A migration that should have changed rows and changed none fails, and leaves the database as it was."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from shared.sql.engine import connect
from shared.sql.migrate import NothingChanged, migrate
from tests.support.databases import empty_database

FIRST = """
from alembic import op

revision, down_revision = "0001", None


def upgrade():
    op.execute("CREATE TABLE charge (id int, pence int)")
    op.execute("CREATE TABLE empty_table (id int)")
    op.execute("INSERT INTO charge VALUES (1, 100), (2, 200)")
"""
SECOND = """
from alembic import op
from sqlalchemy import text

revision, down_revision = "0002", "0001"


def upgrade():
    op.execute("UPDATE charge SET pence = 0 WHERE id = 1")
    {step}
"""


@pytest.fixture
def engine(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if dialect == "sqlite":
        engine = connect(f"sqlite:///{tmp_path}/some.db")
        yield engine
        engine.dispose()
        return
    with empty_database(request.getfixturevalue("postgres_server")) as url:
        engine = connect(url)
        yield engine
        engine.dispose()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """An importable package, of a name of this test's own, with its first revision."""
    folder = tmp_path / f"guarded_{abs(hash(request.node.nodeid))}" / "migrations"
    folder.mkdir(parents=True)
    for each in (folder, folder.parent):
        (each / "__init__.py").touch()
    (folder / "0001_tables.py").write_text(dedent(FIRST), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def pence(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT pence FROM charge ORDER BY id")))


def add_second(package: Path, step: str) -> None:
    (package / "0002_change.py").write_text(SECOND.format(step=step), encoding="utf-8")


@pytest.mark.parametrize(
    "step",
    [
        'op.execute("UPDATE charge SET pence = 5 WHERE id = 3")',
        'op.execute("delete  from charge where id = 3")',
        "op.execute('UPDATE \"charge\" SET pence = 5 WHERE id = 3')",
        'op.execute("WITH late AS (SELECT 3 AS id) UPDATE charge SET pence = 5 WHERE id IN (SELECT id FROM late)")',
        'op.get_bind().execute(text("UPDATE charge SET pence = :p WHERE id = :i"), '
        "[{'p': 5, 'i': 3}, {'p': 5, 'i': 4}])",
    ],
)
def test_a_change_that_finds_no_row_in_a_table_with_rows_fails_and_is_undone(
    engine: Engine, package: Path, step: str
) -> None:
    migrate(engine, package.parent.name)
    add_second(package, step)

    with pytest.raises(NothingChanged, match=r"change rows of .*charge.*, which has some"):
        migrate(engine, package.parent.name)
    assert pence(engine) == [100, 200]


@pytest.mark.parametrize(
    "step",
    [
        'op.execute("DELETE FROM empty_table WHERE id = 3")',
        'op.execute(text("UPDATE charge SET pence = 5 WHERE id = 3").execution_options(may_change_nothing=True))',
        'op.execute("CREATE INDEX i ON charge (pence)")',
    ],
)
def test_a_migration_that_has_nothing_to_change_or_says_that_it_may_find_nothing_goes_through(
    engine: Engine, package: Path, step: str
) -> None:
    migrate(engine, package.parent.name)
    add_second(package, step)
    migrate(engine, package.parent.name)

    assert pence(engine) == [0, 200]


@pytest.mark.docker
def test_a_migration_that_would_see_only_some_rows_fails_before_it_changes_any(
    postgres_server: str, package: Path
) -> None:
    with empty_database(postgres_server) as url:
        owner = connect(url)
        migrate(owner, package.parent.name)
        with owner.begin() as connection:
            connection.execute(text("GRANT ALL ON ALL TABLES IN SCHEMA public TO tallystick_app"))
        owner.dispose()
        filtered = connect(url, role="tallystick_app")
        add_second(package, "pass")
        with pytest.raises(DBAPIError, match="row-level security"):
            migrate(filtered, package.parent.name)
        filtered.dispose()

"""Databases for tests: a SQLite file or one made for the occasion on the real server, by the same address."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

DIALECTS = ("sqlite", "postgresql")


@contextmanager
def empty_database(server: str) -> Iterator[str]:
    """The address of an empty database on `server`, as its owner; it is gone afterwards, whoever is connected."""
    name = f"test_{uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database, once of each dialect; without Docker, of SQLite only."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/var/service.db"
        return
    with empty_database(request.getfixturevalue("postgres_server")) as url:
        yield url

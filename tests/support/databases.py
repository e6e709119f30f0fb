"""Databases of a test's own on the real server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from uuid import uuid4

from sqlalchemy import Engine, create_engine, make_url, text

from shared.sql.engine import connect
from shared.sql.migrate import migrate

OWNER = "tallystick_migrate"
APP = "tallystick_app"
READONLY = "tallystick_readonly"
FIT = "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"


@contextmanager
def empty_database(server: str, making: str = FIT) -> Iterator[str]:
    """The address of a new database on `server`, as a superuser; it is gone afterwards, whoever is connected."""
    name = f"test_{uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    _run(engine, f"CREATE DATABASE {name} {making}")
    try:
        yield address(server, database=name)
    finally:
        _run(engine, f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()


def migrated_template(server: str) -> Callable[[str], str]:
    """Brings a service's database to the newest revision, as its owner; answers with the database's name."""

    @cache
    def made(package: str) -> str:
        engine = connect(address(server, role=OWNER, database=package))
        migrate(engine, package)
        engine.dispose()
        return package

    return made


@contextmanager
def working_copy(server: str, template: str) -> Iterator[str]:
    """The address of a copy of the database `template`, as the role that services work as."""
    with empty_database(server, f"TEMPLATE {template} OWNER {OWNER}") as url:
        yield address(url, role=APP)


def address(url: str, *, role: str | None = None, database: str | None = None) -> str:
    """`url` for another role or database; every role of a test's server has the same password."""
    changed = make_url(url).set(username=role, database=database)
    return changed.render_as_string(hide_password=False)


def _run(engine: Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.execute(text(statement))

"""Databases of a test's own on the real server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from uuid import uuid4

from sqlalchemy import Engine, NullPool, create_engine, make_url, text

from shared.sql.engine import connect
from shared.sql.migrate import migrate
from tests.support.shared_servers import one_at_a_time

SUPERUSER = "tallystick"
OWNER = "tallystick_migrate"
APP = "tallystick_app"
WORKER = "tallystick_worker"
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


def migrated_databases(server: str) -> Callable[[str], str]:
    """The address of a service's own database on `server`, as its owner; migrated when it is first asked for.

    Beside it stands the template of its working copies: PostgreSQL copies only what nobody is connected to.
    """
    superuser = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)

    @cache
    def made(package: str) -> str:
        url = address(server, role=OWNER, database=package)
        with one_at_a_time("migrate"):
            if not _exists(superuser, _template(package)):
                engine = connect(url)
                migrate(engine, package)
                engine.dispose()
                _run(superuser, f"CREATE DATABASE {_template(package)} TEMPLATE {package} OWNER {OWNER}")
        return url

    return made


@contextmanager
def working_copy(url: str) -> Iterator[str]:
    """The address of a copy of the migrated database at `url`, as services log in."""
    server = address(url, role=SUPERUSER, database=SUPERUSER)
    with empty_database(server, f"TEMPLATE {_template(str(make_url(url).database))} OWNER {OWNER}") as copied:
        yield address(copied, role=APP)


def as_owner(url: str) -> str:
    """The address under which everything may be changed: another role's on a server, the same of a file."""
    return url if url.startswith("sqlite:") else address(url, role=OWNER)


def address(url: str, *, role: str | None = None, database: str | None = None) -> str:
    """`url` for another role or database; every role of a test's server has the same password."""
    changed = make_url(url).set(username=role, database=database)
    return changed.render_as_string(hide_password=False)


def _template(package: str) -> str:
    return f"template_{package}"


def _exists(engine: Engine, name: str) -> bool:
    query = text("SELECT count(*) FROM pg_database WHERE datname = :name")
    with engine.connect() as connection:
        return bool(connection.execute(query, {"name": name}).scalar())


def _run(engine: Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.execute(text(statement))

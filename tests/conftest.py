"""Real servers, started for the first test of a session that asks for one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import databases, servers

DatabaseOf = Callable[[str], str]


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[str]:
    """The bootstrap address of a broker."""
    servers.require_docker()
    with servers.kafka() as address:
        yield address


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The address of an empty Redis; a test that leaves something behind cleans up or uses names of its own."""
    servers.require_docker()
    with servers.redis() as address:
        yield address


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL, as a superuser; a test makes itself a database there."""
    servers.require_docker()
    with servers.postgres() as address:
        yield address


@pytest.fixture(scope="session")
def migrated_databases(postgres_server: str) -> Callable[[str], str]:
    """As `tests.support.databases` says, on the session's server."""
    return databases.migrated_databases(postgres_server)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    """What asks for it runs once on each."""
    return str(request.param)


@pytest.fixture
def database_of(request: pytest.FixtureRequest, dialect: str, tmp_path: Path) -> Iterator[DatabaseOf]:
    """The address of a new database of a service, by the name of its package.

    On the server it is migrated, and the address is that of the role which the services work as.
    """
    with ExitStack() as made:
        yield _databases(request, dialect, tmp_path, made)


@pytest.fixture(scope="module")
def module_database_of(
    request: pytest.FixtureRequest, dialect: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DatabaseOf]:
    """As `database_of`, for what the tests of a module share."""
    with ExitStack() as made:
        yield _databases(request, dialect, tmp_path_factory.mktemp("databases"), made)


def _databases(request: pytest.FixtureRequest, dialect: str, folder: Path, made: ExitStack) -> DatabaseOf:
    if dialect == "sqlite":
        return lambda package: f"sqlite:///{folder}/{package}.db"
    migrated: DatabaseOf = request.getfixturevalue("migrated_databases")
    return lambda package: made.enter_context(databases.working_copy(migrated(package)))

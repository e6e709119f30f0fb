"""Real servers, started for the first test of a session that asks for one."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import servers
from tests.support.databases import migrated_template, working_copy

# The container library's own reaper is one more image to fetch; ours end with the session.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")


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
    """Each service's database on the server, migrated when it is first asked for; by the name of its package."""
    return migrated_template(postgres_server)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """The address of a new database of a service, by the name of its package: once a file, once on the server.

    On the server it is migrated, and the address is that of the role which the services work as.
    """
    if request.param == "sqlite":
        yield lambda package: f"sqlite:///{tmp_path}/{package}.db"
        return
    server, template = request.getfixturevalue("postgres_server"), request.getfixturevalue("migrated_databases")
    with ExitStack() as copies:
        yield lambda package: copies.enter_context(working_copy(server, template(package)))

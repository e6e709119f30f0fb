"""Real servers, started for the first test of a session that asks for one."""

import os
from collections.abc import Iterator

import pytest

from tests.support import servers

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
    """The address of a PostgreSQL, as its owner; a test makes itself a database there."""
    servers.require_docker()
    with servers.postgres() as address:
        yield address

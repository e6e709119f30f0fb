"""shared/sql keeps its promises on PostgreSQL, and asks for what PostgreSQL needs."""

from collections.abc import Iterator

import pytest

from tests.contract.outbox_contract import OutboxContract
from tests.contract.sql_contract import SqlContract
from tests.support.databases import empty_database


@pytest.fixture
def url(postgres_server: str) -> Iterator[str]:
    with empty_database(postgres_server) as url:
        yield url


class TestPostgresOutbox(OutboxContract):
    """Nothing but the contract."""


class TestPostgresSql(SqlContract):
    """Nothing but the contract."""

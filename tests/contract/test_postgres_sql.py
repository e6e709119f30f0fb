"""shared/sql keeps its promises on PostgreSQL, and asks for what PostgreSQL needs."""

from collections.abc import Iterator

import pytest

from shared.sql.engine import connect
from shared.sql.migrate import migrate
from shared.startup_errors import UnusableDatabase
from tests.contract.outbox_contract import OutboxContract
from tests.contract.sql_contract import PACKAGE, SqlContract
from tests.support.databases import empty_database


@pytest.fixture
def url(postgres_server: str) -> Iterator[str]:
    with empty_database(postgres_server) as url:
        yield url


class TestPostgresOutbox(OutboxContract):
    """Nothing but the contract."""


class TestPostgresSql(SqlContract):
    @pytest.mark.parametrize(
        "making",
        [
            "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-GB' LOCALE 'C'",
            "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'",
        ],
    )
    def test_a_database_that_sorts_or_holds_text_otherwise_is_refused(self, postgres_server: str, making: str) -> None:
        with empty_database(postgres_server, making) as url:
            engine = connect(url)
            with pytest.raises(UnusableDatabase, match="LOCALE 'C'"):
                migrate(engine, PACKAGE)
            engine.dispose()

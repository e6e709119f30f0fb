"""shared/sql keeps its promises on PostgreSQL, and asks for what PostgreSQL needs."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from shared.log.processor import Busy
from shared.sql.engine import connect
from shared.sql.inbox import Arrival, InsertResult, receive
from shared.sql.migrate import migrate
from shared.startup_errors import UnusableDatabase
from tests.contract.outbox_contract import OutboxContract
from tests.contract.sql_contract import INBOX, PACKAGE, SqlContract, arrival
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

    def test_an_event_that_another_transaction_is_storing_is_offered_again_and_then_known(self, engine: Engine) -> None:
        def receive_alone(*arrivals: Arrival) -> list[InsertResult]:
            with engine.begin() as connection:
                return receive(connection, INBOX, arrivals)

        with ThreadPoolExecutor(1) as pool:
            with engine.begin() as first:
                receive(first, INBOX, [arrival("shared")])
                second = pool.submit(receive_alone, arrival("other"), arrival("shared"))
                wait_until_one_waits(engine)
            with pytest.raises(Busy):
                second.result()

        assert receive_alone(arrival("other"), arrival("shared")) == [InsertResult.NEW, InsertResult.DUPLICATE]

    def test_the_inbox_is_never_read_whole_though_it_was_empty_when_it_was_first_read(self, engine: Engine) -> None:
        scans = text("SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'inbox'")
        with engine.begin() as connection:
            before = connection.execute(scans).one()
            for number in range(12):  # so often that driver and server keep the plan
                receive(connection, INBOX, [arrival(f"early-{number}")])
            receive(connection, INBOX, [arrival(f"late-{number}") for number in range(2_000)])
            receive(connection, INBOX, [arrival(f"later-{number}") for number in range(2_000)])
            after = connection.execute(scans).one()

        assert after.seq_scan == before.seq_scan
        assert after.idx_scan > before.idx_scan


def wait_until_one_waits(engine: Engine) -> None:
    """Some transaction of this database waits for another one's end."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with engine.connect() as connection:
            if connection.scalar(waiting):
                return
        time.sleep(0.01)
    raise TimeoutError("nobody waits")

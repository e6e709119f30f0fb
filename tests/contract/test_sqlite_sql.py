"""shared/sql keeps its promises on SQLite, and asks for what SQLite needs."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from shared.sql.engine import connect
from shared.startup_errors import UnusableDatabase
from tests.contract.outbox_contract import OutboxContract
from tests.contract.sql_contract import SqlContract


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/var/service.db"


class TestSqliteOutbox(OutboxContract):
    """Nothing but the contract."""


class TestSqliteSql(SqlContract):
    def test_commits_reach_the_disk_and_foreign_keys_hold(self, engine: Engine) -> None:
        with engine.connect() as connection:
            pragmas = {
                name: connection.scalar(text(f"PRAGMA {name}"))
                for name in ("journal_mode", "synchronous", "foreign_keys")
            }

        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}

    @pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/billing"])
    def test_an_address_that_cannot_be_used_is_refused(self, address: str) -> None:
        with pytest.raises(UnusableDatabase):
            connect(address)

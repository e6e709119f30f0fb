"""The embedded store keeps the promises of every store of live state."""

from pathlib import Path

import pytest

from tests.contract.state_store_contract import StateStoreContract


class TestEmbeddedStates(StateStoreContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/var/state.db"

"""The embedded store keeps the promises of every store of live state."""

from pathlib import Path

import pytest

from tests.contract.states_contract import StatesContract


class TestEmbeddedStates(StatesContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/var/state.db"

"""Redis keeps the promises of every store of live state."""

import pytest

from tests.contract.state_store_contract import StateStoreContract


class TestRedisStates(StateStoreContract):
    @pytest.fixture
    def url(self, redis_server: str) -> str:
        return redis_server

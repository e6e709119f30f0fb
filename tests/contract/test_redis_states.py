"""Redis keeps the promises of every store of live state."""

import pytest

from tests.contract.states_contract import StatesContract


class TestRedisStates(StatesContract):
    @pytest.fixture
    def url(self, redis_server: str) -> str:
        return redis_server

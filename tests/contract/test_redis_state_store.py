"""Redis keeps the promises of every store of live state."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Connection, SSLConnection

from shared.state.redis_client import Argument, _PlainConnection, _TlsConnection
from tests.contract.state_store_contract import StateStoreContract


class TestRedisStates(StateStoreContract):
    @pytest.fixture
    def url(self, redis_server: str) -> str:
        return redis_server


@pytest.mark.parametrize(("connection", "own"), [(_PlainConnection, Connection), (_TlsConnection, SSLConnection)])
@given(arguments=st.lists(st.text(max_size=9) | st.binary(max_size=9) | st.integers(-(2**63), 2**63 - 1), max_size=9))
def test_commands_are_packed_into_the_bytes_that_the_client_would_send(
    connection: type[Connection], own: type[Connection], arguments: list[Argument]
) -> None:
    command = "CONFIG GET", *arguments

    assert b"".join(connection().pack_command(*command)) == b"".join(own().pack_command(*command))

"""The tests of this folder are asynchronous, on asyncio."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"

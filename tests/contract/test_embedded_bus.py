"""The embedded log keeps the promises of every log."""

from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.log.port import Bus, Shard
from tests.contract.bus_contract import BusContract


class TestEmbeddedBus(BusContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/var/log.db"

    async def delete_before(self, bus: Bus, shard: Shard, offset: int) -> None:
        assert isinstance(bus, EmbeddedBus)
        await bus.delete_before(shard, offset)

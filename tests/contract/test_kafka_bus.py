"""The log on Kafka keeps the promises of every log, on a real broker."""

import pytest

from shared.bus.kafka import KafkaBus
from shared.log.port import Bus, Shard
from tests.contract.bus_contract import BusContract
from tests.support import kafka_broker


class TestKafkaBus(BusContract):
    @pytest.fixture
    def url(self, kafka_server: str) -> str:
        self.server = kafka_server
        return f"kafka://{kafka_server}"

    async def delete_before(self, bus: Bus, shard: Shard, offset: int) -> None:
        assert isinstance(bus, KafkaBus)
        await kafka_broker.delete_before(self.server, shard, offset)

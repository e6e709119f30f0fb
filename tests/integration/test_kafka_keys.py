"""An integrator's producer and Tallystick's put the same key into the same partition."""

from uuid import uuid4

import pytest

from shared.bus.connect import connect
from shared.contracts.topics import Topic
from shared.log.partitioner import partition_of
from tests.support import kafka_broker
from tests.support.log_reading import read_records, seek_all, shards_of, wait_for_assignment

pytestmark = pytest.mark.anyio

# Of every length modulo four, and beyond ASCII.
KEYS = [f"{council}:ict-{'0' * (n % 5)}{n}" for council in ("adur", "worthing", "ynys-môn") for n in range(60)]


async def test_kafkas_own_producer_agrees_with_ours_on_every_key(kafka_server: str) -> None:
    topic = Topic(f"keys-{uuid4()}.v1", "council:ticket", 12, 400, ("tests",), ("tests",))
    bus = connect(f"kafka://{kafka_server}")
    await bus.ensure_topics([topic])
    kafka_broker.produce_as_others_do(kafka_server, topic.name, KEYS)
    reader = await bus.subscribe(f"keys-{uuid4()}", [topic.name])
    await wait_for_assignment([reader], shards_of(topic))
    await seek_all(reader)

    taken = await read_records(reader, len(KEYS))
    await bus.close()

    homes = {(record.key or b"").decode(): shard.partition for shard, records in taken.items() for record in records}
    assert homes == {key: partition_of(key.encode(), topic.partitions) for key in KEYS}

"""Integrators may write in transactions: what they take back is not read, and a reader still catches up."""

import asyncio
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from shared.bus.connect import connect
from shared.bus.consumer import consume
from shared.contracts.topics import Topic
from shared.log.port import Bounds, Shard
from shared.units import Offset
from tests.support.totals import Store, Totals

pytestmark = pytest.mark.anyio


async def test_a_reader_has_caught_up_though_a_transaction_leaves_its_mark_at_the_end(kafka_server: str) -> None:
    topic = Topic(f"transactions-{uuid4()}.v1", "council:ticket", 1, 400, ("tests",), ("tests",))
    shard, store, stop = Shard(topic.name, 0), Store(), asyncio.Event()
    bus = connect(f"kafka://{kafka_server}")
    await bus.ensure_topics([topic])
    async with AIOKafkaProducer(bootstrap_servers=kafka_server, transactional_id=topic.name) as integrator:
        async with integrator.transaction():
            await integrator.send_and_wait(topic.name, b"1", partition=0)
        await integrator.begin_transaction()
        await integrator.send_and_wait(topic.name, b"2", partition=0)
        await integrator.abort_transaction()

    def stop_when_caught_up(_: Shard, caught_up: bool) -> None:
        if caught_up:
            stop.set()

    async with asyncio.timeout(60):
        reader = Totals(store, on_idle=stop_when_caught_up)
        group = f"transactions-{uuid4()}"
        await consume(bus, group=group, topics=[topic], processor=reader, known_logs=store, stop=stop, poll_s=0.1)
    held = await bus.bounds(shard)
    await bus.close()

    assert (store.applied, store.next_offset, held) == ({shard: [1]}, {shard: 1}, Bounds(Offset(0), Offset(4)))

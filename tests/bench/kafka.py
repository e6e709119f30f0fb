"""The log on Kafka: records published and polled a second, beside bare aiokafka on the same broker."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.bus.connect import connect
from shared.contracts.topics import Topic
from shared.log.port import Bus, Message, Shard
from tests.support import servers

RECORDS = 100_000
SENT_AT_ONCE = 1_000
POLLED_AT_ONCE = 500
PARTITIONS = 12
ROUNDS = 3
VALUE = b"x" * 400  # the size of an ordinary event


def run() -> None:
    """Prints rates, the best of three rounds each; needs a Docker engine, and says so where there is none."""
    if not (servers.DOCKER_SOCKET.exists() or os.environ.get("DOCKER_HOST")):
        sys.stdout.write("no Docker engine: Kafka is not measured\n")
        return
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    with servers.kafka() as server:
        rounds = [asyncio.run(_round(server)) for _ in range(ROUNDS)]
    best = {name: max(rates[name] for rates in rounds) for name in rounds[0]}
    for name, ceiling in (("publish", "bare send_batch"), ("poll", "bare getmany")):
        sys.stdout.write(f"{ceiling:<50} {best[ceiling]:>12,.0f} /s\n")
        sys.stdout.write(f"{name:<50} {best[name]:>12,.0f} /s  {best[name] / best[ceiling]:5.2f} of bare aiokafka\n")


async def _round(server: str) -> dict[str, float]:
    bus = connect(f"kafka://{server}")
    topic, bare = _topic(), _topic()
    await bus.ensure_topics([topic, bare])
    rates = {
        "bare send_batch": await _rate(lambda: _send_bare(server, bare)),
        "publish": await _rate(lambda: _publish(bus, topic)),
        "bare getmany": await _rate(lambda: _get_bare(server, bare)),
        "poll": await _rate(lambda: _poll(bus, topic)),
    }
    await bus.close()
    return rates


def _topic() -> Topic:
    return Topic(f"bench-{uuid4()}.v1", "council:ticket", PARTITIONS, 1, ("bench",), ("bench",))


async def _rate(work: Callable[[], Awaitable[float]]) -> float:
    return RECORDS / await work()


async def _publish(bus: Bus, topic: Topic) -> float:
    await bus.publish(topic.name, [Message("first", VALUE)])
    began = time.perf_counter()
    for start in range(0, RECORDS, SENT_AT_ONCE):
        await bus.publish(
            topic.name, [Message(f"adur:ticket-{n // 4:07}", VALUE) for n in range(start, start + SENT_AT_ONCE)]
        )
    return time.perf_counter() - began


async def _poll(bus: Bus, topic: Topic) -> float:
    reader = await bus.subscribe(f"bench-{uuid4()}", [topic.name])
    for shard in reader.assigned():
        await reader.seek(shard, 0)
    began = time.perf_counter()
    left = RECORDS
    while left > 0:
        arrived = await reader.poll(max_records=POLLED_AT_ONCE, timeout_s=1)
        left -= sum(map(len, arrived.values()))
    elapsed_s = time.perf_counter() - began
    await reader.close()
    return elapsed_s


async def _send_bare(server: str, topic: Topic) -> float:
    """The same bytes, spread evenly without hashing a key."""
    each = SENT_AT_ONCE // PARTITIONS
    async with AIOKafkaProducer(
        bootstrap_servers=server, acks="all", enable_idempotence=True, max_batch_size=512 * 1024
    ) as producer:
        await producer.send_and_wait(topic.name, VALUE, partition=0)
        began = time.perf_counter()
        for start in range(0, RECORDS, SENT_AT_ONCE):
            futures = []
            for partition in range(PARTITIONS):
                batch = producer.create_batch()
                count = SENT_AT_ONCE - each * (PARTITIONS - 1) if partition == 0 else each
                for n in range(count):
                    batch.append(timestamp=None, key=b"adur:ticket-%07d" % (start + n), value=VALUE, headers=[])
                futures.append(await producer.send_batch(batch, topic.name, partition=partition))
            await asyncio.gather(*futures)
        return time.perf_counter() - began


async def _get_bare(server: str, topic: Topic) -> float:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=server, enable_auto_commit=False, auto_offset_reset="none", isolation_level="read_committed"
    )
    await consumer.start()
    shards = [TopicPartition(*Shard(topic.name, partition)) for partition in range(PARTITIONS)]
    consumer.assign(shards)
    for shard in shards:
        consumer.seek(shard, 0)
    began = time.perf_counter()
    left = RECORDS
    while left > 0:
        left -= sum(map(len, (await consumer.getmany(timeout_ms=1000, max_records=6_000)).values()))
    elapsed_s = time.perf_counter() - began
    await consumer.stop()
    return elapsed_s

"""What a broker that dies or freezes does to those who write and read: nothing is lost, and order is kept."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import count
from uuid import uuid4

import pytest

from shared.bus.kafka import KafkaBus
from shared.bus.kafka_address import parse
from shared.bus.kafka_writer import KafkaWriter
from shared.contracts.topics import Topic
from shared.log.port import AppendUncertain, BusError, Message, Record, Shard, Subscription
from tests.support import kafka_broker, servers
from tests.support.log_reading import seek_all, shards_of, wait_for_assignment

pytestmark = pytest.mark.anyio

KEYS = 20
BATCH = 50
AFTERWARDS = 5
PATIENCE_S = 300


@pytest.fixture(scope="module")
def server(docker_engine: None) -> Iterator[str]:
    """A broker that the test may kill or freeze."""
    with servers.kafka() as address:
        yield address


@pytest.fixture
async def bus(server: str) -> AsyncIterator[KafkaBus]:
    bus = KafkaBus(parse(f"kafka://{server}"))
    yield bus
    await bus.close()


@pytest.fixture
async def topic(bus: KafkaBus) -> Topic:
    topic = Topic(f"mistreated-{uuid4()}.v1", "council:ticket", 4, 400, ("tests",), ("tests",))
    await bus.ensure_topics([topic])
    return topic


async def publish_until(bus: KafkaBus, topic: Topic, over: asyncio.Event) -> int:
    """How many numbers were sent, in batches; a batch that is uncertain is sent again, as outboxes do."""
    left = AFTERWARDS
    for first in count(0, BATCH):
        batch = [Message(f"key-{n % KEYS}", str(n).encode()) for n in range(first, first + BATCH)]
        while True:
            try:
                await bus.publish(topic.name, batch)
                break
            except AppendUncertain:
                await asyncio.sleep(0.1)
        if over.is_set():
            left -= 1
        if not left:
            return first + BATCH
    raise AssertionError("endless")


async def read_all(reader: Subscription, shards: Mapping[Shard, int]) -> dict[bytes, list[int]]:
    """The numbers of each key, in the order of their first coming, of `shards` up to their ends."""
    found: dict[bytes, dict[int, None]] = {}
    positions = dict.fromkeys(shards, 0)
    while positions != shards:
        arrived: Mapping[Shard, Sequence[Record]] = await reader.poll(max_records=500, timeout_s=0.5)
        for shard, records in arrived.items():
            assert records[0].offset == positions[shard]
            positions[shard] = records[-1].offset + 1
            for record in records:
                found.setdefault(record.key or b"", {})[int(record.value or b"")] = None
    return {key: list(numbers) for key, numbers in found.items()}


async def test_a_broker_killed_while_it_is_written_to_loses_nothing_and_its_readers_go_on(
    server: str, bus: KafkaBus, topic: Topic
) -> None:
    reader = await bus.subscribe(f"mistreated-{uuid4()}", [topic.name])
    await wait_for_assignment([reader], shards_of(topic))
    await seek_all(reader)
    over = asyncio.Event()

    async with asyncio.timeout(PATIENCE_S):
        publishing = asyncio.create_task(publish_until(bus, topic, over))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(kafka_broker.kill_and_start, server)
        over.set()
        sent = await publishing
        ends = {shard: (await bus.bounds(shard)).end for shard in shards_of(topic)}
        found = await read_all(reader, ends)

    assert {number for numbers in found.values() for number in numbers} == set(range(sent))
    assert all(numbers == sorted(numbers) for numbers in found.values())


async def test_an_append_that_is_not_confirmed_is_uncertain_and_the_next_one_has_another_producer(
    server: str, bus: KafkaBus, topic: Topic
) -> None:
    writer = KafkaWriter(parse(f"kafka://{server}"), append_s=2)
    await writer.append(topic.name, {0: [Message("key", b"before")]})

    with kafka_broker.frozen(server):
        waiting = [asyncio.create_task(writer.append(topic.name, {n: [Message("key", b"lost?")]})) for n in (0, 1)]
        endings = await asyncio.gather(*waiting, return_exceptions=True)
    await writer.append(topic.name, {0: [Message("key", b"after")], 1: [Message("key", b"after")]})
    await writer.close()

    assert [type(ending) for ending in endings] == [AppendUncertain, AppendUncertain]
    assert 2 <= (await bus.bounds(Shard(topic.name, 0))).end <= 3
    assert 1 <= (await bus.bounds(Shard(topic.name, 1))).end <= 2


async def test_a_message_too_large_is_refused_before_anything_is_sent_and_harms_no_other(
    bus: KafkaBus, topic: Topic
) -> None:
    shard = Shard(topic.name, 0)
    await bus.publish_to(shard, [Message("key", b"small")])

    with pytest.raises(BusError, match="bytes, Kafka takes") as refused:
        await bus.publish_to(shard, [Message("key", b"small"), Message("key", b"x" * 1_100_000)])
    await bus.publish_to(shard, [Message("key", b"x" * 900_000), Message("key", b"small")])

    assert not isinstance(refused.value, AppendUncertain)
    assert (await bus.bounds(shard)).end == 3


async def test_a_log_that_stops_answering_its_readers_is_silent_and_no_longer_so_when_it_does(
    server: str, bus: KafkaBus, topic: Topic
) -> None:
    reader = await bus.subscribe(f"mistreated-{uuid4()}", [topic.name])
    await wait_for_assignment([reader], shards_of(topic))
    await seek_all(reader)
    await reader.poll(max_records=1, timeout_s=1)
    answering_s = bus.silent_s()

    with kafka_broker.frozen(server):
        for _ in range(4):
            await reader.poll(max_records=1, timeout_s=1)
        silent_s = bus.silent_s()
    async with asyncio.timeout(PATIENCE_S):
        while bus.silent_s() > 2:
            await reader.poll(max_records=1, timeout_s=0.2)

    assert answering_s < 2 < silent_s

"""A reader whose position and log no longer belong together ends with what to do, on a real broker; it never skips."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from shared.bus.consumer import consume
from shared.bus.kafka import KafkaBus
from shared.bus.kafka_address import parse
from shared.contracts.topics import Topic
from shared.log.port import BusError, Message, OffsetGone, PartitionMismatch, Shard, Subscription
from tests.support import kafka_broker
from tests.support.log_reading import ROUND_S, read_records, seek_all, shards_of, wait_for_assignment
from tests.support.totals import Store, Totals

pytestmark = pytest.mark.anyio

GUARD_EVERY_S = 0.2
# A guard that has not spoken after so many rounds never will.
ROUNDS = 300


def bus_on(server: str) -> KafkaBus:
    return KafkaBus(parse(f"kafka://{server}"), guard_every_s=GUARD_EVERY_S)


@pytest.fixture
async def bus(kafka_server: str) -> AsyncIterator[KafkaBus]:
    bus = bus_on(kafka_server)
    yield bus
    await bus.close()


@pytest.fixture
async def topic(bus: KafkaBus) -> Topic:
    topic = Topic(f"guarded-{uuid4()}.v1", "council:ticket", 2, 400, ("tests",), ("tests",))
    await bus.ensure_topics([topic])
    return topic


def numbers(count: int) -> list[Message]:
    return [Message("adur:ticket-1", str(number).encode()) for number in range(count)]


async def resume(server: str, topic: Topic, *, stored: int, of: str | None = None) -> Store:
    """A service that starts again with `stored` as the next offset of the first shard runs until it stops itself.

    `of` is the identity of the log that it had read.
    """
    store = Store(next_offset={Shard(topic.name, 0): stored}, logs={} if of is None else {topic.name: of})
    bus = bus_on(server)
    try:
        async with asyncio.timeout(60):
            await consume(
                bus,
                group=f"guarded-{uuid4()}",
                topics=[topic],
                processor=Totals(store),
                known_logs=store,
                stop=asyncio.Event(),
            )
    finally:
        await bus.close()
        assert store.applied == {}
    return store


async def caught_up(bus: KafkaBus, topic: Topic, *, records: int) -> Subscription:
    """A member that has read the topic's `records`."""
    reader = await bus.subscribe(f"guarded-{uuid4()}", [topic.name])
    await wait_for_assignment([reader], shards_of(topic))
    await seek_all(reader)
    await read_records(reader, records)
    return reader


async def poll_on(reader: Subscription) -> None:
    for _ in range(ROUNDS):
        await reader.poll(max_records=10, timeout_s=ROUND_S)


async def test_a_service_that_retention_overtook_does_not_start_and_says_that_it_must_be_rebuilt(
    bus: KafkaBus, topic: Topic, kafka_server: str
) -> None:
    await bus.publish_to(Shard(topic.name, 0), numbers(10))
    await kafka_broker.delete_before(kafka_server, Shard(topic.name, 0), 8)

    with pytest.raises(OffsetGone, match=r"holds offsets from 8 to below 10, wanted from 5.*must be rebuilt"):
        await resume(kafka_server, topic, stored=5)


async def test_a_service_whose_log_was_truncated_or_recreated_and_is_shorter_does_not_start(
    bus: KafkaBus, topic: Topic, kafka_server: str
) -> None:
    await bus.publish_to(Shard(topic.name, 0), numbers(3))

    with pytest.raises(OffsetGone, match=r"holds offsets from 0 to below 3, wanted from 10.*recreated"):
        await resume(kafka_server, topic, stored=10)


async def test_a_service_whose_log_was_recreated_does_not_start_though_it_is_longer_than_the_old_one(
    bus: KafkaBus, topic: Topic, kafka_server: str
) -> None:
    await bus.publish_to(Shard(topic.name, 0), numbers(3))
    before = await bus.identity(topic.name)

    await kafka_broker.recreate_topic(kafka_server, topic)
    other = bus_on(kafka_server)
    await other.publish_to(Shard(topic.name, 0), numbers(50))
    await other.close()

    with pytest.raises(OffsetGone, match="was recreated since it was last read"):
        await resume(kafka_server, topic, stored=3, of=before)


async def test_a_log_recreated_while_it_is_read_stops_the_reader_though_it_is_longer_than_the_old_one(
    bus: KafkaBus, topic: Topic, kafka_server: str
) -> None:
    await bus.publish_to(Shard(topic.name, 0), numbers(3))
    reader = await caught_up(bus, topic, records=3)

    await kafka_broker.recreate_topic(kafka_server, topic)
    other = bus_on(kafka_server)
    await other.publish_to(Shard(topic.name, 0), numbers(50))
    await other.close()

    with pytest.raises(OffsetGone, match="was recreated while it was read"):
        await poll_on(reader)


async def test_a_topic_deleted_while_it_is_read_stops_the_reader(
    bus: KafkaBus, topic: Topic, kafka_server: str
) -> None:
    reader = await caught_up(bus, topic, records=0)

    await kafka_broker.delete_topic(kafka_server, topic.name)

    with pytest.raises(OffsetGone, match="was deleted while it was read"):
        await poll_on(reader)


async def test_partitions_added_while_a_topic_is_read_stop_the_reader(
    bus: KafkaBus, topic: Topic, kafka_server: str
) -> None:
    reader = await caught_up(bus, topic, records=0)

    await kafka_broker.add_partitions(kafka_server, topic.name, 3)

    with pytest.raises(PartitionMismatch, match=r"expected 2 partitions .* Kafka has 3 now"):
        await poll_on(reader)


async def test_partitions_added_while_a_service_was_stopped_keep_it_from_starting(
    bus: KafkaBus, topic: Topic, kafka_server: str
) -> None:
    await kafka_broker.add_partitions(kafka_server, topic.name, 3)

    with pytest.raises(PartitionMismatch, match=r"expected 2 partitions .* Kafka has 3"):
        await bus.ensure_topics([topic])


async def test_a_topic_that_nobody_created_is_neither_read_nor_written_nor_created(bus: KafkaBus) -> None:
    with pytest.raises(BusError, match="there is no topic nobody"):
        await bus.publish("nobody.v1", numbers(1))
    with pytest.raises(BusError, match="there is no topic nobody"):
        await bus.subscribe("guarded", ["nobody.v1"])

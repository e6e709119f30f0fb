"""What an operator, or retention, does to the topics of a broker."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import PolicyViolationError

from shared.bus.kafka_address import parse
from shared.bus.kafka_topics import TopicDescription, describe_cluster, ensure
from shared.contracts.topics import Topic
from shared.log.port import BusError, Shard

PATIENCE_S = 30
LOOK_EVERY_S = 0.1


@asynccontextmanager
async def operator(server: str) -> AsyncIterator[Any]:
    """A client with an operator's powers."""
    client = AIOKafkaAdminClient(bootstrap_servers=server)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


def container_of(server: str) -> str:
    """The id of the container that listens at `server`."""
    port = server.rpartition(":")[2]
    return _docker("ps", "--quiet", "--filter", f"publish={port}")


def kill_and_start(server: str) -> None:
    """The broker was killed in the middle of whatever it did, and starts again on the same files."""
    container = container_of(server)
    _docker("kill", container)
    _docker("start", container)


@contextmanager
def stopped(server: str) -> Iterator[None]:
    """Nobody listens there meanwhile; afterwards the broker starts again on the same files."""
    container = container_of(server)
    _docker("kill", container)
    try:
        yield
    finally:
        _docker("start", container)


@contextmanager
def frozen(server: str) -> Iterator[None]:
    """The broker does nothing meanwhile, though its connections stay open."""
    container = container_of(server)
    _docker("pause", container)
    try:
        yield
    finally:
        _docker("unpause", container)


def produce_as_others_do(server: str, topic: str, keys: Sequence[str]) -> None:
    """Each of `keys` was sent once, by Kafka's own producer with its own partitioner."""
    producer = ("/opt/kafka/bin/kafka-console-producer.sh", "--bootstrap-server", "localhost:9092", "--topic", topic)
    options = ("--property", "parse.key=true", "--property", "key.separator=|")
    lines = "".join(f"{key}|sent\n" for key in keys)
    _docker("exec", "--interactive", container_of(server), *producer, *options, given=lines)


async def answers(server: str) -> bool:
    """Whether the broker tells of its topics: one that was frozen has to register with its controller again."""
    try:
        await _topics(server)
    except BusError:
        return False
    return True


async def delete_before(server: str, shard: Shard, offset: int) -> None:
    """Retention has taken the records of `shard` below `offset`."""
    async with operator(server) as client:
        await client.delete_records({TopicPartition(*shard): RecordsToDelete(offset)})


async def empty_topic(server: str, topic: str) -> None:
    """Every record of the topic's first partition is gone, of a compacted topic too; its offsets go on."""
    async with operator(server) as client:
        policy = {"cleanup.policy": "delete"}  # a broker deletes no records of a compacted one
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, policy)])
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await client.delete_records({TopicPartition(topic, 0): RecordsToDelete(-1)})
                except PolicyViolationError:  # it does not know of the change yet
                    await asyncio.sleep(LOOK_EVERY_S)
                else:
                    return


async def add_partitions(server: str, topic: str, total: int) -> None:
    """The topic has `total` partitions, and brokers say so."""
    async with operator(server) as client:
        await client.create_partitions({topic: NewPartitions(total)})
    async with asyncio.timeout(PATIENCE_S):
        while (await _topics(server))[topic].partitions != total:  # noqa: ASYNC110 (a broker announces nothing)
            await asyncio.sleep(LOOK_EVERY_S)


async def delete_topic(server: str, topic: str) -> None:
    """The topic is gone, and brokers say so."""
    async with operator(server) as client:
        await client.delete_topics([topic])
    async with asyncio.timeout(PATIENCE_S):
        while topic in await _topics(server):  # noqa: ASYNC110 (a broker announces nothing)
            await asyncio.sleep(LOOK_EVERY_S)


async def recreate_topic(server: str, topic: Topic) -> None:
    """The topic is there, and empty, and another one."""
    await delete_topic(server, topic.name)
    await ensure(parse(f"kafka://{server}"), [topic])


async def settings_of(server: str, topic: str) -> dict[str, str]:
    """What is set for `topic`, and what it has by default."""
    async with operator(server) as client:
        (answer,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    ((*_, entries),) = answer.resources
    return {name: value for name, value, *_ in entries}


async def _topics(server: str) -> Mapping[str, TopicDescription]:
    return (await describe_cluster(parse(f"kafka://{server}"))).topics


def _docker(*arguments: str, given: str = "") -> str:
    run = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True, input=given)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()

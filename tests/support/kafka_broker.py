"""What an operator, or retention, does to the topics of a broker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.bus.port import Shard


@asynccontextmanager
async def operator(server: str) -> AsyncIterator[Any]:
    """A client with an operator's powers."""
    client = AIOKafkaAdminClient(bootstrap_servers=server)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def delete_before(server: str, shard: Shard, offset: int) -> None:
    """Retention has taken the records of `shard` below `offset`."""
    async with operator(server) as client:
        await client.delete_records({TopicPartition(*shard): RecordsToDelete(offset)})


async def add_partitions(server: str, topic: str, total: int) -> None:
    """The topic has `total` partitions."""
    async with operator(server) as client:
        await client.create_partitions({topic: NewPartitions(total)})


async def delete_topic(server: str, topic: str) -> None:
    """The topic is gone."""
    async with operator(server) as client:
        await client.delete_topics([topic])


async def settings_of(server: str, topic: str) -> dict[str, str]:
    """What is set for `topic`, and what it has by default."""
    async with operator(server) as client:
        (answer,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    ((*_, entries),) = answer.resources
    return {name: value for name, value, *_ in entries}

"""Topics on Kafka: made as the one list says, and never altered afterwards."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from shared.bus.kafka_address import KafkaAddress
from shared.bus.kafka_client import FAULTS, Admin, admin, new_topic
from shared.bus.port import BusError, PartitionMismatch
from shared.contracts.topics import Topic

_DAY_MS = 86_400_000
# A topic survives two lost brokers where there are three, and the loss of one does not stop writers.
MOST_REPLICAS = 3
_ALREADY_THERE = 36  # TOPIC_ALREADY_EXISTS: somebody else made it at the same moment


async def partition_counts(address: KafkaAddress) -> dict[str, int]:
    """How many partitions each topic has, of those that we may see."""
    async with _asking(address) as client:
        return await _counts(client)


async def ensure(address: KafkaAddress, topics: Sequence[Topic]) -> list[Topic]:
    """All of `topics` exist with their partitions; gives those that were made now.

    Raises `PartitionMismatch` before anything is made, `BusError` when Kafka refuses to make one. Other settings of a
    topic that exists are its operator's.
    """
    async with _asking(address) as client:
        held = await _counts(client)
        check(topics, held)
        missing = [topic for topic in topics if topic.name not in held]
        if missing:
            brokers = len((await client.describe_cluster())["brokers"])
            await _create(client, missing, replicas=min(MOST_REPLICAS, brokers))
            check(missing, await _counts(client))
        return missing


def check(topics: Sequence[Topic], held: Mapping[str, int]) -> None:
    """Raises `PartitionMismatch` when a topic that is held has another number of partitions."""
    for topic in topics:
        count = held.get(topic.name, topic.partitions)
        if count != topic.partitions:
            raise PartitionMismatch(
                f"expected {topic.partitions} partitions of {topic.name}, Kafka has {count}: the count is part of the "
                "contract, because it decides where a key lives. Make the topic anew, or point at the right cluster"
            )


def settings_of(topic: Topic, *, replicas: int) -> dict[str, str]:
    """The settings that a new topic gets; the time of a record is that of its append (ADR 12)."""
    kept = (
        {"cleanup.policy": "compact"}
        if topic.retention_days is None
        else {"cleanup.policy": "delete", "retention.ms": str(topic.retention_days * _DAY_MS)}
    )
    return {
        **kept,
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": str(max(1, replicas - 1)),
    }


async def _create(client: Admin, topics: Sequence[Topic], *, replicas: int) -> None:
    answer = await client.create_topics(
        [
            new_topic(
                topic.name,
                partitions=topic.partitions,
                replicas=replicas,
                settings=settings_of(topic, replicas=replicas),
            )
            for topic in topics
        ]
    )
    refused = [f"{name}: {why}" for name, code, why in answer.topic_errors if code not in {0, _ALREADY_THERE}]
    if refused:
        raise BusError(f"Kafka did not make {'; '.join(refused)}")


async def _counts(client: Admin) -> dict[str, int]:
    # All topics are asked for: to ask for one by its name makes it, on a cluster that makes topics by itself.
    return {topic["topic"]: len(topic["partitions"]) for topic in await client.describe_topics()}


@asynccontextmanager
async def _asking(address: KafkaAddress) -> AsyncIterator[Admin]:
    try:
        client = await admin(address)
        try:
            yield client
        finally:
            await client.close()
    except FAULTS as fault:
        raise BusError(f"Kafka does not tell of its topics: {fault!r}") from fault

"""Topics on Kafka: made as the one list says, and never altered afterwards."""

import asyncio
from collections.abc import Sequence

from shared.bus.kafka_address import KafkaAddress
from shared.bus.kafka_client import FAULTS, admin, new_topic
from shared.bus.kafka_cluster import Cluster, describe_cluster
from shared.contracts.topics import Topic
from shared.log.port import BusError, PartitionMismatch

GUIDE = "docs/kafka.md says what to do"
_DAY_MS = 86_400_000
# A topic survives two lost brokers where there are three, and the loss of one does not stop writers.
MAX_REPLICAS = 3
SHOWN_WITHIN_S = 30.0
LOOK_EVERY_S = 0.1
_ALREADY_THERE = 36  # TOPIC_ALREADY_EXISTS: somebody else made it at the same moment


async def ensure(address: KafkaAddress, topics: Sequence[Topic]) -> list[Topic]:
    """All of `topics` exist with their partitions; gives those that were made now.

    Raises `PartitionMismatch` before anything is made, `BusError` when Kafka refuses to make one. Other settings of a
    topic that exists are its operator's.
    """
    cluster = await describe_cluster(address)
    check(topics, cluster)
    missing = [topic for topic in topics if topic.name not in cluster.topics]
    if missing:
        await _create(address, missing, replicas=min(MAX_REPLICAS, cluster.brokers))
        check(missing, await _showing(address, missing))
    return missing


def check(topics: Sequence[Topic], cluster: Cluster) -> None:
    """Raises `PartitionMismatch` when one of `topics` exists with another number of partitions."""
    for topic in topics:
        held = cluster.topics.get(topic.name)
        if held is not None and held.partitions != topic.partitions:
            raise PartitionMismatch(
                f"expected {topic.partitions} partitions of {topic.name}, Kafka has {held.partitions}: the count is "
                f"part of the contract, because it decides where a key lives; {GUIDE}"
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


async def _showing(address: KafkaAddress, topics: Sequence[Topic]) -> Cluster:
    """The cluster once it shows `topics`: the broker that is asked hears of a new one a little later."""
    try:
        async with asyncio.timeout(SHOWN_WITHIN_S):
            while True:
                cluster = await describe_cluster(address)
                if all(topic.name in cluster.topics for topic in topics):
                    return cluster
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError as late:
        raise BusError(f"Kafka does not show new topics within {SHOWN_WITHIN_S:g} s") from late


async def _create(address: KafkaAddress, topics: Sequence[Topic], *, replicas: int) -> None:
    wanted = [
        new_topic(t.name, partitions=t.partitions, replicas=replicas, settings=settings_of(t, replicas=replicas))
        for t in topics
    ]
    try:
        async with admin(address) as client:
            answer = await client.create_topics(wanted)
    except FAULTS as fault:
        raise BusError(f"Kafka did not make topics: {fault!r}") from fault
    refused = [f"{name}: {why}" for name, code, why in answer.topic_errors if code not in {0, _ALREADY_THERE}]
    if refused:
        raise BusError(f"Kafka did not make {'; '.join(refused)}")

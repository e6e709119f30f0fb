"""Topics on Kafka: created as the one list says, never altered afterwards, and watched while they are read."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from aiokafka.client import AIOKafkaClient

from shared.bus.aiokafka_internals import fetch_metadata
from shared.bus.kafka_address import KafkaAddress
from shared.bus.kafka_client import FAULTS, STOP_S, admin, bus_error, new_topic, settings_for, within
from shared.contracts.topics import Topic
from shared.log.port import BusError, BusUnavailable, OffsetGone, PartitionMismatch

GUIDE = "docs/kafka.md says what to do"
_DAY_MS = 86_400_000
# A topic survives two lost brokers where there are three, and the loss of one does not stop writers.
MAX_REPLICAS = 3
# Brokers are tried one after the other, each for up to 15 s.
DESCRIBE_S = 45.0
VISIBLE_WITHIN_S = 30.0
LOOK_EVERY_S = 0.1
_ALREADY_EXISTS = 36  # TOPIC_ALREADY_EXISTS: somebody else created it at the same moment


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """A topic as it is. Recreated under the same name, it has another identity."""

    partitions: int
    identity: UUID


@dataclass(frozen=True, slots=True)
class Cluster:
    """How many brokers there are, and the topics that this login may see, by name."""

    brokers: int
    topics: Mapping[str, TopicDescription]


async def describe_cluster(address: KafkaAddress) -> Cluster:
    """The cluster as one of its brokers knows it; raises `BusError` when none answers. Asking creates nothing."""
    client = AIOKafkaClient(**settings_for(address))
    try:
        async with asyncio.timeout(DESCRIBE_S):
            await client.bootstrap()
            answer = await fetch_metadata(client)
    except FAULTS as fault:
        raise bus_error(f"Kafka at {', '.join(address.brokers)} does not answer", fault) from fault
    finally:
        await client.close()
    return Cluster(
        brokers=len(answer.brokers),
        topics={
            name: TopicDescription(len(partitions), identity) for _, name, identity, _, partitions, *_ in answer.topics
        },
    )


async def ensure(address: KafkaAddress, topics: Sequence[Topic]) -> list[Topic]:
    """All of `topics` exist with their partitions; returns those that were created now.

    Raises `PartitionMismatch` before anything is created, `BusError` when Kafka refuses to create one. Other settings
    of a topic that exists are its operator's.
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
        found = cluster.topics.get(topic.name)
        if found is not None and found.partitions != topic.partitions:
            raise PartitionMismatch(
                f"expected {topic.partitions} partitions of {topic.name}, Kafka has {found.partitions}: the count is "
                f"part of the contract, because it decides which partition a key is in; {GUIDE}"
            )


def settings_of(topic: Topic, *, replicas: int) -> dict[str, str]:
    """The settings that a new topic gets; the time of a record is that of its append (ADR 12)."""
    retention = (
        {"cleanup.policy": "compact"}
        if topic.retention_days is None
        else {"cleanup.policy": "delete", "retention.ms": str(topic.retention_days * _DAY_MS)}
    )
    return {
        **retention,
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": str(max(1, replicas - 1)),
    }


class TopicGuard:
    """Stops a reader whose topic is no longer the one that it began to read: `seen`, looked at every so often.

    Offsets cannot tell: a topic that was deleted and recreated may already be longer than the reader is far, and would
    be read on in the middle of something else. It looks in the background.
    """

    def __init__(self, address: KafkaAddress, seen: Mapping[str, TopicDescription], *, every_s: float) -> None:
        self._address = address
        self._seen = seen
        self._every_s = every_s
        self._looking: asyncio.Task[Mapping[str, TopicDescription] | None] | None = None
        self._due_at = asyncio.get_running_loop().time() + every_s

    def check(self) -> None:
        """Raises what the last look found: `OffsetGone` for a topic recreated or deleted, or `PartitionMismatch`."""
        if self._looking is not None and self._looking.done():
            found, self._looking = self._looking.result(), None
            if found is not None:
                _compare(self._seen, found)
        now = asyncio.get_running_loop().time()
        if self._looking is None and now >= self._due_at:
            self._due_at = now + self._every_s
            self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """No look is on its way any more."""
        if self._looking is not None:
            # Cancelled only when it takes too long, for aiokafka then leaves its connection open.
            await within(STOP_S, self._looking)

    async def _look(self) -> Mapping[str, TopicDescription] | None:
        try:
            return (await describe_cluster(self._address)).topics
        except BusError:
            return None  # Brokers that do not answer are for others to notice.


def _compare(seen: Mapping[str, TopicDescription], found: Mapping[str, TopicDescription]) -> None:
    for name, before in seen.items():
        now = found.get(name)
        if now is None or now.identity != before.identity:
            gone = "deleted" if now is None else "recreated"
            raise OffsetGone(f"{name} was {gone} while it was read: stored positions mean nothing now; {GUIDE}")
        if now.partitions != before.partitions:
            raise PartitionMismatch(
                f"expected {before.partitions} partitions of {name}, Kafka has {now.partitions} now: keys have moved, "
                f"and one item's events are no longer in one partition; {GUIDE}"
            )


async def _showing(address: KafkaAddress, topics: Sequence[Topic]) -> Cluster:
    """The cluster once it shows `topics`: the broker that is asked learns of a new one a little later."""
    try:
        async with asyncio.timeout(VISIBLE_WITHIN_S):
            while True:
                cluster = await describe_cluster(address)
                if all(topic.name in cluster.topics for topic in topics):
                    return cluster
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError as late:
        raise BusUnavailable(f"Kafka does not show new topics within {VISIBLE_WITHIN_S:g} s") from late


async def _create(address: KafkaAddress, topics: Sequence[Topic], *, replicas: int) -> None:
    wanted = [
        new_topic(t.name, partitions=t.partitions, replicas=replicas, settings=settings_of(t, replicas=replicas))
        for t in topics
    ]
    try:
        async with admin(address) as client:
            answer = await client.create_topics(wanted)
    except FAULTS as fault:
        raise bus_error("Kafka did not create topics", fault) from fault
    refused = [f"{name}: {why}" for name, code, why in answer.topic_errors if code not in {0, _ALREADY_EXISTS}]
    if refused:
        raise BusError(f"Kafka did not create {'; '.join(refused)}")

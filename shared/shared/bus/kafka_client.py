"""aiokafka's clients with types, and with the settings that nothing is lost by.

The protocols below are what is used of its classes, so that mypy sees a forgotten `await`. Every client must be made
and used in one running loop. Kafka's transactions and static membership are not used: aiokafka fences neither
(https://github.com/aio-libs/aiokafka/issues/844).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from shared.bus.aiokafka_internals import close_sender, fail_batches
from shared.bus.kafka_address import KafkaAddress
from shared.log.port import BusError, BusUnavailable, Shard
from shared.units import EpochMillis, Offset

# What any call to a broker may end in; a timeout of the loop is a TimeoutError.
FAULTS = (KafkaError, TimeoutError, OSError)
OutOfRange = OffsetOutOfRangeError
NoPosition = NoOffsetForPartitionError

# How long one request may take, and so how long a restarted broker is waited for.
REQUEST_MS = 15_000
# Heartbeats share the loop with the work, and bring news of a rebalance: often, beside a session of ten seconds.
HEARTBEAT_MS = 1_000
# New partitions and other leaders are noticed within this time when nothing else shows them.
METADATA_MS = 30_000
# One batch is one append. The brokers' own limit is 1,048,588 bytes unless it was changed (message.max.bytes).
BATCH_BYTES = 512 * 1024
MAX_MESSAGE_BYTES = 1_000_000
PARTITION_FETCH_BYTES = 1024 * 1024
STOP_S = 6.0


def reason_of(fault: Exception) -> str:
    """Why a broker was of no use, for a sentence: without the class and the structures of aiokafka."""
    if isinstance(fault, TimeoutError):
        return "it took too long"
    if isinstance(fault, KafkaConnectionError):
        return "no connection could be made, or the login was refused"
    return str(fault) or type(fault).__name__


def bus_error(sentence: str, fault: Exception) -> BusError:
    """`sentence` with the reason, as what it is: brokers that are away come back, a refusal stays one."""
    passes = not isinstance(fault, KafkaError) or fault.retriable or isinstance(fault, KafkaTimeoutError)
    kind = BusUnavailable if passes else BusError
    return kind(f"{sentence}: {reason_of(fault)}")


class RawRecord(Protocol):
    """A record as it was fetched."""

    offset: Offset
    timestamp: EpochMillis
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Consumer(Protocol):
    """A member of a group, or a reader in none. A shard stands for aiokafka's `TopicPartition`."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def subscribe(self, topics: Sequence[str], *, listener: object) -> None: ...
    async def getmany(
        self, *partitions: Shard, timeout_ms: int, max_records: int
    ) -> Mapping[Shard, Sequence[RawRecord]]: ...
    def assign(self, partitions: Sequence[Shard]) -> None: ...
    def seek(self, partition: Shard, offset: int) -> None: ...
    def pause(self, *partitions: Shard) -> None: ...
    def resume(self, *partitions: Shard) -> None: ...
    def assignment(self) -> frozenset[Shard]: ...
    async def position(self, partition: Shard) -> int: ...
    def last_poll_timestamp(self, partition: Shard) -> int | None: ...
    async def commit(self, offsets: Mapping[Shard, int]) -> None: ...
    async def beginning_offsets(self, partitions: Sequence[Shard]) -> Mapping[Shard, int]: ...
    async def end_offsets(self, partitions: Sequence[Shard]) -> Mapping[Shard, int]: ...


class ProducerBatch(Protocol):
    """Messages for one partition; `append` returns None once the batch is full."""

    def append(
        self, *, timestamp: None, key: bytes, value: bytes, headers: list[tuple[str, bytes]]
    ) -> object | None: ...
    def record_count(self) -> int: ...


class Producer(Protocol):
    """Sends batches. Only the future that `send_batch` returns says whether its batch is durable."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def create_batch(self) -> ProducerBatch: ...
    async def send_batch(self, batch: ProducerBatch, topic: str, *, partition: int) -> asyncio.Future[Any]: ...


class Admin(Protocol):
    """Creates topics."""

    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def create_topics(self, new_topics: Sequence[object]) -> Any: ...


class RebalanceListener(ConsumerRebalanceListener):  # type: ignore[misc]  # its base is untyped
    """Calls `begun` and `ended` as rebalances happen, in a task of aiokafka's own.

    They must not wait and must not fail: aiokafka would log the failure and go on.
    """

    def __init__(self, *, begun: Callable[[], None], ended: Callable[[frozenset[Shard]], None]) -> None:
        self._begun = begun
        self._ended = ended

    def on_partitions_revoked(self, revoked: Collection[Shard]) -> None:  # noqa: ARG002 (all are, before each rebalance)
        self._begun()

    def on_partitions_assigned(self, assigned: Collection[Shard]) -> None:
        self._ended(frozenset(Shard(*partition) for partition in assigned))


def as_partition(shard: Shard) -> Shard:
    """The shard as aiokafka wants it: it checks the class."""
    partition: Shard = TopicPartition(*shard)
    return partition


def group_consumer(address: KafkaAddress, group: str) -> Consumer:
    """A consumer in `group` that commits nothing by itself and never chooses an offset by itself.

    Only eager assignors exist; this one gives shares that differ by one partition at most.
    """
    member: Consumer = AIOKafkaConsumer(
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        partition_assignment_strategy=(RoundRobinPartitionAssignor,),
        heartbeat_interval_ms=HEARTBEAT_MS,
        session_timeout_ms=address.session_s * 1000,
        max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
        **settings_for(address),
    )
    return member


def standalone_consumer(address: KafkaAddress) -> Consumer:
    """A consumer in no group, to ask for offsets or read a single shard as a member would see them."""
    consumer: Consumer = AIOKafkaConsumer(
        enable_auto_commit=False, isolation_level="read_committed", **settings_for(address)
    )
    return consumer


def producer(address: KafkaAddress) -> Producer:
    """A producer whose batches are on every in-sync replica when their futures are done, each once and in order."""
    made: Producer = AIOKafkaProducer(
        acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES, **settings_for(address)
    )
    return made


async def abort(failed: Producer) -> None:
    """`failed` sends nothing more, and whoever waits for one of its batches gets a fault; bounded by `STOP_S` twice.

    After one lost batch the broker refuses all later ones of an idempotent producer, and it would repeat them for
    ever (https://github.com/aio-libs/aiokafka/issues/1017). There is no public way to stop without flushing first.
    """
    await within(STOP_S, close_sender(failed))
    fail_batches(failed, KafkaError("the producer was aborted"))
    await within(STOP_S, failed.stop())


async def stop(client: Consumer | Producer) -> None:
    """The client has shut down, or `STOP_S` have passed: with the brokers gone it may wait for ever."""
    await within(STOP_S, client.stop())


@asynccontextmanager
async def admin(address: KafkaAddress) -> AsyncIterator[Admin]:
    """A client for topics, started, and closed afterwards."""
    made: Admin = AIOKafkaAdminClient(**settings_for(address))
    try:
        await made.start()
        yield made
    finally:
        await made.close()


def new_topic(name: str, *, partitions: int, replicas: int, settings: Mapping[str, str]) -> object:
    """What `create_topics` takes."""
    topic: object = NewTopic(name, partitions, replicas, topic_configs=dict(settings))
    return topic


def settings_for(address: KafkaAddress) -> dict[str, object]:
    """The settings of every client of the brokers at `address`."""
    settings: dict[str, object] = {
        "bootstrap_servers": list(address.brokers),
        "request_timeout_ms": REQUEST_MS,
        "metadata_max_age_ms": METADATA_MS,
        "security_protocol": ("SASL_" if address.login else "") + ("SSL" if address.tls else "PLAINTEXT"),
    }
    if address.tls:
        settings["ssl_context"] = ssl.create_default_context(cafile=address.ca_file)
    if address.login:
        settings["sasl_mechanism"] = address.login.mechanism
        settings["sasl_plain_username"] = address.login.user
        settings["sasl_plain_password"] = address.login.password
    return settings


async def within(limit_s: float, work: Awaitable[object]) -> None:
    """`work` has ended, well or not, or was cancelled after `limit_s`."""
    task = asyncio.ensure_future(work)
    await asyncio.wait([task], timeout=limit_s)
    if not task.done():
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)

"""What a cluster has: its brokers, and its topics with the identity that each got when it was made.

aiokafka asks for metadata in a form from before topics had identities, so the newer form of the question is written
out here, with its types. Needs Kafka 3.3 or later. Source: Kafka protocol guide, Metadata API, version 12.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from shared.bus.kafka_address import KafkaAddress
from shared.bus.kafka_client import FAULTS, settings_for
from shared.log.port import BusError


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """A topic as it is. Made anew under the same name, it has another identity."""

    partitions: int
    identity: UUID


@dataclass(frozen=True, slots=True)
class Cluster:
    """How many brokers there are, and the topics that we may see, by name."""

    brokers: int
    topics: Mapping[str, TopicDescription]


async def describe_cluster(address: KafkaAddress) -> Cluster:
    """The cluster as one of its brokers knows it; raises `BusError` when none answers. Nothing is made by asking."""
    client = AIOKafkaClient(**settings_for(address))
    try:
        await client.bootstrap()
        answer = await client.send(client.get_random_node(), _AllTopics())
    except FAULTS as fault:
        raise BusError(f"Kafka does not tell of its topics: {fault!r}") from fault
    finally:
        await client.close()
    return Cluster(
        brokers=len(answer.brokers),
        topics={
            name: TopicDescription(len(partitions), identity) for _, name, identity, _, partitions, *_ in answer.topics
        },
    )


class _Identity(AbstractType):  # type: ignore[misc]  # its base is untyped
    """16 bytes."""

    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


_Text = CompactString("utf-8")
_Numbers = CompactArray(Int32)


class _Answer(Response):  # type: ignore[misc]  # its base is untyped
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(("id", Int32), ("host", _Text), ("port", Int32), ("rack", _Text), ("tags", TaggedFields)),
        ),
        ("cluster_id", _Text),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", _Text),
                ("identity", _Identity),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", _Numbers),
                        ("in_sync", _Numbers),
                        ("offline", _Numbers),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):  # type: ignore[misc]  # its base is untyped
    API_KEY = 3
    API_VERSION = 12
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("topics", CompactArray(("identity", _Identity), ("name", _Text), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _AllTopics(Request[_Question]):  # type: ignore[misc]  # its base is untyped
    API_KEY = 3

    def build(self, request_struct_class: type[_Question]) -> _Question:
        """All topics are asked for by naming none."""
        return request_struct_class(None, False, False, {})

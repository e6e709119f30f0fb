"""All that Tallystick uses of aiokafka which is not public: its inside, and its protocol's classes.

Other releases of aiokafka may have changed any of it, so its version is pinned; the test of this file names each part
and fails when one is gone.
"""

from io import BytesIO
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
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


async def close_sender(producer: AIOKafkaProducer) -> None:
    """The producer's sender sends nothing more."""
    await producer._sender.close()


def fail_batches(producer: AIOKafkaProducer, fault: KafkaError) -> None:
    """Whoever waits for one of the producer's batches gets `fault`; its sender must have been closed.

    A batch that the sender puts back after it was failed would bring it down, and aiokafka reports that.
    """
    messages = producer._message_accumulator
    queued = [batch for batches in messages._batches.values() for batch in batches]
    messages._pending_batches.update(queued)  # Where each is looked for as it ends; those put back are not there.
    messages.fail_all(fault)
    for batch in queued:
        batch._drain_waiter.exception()  # Else it is reported as overlooked: nobody may be waiting for its turn.


async def fetch_metadata(client: AIOKafkaClient) -> Any:
    """The brokers and all topics as one of the brokers knows them: a Metadata response, version 12, as `_Answer` says.

    aiokafka asks in a form from before topics had identities, so the newer form is written out here. Needs Kafka 3.3
    or later. Source: Kafka protocol guide, Metadata API.
    """
    return await client.send(client.get_random_node(), _AllTopics())


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

"""The topics and events of Tallystick as an AsyncAPI 3.1 document, made from the contracts.

`receive` and `send` are from Tallystick's side, as the specification has it; titles are in the integrator's words.
"""

import inspect
from collections.abc import Iterable
from typing import Any, get_args

import msgspec

from shared.contracts.envelope import Event
from shared.contracts.items import FactWithdrawn, TicketEvent, WorkEvent
from shared.contracts.schema import examples, unindented
from shared.contracts.topics import TICKETS, USAGE, VERDICTS, WORK, Topic
from shared.contracts.usage import UsageEvent
from shared.contracts.verdicts import VerdictEvent

_REF = "#/components/schemas/{name}"
_CONTENT_TYPE = "application/cloudevents+json"
_CARRIED: tuple[tuple[Topic, tuple[type[Event], ...]], ...] = (
    (TICKETS, (*get_args(TicketEvent), FactWithdrawn)),
    (WORK, (*get_args(WorkEvent), FactWithdrawn)),
    (USAGE, get_args(UsageEvent)),
    (VERDICTS, get_args(VerdictEvent)),
)


def asyncapi_document() -> dict[str, Any]:
    """The document: what integrators send, and the verdicts that Tallystick publishes."""
    every = list(dict.fromkeys(type_ for _, types in _CARRIED for type_ in types))
    _, schemas = msgspec.json.schema_components(every, ref_template=_REF)
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Tallystick: events",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in structured mode, over Kafka, or over HTTP by POST /v1/events.",
            "license": {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": "events", "description": "what happened to tickets, work, usage and outages"}],
        },
        "defaultContentType": _CONTENT_TYPE,
        "channels": {_channel_id(topic): _channel(topic, types) for topic, types in _CARRIED},
        "operations": {_operation_id(topic): _operation(topic, types) for topic, types in _CARRIED},
        "components": {
            "messages": {_name(type_): _message(type_) for type_ in every},
            "schemas": unindented(schemas),
        },
    }


def _channel(topic: Topic, types: Iterable[type[Event]]) -> dict[str, Any]:
    days = topic.retention_days
    configuration = {} if days is None else {"topicConfiguration": {"retention.ms": days * 86_400_000}}
    return {
        "address": topic.name,
        "title": topic.name,
        "description": f"Key {topic.key}: what shares it stays in order.",
        "messages": {_name(type_): {"$ref": f"#/components/messages/{_name(type_)}"} for type_ in types},
        "bindings": {
            "kafka": {"topic": topic.name, "partitions": topic.partitions, **configuration, "bindingVersion": "0.5.0"}
        },
    }


def _operation(topic: Topic, types: Iterable[type[Event]]) -> dict[str, Any]:
    sends = topic is VERDICTS
    channel = f"#/channels/{_channel_id(topic)}"
    title = f"{'Read' if sends else 'Send'} events of {topic.name}"
    return {
        "action": "send" if sends else "receive",
        "channel": {"$ref": channel},
        "title": title,
        "summary": "You consume what Tallystick produces." if sends else "You produce what Tallystick consumes.",
        "messages": [{"$ref": f"{channel}/messages/{_name(type_)}"} for type_ in types],
    }


def _message(type_: type[Event]) -> dict[str, Any]:
    name = str(type_.__struct_config__.tag)
    return {
        "name": name,
        "title": name,
        "summary": inspect.cleandoc(type_.__doc__ or "").split("\n")[0],
        "contentType": _CONTENT_TYPE,
        "payload": {"$ref": _REF.format(name=type_.__name__)},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": "council:subject"}, "bindingVersion": "0.5.0"},
        },
        "examples": [{"name": "example", "payload": examples()[name]}],
    }


def _name(type_: type[Event]) -> str:
    return type_.__name__


def _channel_id(topic: Topic) -> str:
    return topic.name.replace(".", "-")


def _operation_id(topic: Topic) -> str:
    return f"{'read' if topic is VERDICTS else 'send'}-{_channel_id(topic)}"

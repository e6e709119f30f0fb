"""The CloudEvents 1.0 envelope that every event wears, in structured JSON.

Source: CloudEvents specification 1.0.2, context attributes. `council` is an extension attribute: it and
`subject` name the item that an event is about, so that a router need not know the event's type.
Attributes that are not listed here are kept in the stored bytes and ignored by the typed decode.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.contracts.scalars import EventId, Id, Instant, Source


class Event(Struct, frozen=True, kw_only=True, tag_field="type"):
    """A fact in the past tense. (`source`, `id`) is its identity: the same pair with other content is a conflict."""

    specversion: Literal["1.0"] = "1.0"
    id: EventId
    source: Source
    time: Instant
    subject: Annotated[str, Meta(min_length=1, max_length=200)]
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str | UnsetType = UNSET
    partitionkey: str | UnsetType = UNSET
    traceparent: str | UnsetType = UNSET


class ItemEvent(Event, frozen=True, kw_only=True):
    """An event about one item (ticket, work item, reading or outage) of one council."""

    subject: Id
    council: Id

    @property
    def key(self) -> str:
        """The record key: all events of one item share it, so they lie in one partition in order of sending."""
        return f"{self.council}:{self.subject}"


class EventData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The payload of an event. Fields are added, never renamed or given another meaning."""


class TimeAdvancedData(EventData, frozen=True, kw_only=True):
    """Nothing earlier than `to` will follow in this partition, except corrections."""

    to: Instant


class TimeAdvanced(Event, frozen=True, kw_only=True, tag="tallystick.time.advanced.v1"):
    """Time went on; one is put in every partition. `subject` is the partition's number."""

    data: TimeAdvancedData

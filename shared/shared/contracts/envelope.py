"""The CloudEvents 1.0 envelope that every event wears, in structured JSON.

Source: CloudEvents specification 1.0.2, context attributes. `council` is an extension attribute: it and
`subject` name the item that an event is about, so that a router need not know the event's type.
Attributes that are not listed here are kept in the stored bytes and ignored by the typed decode.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

# `(?![\s\S])` is "end of text" in both Python's and JSON Schema's dialect; `$` would let a final newline pass.
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}(?![\s\S])"

Id = Annotated[str, Meta(pattern=ID_PATTERN, description="1 to 64 of A-Z a-z 0-9 _ . - and no personal data")]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset or Z")]
Source = Annotated[str, Meta(min_length=1, max_length=256, description="who sent it: /councils/{id}/systems/{name}")]
EventId = Annotated[str, Meta(min_length=1, max_length=128, description="unique for ever within its source")]


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

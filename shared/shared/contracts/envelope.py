"""The CloudEvents 1.0 envelope of every event, in structured JSON, and the marks that move a partition's clock.

Source: CloudEvents specification 1.0.2, context attributes. The extension attribute `council` and `subject` name the
item that an event is about, so that a router need not know its type. Attributes that are not listed here stay in the
stored bytes and are ignored when decoding.
"""

from typing import Annotated, Literal, TypeVar, cast

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.contracts.scalars import ID_FORM, EventId, Instant, Sequence, Source
from shared.units import CouncilId, ItemId

T = TypeVar("T", bound=str)


def _apart(text: T) -> T:
    """An equal text that is another object than what decoding makes of `text`."""
    return cast(T, "".join([*text]))  # joined, it is of the same type but for its literal


# Defaults that `is` tells from what a sender wrote: the strictness check asks which members were sent.
VERSION_NOT_SENT: Literal["1.0"] = _apart("1.0")
CONTENT_TYPE_NOT_SENT: Literal["application/json"] = _apart("application/json")


class Event(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Something that happened. (`source`, `id`) is its identity: the same pair with other content is a conflict."""

    specversion: Literal["1.0"] = VERSION_NOT_SENT
    id: EventId
    source: Source
    time: Instant
    subject: Annotated[str, Meta(min_length=1, max_length=200)]
    datacontenttype: Literal["application/json"] = CONTENT_TYPE_NOT_SENT
    dataschema: str | UnsetType = UNSET
    partitionkey: str | UnsetType = UNSET
    traceparent: str | UnsetType = UNSET


class ItemEvent(Event, frozen=True, kw_only=True):
    """An event about one item (ticket, work item, reading or outage) of one council."""

    subject: Annotated[ItemId, ID_FORM]
    council: Annotated[CouncilId, ID_FORM]
    sequence: Sequence | UnsetType = UNSET

    @property
    def key(self) -> str:
        """The record's key: all events of one item share it, so that they are in one partition in order of sending."""
        return item_key(self.council, self.subject)


def item_key(council: CouncilId, item: ItemId) -> str:
    """The key of an item's records and of its live state: `adur:T-1042`. Ids hold no colon."""
    return f"{council}:{item}"


def split_item_key(key: str) -> tuple[CouncilId, ItemId]:
    """The council and the item of a key."""
    council, _, item = key.partition(":")
    return CouncilId(council), ItemId(item)


class EventData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The payload of an event. Fields are added, never renamed or given another meaning."""


class TimeAdvancedData(EventData, frozen=True, kw_only=True):
    """Nothing earlier than `to` follows in this partition, except corrections."""

    to: Instant


class TimeAdvanced(Event, frozen=True, kw_only=True, tag="tallystick.time.advanced.v1"):
    """The clock of a partition advances where no event does, in replays. `subject` is the partition's number."""

    data: TimeAdvancedData

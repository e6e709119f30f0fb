"""What an event says, as one digest: it distinguishes a repetition from other content under the same source and id."""

import hashlib
from datetime import UTC

import msgspec

from shared.contracts.codec import AnyEvent
from shared.contracts.envelope import ItemEvent
from shared.contracts.items import NewItemData
from shared.instants import epoch_us

_encoder = msgspec.json.Encoder(order="deterministic")


def content_digest(event: AnyEvent) -> bytes:
    """SHA-256 of what the event says: two sendings that differ in layout, tracing, routing or sequence have one."""
    council = event.council if isinstance(event, ItemEvent) else None
    content = (type(event).__struct_config__.tag, epoch_us(event.time), event.subject, council, _in_utc(event.data))
    return hashlib.sha256(_encoder.encode(content)).digest()


def _in_utc(data: object) -> object:
    """The same data; one instant written in two time zones is one content."""
    if isinstance(data, NewItemData) and data.due_at is not None:
        return msgspec.structs.replace(data, due_at=data.due_at.astimezone(UTC))
    return data

"""What an event of a replay says, as a digest, and the ids that follow from it: never from a file's name or a line."""

from hashlib import blake2b

import msgspec
from msgspec import UNSET

from shared.contracts.envelope import EventData
from shared.contracts.items import TicketEvent, WorkEvent
from shared.contracts.usage import AdjustmentData, UsageAdjusted, UsageRecorded
from shared.ids import derived_id
from shared.instants import epoch_us

_encode = msgspec.json.Encoder(order="deterministic").encode
Fact = TicketEvent | WorkEvent | UsageRecorded | UsageAdjusted
_BYTES = 16


def content_of(event: Fact) -> str:
    """A digest of what the event says of its item, which all events that say the same share.

    An adjustment says the same whichever version of its reading it names: its subject is that of the reading.
    """
    return content_digest(
        str(event.__struct_config__.tag),
        council=event.council,
        subject=event.subject,
        at_us=epoch_us(event.time),
        sequence=None if event.sequence is UNSET else event.sequence,
        data=event.data,
    )


def content_digest(tag: str, *, council: str, subject: str, at_us: int, sequence: str | None, data: EventData) -> str:
    """The same of an event that is not made yet."""
    stated = data.quantity if isinstance(data, AdjustmentData) else data
    return blake2b(_encode([tag, council, subject, at_us, sequence, stated]), digest_size=_BYTES).hexdigest()


def fact_id(source: str, content: str, withdrawn: int) -> str:
    """The id of an event with that content that was withdrawn so often before: a withdrawn id never returns."""
    return derived_id("replay", source, content, withdrawn)


def withdrawal_id(source: str, withdrawn_id: str) -> str:
    """The id of the event that withdraws the event of that id."""
    return derived_id("replay", source, "withdrawn", withdrawn_id)


def with_id(event: Fact, new_id: str) -> Fact:
    """The same event under another id."""
    return msgspec.structs.replace(event, id=new_id)

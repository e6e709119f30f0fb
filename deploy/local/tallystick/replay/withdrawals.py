"""The events that take back what was sent: a fact is withdrawn, a reading reversed, an adjustment set off."""

from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from shared.contracts.codec import encode_event
from shared.contracts.items import FactWithdrawn, TicketEvent, WithdrawnFactData
from shared.contracts.scalars import Stream
from shared.contracts.topics import TICKETS, USAGE, WORK
from shared.contracts.usage import ReversalData, UsageAdjusted, UsageRecorded, UsageReversed
from shared.instants import instant
from tallystick.replay.events import TimedEvent
from tallystick.replay.identity import Fact, withdrawal_id

_SECOND_US = 1_000_000


class SentFact(NamedTuple):
    """An event that was sent, with its id and key."""

    id: str
    key: str
    event: Fact


def withdrawal_of(fact: SentFact, source: str, *, as_of_us: int) -> TimedEvent:
    """The event that takes the fact back, as of that instant.

    Nothing reverses an adjustment: its opposite is added to the same reading, on the day of the adjustment.
    """
    event, id_ = fact.event, withdrawal_id(source, fact.id)
    at = _instant(as_of_us)
    made: FactWithdrawn | UsageReversed | UsageAdjusted
    if isinstance(event, UsageRecorded):
        reversal = ReversalData(service=event.data.service, reversed_source=source, reversed_id=event.id)
        made = UsageReversed(
            id=id_, source=source, time=at, subject=event.subject, council=event.council, data=reversal
        )
    elif isinstance(event, UsageAdjusted):
        opposite = replace(event.data, quantity=_negated(event.data.quantity))
        made = replace(event, id=id_, data=opposite)
    else:
        stream: Stream = "ticket" if isinstance(event, TicketEvent) else "work"
        withdrawn = WithdrawnFactData(stream=stream, withdrawn_source=source, withdrawn_id=event.id)
        made = FactWithdrawn(
            id=id_, source=source, time=at, subject=event.subject, council=event.council, data=withdrawn
        )
    return TimedEvent(as_of_us, _topic(event), fact.key, encode_event(made))


def with_reading(event: UsageAdjusted, reading: str) -> UsageAdjusted:
    """The adjustment, of the reading with that id."""
    return replace(event, data=replace(event.data, adjusted_id=reading))


def _topic(event: Fact) -> str:
    if isinstance(event, UsageRecorded | UsageAdjusted):
        return USAGE.name
    return TICKETS.name if isinstance(event, TicketEvent) else WORK.name


def _negated(quantity: str) -> str:
    return quantity.removeprefix("-") if quantity.startswith("-") else f"-{quantity}"


def _instant(at_us: int) -> datetime:
    return instant(at_us // _SECOND_US) + timedelta(microseconds=at_us % _SECOND_US)

"""Bytes to events and back: one typed decode, about a microsecond, that names the first fault it meets."""

import msgspec

from shared.contracts.catalogue import CatalogueEvent
from shared.contracts.clockwork import TimeAdvanced
from shared.contracts.envelope import Event
from shared.contracts.items import TicketEvent, WorkEvent
from shared.contracts.statements import StatementIssued
from shared.contracts.usage import UsageEvent
from shared.contracts.verdicts import VerdictEvent

AnyEvent = TicketEvent | WorkEvent | UsageEvent | TimeAdvanced | CatalogueEvent | VerdictEvent | StatementIssued

_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_encoder = msgspec.json.Encoder(order="deterministic")


class UndecodableEvent(ValueError):
    """The bytes are no event of ours; the message says where and what was expected, never the value."""


def decode_event(value: bytes) -> AnyEvent:
    """The event that `value` holds, typed; raises `UndecodableEvent`."""
    try:
        return _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise UndecodableEvent(str(fault)) from fault


def encode_event(event: Event) -> bytes:
    """Structured-mode JSON; equal events give equal bytes."""
    return _encoder.encode(event)

"""Events decoded from bytes and encoded: one typed decode, about a microsecond, that names the first fault."""

import re

import msgspec

from shared.contracts.access import AccessEvent
from shared.contracts.audit import AuditRecorded
from shared.contracts.catalogue import CalendarVersioned, CatalogueEvent
from shared.contracts.decisions import DecisionEvent
from shared.contracts.envelope import Event, TimeAdvanced
from shared.contracts.items import FactWithdrawn, TicketEvent, WorkEvent
from shared.contracts.judged import JudgedThrough
from shared.contracts.proposals import ProposalUpdated
from shared.contracts.statements import SealingKeyPublished, StatementEvent
from shared.contracts.usage import UsageEvent
from shared.contracts.verdicts import VerdictEvent

AnyEvent = (
    TicketEvent
    | WorkEvent
    | FactWithdrawn
    | UsageEvent
    | TimeAdvanced
    | CatalogueEvent
    | AccessEvent
    | ProposalUpdated
    | AuditRecorded
    | DecisionEvent
    | VerdictEvent
    | JudgedThrough
    | StatementEvent
    | SealingKeyPublished
)

_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_encoder = msgspec.json.Encoder(order="deterministic")
# msgspec repeats a text that is none of those expected, in quotation marks of either kind.
_REPEATED = re.compile(r"\A(Invalid (?:enum )?value) .*?( - at `[^`]*`)?\Z", re.DOTALL)
# What msgspec says of a type that is a text, but none of ours: the text itself is taken out.
_NOT_OUR_TYPE = "Invalid value - at `$.type`"


class UndecodableEvent(ValueError):
    """The bytes are no event of Tallystick; the message says where and what was expected, never the value."""


class UnknownEventType(UndecodableEvent):
    """They are an event of a type that this release does not know: misspelt, or of a newer release."""


def decode_event(value: bytes) -> AnyEvent:
    """The typed event in `value`; raises `UndecodableEvent`, or its kind `UnknownEventType`."""
    try:
        return _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        message = _REPEATED.sub(_without_text, str(fault))
        raise (UnknownEventType if message == _NOT_OUR_TYPE else UndecodableEvent)(message) from fault


def _without_text(message: re.Match[str]) -> str:
    return f"{message[1]}{message[2] or ''}"


def encode_event(event: Event) -> bytes:
    """Structured-mode JSON; equal events give equal bytes."""
    # A calendar's keys are dates, which the ordered encoder does not take.
    return canonical_json(event) if isinstance(event, CalendarVersioned) else _encoder.encode(event)


def canonical_json(value: object) -> bytes:
    """JSON with its keys sorted, of contract types or plain values: equal content gives equal bytes."""
    return msgspec.json.encode(msgspec.to_builtins(value, str_keys=True), order="deterministic")

"""What becomes of an event that an integrator sends over HTTP: received, or refused with every fault.

The rules are those of the log (`shared.log`), so that what is received here is quarantined nowhere. To them come two
of the caller's: events of its own sources, about its own councils.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from msgspec import Struct

from shared.auth.principal import Principal
from shared.contracts.cloudevents import canonical_members, is_surely_canonical
from shared.faults import Fault, Path
from shared.instants import epoch_us
from shared.log.content import content_digest
from shared.log.provided import ProvidedEvent, read_provided, topic_of
from shared.log.validation import CONFLICT, InvalidRecord, Reason

# As the log's reasons, for what only a caller can do wrong.
NOT_YOURS: Literal["NOT_YOURS"] = "NOT_YOURS"
# In one request: what one transaction bears and a caller can look through.
MAX_EVENTS = 1_000
_FOREIGN_SOURCE = "expected a source that your client may send as"
_FOREIGN_COUNCIL = "expected a council that your client is for"


class ReceivedEvent(Struct, frozen=True, gc=False):
    """An event as it will be published: where to, under which key, and the bytes."""

    source: str
    id: str
    type: str
    council: str
    subject: str
    topic: str
    key: str
    value: bytes
    digest: bytes
    occurred_us: int


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """Why an event is not received: the reason as quarantine names it, and all faults below the event's own place."""

    reason: Reason | Literal["NOT_YOURS"]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class EventFault:
    """One fault of a request: its place in the body, and the reason of the event that has it."""

    fault: Fault
    reason: str


@dataclass(frozen=True, slots=True)
class EventStatus:
    """What is known of an event that was received; its place in the log is None until the log has confirmed it.

    Its `number` ascends in the order of receiving.
    """

    number: int
    source: str
    id: str
    type: str
    council: str
    subject: str
    topic: str
    occurred_at: datetime
    received_at: datetime
    published_at: datetime | None
    partition: int | None
    offset: int | None


def receive(value: bytes, caller: Principal, *, now_ms: int) -> ReceivedEvent | RefusedEvent:
    """The event in `value`, in structured mode, as it is published; or why it is refused. Never raises."""
    event = read_provided(value, now_ms=now_ms)
    if isinstance(event, InvalidRecord):
        return RefusedEvent(event.reason, event.faults)
    if foreign := list(_foreign(event, caller)):
        return RefusedEvent(NOT_YOURS, tuple(foreign))
    return ReceivedEvent(
        event.source,
        event.id,
        str(type(event).__struct_config__.tag),
        event.council,
        event.subject,
        topic_of(event),
        event.key,
        value if is_surely_canonical(value) else canonical_members(value) or value,
        content_digest(event),
        epoch_us(event.time),
    )


def may_send_as(caller: Principal, source: str) -> bool:
    """Whether the caller sends in the name of `source`: on a local stack everybody's events are one person's."""
    return source in caller.sources or caller.kind == "local"


def faults_of(events: Sequence[ReceivedEvent | RefusedEvent], prefix: Iterable[Path]) -> list[EventFault]:
    """Every fault of the refused ones among `events`, each of which is at its `prefix` in the body."""
    return [
        EventFault(fault.below(*at), event.reason)
        for event, at in zip(events, prefix, strict=True)
        if isinstance(event, RefusedEvent)
        for fault in event.faults
    ]


def conflict_at(at: Path) -> EventFault:
    """The fault of an event whose id has other content already."""
    return EventFault(Fault((*at, "id"), CONFLICT.detail), CONFLICT.reason)


def _foreign(event: ProvidedEvent, caller: Principal) -> Iterable[Fault]:
    if not may_send_as(caller, event.source):
        yield Fault(("source",), _FOREIGN_SOURCE)
    if not caller.scope.allows(event.council):
        yield Fault(("council",), _FOREIGN_COUNCIL)

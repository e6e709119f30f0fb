"""The events that a mapping may name, by kind of item and the short names that people write, and how they are made."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal, NamedTuple, get_args, get_type_hints

import msgspec

from shared.contracts.codec import AnyEvent, encode_event
from shared.contracts.envelope import EventData, ItemEvent
from shared.contracts.items import NewItemData, TicketEvent, WorkEvent
from shared.contracts.topics import TICKETS, WORK
from shared.faults import Fault, did_you_mean
from shared.instants import epoch_us
from shared.log.validation import InvalidRecord, check_personal_data, validate
from shared.validation import value_faults
from tallystick.replay.identity import content_digest, fact_id
from tallystick.replay.scratch import Scratch, Sorted
from tallystick.replay.table import InvalidRow

HALF_A_CHARACTER = "a text holds half a character, which no file can keep"
ItemKind = Literal["ticket", "work"]
ItemState = Literal["new", "open", "paused", "done", "closed"]

OPENING_EVENT = {"ticket": "opened", "work": "received"}
_TOPIC = {"ticket": TICKETS.name, "work": WORK.name}
_CARRIED: Mapping[ItemKind, frozenset[type[AnyEvent]]] = {
    "ticket": frozenset(get_args(TicketEvent)),
    "work": frozenset(get_args(WorkEvent)),
}
# Where an event leaves an item. What is not named here (assigned, asked, responded) leaves it as it was.
_STATE_AFTER: Mapping[str, ItemState] = {
    "opened": "open",
    "received": "open",
    "started": "open",
    "resumed": "open",
    "reopened": "open",
    "paused": "paused",
    "resolved": "done",
    "completed": "done",
    "closed": "closed",
    "cancelled": "closed",
    "rejected": "closed",
}
# Its priority changes from row to row, and a mapping reads an item's priority once.
_NOT_OFFERED = "reprioritised"


@dataclass(frozen=True, slots=True)
class ReplayEventType:
    """One type of event: its short name, its type, how it is made, and what its data may hold."""

    name: str
    tag: str
    make: Callable[..., ItemEvent]
    data: type[EventData]

    @property
    def opens(self) -> bool:
        """Whether an item begins with it."""
        return self.data is NewItemData

    def state_after(self, before: ItemState) -> ItemState:
        """The state of an item after it."""
        return _STATE_AFTER.get(self.name, before)

    def data_faults(self, given: Mapping[str, str]) -> Iterator[Fault]:
        """What keeps `given` from being the data that all such events of a mapping carry."""
        fields = self.data.__struct_fields__
        yield from value_faults(given, self.data)
        for name in sorted(set(given) - set(fields)):
            known = f"{self.name} has {', '.join(fields) or 'no data'}"
            yield Fault((name,), f"is not a known field{did_you_mean(name, fields) or f': {known}'}")

    def constant_data(self, given: Mapping[str, str]) -> EventData | None:
        """The data that all such events of a mapping carry, which has no faults; None for the item's own."""
        return None if self.opens else msgspec.convert(given, self.data)


class TimedEvent(NamedTuple):
    """An event as it goes into the log: when it happened, in microseconds of the epoch, where to, and its bytes.

    `content` is what it says, as `identity.content_of` has it; `opens` says that an item begins with it.
    """

    at_us: int
    topic: str
    key: str
    value: bytes
    content: str = ""
    opens: bool = False


def in_order_of_time(scratch: Scratch) -> Sorted[TimedEvent]:
    """Events in ascending order of time; those of one instant in the order in which they are added."""
    return Sorted(scratch, TimedEvent, key=attrgetter("at_us"))


def sequence_of(row: int, event: int) -> str:
    """The sequence of an item's event: of which of its rows at one instant, and which of the row; both from 1 on.

    Never a line or a place in a file: another export of the same rows has the same numbers.
    """
    return f"{row}{event:03}"


class EventBuilder:
    """Makes the events of one file's items. An id says what the event says, so a second replay makes the same ones."""

    def __init__(self, source: str, kind: ItemKind) -> None:
        self._source = source
        self._topic = _TOPIC[kind]
        self._carried = _CARRIED[kind]

    def build(
        self,
        type_: ReplayEventType,
        *,
        council: str,
        item: str,
        at: datetime,
        data: EventData,
        sequence: str,
    ) -> TimedEvent:
        """The event, encoded; raises `InvalidRow` for one that the services would refuse."""
        at_us = epoch_us(at)
        content = _content(type_, council=council, subject=item, at_us=at_us, sequence=sequence, data=data)
        event = type_.make(
            id=fact_id(self._source, content, 0),
            source=self._source,
            time=at,
            subject=item,
            council=council,
            sequence=sequence,
            data=data,
        )
        value = encode_valid(event, self._carried)
        return TimedEvent(at_us, self._topic, event.key, value, content, type_.opens)


def _content(type_: ReplayEventType, *, council: str, subject: str, at_us: int, sequence: str, data: EventData) -> str:
    try:
        return content_digest(type_.tag, council=council, subject=subject, at_us=at_us, sequence=sequence, data=data)
    except UnicodeEncodeError:
        raise InvalidRow(HALF_A_CHARACTER) from None


def encode_valid(event: ItemEvent, carried: frozenset[type[AnyEvent]]) -> bytes:
    """The event's bytes, which every service accepts where `carried` are sent; raises `InvalidRow` with the reason."""
    try:
        value = encode_event(event)
    except UnicodeEncodeError:
        raise InvalidRow(HALF_A_CHARACTER) from None
    found = validate(value, carried)
    refused = found if isinstance(found, InvalidRecord) else check_personal_data(value)
    if refused is not None:
        raise InvalidRow(f"no service accepts it: {refused.detail}")
    return value


def _event_types(kind: ItemKind, events: Any) -> dict[str, ReplayEventType]:
    prefix = f"tallystick.{kind}."
    found: dict[str, ReplayEventType] = {}
    for event in get_args(events):
        tag = str(event.__struct_config__.tag)
        name = tag.removeprefix(prefix).removesuffix(".v1")
        if tag.startswith(prefix) and name != _NOT_OFFERED:
            found[name] = ReplayEventType(name, tag, event, get_type_hints(event)["data"])
    return found


EVENT_TYPES: Mapping[ItemKind, Mapping[str, ReplayEventType]] = {
    "ticket": _event_types("ticket", TicketEvent),
    "work": _event_types("work", WorkEvent),
}

"""The events that a mapping may name, by kind of item and the short names that people write."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

import msgspec

from shared.contracts.envelope import EventData, ItemEvent
from shared.contracts.items import NewItemData, TicketEvent, WorkEvent
from shared.contracts.topics import TICKETS, WORK

Kind = Literal["ticket", "work"]
State = Literal["new", "open", "paused", "done", "closed"]

TOPIC = {"ticket": TICKETS.name, "work": WORK.name}
OPENS = {"ticket": "opened", "work": "received"}

# Where an event leaves an item. What is not named here (assigned, asked, responded) leaves it as it was.
_LEAVES: Mapping[str, State] = {
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


class InvalidEventData(ValueError):
    """The event's data may not hold what is given, or must hold more."""


@dataclass(frozen=True, slots=True)
class ReplayEventType:
    """One type of event: how it is made, what its data may hold, and where it leaves the item."""

    name: str
    event_type: str
    make: Callable[..., ItemEvent]
    data: type[EventData]

    @property
    def opens(self) -> bool:
        """Whether an item begins with it."""
        return self.data is NewItemData

    def leaves(self, before: State) -> State:
        """The state of an item after it."""
        return _LEAVES.get(self.name, before)

    def fixed_data(self, given: Mapping[str, str]) -> EventData:
        """The data that all such events of a mapping carry; raises `InvalidEventData`."""
        fields = self.data.__struct_fields__
        if extra := sorted(set(given) - set(fields)):
            raise InvalidEventData(f"{self.name} has no {', '.join(extra)}; it has {', '.join(fields) or 'no data'}")
        try:
            return msgspec.convert(given, self.data)
        except msgspec.ValidationError as fault:
            raise InvalidEventData(f"data of {self.name}: {fault}") from fault


def _happenings(kind: Kind, events: Any) -> dict[str, ReplayEventType]:
    prefix = f"tallystick.{kind}."
    made: dict[str, ReplayEventType] = {}
    for event in get_args(events):
        tag = str(event.__struct_config__.tag)
        name = tag.removeprefix(prefix).removesuffix(".v1")
        if tag.startswith(prefix) and name != _NOT_OFFERED:
            made[name] = ReplayEventType(name, tag, event, get_type_hints(event)["data"])
    return made


EVENT_TYPES: Mapping[Kind, Mapping[str, ReplayEventType]] = {
    "ticket": _happenings("ticket", TicketEvent),
    "work": _happenings("work", WorkEvent),
}

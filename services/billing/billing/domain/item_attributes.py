"""What an item was when it was completed: its priority, attributes, value and outcome, as text by name.

An item is of the priority and the attributes with which it was opened, changed by what reprioritised or reclassified
it until then. Its value in pounds is `value`, the outcome of its completion `outcome`. As with the item's service, a
change in the very second of the completion changes nothing, and one by the second of the opening counts from the start.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from shared.instants import SECOND_US
from shared.money import plain_gbp


@dataclass(frozen=True, slots=True)
class ItemChange:
    """What an event changed, as the canonical JSON of its data, and its time in epoch microseconds."""

    at_us: int
    attributes: str


class _Reading(Struct):
    """What is read of a reading's data."""

    attributes: dict[str, str] = {}  # msgspec gives each its own


_READING = msgspec.json.Decoder(_Reading)
_ITEM = msgspec.json.Decoder(dict[str, Any])


def item_attributes(opened: ItemChange, changes: Iterable[ItemChange], completed: ItemChange) -> dict[str, str]:
    """The attributes of an item at its completion; `changes` are in their order."""
    found = _initial(_data(opened.attributes))
    for change in changes:
        second = change.at_us // SECOND_US
        if second < completed.at_us // SECOND_US or second <= opened.at_us // SECOND_US:
            found = _changed(found, _data(change.attributes))
    outcome = _data(completed.attributes).get("outcome")
    return found if outcome is None else {**found, "outcome": outcome}


def texts_of(attributes: str) -> dict[str, str]:
    """What an event itself says by name: the reason of a pause, the team of an assignment."""
    return {name: value for name, value in _data(attributes).items() if isinstance(value, str)}


def reading_attributes(attributes: str) -> dict[str, str]:
    """The attributes that a reading was sent with."""
    return _READING.decode(attributes).attributes if attributes else {}


def _data(text: str) -> dict[str, Any]:
    return _ITEM.decode(text or "{}")


def _initial(data: Mapping[str, Any]) -> dict[str, str]:
    value = data.get("value_pence")
    return {
        **data.get("attributes", {}),
        **({} if value is None else {"value": plain_gbp(value)}),
        "priority": data.get("priority", "normal"),
    }


def _changed(found: Mapping[str, str], data: Mapping[str, Any]) -> dict[str, str]:
    """What a change names is so from then on; an attribute of null is taken away."""
    own = {name: text for name, text in found.items() if name in ("priority", "value")}
    sent = {**found, **data.get("attributes", {})}
    kept = {name: text for name, text in sent.items() if text is not None}
    priority = {"priority": data["priority"]} if "priority" in data else {}
    return {**kept, **own, **priority}

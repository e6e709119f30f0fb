"""What a month's rows count, worked out one by one: a second way to a statement's usage, without a query of the first.

The rules are those of docs/statements.md. Rows come in chunks, with those that say something of them: the whole history
of an item, the corrections that name a reading. What is withdrawn is not so; a withdrawal cannot be withdrawn.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from billing.domain.credits.attainment import TargetAttainment
from billing.domain.metering import MICRO, EventReceived, kept_type
from billing.domain.usage import Usage, UsageState
from billing.domain.verdicts import VerdictReceived
from shared.contracts.items import (
    FactWithdrawn,
    TicketOpened,
    TicketReclassified,
    TicketReprioritised,
    TicketResolved,
    WorkCompleted,
    WorkReceived,
    WorkReclassified,
)
from shared.contracts.meters import NamedMeter
from shared.contracts.usage import UsageAdjusted, UsageRecorded, UsageReversed
from shared.instants import SECOND_US, instant_at
from shared.money import plain_gbp
from shared.period import LONDON

READING, REVERSAL, ADJUSTMENT = kept_type(UsageRecorded), kept_type(UsageReversed), kept_type(UsageAdjusted)
# Each of the meters that count items: by what an item is.
_METER_OF: Mapping[str, NamedMeter] = {"work": "work-completed", "ticket": "tickets-resolved"}
# What ends an item, by what it is.
ENDS = {"work": kept_type(WorkCompleted), "ticket": kept_type(TicketResolved)}
_OPENINGS = {"work": kept_type(WorkReceived), "ticket": kept_type(TicketOpened)}
_WITHDRAWAL = kept_type(FactWithdrawn)
_RECLASSIFICATIONS = kept_type(TicketReclassified), kept_type(WorkReclassified)
_CHANGES = (*_RECLASSIFICATIONS, kept_type(TicketReprioritised))
_FIXED_NAMES = "priority", "value"
_data = msgspec.json.Decoder(dict[str, Any])

EventKey = tuple[str, str]  # source and id
ItemKey = tuple[str, str]  # stream and item
Corrections = Mapping[EventKey, Sequence[EventReceived]]  # by what they name, in order


class CountedPart(NamedTuple):
    """What one row adds to a sum of usage: millionths of a unit, and one event."""

    service: str | None
    day: date
    meter: NamedMeter
    state: UsageState
    unit: str | None
    micro: int


@dataclass(frozen=True, slots=True)
class ItemHistory:
    """The events of one item that are not withdrawn, in the order in which they apply."""

    events: tuple[EventReceived, ...]
    withdrawn: frozenset[EventKey]

    @property
    def opening(self) -> EventReceived | None:
        """The first event that opened it."""
        return next((each for each in self.events if each.type in _OPENINGS.values()), None)

    def holds(self, row: EventReceived) -> bool:
        """Whether the row is not withdrawn."""
        return key_of(row) not in self.withdrawn

    def is_first(self, row: EventReceived) -> bool:
        """Whether no earlier event of its type holds."""
        first = next((each for each in self.events if each.type == row.type), None)
        return first is not None and key_of(first) == key_of(row)

    def service_at(self, row: EventReceived) -> str | None:
        """The service of the item just before the row; None while its opening is not here."""
        opening = self.opening
        if opening is None:
            return None
        changed = [each.service for each in self._changes(row, opening) if each.type in _RECLASSIFICATIONS]
        return next((service for service in reversed(changed) if service), opening.service)

    def attributes_at(self, row: EventReceived) -> dict[str, str]:
        """What the item was just before the row, by name, with the outcome that the row names."""
        opening = self.opening
        found = {} if opening is None else _first_attributes(data_of(opening))
        for change in self._changes(row, opening) if opening is not None else ():
            found = _changed_attributes(found, data_of(change))
        outcome = data_of(row).get("outcome")
        return found if outcome is None else {**found, "outcome": outcome}

    def _changes(self, row: EventReceived, opening: EventReceived) -> Iterator[EventReceived]:
        """What changed the item in a second before the row, or by the second of its opening."""
        for each in self.events:
            if each.type in _CHANGES and (_second(each) < _second(row) or _second(each) <= _second(opening)):
                yield each


def key_of(row: EventReceived) -> EventKey:
    """By what others name it."""
    return row.origin.source, row.origin.id


def data_of(row: EventReceived) -> dict[str, Any]:
    """What else the event says; nothing where it says nothing else."""
    return _data.decode(row.attributes) if row.attributes else {}


def day_of(row: EventReceived) -> date:
    """On which day it counts: the London date of its instant; a reading on the day for which it was recorded."""
    return row.day if row.stream == "usage" else instant_at(row.origin.at_us).astimezone(LONDON).date()


def histories(rows: Iterable[EventReceived]) -> dict[ItemKey, ItemHistory]:
    """The history of each item of which `rows` are all events, in any order."""
    by_item: defaultdict[ItemKey, list[EventReceived]] = defaultdict(list)
    for row in rows:
        by_item[row.stream, row.item].append(row)
    return {key: _history(of_item) for key, of_item in by_item.items()}


def by_target(rows: Iterable[EventReceived]) -> Corrections:
    """Reversals and adjustments by what they name, each of them in order."""
    found: defaultdict[EventKey, list[EventReceived]] = defaultdict(list)
    for row in sorted(rows, key=_order):
        if row.type in (REVERSAL, ADJUSTMENT) and row.target_source is not None and row.target_id is not None:
            found[row.target_source, row.target_id].append(row)
    return found


def corrections_of(reading: EventReceived, corrections: Corrections) -> tuple[bool, list[EventReceived]]:
    """Whether the reading is reversed, and its adjustments: only those of its own service are about it."""
    own = [each for each in corrections.get(key_of(reading), ()) if each.service == reading.service]
    return any(each.type == REVERSAL for each in own), [each for each in own if each.type == ADJUSTMENT]


@dataclass(frozen=True, slots=True)
class KnownRows:
    """Rows with all that is said of them: the history of each item, and what reverses or adjusts a reading."""

    rows: Sequence[EventReceived]
    histories: Mapping[ItemKey, ItemHistory]
    corrections: Corrections

    def readings(self) -> Iterator[tuple[EventReceived, list[EventReceived] | None]]:
        """Each reading with its adjustments, or with None if it is reversed."""
        for row in self.rows:
            if row.type == READING:
                is_reversed, adjustments = corrections_of(row, self.corrections)
                yield row, None if is_reversed else adjustments

    def of_items(self, service: str, type_: str, *, once: bool) -> Iterator[tuple[EventReceived, ItemHistory]]:
        """The events of a type that hold, on items that were of the service; `once`: only the first of each item."""
        for row in self.rows:
            if row.type == type_:
                history = self.histories[row.stream, row.item]
                counts = history.holds(row) and (not once or history.is_first(row))
                if counts and history.service_at(row) == service:
                    yield row, history


def parts_of(known: KnownRows) -> Iterator[CountedPart]:
    """What each of the rows adds, of items and readings."""
    for row in known.rows:
        if row.type == READING:
            yield from _parts_of_reading(row, known.corrections)
        elif row.type in (ENDS.get(row.stream), _OPENINGS.get(row.stream)):
            yield from _parts_of_item(row, known.histories[row.stream, row.item])


def _parts_of_item(row: EventReceived, history: ItemHistory) -> Iterator[CountedPart]:
    """An item counts by its first end that holds, under its service of then."""
    meter, day = _METER_OF[row.stream], day_of(row)
    if not history.holds(row):
        yield CountedPart(row.service, day, meter, "withdrawn", None, 0)
    elif history.is_first(row) and row.type == _OPENINGS[row.stream]:
        yield CountedPart(row.service, day, meter, "opened", None, 0)
    elif history.is_first(row):
        yield CountedPart(history.service_at(row), day, meter, "counted", None, units_micro(row))


def _parts_of_reading(row: EventReceived, corrections: Corrections) -> Iterator[CountedPart]:
    """A reading and its adjustments: these count on its day, or not at all if it is reversed."""
    is_reversed, adjustments = corrections_of(row, corrections)
    state: UsageState = "reversed" if is_reversed else "counted"
    for each in (row, *adjustments):
        yield CountedPart(row.service, row.day, "readings", state, row.unit, each.quantity_micro or 0)


def parts_without_reading(
    adjustments: Iterable[EventReceived], readings: Iterable[EventReceived]
) -> Iterator[CountedPart]:
    """What adjustments add that name none of `readings`: nothing yet, and they are listed."""
    known = {(*key_of(reading), reading.service) for reading in readings if reading.type == READING}
    for row in adjustments:
        if (row.target_source, row.target_id, row.service) not in known:
            yield CountedPart(row.service, row.day, "readings", "without-reading", None, row.quantity_micro or 0)


def units_micro(row: EventReceived) -> int:
    """Millionths of a unit: those of a completion, one whole unit for a ticket."""
    return MICRO if row.type == ENDS["ticket"] else row.quantity_micro or 0


def summed(parts: Iterable[CountedPart]) -> list[Usage]:
    """One row for each service, day, meter, state and unit; what comes in is looked at once and not kept."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for part in parts:
        total = sums.setdefault(part[:-1], [0, 0])
        total[0] += part.micro
        total[1] += 1
    return [
        Usage(service, day, meter, state, unit, Decimal(micro) / MICRO, events)
        for (service, day, meter, state, unit), (micro, events) in sums.items()
    ]


def attained(verdicts: Iterable[VerdictReceived]) -> list[TargetAttainment]:
    """How many items met each target, by agreement, service and target; a retracted verdict counts in none."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for verdict in verdicts:
        if verdict.outcome != "retracted":
            total = sums.setdefault((verdict.agreement, verdict.service, verdict.target), [0, 0, 0, 0])
            met, worth = verdict.outcome == "met", verdict.value_pence or 0
            for place, amount in enumerate((int(met), 1, worth if met else 0, worth)):
                total[place] += amount
    return [TargetAttainment(*sums[key], agreement=key[0], service=key[1], target=key[2]) for key in sorted(sums)]


def _history(rows: Sequence[EventReceived]) -> ItemHistory:
    withdrawn = frozenset(
        (row.target_source, row.target_id)
        for row in rows
        if row.type == _WITHDRAWAL and row.target_source is not None and row.target_id is not None
    )
    holding = (row for row in rows if row.type != _WITHDRAWAL and key_of(row) not in withdrawn)
    return ItemHistory(tuple(sorted(holding, key=_order)), withdrawn)


def _order(row: EventReceived) -> tuple[int, str, str, str]:
    """By time, at one time by sequence, source and id."""
    return row.origin.at_us, row.origin.place, row.origin.source, row.origin.id


def _second(row: EventReceived) -> int:
    return row.origin.at_us // SECOND_US


def _first_attributes(data: Mapping[str, Any]) -> dict[str, str]:
    found = dict(data.get("attributes", {}))
    if data.get("value_pence") is not None:
        found["value"] = plain_gbp(data["value_pence"])
    found["priority"] = data.get("priority", "normal")
    return found


def _changed_attributes(found: Mapping[str, str], data: Mapping[str, Any]) -> dict[str, str]:
    """Attributes change as the event says, null takes one away; priority changes by its own field, the value never."""
    changed = dict(found)
    for name, text in data.get("attributes", {}).items():
        if name in _FIXED_NAMES and name in found:
            continue
        if text is None:
            changed.pop(name, None)
        else:
            changed[name] = text
    if "priority" in data:
        changed["priority"] = data["priority"]
    return changed

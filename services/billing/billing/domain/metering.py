"""Metering: which events count as usage, and the fact that billing keeps of each.

A month's usage is a function of the *set* of facts: their order and repetition change nothing.

* work-completed: an item is metered once, by its first completion in event time (ties by sequence, source, then id),
  with the `units` of that completion. A later completion of the same item, with whatever units, counts nothing.
* tickets-resolved: a ticket is one unit, on the day of its first resolution. Reopening it does not undo that.
* readings: the quantity recorded, unless a reversal for the same council and service names the reading.

An item is counted under the service that it was of when it was completed: that of its first `received` or `opened`
event, or of the last `reclassified` in a second before the completion. What it became in the very second of its
completion it was for no time; what it became by the second of its opening it was from the start. Until the event that
opened it is here, its completion is stored and billed to nobody.
"""

from datetime import date
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec import Struct

from shared.contracts import catalogue as changes
from shared.contracts.codec import AnyEvent
from shared.contracts.definitions import council_of
from shared.contracts.envelope import ItemEvent
from shared.contracts.items import (
    TicketOpened,
    TicketReclassified,
    TicketResolved,
    WorkCompleted,
    WorkReceived,
    WorkReclassified,
)
from shared.contracts.usage import UsageRecorded, UsageReversed
from shared.instants import epoch_us, instant_at
from shared.period import LONDON

Meter = Literal["work-completed", "tickets-resolved", "readings"]
DefinitionKind = Literal["council", "service", "provider", "agreement", "tariff"]

MICRO = 1_000_000  # quantities have at most six decimals: stored as integers, never as floats
_HOUR_US = 3_600_000_000


class Origin(Struct, frozen=True, gc=False):
    """The event that a fact comes from, and its time in epoch microseconds.

    `place` orders the events of one item at one time as their `sequence` does, compared as text.
    """

    source: str
    id: str
    at_us: int
    place: str = ""


class ItemOpened(Struct, frozen=True, gc=False):
    """A ticket was opened, or a unit of work received, for a service."""

    origin: Origin
    council: str
    meter: Meter
    item: str
    service: str
    day: date


class ItemCompleted(Struct, frozen=True, gc=False):
    """An item was completed or resolved; `quantity_micro` millionths of a unit."""

    origin: Origin
    council: str
    meter: Meter
    item: str
    day: date
    quantity_micro: int


class ItemReclassified(Struct, frozen=True, gc=False):
    """An item is of another service from its time on."""

    origin: Origin
    council: str
    meter: Meter
    item: str
    service: str


class ReadingRecorded(Struct, frozen=True, gc=False):
    """A quantity was recorded for a day; `unit` is that of the sender, where it names one."""

    origin: Origin
    council: str
    service: str
    unit: str | None
    day: date
    quantity_micro: int


class ReadingReversed(Struct, frozen=True, gc=False):
    """The reading that `reversed_source` and `reversed_id` name is reversed, whole."""

    origin: Origin
    council: str
    service: str
    reversed_source: str
    reversed_id: str


class DefinitionPublished(Struct, frozen=True, gc=False):
    """A version of a definition that rating reads, as canonical JSON; `council` is None for what councils share."""

    origin: Origin
    kind: DefinitionKind
    id: str
    version: int
    council: str | None
    effective_from: date
    definition: bytes


Fact = ItemOpened | ItemReclassified | ItemCompleted | ReadingRecorded | ReadingReversed | DefinitionPublished

_KINDS: dict[type, DefinitionKind] = {
    changes.CouncilVersioned: "council",
    changes.ServiceVersioned: "service",
    changes.ProviderVersioned: "provider",
    changes.AgreementVersioned: "agreement",
    changes.TariffVersioned: "tariff",
}
_encoder = msgspec.json.Encoder(order="deterministic")


def fact_of(event: AnyEvent) -> Fact | None:
    """The fact that billing keeps of `event`; None for one that no recharge depends on."""
    place = sequence_place(event.sequence or "") if isinstance(event, ItemEvent) else ""
    origin = Origin(event.source, event.id, epoch_us(event.time), place)
    day = london_day(origin.at_us)
    fact: Fact | None = None
    match event:
        case UsageRecorded(council=council, data=data):
            quantity = quantity_micro(data.quantity)
            fact = ReadingRecorded(origin, council, data.service, data.unit, data.business_date or day, quantity)
        case UsageReversed(council=council, data=data):
            fact = ReadingReversed(origin, council, data.service, data.reversed_source, data.reversed_id)
        case WorkReceived(council=council, subject=item, data=data):
            fact = ItemOpened(origin, council, "work-completed", item, data.service, day)
        case WorkReclassified(council=council, subject=item, data=data) if data.service:
            fact = ItemReclassified(origin, council, "work-completed", item, data.service)
        case TicketReclassified(council=council, subject=item, data=data) if data.service:
            fact = ItemReclassified(origin, council, "tickets-resolved", item, data.service)
        case WorkCompleted(council=council, subject=item, data=data):
            fact = ItemCompleted(origin, council, "work-completed", item, day, quantity_micro(data.units))
        case TicketOpened(council=council, subject=item, data=data):
            fact = ItemOpened(origin, council, "tickets-resolved", item, data.service, day)
        case TicketResolved(council=council, subject=item):
            fact = ItemCompleted(origin, council, "tickets-resolved", item, day, MICRO)
        case (
            changes.CouncilVersioned(data=data)
            | changes.ServiceVersioned(data=data)
            | changes.ProviderVersioned(data=data)
            | changes.AgreementVersioned(data=data)
            | changes.TariffVersioned(data=data)
        ):
            id_, since, encoded = data.definition.id, data.definition.effective_from, _encoder.encode(data.definition)
            about = council_of(data.definition)
            fact = DefinitionPublished(origin, _KINDS[type(event)], id_, data.version, about, since, encoded)
    return fact


def sequence_place(sequence: str) -> str:
    """A text that sorts as the sequence: none first, then those of digits alone by their number, then other text."""
    if not sequence:
        return ""
    return f"1{int(sequence):0>64} {sequence}" if sequence.isdigit() else f"2{sequence}"


def quantity_micro(quantity: str) -> int:
    """Millionths of a unit in a decimal string of at most six decimals."""
    whole, _, decimals = quantity.partition(".")
    return int(whole) * MICRO + int(f"{decimals:0<6}")


def london_day(at_us: int) -> date:
    """The London date of an instant: its borders fall on whole UTC hours, so hours suffice and cache well."""
    return _day_of_hour(at_us // _HOUR_US)


@lru_cache(maxsize=65_536)
def _day_of_hour(epoch_hour: int) -> date:
    return instant_at(epoch_hour * _HOUR_US).astimezone(LONDON).date()

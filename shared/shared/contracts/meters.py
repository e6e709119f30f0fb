"""Meters as a service writes them: which events count for it, what of each, and how many units that makes.

`billing.domain.meters` has the calculation, docs/partnership-files.md an example of each.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from shared.contracts.scalars import Id, Quantity
from shared.faults import Fault

NamedMeter = Literal["work-completed", "tickets-resolved", "readings"]
Aggregate = Literal["count", "sum", "max", "latest", "unique", "time-weighted-average"]
Rounding = Literal["none", "up", "down", "half-up"]
# Each with a service of its own, or about an item that has one.
MeteredType = Literal[
    "tallystick.ticket.opened.v1",
    "tallystick.ticket.assigned.v1",
    "tallystick.ticket.asked.v1",
    "tallystick.ticket.responded.v1",
    "tallystick.ticket.paused.v1",
    "tallystick.ticket.resumed.v1",
    "tallystick.ticket.resolved.v1",
    "tallystick.ticket.closed.v1",
    "tallystick.ticket.reopened.v1",
    "tallystick.ticket.cancelled.v1",
    "tallystick.ticket.reprioritised.v1",
    "tallystick.ticket.reclassified.v1",
    "tallystick.work.received.v1",
    "tallystick.work.started.v1",
    "tallystick.work.paused.v1",
    "tallystick.work.resumed.v1",
    "tallystick.work.completed.v1",
    "tallystick.work.rejected.v1",
    "tallystick.work.reclassified.v1",
    "tallystick.usage.recorded.v1",
]
QUANTITY = "quantity"
_READING = "tallystick.usage.recorded.v1"
_WITH_QUANTITY = frozenset({_READING, "tallystick.work.completed.v1", "tallystick.ticket.resolved.v1"})


class Meter(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How the month's units come from the events of one type, where none of the named meters says it.

    `of` is the quantity of each event, or the name of an attribute: a number, or for `unique` any text. Units are
    × `multiply_by` ÷ `divide_by`, then rounded to `places` decimals; without a rounding they have six, half up.
    """

    event: MeteredType
    aggregate: Aggregate
    of: Id = QUANTITY
    when: dict[str, tuple[str, ...]] = field(default_factory=dict)  # attribute → accepted values
    once_per_item: bool = False  # of the events of one item only the first counts
    reading_unit: Id | None = None  # what readings are in before the conversion; None: the service's unit
    multiply_by: Quantity = "1"
    divide_by: Quantity = "1"
    rounding: Rounding = "none"
    places: Annotated[int, Meta(ge=0, le=6)] = 0

    @property
    def is_of_readings(self) -> bool:
        """Whether it counts readings, and no events of items."""
        return self.event == _READING

    @property
    def is_of_the_month(self) -> bool:
        """Whether it is one level for all of the month, of which a part of the month has the share of its days."""
        return self.aggregate in ("max", "latest")


# The meters with names, written out.
NAMED_METERS: dict[NamedMeter, Meter] = {
    "work-completed": Meter(event="tallystick.work.completed.v1", aggregate="sum", once_per_item=True),
    "tickets-resolved": Meter(event="tallystick.ticket.resolved.v1", aggregate="count", once_per_item=True),
    "readings": Meter(event="tallystick.usage.recorded.v1", aggregate="sum"),
}


def meter_of(counted_by: NamedMeter | Meter) -> Meter:
    """The meter, also where only its name is written."""
    return counted_by if isinstance(counted_by, Meter) else NAMED_METERS[counted_by]


def meter_faults(meter: Meter) -> Iterator[Fault]:
    """All that is wrong with it; also what would have no effect, for its writer meant something by it."""
    counts_events = meter.aggregate == "count"
    if counts_events and meter.of != QUANTITY:
        yield Fault(("of",), "has no effect: count counts events: leave it out")
    if not counts_events and meter.of == QUANTITY and meter.event not in _WITH_QUANTITY:
        yield Fault(("of",), "expected the name of an attribute: events of this type have no quantity")
    if meter.aggregate == "unique" and meter.of == QUANTITY:
        yield Fault(("of",), "expected the name of an attribute whose values are counted, or item")
    if meter.aggregate == "time-weighted-average" and not meter.is_of_readings:
        yield Fault(("event",), f"expected {_READING}: only readings are levels that hold until the next one")
    if meter.once_per_item and meter.is_of_readings:
        yield Fault(("once_per_item",), "has no effect: each reading is an item of its own")
    if meter.once_per_item and meter.aggregate not in ("count", "sum"):
        yield Fault(("once_per_item",), "is for count and sum only")
    if meter.reading_unit is not None and not meter.is_of_readings:
        yield Fault(("reading_unit",), "has no effect: only readings name a unit")
    yield from _conversion_faults(meter)
    yield from (Fault(("when", name), "expected at least one value") for name, of in meter.when.items() if not of)


def _conversion_faults(meter: Meter) -> Iterator[Fault]:
    for name in ("multiply_by", "divide_by"):
        if not Decimal(getattr(meter, name)):
            yield Fault((name,), "expected a number above 0")
    if meter.rounding == "none" and meter.places:
        yield Fault(("places",), "has no effect without a rounding")

"""Which events billing keeps, and the row that each of them is: whatever is metered, is metered from these rows.

Every accepted event of the provider's topics is kept, whether a meter of today counts it or not: a fact can be
withdrawn later, a reading adjusted, and a meter agreed that counts what nobody counted before. A month's usage is a
function of the *set* of rows: their order and repetition change nothing. The meters that have names are

* work-completed: an item is metered once, by its first completion in event time (ties by sequence, source, then id),
  with the `units` of that completion. A later completion of the same item, with whatever units, counts nothing.
* tickets-resolved: a ticket is one unit, on the day of its first resolution. Reopening it does not undo that.
* readings: the quantity recorded and what it was adjusted by, on the reading's day, unless a reversal for the same
  council and service names the reading.

An item is counted under the service that it was of when it was completed: that of its first `received` or `opened`
event, or of the last `reclassified` in a second before the completion. What it became in the very second of its
completion it was for no time; what it became by the second of its opening it was from the start. Until the event that
opened it is here, its completion is stored and billed to nobody.
"""

from datetime import date
from functools import cache, lru_cache
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

from shared.contracts import catalogue as changes
from shared.contracts.codec import AnyEvent
from shared.contracts.definitions import council_of
from shared.contracts.envelope import ItemEvent
from shared.contracts.items import FactWithdrawn, TicketEvent, WorkEvent
from shared.contracts.usage import UsageEvent, UsageRecorded
from shared.instants import epoch_us, instant_at
from shared.period import LONDON

EventStream = Literal["ticket", "work", "service", "usage"]
DefinitionKind = Literal["council", "service", "provider", "agreement", "tariff", "partnership"]

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


class EventReceived(Struct, frozen=True, gc=False):
    """An event of a ticket, of work, of an outage or of usage, and where in the log it is.

    `type` is without the `tallystick.` that all have; `stream` says what `item` is, and so which topic the offset is
    of. `service`, `unit` and `quantity_micro` (millionths; of an adjustment perhaps below 0) are None where the event
    names none. `attributes` are the rest of its data as canonical JSON. The target is the event that it reverses,
    adjusts or withdraws.
    """

    origin: Origin
    partition: int
    offset: int
    type: str
    stream: EventStream
    council: str
    item: str
    day: date
    service: str | None = None
    quantity_micro: int | None = None
    unit: str | None = None
    attributes: str | None = None
    target_source: str | None = None
    target_id: str | None = None


class DefinitionPublished(Struct, frozen=True, gc=False):
    """A version of a definition that rating reads, as canonical JSON; `council` is None for what councils share."""

    origin: Origin
    kind: DefinitionKind
    id: str
    version: int
    council: str | None
    effective_from: date
    definition: bytes


Fact = EventReceived | DefinitionPublished

_KINDS: dict[type, DefinitionKind] = {
    changes.CouncilVersioned: "council",
    changes.ServiceVersioned: "service",
    changes.ProviderVersioned: "provider",
    changes.AgreementVersioned: "agreement",
    changes.TariffVersioned: "tariff",
    changes.PartnershipVersioned: "partnership",
}
_PROVIDED = frozenset({*get_args(TicketEvent), *get_args(WorkEvent), *get_args(UsageEvent), FactWithdrawn})
# The fields of data that have a column of their own, by that column.
_QUANTITIES = ("quantity", "units")
_TARGETS = ("reversed", "adjusted", "withdrawn")
_COLUMNS = frozenset(
    {"service", "unit", "business_date", "stream", *_QUANTITIES}
    | {f"{verb}_{part}" for verb in _TARGETS for part in ("source", "id")}
)
_encoder = msgspec.json.Encoder(order="deterministic")


def fact_of(event: AnyEvent, *, partition: int, offset: int) -> Fact | None:
    """The fact that billing keeps of the event in that place; None for one that it has no use for."""
    if type(event) in _PROVIDED and isinstance(event, ItemEvent):
        return _received(event, partition, offset)
    match event:
        case (
            changes.CouncilVersioned(data=data)
            | changes.ServiceVersioned(data=data)
            | changes.ProviderVersioned(data=data)
            | changes.AgreementVersioned(data=data)
            | changes.TariffVersioned(data=data)
            | changes.PartnershipVersioned(data=data)
        ):
            origin = Origin(event.source, event.id, epoch_us(event.time))
            id_, since, encoded = data.definition.id, data.definition.effective_from, _encoder.encode(data.definition)
            about = council_of(data.definition)
            return DefinitionPublished(origin, _KINDS[type(event)], id_, data.version, about, since, encoded)
        case _:
            return None


def kept_type(event: type[ItemEvent]) -> str:
    """How the rows of this type of event are marked: `usage.recorded.v1`."""
    return str(event.__struct_config__.tag).removeprefix("tallystick.")


class _DataLayout(Struct, frozen=True):
    """How the data of one type is laid out: the names of its fields, None where it has no such field."""

    type: str
    stream: Any
    quantity: str | None
    target: str | None
    has_service: bool
    has_unit: bool
    rest: tuple[str, ...]


@cache
def _form_of(kind: type[ItemEvent]) -> _DataLayout:
    type_ = kept_type(kind)
    names = [field.name for field in msgspec.structs.fields(_data_type(kind))]
    return _DataLayout(
        type=type_,
        stream=type_.partition(".")[0],
        quantity=next((name for name in _QUANTITIES if name in names), None),
        target=next((verb for verb in _TARGETS if f"{verb}_id" in names), None),
        has_service="service" in names,
        has_unit="unit" in names,
        rest=tuple(name for name in names if name not in _COLUMNS),
    )


def _data_type(kind: type[ItemEvent]) -> type[Struct]:
    info = next(field for field in msgspec.inspect.type_info(kind).fields if field.name == "data").type  # type: ignore[attr-defined]  # an event is a struct
    return info.type.cls if isinstance(info, msgspec.inspect.Metadata) else info.cls  # type: ignore[attr-defined, no-any-return]  # so is its data


def _received(event: ItemEvent, partition: int, offset: int) -> EventReceived:
    form, data = _form_of(type(event)), event.data  # type: ignore[attr-defined]  # every item event has data
    origin = Origin(event.source, event.id, epoch_us(event.time), sequence_place(event.sequence or ""))
    dated = data.business_date if isinstance(event, UsageRecorded) else None
    verb = form.target
    return EventReceived(
        origin,
        partition,
        offset,
        form.type,
        data.stream if isinstance(event, FactWithdrawn) else form.stream,
        event.council,
        event.subject,
        dated or london_day(origin.at_us),
        (data.service or None) if form.has_service else None,
        quantity_micro(getattr(data, form.quantity)) if form.quantity else None,
        data.unit if form.has_unit else None,
        _attributes(data, form.rest) if form.rest else None,
        getattr(data, f"{verb}_source") if verb else None,
        getattr(data, f"{verb}_id") if verb else None,
    )


def _attributes(data: Struct, names: tuple[str, ...]) -> str | None:
    """The fields of these `names` that say something, as canonical JSON; None where none does."""
    given = {name: value for name in names if (value := getattr(data, name)) not in (None, msgspec.UNSET, {})}
    return _encoder.encode(given).decode() if given else None


def sequence_place(sequence: str) -> str:
    """A text that sorts as the sequence: none first, then those of digits alone by their number, then other text."""
    if not sequence:
        return ""
    return f"1{int(sequence):0>64} {sequence}" if sequence.isdigit() else f"2{sequence}"


def quantity_micro(quantity: str) -> int:
    """Millionths of a unit in a decimal string of at most six decimals."""
    whole, _, decimals = quantity.removeprefix("-").partition(".")
    micro = int(whole) * MICRO + int(f"{decimals:0<6}")
    return -micro if quantity[0] == "-" else micro


def london_day(at_us: int) -> date:
    """The London date of an instant: its borders fall on whole UTC hours, so hours suffice and cache well."""
    return _day_of_hour(at_us // _HOUR_US)


@lru_cache(maxsize=65_536)
def _day_of_hour(epoch_hour: int) -> date:
    return instant_at(epoch_hour * _HOUR_US).astimezone(LONDON).date()

"""What a mapping file may say, each value by itself; `cross_checks.py` looks at them together.

Cells are text, and so are the names and values of a mapping. Only the definitions of its trial hold numbers.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from shared.contracts.definitions import Calendar, Council, Provider, Service, Target, Tariff
from shared.contracts.scalars import Id
from shared.faults import Path
from tallystick.replay.events import ItemKind, ItemState

Name = Annotated[str, Meta(min_length=1)]
SourceName = Annotated[str, Meta(pattern=r"^/\S{1,255}(?![\s\S])", description="a source, beginning with /")]


class MappingPart(Struct, frozen=True, forbid_unknown_fields=True):
    """Part of a mapping file. A name that it does not know is a fault."""


class CellValue(MappingPart, frozen=True):
    """A `constant` for every row, or a value that each row brings in `column`, perhaps by way of a lookup.

    The cell, or what `field` of the lookup says about it, is translated by `values` where it is listed there.
    `default` stands for a blank cell, and for one that the lookup does not know.
    """

    constant: Name | None = None
    column: Name | None = None
    lookup: Name | None = None
    field: Name | None = None
    values: dict[str, str] = {}
    default: str | None = None


class IdValue(CellValue, frozen=True):
    """An id for every row. What `values` does not list is made into an id by rule."""

    constant: Id | None = None
    values: dict[str, Id] = {}
    default: Id | None = None


class Lookup(MappingPart, frozen=True):
    """A second CSV, looked up by its column `key`. Without `file`, one is given when the replay is run."""

    key: Name
    file: Name | None = None


class TimeRule(MappingPart, frozen=True):
    """The event happened when the row's `column` says, and carries `data`; a blank cell says that it did not."""

    event: Name
    column: Name
    data: dict[str, str] = {}


class ActivityRule(MappingPart, frozen=True):
    """The event happened in each row of an item with one of the activities; without any, in each row.

    `pick` narrows that to the item's first or last such row. `during` narrows it to rows that find the item in one
    of these states, as the events made before left it. All such events carry `data`.
    """

    event: Name
    data: dict[str, str] = {}
    activity: tuple[Name, ...] = ()
    pick: Literal["first", "last", "all"] = "all"
    during: tuple[ItemState, ...] = ()


class TargetTemplates(MappingPart, frozen=True, kw_only=True):
    """A target for the service of each row of a lookup; the value in the column `choose` chooses which template.

    A template is a target without `id` and `service`; `{column}` in its texts is filled from the lookup's row. Rows
    with a choice that has no template, and those whose key is in `skip`, make no target.
    """

    lookup: Name
    service: Name
    choose: Name
    skip: tuple[Name, ...] = ()
    templates: dict[str, dict[str, Any]]


class Trial(MappingPart, frozen=True, kw_only=True):
    """The catalogue for a CSV that brings its own councils and services.

    `councils` and `services` list those that are more than a name; the rest are named after the file's values.
    Every council gets one agreement, with all the targets and tariffs.
    """

    title: Annotated[str, Meta(min_length=1, max_length=100)]
    provider: Provider
    councils: tuple[Council, ...] = ()
    services: tuple[Service, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    targets: tuple[Target, ...] = ()
    targets_from: TargetTemplates | None = None
    tariffs: tuple[Tariff, ...] = ()


class AnyRows(MappingPart, frozen=True, kw_only=True, tag_field="rows"):
    """What every mapping says, whatever a row of its file is."""

    about: str = ""
    source: SourceName
    encoding: Name = "utf-8-sig"
    zone: Name
    time_format: Name | None = None
    council: IdValue
    service: IdValue
    lookups: dict[str, Lookup] = {}
    trial: Trial | None = None

    def cell_values(self) -> dict[Path, CellValue]:
        """The values that it finds in rows, by their place in the file."""
        return {("council",): self.council, ("service",): self.service}

    def plain_columns(self) -> tuple[str | None, ...]:
        """The columns that it reads as they are; None for one that it does without."""
        return ()

    @property
    def columns(self) -> set[str]:
        """Every column that a file must have."""
        found = {value.column for value in self.cell_values().values()}
        return {column for column in found | set(self.plain_columns()) if column is not None}


class AnyItems(AnyRows, frozen=True, kw_only=True):
    """What a mapping says of items: tickets, or pieces of work."""

    kind: ItemKind
    priority: IdValue | None = None
    attributes: Annotated[dict[Id, CellValue], Meta(max_length=16)] = {}
    due: Name | None = None

    def cell_values(self) -> dict[Path, CellValue]:
        """Those of every file, the priority and the attributes."""
        found: dict[Path, CellValue] = {("attributes", name): value for name, value in self.attributes.items()}
        if self.priority is not None:
            found["priority",] = self.priority
        return super().cell_values() | found


class ItemRows(AnyItems, frozen=True, kw_only=True, tag="item"):
    """One row is one item, its columns are the times of its events. Without `item` the line number is its id."""

    item: Name | None = None
    events: Annotated[tuple[TimeRule, ...], Meta(min_length=1)]

    def plain_columns(self) -> tuple[str | None, ...]:
        """The id, the deadline and the times."""
        return self.item, self.due, *(rule.column for rule in self.events)


class EventRows(AnyItems, frozen=True, kw_only=True, tag="event"):
    """One row is one thing that happened to an item. What an item is, its first row in the file says.

    An item is its council and its id. With `council_of` first-row an id is one item in the whole file, and belongs to
    the council of its first row, whatever later rows say.
    """

    item: Name
    time: Name
    activity: Name
    events: Annotated[tuple[ActivityRule, ...], Meta(min_length=1)]
    ignore: tuple[Name, ...] = ()
    council_of: Literal["each-row", "first-row"] = "each-row"

    def plain_columns(self) -> tuple[str | None, ...]:
        """The id, the deadline, the time and the activity."""
        return self.item, self.due, self.time, self.activity


class ReadingRows(AnyRows, frozen=True, kw_only=True, tag="reading"):
    """One row is one metered quantity, on a date. Without `reading` the file's name and the line are its id."""

    reading: Name | None = None
    date: Name
    quantity: CellValue
    unit: Id | None = None

    def cell_values(self) -> dict[Path, CellValue]:
        """Those of every file, and the quantity."""
        return super().cell_values() | {("quantity",): self.quantity}

    def plain_columns(self) -> tuple[str | None, ...]:
        """The id and the date."""
        return self.reading, self.date


MappingContent = ItemRows | EventRows | ReadingRows

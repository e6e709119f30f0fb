"""What a mapping file may say, each value by itself; `cross_checks.py` looks at them together.

Cells are text, and so are the names and values of a mapping. Only the definitions of its trial hold numbers.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from shared.contracts.definitions import Calendar, Council, Provider, Service, Target, Tariff
from shared.contracts.scalars import Id
from shared.faults import Path
from shared.instants import epoch_us
from tallystick.replay.amounts import DecimalMark
from tallystick.replay.durations import DurationUnit
from tallystick.replay.events import ItemKind, ItemState
from tallystick.replay.export_register import Span
from tallystick.replay.file_form import FileForm, RowFilter

LineNumber = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,3}(?![\s\S])", description="a line, counted from 1")]
# One form may be written without a list.
Day = Annotated[str, Meta(pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9](?![\s\S])", description="a day like 2026-06-01")]
Forms = tuple[str, ...]
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


class QuantityValue(CellValue, frozen=True):
    """A quantity for every row; `decimal` is the mark before its decimals."""

    decimal: DecimalMark = "."


class TimeColumn(MappingPart, frozen=True, kw_only=True):
    """How the times of a column are read; `column` is named where the name in `times` is one that you made up.

    `time` is a second column, with the time of day. `zone` and `zone_column` say whose clocks showed it. What the
    column `plus` says is added; it is a number of `plus_unit`, or text such as "4h 10m".
    """

    column: Name | None = None
    format: Forms = ()
    time: Name | None = None
    zone: Name | None = None
    zone_column: Name | None = None
    plus: Name | None = None
    plus_unit: DurationUnit = "text"

    def columns(self, name: str) -> set[str]:
        """The columns that it reads under `name`."""
        return {each for each in (self.column or name, self.time, self.zone_column, self.plus) if each is not None}


class Where(MappingPart, frozen=True, rename={"in_": "in"}):
    """Rows count whose cell of `column` is `in` a list, or `not_in` one; "" is a blank cell."""

    column: Name
    in_: tuple[str, ...] | None = None
    not_in: tuple[str, ...] | None = None

    @property
    def row_filter(self) -> RowFilter:
        """The same, as the file is read by it."""
        return RowFilter(self.column, frozenset(self.in_ or self.not_in or ()), wanted=self.in_ is not None)


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


class CompleteSpan(MappingPart, frozen=True, rename={"from_": "from"}):
    """The file has every item that was opened, or reading that is dated, `from` one day to before another (`to`)."""

    from_: Day
    to: Day

    def span(self, zone: ZoneInfo) -> Span:
        """The same from local midnight to local midnight."""
        first, last = (
            epoch_us(datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC)) for day in (self.from_, self.to)
        )
        return Span(first, last)


class MappedFile(MappingPart, frozen=True, kw_only=True):
    """How the file of a mapping is written, and which of its rows count."""

    about: str = ""
    encoding: Name = "utf-8-sig"
    delimiter: Annotated[str, Meta(min_length=1, max_length=3)] | None = None
    quote: Literal['"', "'", "none"] = '"'
    header_line: LineNumber | None = None
    sheet: Name | None = None
    blank: tuple[Name, ...] = ()
    where: tuple[Where, ...] = ()

    @property
    def form(self) -> FileForm:
        """How the file is written."""
        return FileForm(
            encoding=self.encoding,
            delimiter="\t" if self.delimiter in {"tab", r"\t"} else self.delimiter,
            quote="" if self.quote == "none" else self.quote,
            header_line=None if self.header_line is None else int(self.header_line),
            sheet=self.sheet,
            blank=frozenset(self.blank),
            where=tuple(each.row_filter for each in self.where),
        )


class AnyRows(MappedFile, frozen=True, kw_only=True, tag_field="rows"):
    """What every mapping says, whatever a row of its file is."""

    source: SourceName
    zone: Name
    time_format: Forms = ()
    times: dict[Name, TimeColumn] = {}
    complete: CompleteSpan | None = None
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

    def time_columns(self) -> tuple[str | None, ...]:
        """The columns of times, or their names under `times`; None for one that it does without."""
        return ()

    @property
    def columns(self) -> set[str]:
        """Every column that a file must have."""
        found = {value.column for value in self.cell_values().values()} | set(self.plain_columns())
        for name in self.time_columns():
            found |= self.times[name].columns(name) if name in self.times else {name}
        return {column for column in found if column is not None}


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
    """One row is one item, its columns are the times of its events. Without `item` its id is made of the row's content.

    `repeated` says which of several rows of one item holds; of `refuse` the first, and the others are refused.
    """

    item: Name | None = None
    repeated: Literal["refuse", "first", "last"] = "refuse"
    events: Annotated[tuple[TimeRule, ...], Meta(min_length=1)]

    def plain_columns(self) -> tuple[str | None, ...]:
        """The id."""
        return (self.item,)

    def time_columns(self) -> tuple[str | None, ...]:
        """The deadline and the times of the events."""
        return self.due, *(rule.column for rule in self.events)


class EventRows(AnyItems, frozen=True, kw_only=True, tag="event"):
    """One row is one thing that happened to an item. What an item is, its first row in the file says.

    An item is its council and its id. With `council_of` first-row an id is one item in the whole file, and belongs to
    the council of its first row, whatever later rows say. `opening` is a column with the time at which the row's item
    began. With `reclassify`, a row that says another service, priority or attribute than the row before it in time
    says that it changed then; without, such items are counted.
    """

    item: Name
    opening: Name | None = None
    reclassify: Literal["yes", "no"] = "no"
    time: Name
    activity: Name
    events: Annotated[tuple[ActivityRule, ...], Meta(min_length=1)]
    ignore: tuple[Name, ...] = ()
    council_of: Literal["each-row", "first-row"] = "each-row"

    def plain_columns(self) -> tuple[str | None, ...]:
        """The id and the activity."""
        return self.item, self.activity

    def time_columns(self) -> tuple[str | None, ...]:
        """The deadline, the opening where a column has it, and the time."""
        return self.due, self.opening, self.time


class ReadingRows(AnyRows, frozen=True, kw_only=True, tag="reading"):
    """One row is one metered quantity, on a date. Without `reading` its id is made of the row's content.

    A quantity below zero adjusts the reading whose id the column `adjusts` has.
    """

    reading: Name | None = None
    date: Name
    adjusts: Name | None = None
    quantity: QuantityValue
    unit: Id | None = None

    def cell_values(self) -> dict[Path, CellValue]:
        """Those of every file, and the quantity."""
        return super().cell_values() | {("quantity",): self.quantity}

    def plain_columns(self) -> tuple[str | None, ...]:
        """The id, and that of the reading that is adjusted."""
        return self.reading, self.adjusts

    def time_columns(self) -> tuple[str | None, ...]:
        """The date."""
        return (self.date,)


MappingContent = ItemRows | EventRows | ReadingRows

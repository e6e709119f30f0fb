"""The form of a mapping file: what it may say, each value by itself (`contradictions.py` looks at them together).

Everything a person writes arrives as text; the models give it its type. A fault is reported with its place, so the
reader of the file (`mapping.py`) can name the line.
"""

from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from pydantic import BaseModel, ConfigDict, Discriminator, Field, PlainValidator, Tag

from shared.contracts.definitions import Calendar, Council, Provider, Service, Target, Tariff
from shared.contracts.scalars import ID_PATTERN
from shared.faults import Path
from tallystick.replay.defining import read_definition
from tallystick.replay.event_types import Kind, State

Word = Annotated[str, Field(min_length=1)]
# The same pattern in the dialect of pydantic's engine, which has no look-ahead.
WrittenId = Annotated[str, Field(pattern=ID_PATTERN.replace(r"(?![\s\S])", r"\z"))]


def _defined(kind: type[msgspec.Struct]) -> PlainValidator:
    return PlainValidator(lambda written: read_definition(kind, written))


def _zone(written: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(written))
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{written!r} is no time zone; write one like Europe/London") from None


def _encoding(written: object) -> str:
    try:
        "".encode(str(written))
    except LookupError:
        raise ValueError(f"{written!r} is no text encoding; write for example cp1252") from None
    return str(written)


Zone = Annotated[ZoneInfo, PlainValidator(_zone)]
Encoding = Annotated[str, PlainValidator(_encoding)]


class Form(BaseModel):
    """Part of a mapping file. Nothing may stand in it that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Constant(Form):
    """The same value for every row."""

    constant: Word


class Column(Form):
    """A value that each row brings, perhaps by way of a lookup.

    The cell, or what `field` of the lookup says about it, is translated by `values` where it is listed there.
    `default` stands for a blank cell, and for one that the lookup does not know.
    """

    column: Word
    lookup: Word | None = None
    field: Word | None = None
    values: dict[str, str] = {}
    default: str | None = None


class IdConstant(Constant):
    """The same id for every row."""

    constant: WrittenId


class IdColumn(Column):
    """An id that each row brings. What `values` does not list is made into an id by rule."""

    values: dict[str, WrittenId] = {}
    default: WrittenId | None = None


def _value_tag(written: object) -> str:
    """Angle brackets keep the tag apart from every key that a person can write in the same place."""
    return "<constant>" if isinstance(written, dict) and "constant" in written else "<column>"


Value = Annotated[
    Annotated[Constant, Tag("<constant>")] | Annotated[Column, Tag("<column>")], Discriminator(_value_tag)
]
IdValue = Annotated[
    Annotated[IdConstant, Tag("<constant>")] | Annotated[IdColumn, Tag("<column>")], Discriminator(_value_tag)
]


class Lookup(Form):
    """A second CSV, looked up by its column `key`. Without `file`, one is given when the replay is run."""

    key: Word
    file: Word | None = None


class Rule(Form):
    """One type of event, and the data that all of that type carry."""

    event: Word
    data: dict[str, str] = {}


class TimeRule(Rule):
    """The event happened when the row's `column` says; a blank cell says that it did not."""

    column: Word


class ActivityRule(Rule):
    """The event happened in each row of an item with one of the activities; without any, in each row.

    `pick` narrows that to the item's first or last such row. `during` narrows it to rows that find the item in one
    of these states, as the events made before left it.
    """

    activity: tuple[Word, ...] = ()
    pick: Literal["first", "last", "all"] = "all"
    during: tuple[State, ...] = ()


class TargetTemplates(Form):
    """A target for the service of each row of a lookup; the value in the column `choose` chooses which form.

    A form is a target without `id` and `service`; `{column}` in its texts is filled from the lookup's row. Rows
    with a choice that has no form, and those whose key is in `skip`, make no target.
    """

    lookup: Word
    service: Word
    choose: Word
    skip: tuple[Word, ...] = ()
    forms: dict[str, dict[str, Any]]


class Trial(Form):
    """The catalogue for a CSV that brings its own councils and services.

    `councils` and `services` list those that are more than a name; the rest are named after the file's values.
    Every council gets one agreement, with all the targets and tariffs.
    """

    title: Annotated[str, Field(min_length=1, max_length=100)]
    provider: Annotated[Provider, _defined(Provider)]
    councils: tuple[Annotated[Council, _defined(Council)], ...] = ()
    services: tuple[Annotated[Service, _defined(Service)], ...] = ()
    calendars: tuple[Annotated[Calendar, _defined(Calendar)], ...] = ()
    targets: tuple[Annotated[Target, _defined(Target)], ...] = ()
    targets_from: TargetTemplates | None = None
    tariffs: tuple[Annotated[Tariff, _defined(Tariff)], ...] = ()


class FileForm(Form):
    """What every mapping says, whatever a row of its file is."""

    about: str = ""
    source: Annotated[str, Field(pattern=r"^/\S{1,255}\z")]
    encoding: Encoding = "utf-8-sig"
    zone: Zone
    time_format: Word | None = None
    council: IdValue
    service: IdValue
    lookups: dict[str, Lookup] = {}
    trial: Trial | None = None

    def values(self) -> dict[Path, Constant | Column]:
        """The values that it finds in rows, by their place in the file."""
        return {("council",): self.council, ("service",): self.service}

    def cells(self) -> tuple[str | None, ...]:
        """The columns that it reads as they are; None for one that it does without."""
        return ()

    @property
    def columns(self) -> set[str]:
        """Every column that a file must have."""
        found = {value.column for value in self.values().values() if isinstance(value, Column)}
        return found | {column for column in self.cells() if column is not None}


class ItemForm(FileForm):
    """What is said of items: tickets, or pieces of work."""

    kind: Kind
    priority: IdValue | None = None
    attributes: Annotated[dict[WrittenId, Value], Field(max_length=16)] = {}
    due: Word | None = None

    def values(self) -> dict[Path, Constant | Column]:
        """Those of every file, the priority and the attributes."""
        attributes = {("attributes", name): value for name, value in self.attributes.items()}
        priority = {} if self.priority is None else {("priority",): self.priority}
        return super().values() | priority | attributes


class ItemRows(ItemForm):
    """One row is one item, its columns are the times of its events. Without `item` the line number is its id."""

    rows: Literal["item"]
    item: Word | None = None
    events: Annotated[tuple[TimeRule, ...], Field(min_length=1)]

    def cells(self) -> tuple[str | None, ...]:
        """The id, the deadline and the times."""
        return self.item, self.due, *(rule.column for rule in self.events)


class EventRows(ItemForm):
    """One row is one thing that happened to an item. What an item is, its first row in the file says."""

    rows: Literal["event"]
    item: Word
    time: Word
    activity: Word
    events: Annotated[tuple[ActivityRule, ...], Field(min_length=1)]
    ignore: tuple[Word, ...] = ()

    def cells(self) -> tuple[str | None, ...]:
        """The id, the deadline, the time and the activity."""
        return self.item, self.due, self.time, self.activity


class ReadingRows(FileForm):
    """One row is one metered quantity, on a date. Without `reading` the file's name and the line are its id."""

    rows: Literal["reading"]
    reading: Word | None = None
    date: Word
    quantity: Value
    unit: WrittenId | None = None

    def values(self) -> dict[Path, Constant | Column]:
        """Those of every file, and the quantity."""
        return super().values() | {("quantity",): self.quantity}

    def cells(self) -> tuple[str | None, ...]:
        """The id and the date."""
        return self.reading, self.date


MappingForm = Annotated[ItemRows | EventRows | ReadingRows, Field(discriminator="rows")]

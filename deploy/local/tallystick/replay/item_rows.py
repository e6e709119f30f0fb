"""One row is one item: each time in it is an event."""

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.envelope import EventData
from tallystick.replay.event_builder import EventBuilder, TimedEvent
from tallystick.replay.event_types import EVENT_TYPES, ReplayEventType
from tallystick.replay.fields import ItemFields, Lookups, Read, subject_of
from tallystick.replay.form import ItemRows
from tallystick.replay.rows import BEFORE_OPENING, RowReader
from tallystick.replay.table import Header, InvalidRow, Row, Table
from tallystick.replay.times import Times


@dataclass(frozen=True, slots=True)
class _TimeColumn:
    """A column of times. `data` is None for the beginning, whose data are the row's; `occurrence` counts from 1."""

    name: str
    cell: Read
    happening: ReplayEventType
    data: EventData | None
    occurrence: int


def translate_items(form: ItemRows, table: Table, lookups: Lookups, intake: RowReader) -> list[TimedEvent]:
    """The events of all items, in ascending order of time; those of one instant in the order of the rows."""
    translator = _ItemTranslator(form, table, lookups, intake)
    told: list[TimedEvent] = []
    for line, row in intake.rows(table):
        try:
            told += translator.tell(line, row)
        except InvalidRow as why:
            intake.refuse(line, why)
        else:
            intake.counts.translated += 1
    told.sort(key=lambda event: event.at_us)
    return told


class _ItemTranslator:
    def __init__(self, form: ItemRows, table: Table, lookups: Lookups, intake: RowReader) -> None:
        self._times = Times(form.zone, form.time_format, intake.counts.notes)
        self._fields = ItemFields(form, table.header, lookups, self._times)
        self._subject = subject_of(form.item, table)
        self._columns = _columns(form, table.header)
        self._maker = EventBuilder(form.source, form.kind, intake.counts)
        self._notes = intake.counts.notes
        self._lines: dict[tuple[str, str], int] = {}

    def tell(self, line: int, row: Row) -> list[TimedEvent]:
        """The events of the row's item, in the order of the mapping; nothing is made where it raises `InvalidRow`."""
        council, item = self._fields.council(row), self._subject(line, row)
        accepted = self._fields.accepted(row)
        happened = self._happened(row)
        first = self._lines.setdefault((council, item), line)
        if first != line:
            raise InvalidRow(f"item {item!r} of {council!r} is on line {first} already")
        return [
            self._maker.make(
                column.happening,
                council=council,
                item=item,
                at=at,
                data=accepted if column.data is None else column.data,
                occurrence=column.occurrence,
            )
            for column, at in happened
        ]

    def _happened(self, row: Row) -> list[tuple[_TimeColumn, datetime]]:
        happened = [
            (column, self._times.instant(text, column=column.name))
            for column in self._columns
            if (text := column.cell(row)) or column.data is None
        ]
        began = next(at for column, at in happened if column.data is None)
        self._notes[BEFORE_OPENING] += sum(at < began for _, at in happened)
        return happened


def _columns(form: ItemRows, header: Header) -> list[_TimeColumn]:
    columns: list[_TimeColumn] = []
    for rule in form.events:
        happening = EVENT_TYPES[form.kind][rule.event]
        columns.append(
            _TimeColumn(
                name=rule.column,
                cell=header.cell(rule.column),
                happening=happening,
                data=None if happening.opens else happening.fixed_data(rule.data),
                occurrence=1 + sum(column.happening is happening for column in columns),
            )
        )
    return columns

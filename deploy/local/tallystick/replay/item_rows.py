"""One row is one item: each time in it is an event."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from shared.contracts.envelope import EventData
from tallystick.replay.events import (
    EVENT_TYPES,
    EventBuilder,
    ReplayEventType,
    TimedEvent,
    in_order_of_time,
    sequence_of,
)
from tallystick.replay.fields import ItemFields, ItemNames, Lookups, Read
from tallystick.replay.mapping_schema import ItemRows
from tallystick.replay.rows import BEFORE_OPENING, RowReader
from tallystick.replay.scratch import FirstValues, Scratch
from tallystick.replay.table import Header, InvalidRow, Row, Table
from tallystick.replay.times import Times


@dataclass(frozen=True, slots=True)
class _TimeColumn:
    """A column of times. `data` is None for the opening, whose data are the row's; `occurrence` counts from 1."""

    name: str
    cell: Read
    type: ReplayEventType
    data: EventData | None
    occurrence: int


def translate_items(
    content: ItemRows, table: Table, lookups: Lookups, reader: RowReader, scratch: Scratch
) -> Iterable[TimedEvent]:
    """The events of all items, in ascending order of time; those of one instant in the order of the rows."""
    translator = _ItemTranslator(content, table, lookups, reader, scratch)
    events = in_order_of_time(scratch)
    for line, row in reader.rows(table):
        try:
            made = translator.translate(line, row)
        except InvalidRow as why:
            reader.refuse(line, why, translator.names.of_refused(line, row))
        else:
            reader.counts.translated += 1
            events.add(made)
    return events


class _ItemTranslator:
    def __init__(self, content: ItemRows, table: Table, lookups: Lookups, reader: RowReader, scratch: Scratch) -> None:
        self._times = Times(ZoneInfo(content.zone), content.time_format, reader.counts.notes)
        self._fields = ItemFields(content, table.header, lookups, self._times)
        self.names = ItemNames(self._fields.council, content.item, table, scratch)
        self._columns = _time_columns(content, table.header)
        self._builder = EventBuilder(content.source, content.kind)
        self._counts = reader.counts
        self._lines = FirstValues[int](scratch)

    def translate(self, line: int, row: Row) -> list[TimedEvent]:
        """The events of the row's item, in the order of the mapping; nothing is made where it raises `InvalidRow`."""
        council, item = name = self.names.of(line, row)
        new_item = self._fields.new_item(row)
        times = self._event_times(row)
        key = ":".join(name)
        if (first := self._lines.get(key)) is not None:
            raise InvalidRow(f"item {item!r} of {council!r} is on line {first} already")
        made = [
            self._builder.build(
                column.type,
                council=council,
                item=item,
                at=at,
                data=column.data or new_item,
                occurrence=column.occurrence,
                sequence=sequence_of(1, number),
            )
            for number, (column, at) in enumerate(times, start=1)
        ]
        self._lines.setdefault(key, line)
        self._counts.events.update(column.type.tag for column, _ in times)
        return made

    def _event_times(self, row: Row) -> list[tuple[_TimeColumn, datetime]]:
        times = [
            (column, self._times.instant(text, column=column.name))
            for column in self._columns
            if (text := column.cell(row)) or column.type.opens
        ]
        opened = next(at for column, at in times if column.type.opens)
        self._counts.notes[BEFORE_OPENING] += sum(at < opened for _, at in times)
        return times


def _time_columns(content: ItemRows, header: Header) -> list[_TimeColumn]:
    columns: list[_TimeColumn] = []
    for rule in content.events:
        type_ = EVENT_TYPES[content.kind][rule.event]
        columns.append(
            _TimeColumn(
                name=rule.column,
                cell=header.cell(rule.column),
                type=type_,
                data=type_.constant_data(rule.data),
                occurrence=1 + sum(column.type is type_ for column in columns),
            )
        )
    return columns

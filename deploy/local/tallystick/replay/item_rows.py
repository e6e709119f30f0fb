"""One row is one item: each time in it is an event."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.contracts.envelope import EventData
from shared.contracts.items import NewItemData
from tallystick.replay.events import (
    EVENT_TYPES,
    EventBuilder,
    ReplayEventType,
    TimedEvent,
    in_order_of_time,
    sequence_of,
)
from tallystick.replay.fields import ItemFields, ItemNames, Lookups
from tallystick.replay.mapping_schema import ItemRows
from tallystick.replay.rows import BEFORE_OPENING, DUE_BEFORE_OPENING, SUPERSEDED, ItemName, RowReader
from tallystick.replay.scratch import FirstValues, LastValues, Scratch
from tallystick.replay.table import InvalidRow, LeftOut, Row, Table
from tallystick.replay.time_columns import ReadTime, TimeColumns


@dataclass(frozen=True, slots=True)
class _TimeColumn:
    """A column of times. `data` is None for the opening, whose data are the row's."""

    name: str
    read: ReadTime
    type: ReplayEventType
    data: EventData | None


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
            reader.refuse(line, why, translator.names.of_refused(row))
        else:
            if made is None:
                reader.counts.unused[SUPERSEDED] += 1
            else:
                reader.counts.translated += 1
                events.add(made)
    return events


class _ItemTranslator:
    def __init__(self, content: ItemRows, table: Table, lookups: Lookups, reader: RowReader, scratch: Scratch) -> None:
        times = TimeColumns(content, table, reader.counts.notes)
        self._fields = ItemFields(content, table.header, lookups, times)
        self.names = ItemNames(self._fields.council, content.item, table, scratch, content=content.columns)
        self._columns = _time_columns(content, times)
        self._builder = EventBuilder(content.source, content.kind)
        self._counts = reader.counts
        self._lines = FirstValues[int](scratch)
        self._repeated = content.repeated
        self._last = self._last_lines(table, scratch) if content.repeated == "last" and content.item else None

    def translate(self, line: int, row: Row) -> list[TimedEvent] | None:
        """The events of the row's item, in the order of the mapping; nothing is made where it raises `InvalidRow`.

        None where another row of the item holds.
        """
        name = self.names.of(row)
        if self._last is not None and self._last.get(":".join(name)) != line:
            return None
        if (first := self._lines.get(":".join(name))) is not None:
            if self._repeated == "first":
                return None
            raise InvalidRow(f"item {name[1]!r} of {name[0]!r} is on line {first} already: `repeated` says which holds")
        made = self._events(name, row)
        self._lines.setdefault(":".join(name), line)
        return made

    def _events(self, name: ItemName, row: Row) -> list[TimedEvent]:
        council, item = name
        new_item = self._fields.new_item(row)
        times = self._event_times(row, new_item)
        made, at_one_instant = list[TimedEvent](), Counter[datetime]()
        for column, at in times:
            at_one_instant[at] += 1  # of these only: a cell that is filled later renumbers nothing that was sent
            sequence = sequence_of(1, at_one_instant[at])
            data = column.data or new_item
            made.append(
                self._builder.build(column.type, council=council, item=item, at=at, data=data, sequence=sequence)
            )
        self._counts.events.update(column.type.tag for column, _ in times)
        return made

    def _event_times(self, row: Row, new_item: NewItemData) -> list[tuple[_TimeColumn, datetime]]:
        times = [(column, at) for column in self._columns if (at := column.read(row)) is not None]
        opened = next((at for column, at in times if column.type.opens), None)
        if opened is None:
            column = next(column.name for column in self._columns if column.type.opens)
            raise InvalidRow(f"{column}: the cell is blank: nothing says when the item began")
        self._counts.note(BEFORE_OPENING, sum(at < opened for _, at in times))
        self._counts.note(DUE_BEFORE_OPENING, new_item.due_at is not None and new_item.due_at < opened)
        return times

    def _last_lines(self, table: Table, scratch: Scratch) -> LastValues[int]:
        """The line of each item's last row."""
        lines = LastValues[int](scratch)
        for line, row in table.rows():
            if not isinstance(row, InvalidRow | LeftOut):
                try:
                    name = self.names.of(row)
                except InvalidRow:
                    continue  # refused with its line when it is translated
                lines.set(":".join(name), line)
        return lines


def _time_columns(content: ItemRows, times: TimeColumns) -> list[_TimeColumn]:
    found: list[_TimeColumn] = []
    for rule in content.events:
        type_ = EVENT_TYPES[content.kind][rule.event]
        found.append(_TimeColumn(rule.column, times.reader(rule.column), type_, type_.constant_data(rule.data)))
    return found

"""The times of a row as the mapping says: in one column or two, in a zone of their own, or so long after another."""

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from tallystick.replay.durations import duration
from tallystick.replay.mapping_schema import AnyRows, TimeColumn
from tallystick.replay.table import InvalidRow, Row, Table
from tallystick.replay.times import Times

ReadTime = Callable[[Row], datetime | None]
_LENGTH_OF_DATE = len("2026-07-01")


class TimeColumns:
    """Readers of the columns of times of one file; `notes` counts what is odd about them."""

    def __init__(self, content: AnyRows, table: Table, notes: Counter[str]) -> None:
        self._content, self._table, self._notes = content, table, notes
        self.zone = ZoneInfo(content.zone)

    def reader(self, name: str) -> ReadTime:
        """A function that gives the instant of `name` in a row, in UTC; None where its cell is blank."""
        rule = self._content.times.get(name, TimeColumn())
        column, times = rule.column or name, self._times(rule)
        text, zone = self._text(rule, column), self._zone_of(rule)
        read = _TimeReader(text, zone, times, column)
        return read if rule.plus is None else self._later(read, rule, rule.plus)

    def day_reader(self, name: str) -> Callable[[Row], date]:
        """A function that gives the date of `name` in a row, in its own zone; raises `InvalidRow` where it is blank."""
        rule = self._content.times.get(name, TimeColumn())
        column, times = rule.column or name, self._times(rule)
        text = self._text(rule, column)
        # Few dates come again and again: reading each once is most of the speed.
        known: dict[str, date] = {}

        def read(row: Row) -> date:
            found = text(row)
            if (day := known.get(found)) is None:
                day = known[found] = times.day(found, column=column)
            return day

        return read

    def _times(self, rule: TimeColumn) -> Times:
        forms = rule.format or self._content.time_format or None
        zone = ZoneInfo(rule.zone) if rule.zone is not None else self.zone
        return Times(zone, forms, self._notes, typed=self._table.typed)

    def _text(self, rule: TimeColumn, column: str) -> Callable[[Row], str]:
        cell = self._table.header.cell(column)
        if rule.time is None:
            return cell
        time_of_day = self._table.header.cell(rule.time)
        shown = _LENGTH_OF_DATE if self._table.typed else None  # a workbook may write a date with its midnight

        def joined(row: Row) -> str:
            day, time = cell(row), time_of_day(row)
            return f"{day[:shown] if 'T' in day else day} {time}" if day and time else day

        return joined

    def _zone_of(self, rule: TimeColumn) -> Callable[[Row], str] | None:
        return None if rule.zone_column is None else self._table.header.cell(rule.zone_column)

    def _later(self, read: ReadTime, rule: TimeColumn, plus: str) -> ReadTime:
        cell = self._table.header.cell(plus)

        def later(row: Row) -> datetime | None:
            if not (text := cell(row)) or (at := read(row)) is None:
                return None
            try:
                return at + duration(text, rule.plus_unit, column=plus)
            except OverflowError:
                raise InvalidRow(f"{plus}: {text!r} is too long to be added to a time") from None

        return later


class _TimeReader:
    def __init__(
        self, text: Callable[[Row], str], zone: Callable[[Row], str] | None, times: Times, column: str
    ) -> None:
        self._text, self._zone, self._times, self._column = text, zone, times, column

    def __call__(self, row: Row) -> datetime | None:
        if not (text := self._text(row)):
            return None
        zone = None if self._zone is None else self._zone(row)
        return self._times.instant(text, column=self._column, zone=zone)

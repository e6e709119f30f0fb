"""One row is one metered quantity of a date, or what an earlier one was wrong by."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import get_args

from shared.contracts.codec import AnyEvent
from shared.contracts.envelope import EventData
from shared.contracts.topics import USAGE
from shared.contracts.usage import AdjustmentData, UsageAdjusted, UsageData, UsageEvent, UsageRecorded
from shared.instants import epoch_us
from shared.units import CouncilId, ItemId
from tallystick.replay.amounts import amount
from tallystick.replay.events import HALF_A_CHARACTER, TimedEvent, encode_valid, in_order_of_time
from tallystick.replay.fields import IdField, Lookups, Read, SubjectField, text_of
from tallystick.replay.identity import content_digest, fact_id
from tallystick.replay.mapping_schema import ReadingRows
from tallystick.replay.rows import RowReader
from tallystick.replay.scratch import FirstValues, Occurrences, Scratch
from tallystick.replay.table import InvalidRow, Row, Table
from tallystick.replay.time_columns import TimeColumns
from tallystick.replay.times import Times

_CARRIED: frozenset[type[AnyEvent]] = frozenset(get_args(UsageEvent))
_REMEMBERED = 100_000  # different texts
_RECORDED, _ADJUSTED = "tallystick.usage.recorded.v1", "tallystick.usage.adjusted.v1"
# Adjustments name the ids of readings, which are known when all rows have been read.
Adjusting = tuple[int, Row]


def translate_readings(
    content: ReadingRows, table: Table, lookups: Lookups, reader: RowReader, scratch: Scratch
) -> Iterable[TimedEvent]:
    """The readings in ascending order of their dates, those of one date in the order of the file."""
    translator = _ReadingTranslator(content, table, lookups, reader, scratch)
    events = in_order_of_time(scratch)
    adjusting: list[Adjusting] = []  # few: each is a correction that a person made
    for line, row in reader.rows(table):
        try:
            made = translator.translate(line, row)
        except InvalidRow as why:
            reader.refuse(line, why)
        else:
            if made is None:
                adjusting.append((line, row))
            else:
                events.add([made])
                reader.counts.translated += 1
    for line, row in adjusting:
        try:
            events.add([translator.adjustment(row)])
        except InvalidRow as why:
            reader.refuse(line, why)
        else:
            reader.counts.translated += 1
    return events


class _ReadingTranslator:
    def __init__(
        self, content: ReadingRows, table: Table, lookups: Lookups, reader: RowReader, scratch: Scratch
    ) -> None:
        self._content = content
        times = TimeColumns(content, table, reader.counts.notes)
        self._start = Times(times.zone, None, reader.counts.notes)
        self._council = IdField("council", content.council, table.header, lookups)
        self._service = IdField("service", content.service, table.header, lookups)
        self._subject = SubjectField(content.reading, table, scratch, content=content.columns)
        self._adjusts = None if content.adjusts is None else table.header.cell(content.adjusts)
        self._adjusted = None if content.adjusts is None else SubjectField(content.adjusts, table, scratch, content=())
        self._day = times.day_reader(content.date)
        self._quantity = _quantity_reader(content, text_of(content.quantity, table.header, lookups))
        self._lines, self._readings = FirstValues[int](scratch), FirstValues[bytes](scratch)
        self._equal = Occurrences(scratch)  # two equal corrections are two
        self._starts: dict[date, tuple[datetime, int]] = {}
        self._counts = reader.counts

    def translate(self, line: int, row: Row) -> TimedEvent | None:
        """The row's reading, or None where it adjusts another; raises `InvalidRow`."""
        quantity = self._quantity(row)
        if quantity.startswith("-"):
            if self._adjusts is None or not self._adjusts(row):
                raise InvalidRow(f"quantity: {quantity} is below zero, and the row names no reading that it adjusts")
            return None
        council, day = self._council(row), self._day(row)
        data = UsageData(service=self._service(row), quantity=quantity, unit=self._content.unit, business_date=day)
        subject = self._subject(row, council=council)
        self._require_new(f"{council}:{subject}", line, council, subject)
        timed = self._recorded(council, subject, day, data)
        self._counts.readings[council, data.service] += 1
        return timed

    def adjustment(self, row: Row) -> TimedEvent:
        """The row's adjustment of a reading of this file; raises `InvalidRow`."""
        council, day, quantity = self._council(row), self._day(row), self._quantity(row)
        if self._adjusted is None:
            raise InvalidRow(f"quantity: {quantity} is below zero")
        subject = self._adjusted(row, council=council)
        if (reading := self._readings.get(f"{council}:{subject}")) is None:
            raise InvalidRow(f"{self._content.adjusts}: the file has no reading {subject!r} of {council!r}")
        data = AdjustmentData(
            service=self._service(row),
            quantity=quantity,
            adjusted_source=self._content.source,
            adjusted_id=reading.decode(),
        )
        sequence = str(self._equal.next(f"{council}:{subject}:{day}:{quantity}"))
        at, at_us = self._start_of(day)
        content = _content(_ADJUSTED, council, subject, at_us, data, sequence)
        event = UsageAdjusted(
            id=fact_id(self._content.source, content, 0),
            source=self._content.source,
            time=at,
            subject=ItemId(subject),
            council=CouncilId(council),
            sequence=sequence,
            data=data,
        )
        return self._timed(event, at_us, content, opens=False)

    def _require_new(self, key: str, line: int, council: str, subject: str) -> None:
        if self._subject.named and (first := self._lines.get(key)) is not None:
            raise InvalidRow(f"reading {subject!r} of {council!r} is on line {first} already")
        self._lines.setdefault(key, line)

    def _recorded(self, council: str, subject: str, day: date, data: UsageData) -> TimedEvent:
        at, at_us = self._start_of(day)
        content = _content(_RECORDED, council, subject, at_us, data)
        event = UsageRecorded(
            id=fact_id(self._content.source, content, 0),
            source=self._content.source,
            time=at,
            subject=ItemId(subject),
            council=CouncilId(council),
            data=data,
        )
        self._readings.setdefault(event.key, event.id.encode())
        return self._timed(event, at_us, content, opens=True)

    def _timed(self, event: UsageRecorded | UsageAdjusted, at_us: int, content: str, *, opens: bool) -> TimedEvent:
        timed = TimedEvent(at_us, USAGE.name, event.key, encode_valid(event, _CARRIED), content, opens)
        self._counts.events[str(event.__struct_config__.tag)] += 1
        return timed

    def _start_of(self, day: date) -> tuple[datetime, int]:
        """The date's first instant in two forms: few dates come again and again."""
        if (known := self._starts.get(day)) is None:
            at = self._start.start_of(day)
            known = self._starts[day] = (at, epoch_us(at))
        return known


def _content(  # noqa: PLR0917 (each is of its own kind, and none is left out)
    tag: str, council: str, subject: str, at_us: int, data: EventData, sequence: str | None = None
) -> str:
    try:
        return content_digest(tag, council=council, subject=subject, at_us=at_us, sequence=sequence, data=data)
    except UnicodeEncodeError:
        raise InvalidRow(HALF_A_CHARACTER) from None


def _quantity_reader(content: ReadingRows, text: Read) -> Read:
    """How to find the quantity of a row; few come again and again."""
    known: dict[str, str] = {}
    mark = content.quantity.decimal

    def read(row: Row) -> str:
        found = text(row)
        if (quantity := known.get(found)) is None:
            quantity = amount(found, mark, column="quantity")
            if len(known) < _REMEMBERED:
                known[found] = quantity
        return quantity

    return read

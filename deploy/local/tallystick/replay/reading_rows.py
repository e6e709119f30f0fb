"""One row is one metered quantity of a date."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import get_args
from zoneinfo import ZoneInfo

from shared.contracts.codec import AnyEvent
from shared.contracts.topics import USAGE
from shared.contracts.usage import UsageData, UsageEvent, UsageRecorded
from shared.ids import derived_id
from shared.instants import epoch_us
from shared.units import CouncilId, ItemId
from tallystick.replay.events import TimedEvent, encode_valid
from tallystick.replay.fields import IdField, Lookups, SubjectField, text_of
from tallystick.replay.mapping_schema import ReadingRows
from tallystick.replay.rows import RowReader
from tallystick.replay.scratch import FirstValues, Scratch
from tallystick.replay.table import InvalidRow, Row, Table
from tallystick.replay.times import Times

# As `shared.contracts.items.Quantity` has it.
_QUANTITY = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
_CARRIED: frozenset[type[AnyEvent]] = frozenset(get_args(UsageEvent))
_TYPE = "tallystick.usage.recorded.v1"


def translate_readings(
    content: ReadingRows, table: Table, lookups: Lookups, reader: RowReader, scratch: Scratch
) -> Iterator[TimedEvent]:
    """The readings in the order of the file, one row in memory at a time: usage is summed, its order says nothing."""
    translator = _ReadingTranslator(content, table, lookups, reader, scratch)
    for line, row in reader.rows(table):
        try:
            event = translator.translate(line, row)
        except InvalidRow as why:
            reader.refuse(line, why)
        else:
            reader.counts.translated += 1
            yield event


class _ReadingTranslator:
    def __init__(
        self, content: ReadingRows, table: Table, lookups: Lookups, reader: RowReader, scratch: Scratch
    ) -> None:
        self._content = content
        self._times = Times(ZoneInfo(content.zone), content.time_format, reader.counts.notes)
        self._council = IdField("council", content.council, table.header, lookups)
        self._service = IdField("service", content.service, table.header, lookups)
        self._subject = SubjectField(content.reading, table, scratch)
        self._date = table.header.cell(content.date)
        self._quantity = text_of(content.quantity, table.header, lookups)
        # Few dates and quantities come again and again: reading each once is most of the speed.
        self._days: dict[str, tuple[date, datetime, int]] = {}
        self._quantities: set[str] = set()
        self._lines = FirstValues[int](scratch)
        self._counts = reader.counts

    def translate(self, line: int, row: Row) -> TimedEvent:
        """The row's reading; raises `InvalidRow`."""
        council = self._council(row)
        subject = self._subject(line, row, council=council)
        data, start_at, start_us = self._reading(row)
        has_id = self._content.reading is not None
        if has_id and (first := self._lines.get(f"{council}:{subject}")) is not None:
            raise InvalidRow(f"reading {subject!r} of {council!r} is on line {first} already")
        event = UsageRecorded(
            id=derived_id("replay", self._content.source, council, subject, "recorded", 1),
            source=self._content.source,
            time=start_at,
            subject=ItemId(subject),
            council=CouncilId(council),
            data=data,
        )
        timed = TimedEvent(start_us, USAGE.name, event.key, encode_valid(event, _CARRIED))
        if has_id:
            self._lines.setdefault(f"{council}:{subject}", line)
        self._counts.events[_TYPE] += 1
        self._counts.readings[council, data.service] += 1
        return timed

    def _reading(self, row: Row) -> tuple[UsageData, datetime, int]:
        day, start_at, start_us = self._day(self._date(row))
        quantity = self._known_quantity(self._quantity(row))
        reading = UsageData(service=self._service(row), quantity=quantity, unit=self._content.unit, business_date=day)
        return reading, start_at, start_us

    def _day(self, text: str) -> tuple[date, datetime, int]:
        """The date, and its first instant in two contents."""
        known = self._days.get(text)
        if known is None:
            day = self._times.day(text, column=self._content.date)
            start_at = self._times.start_of(day)
            known = self._days[text] = (day, start_at, epoch_us(start_at))
        return known

    def _known_quantity(self, text: str) -> str:
        if text not in self._quantities:
            if not _QUANTITY.fullmatch(text):
                raise InvalidRow(f"quantity: {text!r} is no number from 0 on with at most 6 decimals")
            self._quantities.add(text)
        return text

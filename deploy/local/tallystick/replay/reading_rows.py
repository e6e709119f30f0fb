"""One row is one metered quantity of a date."""

import re
from collections.abc import Iterator
from datetime import date, datetime

from shared.contracts.codec import encode_event
from shared.contracts.topics import USAGE
from shared.contracts.usage import UsageData, UsageRecorded
from shared.ids import derived_id
from shared.instants import epoch_us
from tallystick.replay.event_builder import TimedEvent
from tallystick.replay.fields import IdField, Lookups, subject_of, text_of
from tallystick.replay.form import ReadingRows
from tallystick.replay.rows import RowReader
from tallystick.replay.table import InvalidRow, Row, Table
from tallystick.replay.times import Times

# As `shared.contracts.items.Quantity` has it.
_QUANTITY = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
_TYPE = "tallystick.usage.recorded.v1"


def translate_readings(form: ReadingRows, table: Table, lookups: Lookups, intake: RowReader) -> Iterator[TimedEvent]:
    """The readings in the order of the file, one row in memory at a time: usage is summed, its order says nothing."""
    translator = _ReadingTranslator(form, table, lookups, intake)
    for line, row in intake.rows(table):
        try:
            told = translator.tell(line, row)
        except InvalidRow as why:
            intake.refuse(line, why)
        else:
            intake.counts.translated += 1
            intake.counts.events[_TYPE] += 1
            yield told


class _ReadingTranslator:
    def __init__(self, form: ReadingRows, table: Table, lookups: Lookups, intake: RowReader) -> None:
        self._form = form
        self._times = Times(form.zone, form.time_format, intake.counts.notes)
        self._council = IdField("council", form.council, table.header, lookups)
        self._service = IdField("service", form.service, table.header, lookups)
        self._subject = subject_of(form.reading, table)
        self._date = table.header.cell(form.date)
        self._quantity = text_of(form.quantity, table.header, lookups)
        # Few dates and quantities come again and again: reading each once is most of the speed.
        self._days: dict[str, tuple[date, datetime, int]] = {}
        self._quantities: set[str] = set()
        self._lines: dict[tuple[str, str], int] = {}

    def tell(self, line: int, row: Row) -> TimedEvent:
        """The row's reading; raises `InvalidRow`."""
        council, subject = self._council(row), self._subject(line, row)
        data, start_at, start_us = self._reading(row)
        if self._form.reading is not None and (first := self._lines.setdefault((council, subject), line)) != line:
            raise InvalidRow(f"reading {subject!r} of {council!r} is on line {first} already")
        event = UsageRecorded(
            id=derived_id("replay", self._form.source, council, subject, "recorded", 1),
            source=self._form.source,
            time=start_at,
            subject=subject,
            council=council,
            data=data,
        )
        return TimedEvent(start_us, USAGE.name, event.key, encode_event(event))

    def _reading(self, row: Row) -> tuple[UsageData, datetime, int]:
        day, start_at, start_us = self._day(self._date(row))
        quantity = self._known_quantity(self._quantity(row))
        reading = UsageData(service=self._service(row), quantity=quantity, unit=self._form.unit, business_date=day)
        return reading, start_at, start_us

    def _day(self, text: str) -> tuple[date, datetime, int]:
        """The date, and its first instant in two forms."""
        known = self._days.get(text)
        if known is None:
            day = self._times.day(text, column=self._form.date)
            start_at = self._times.start_of(day)
            known = self._days[text] = (day, start_at, epoch_us(start_at))
        return known

    def _known_quantity(self, text: str) -> str:
        if text not in self._quantities:
            if not _QUANTITY.fullmatch(text):
                raise InvalidRow(f"quantity: {text!r} is no number from 0 on with at most 6 decimals")
            self._quantities.add(text)
        return text

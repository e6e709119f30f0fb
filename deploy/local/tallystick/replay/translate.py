"""A CSV, told as events: what the command asks for."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tallystick.replay.event_builder import TimedEvent
from tallystick.replay.event_rows import translate_histories
from tallystick.replay.form import EventRows, ItemRows, ReadingRows
from tallystick.replay.item_rows import translate_items
from tallystick.replay.mapping import ReplayMapping
from tallystick.replay.reading_rows import translate_readings
from tallystick.replay.rows import RejectedRow, RowCounts, RowReader
from tallystick.replay.table import open_table


def translate(
    mapping: ReplayMapping, csv_path: Path, *, counts: RowCounts, rejects: Callable[[RejectedRow], None]
) -> Iterator[TimedEvent]:
    """The events of `csv_path`, ready to be appended; `counts` is whole when the last one was taken.

    Events of items ascend by their time and are held in memory until the file is read; readings come in the order of
    the file. Raises `UnreadableFile`: at once where a column is missing, later where the file breaks off.
    """
    form = mapping.form
    table = open_table(csv_path, encoding=form.encoding, needed=form.columns)
    intake = RowReader(counts, rejects)
    match form:
        case ItemRows():
            return iter(translate_items(form, table, mapping.lookups, intake))
        case EventRows():
            return iter(translate_histories(form, table, mapping.lookups, intake))
        case ReadingRows():
            return translate_readings(form, table, mapping.lookups, intake)

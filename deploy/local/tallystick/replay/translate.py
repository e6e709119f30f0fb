"""A CSV, told as events: what the command asks for."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tallystick.replay.counts import Counts, Rejected
from tallystick.replay.event_rows import tell_histories
from tallystick.replay.form import EventRows, ItemRows, ReadingRows
from tallystick.replay.intake import Intake
from tallystick.replay.item_rows import tell_items
from tallystick.replay.making import Timed
from tallystick.replay.mapping import ReplayMapping
from tallystick.replay.reading_rows import tell_readings
from tallystick.replay.table import open_table


def translate(
    mapping: ReplayMapping, csv_path: Path, *, counts: Counts, rejects: Callable[[Rejected], None]
) -> Iterator[Timed]:
    """The events of `csv_path`, ready to be appended; `counts` is whole when the last one was taken.

    Events of items ascend by their time and are held in memory until the file is read; readings come in the order of
    the file. Raises `UnreadableFile`: at once where a column is missing, later where the file breaks off.
    """
    form = mapping.form
    table = open_table(csv_path, encoding=form.encoding, needed=form.columns)
    intake = Intake(counts, rejects)
    match form:
        case ItemRows():
            return iter(tell_items(form, table, mapping.lookups, intake))
        case EventRows():
            return iter(tell_histories(form, table, mapping.lookups, intake))
        case ReadingRows():
            return tell_readings(form, table, mapping.lookups, intake)

"""An export translated into events."""

from collections.abc import Callable, Iterable
from pathlib import Path

from tallystick.replay.event_rows import translate_histories
from tallystick.replay.events import TimedEvent
from tallystick.replay.files import open_table
from tallystick.replay.item_rows import translate_items
from tallystick.replay.mapping import ReplayMapping
from tallystick.replay.mapping_schema import EventRows, ItemRows, ReadingRows
from tallystick.replay.reading_rows import translate_readings
from tallystick.replay.rows import RejectedRow, RowCounts, RowReader
from tallystick.replay.scratch import Scratch
from tallystick.replay.table import Table, UnreadableFile


def translate(
    mapping: ReplayMapping,
    csv_path: Path,
    *,
    counts: RowCounts,
    rejects: Callable[[RejectedRow], None],
    scratch: Scratch,
    progressed: Callable[[int], None] = lambda _: None,
) -> Iterable[TimedEvent]:
    """The events of `csv_path`, ready to be appended, which can be read any number of times; `counts` is whole.

    They ascend by their time and are held in `scratch` until the file is read. `progressed` gets how many bytes of
    the file have been read, packed as it is, now and then. Raises `UnreadableFile`, also where the file was changed
    while it was read: its last row may be half, or its rows of two exports.
    """
    before, form = _version(csv_path), mapping.content.form
    table = open_table(csv_path, form, needed=mapping.content.columns)
    reader = RowReader(counts, rejects, lambda _: progressed(form.read.count))
    events = _events(mapping, table, reader, scratch)
    if _version(csv_path) != before:
        raise UnreadableFile(f"{csv_path.name} was changed while it was read, and may not be whole: nothing was sent")
    return events


def _events(mapping: ReplayMapping, table: Table, reader: RowReader, scratch: Scratch) -> Iterable[TimedEvent]:
    content = mapping.content
    match content:
        case ItemRows():
            return translate_items(content, table, mapping.lookups, reader, scratch)
        case EventRows():
            return translate_histories(content, table, mapping.lookups, reader, scratch)
        case ReadingRows():
            return translate_readings(content, table, mapping.lookups, reader, scratch)


def _version(path: Path) -> tuple[int, int, int] | None:
    """What differs once somebody has written to the file, or put another in its place; None where it is gone."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns

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
    the file have been read, packed as it is, now and then. Raises `UnreadableFile`.
    """
    content = mapping.content
    form = content.form
    table = open_table(csv_path, form, needed=content.columns)
    reader = RowReader(counts, rejects, lambda _: progressed(form.read.count))
    match content:
        case ItemRows():
            return translate_items(content, table, mapping.lookups, reader, scratch)
        case EventRows():
            return translate_histories(content, table, mapping.lookups, reader, scratch)
        case ReadingRows():
            return translate_readings(content, table, mapping.lookups, reader, scratch)

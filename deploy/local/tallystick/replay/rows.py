"""The rows of a file as they are read: each is counted once, and refused ones are reported with line and reason."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shared.csv_cells import escape_formula
from shared.web.formats import counted
from tallystick.console import replaced
from tallystick.replay.table import InvalidRow, LeftOut, Row, Table

NEWEST_FIRST = "rows of one item and instant, the latest first in the file: read from the lowest up"
UNLISTED_OPENING = "items that begin with an activity that the mapping does not list"
CHANGES_UNREAD = (
    "items whose service, priority or attributes differ from row to row: those of their first row, "
    "unless the mapping says `reclassify: yes`"
)
SUPERSEDED = "another row of the item holds, as the mapping says"
DUE_BEFORE_OPENING = "recorded deadlines earlier than the beginning of their item: kept as recorded"
BEFORE_OPENING = "events earlier than the beginning of their item: kept as recorded"
SHOWN_EVERY = 1_000  # rows
_LONGEST_REASON = 500  # characters

# An item of a file: its council, empty where a row does not say it, and its id.
ItemName = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that became no event. `line` is the one in the file on which the row begins; the header is on line 1."""

    line: int
    reason: str


@dataclass(slots=True)
class RowCounts:
    """The count of one file's rows: it is complete when its events have all been taken.

    `unused` counts rows that are meant to make no event, by the reason; `notes` counts what was read but is odd.
    `refused_lines` has the lines of refused rows that name an item: what is known of it may be wrong without them.
    `readings` counts readings by council and service.
    """

    rows: int = 0
    translated: int = 0
    refused: int = 0
    unused: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    refused_lines: dict[ItemName, list[int]] = field(default_factory=dict)
    readings: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def unaccounted(self) -> int:
        """Rows that were read and not counted again: 0, or a bug in Tallystick."""
        return self.rows - self.translated - self.refused - self.unused.total()

    def note(self, name: str, count: int) -> None:
        """So many more are odd in the way that `name` says."""
        if count:
            self.notes[name] += count

    def lines(self) -> Iterator[str]:
        """The count as people read it."""
        yield f"{counted(self.rows, 'row')} = {self.translated:,} translated + {self.refused:,} refused" + (
            f" + {self.unused.total():,} that carry no event" if self.unused else ""
        )
        for title, counter in (("no event", self.unused), ("events", self.events), ("note", self.notes)):
            for name, count in sorted(counter.items()):
                if count:
                    yield f"  {title}: {name}: {count:,}"


class RowReader:
    """Reads the rows of one file, counted in `counts`; refused ones go to `rejects`.

    `progressed` gets how many have been read, now and then.
    """

    def __init__(
        self,
        counts: RowCounts,
        rejects: Callable[[RejectedRow], None],
        progressed: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.counts = counts
        self._rejects, self._progressed = rejects, progressed

    def rows(self, table: Table) -> Iterator[tuple[int, Row]]:
        """Every row that has the table's shape and counts, with its line."""
        self.counts.notes.update(table.notes)
        for line, row in table.rows():
            self.counts.rows += 1
            if self.counts.rows % SHOWN_EVERY == 0:
                self._progressed(self.counts.rows)
            if isinstance(row, InvalidRow):
                self.refuse(line, row)
            elif isinstance(row, LeftOut):
                self.counts.unused[row.reason] += 1
            else:
                yield line, row

    def refuse(self, line: int, why: InvalidRow, item: ItemName | None = None) -> None:
        """The row that begins on `line`, of `item` if it names one, is counted and reported as refused."""
        self.counts.refused += 1
        if item is not None:
            self.counts.refused_lines.setdefault(item, []).append(line)
        self._rejects(RejectedRow(line, shortened(str(why))))


def shortened(reason: str) -> str:
    """The reason, of a long one its beginning and its end: a cell in it may have millions of characters."""
    if len(reason) <= _LONGEST_REASON:
        return reason
    half = _LONGEST_REASON // 2
    return f"{reason[:half]} … {reason[-half:]}"


@contextmanager
def reject_file(path: Path) -> Iterator[Callable[[RejectedRow], None]]:
    """A function that writes refused rows into `path`, which is as it was until the block is left well.

    No spreadsheet runs a cell.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as written, written.open("w", encoding="utf-8-sig", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(["line", "reason"])
        yield lambda rejected: writer.writerow([rejected.line, escape_formula(rejected.reason)])

"""Rows on their way in: each is counted once, and each that is refused is told."""

from collections.abc import Callable, Iterator

from tallystick.replay.counts import InvalidRow, RejectedRow, RowCounts
from tallystick.replay.table import Row, Table


class RowReader:
    """The rows of one file, tallied into `counts`; refused ones go to `rejects` with their line and reason."""

    def __init__(self, counts: RowCounts, rejects: Callable[[RejectedRow], None]) -> None:
        self.counts = counts
        self._rejects = rejects

    def rows(self, table: Table) -> Iterator[tuple[int, Row]]:
        """Every row that has the table's shape, with its line."""
        for line, row in table.rows():
            self.counts.rows += 1
            if isinstance(row, InvalidRow):
                self.refuse(line, row)
            else:
                yield line, row

    def refuse(self, line: int, why: InvalidRow) -> None:
        """The row that begins on `line` is told to be refused."""
        self.counts.refused += 1
        self._rejects(RejectedRow(line, str(why)))

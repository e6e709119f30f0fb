"""The file of refused rows: line, reason. Cells that a spreadsheet would run are guarded."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.csv_cells import escape_formula
from tallystick.replay.counts import RejectedRow


@contextmanager
def reject_file(path: Path) -> Iterator[Callable[[RejectedRow], None]]:
    """A function that writes refused rows into `path`, which is whole when the block is left."""
    with path.open("w", encoding="utf-8-sig", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(["line", "reason"])
        yield lambda rejected: writer.writerow([rejected.line, escape_formula(rejected.reason)])

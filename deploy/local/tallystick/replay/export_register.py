"""Which export stated last what an item is, by the instants that the exports are as of: an older one changes nothing.

One file in the state folder. It knows keys and instants, and nothing of the content.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from shared.instants import instant
from shared.sqlite import refuse_unusable
from tallystick.replay.rows import ItemName

NAME = "exports.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS stated (source TEXT, key TEXT, as_of_us INTEGER, PRIMARY KEY (source, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS complete (source TEXT, from_us INTEGER, to_us INTEGER, as_of_us INTEGER);
CREATE TABLE IF NOT EXISTS partial (source TEXT, key TEXT, as_of_us INTEGER, PRIMARY KEY (source, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (source TEXT, as_of_us INTEGER, council TEXT, item TEXT);
CREATE TABLE IF NOT EXISTS judged (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), as_of_us INTEGER);
"""
_LATEST = """
INSERT INTO {} VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET as_of_us = max(as_of_us, excluded.as_of_us)
"""


class Span(NamedTuple):
    """From one instant to before another, in microseconds of the epoch."""

    from_us: int
    to_us: int


class ExportRegister:
    """What exports of each source stated, and when. For one thread at a time.

    Whatever is asked of a file that is damaged, closed or on a full disk raises what `refuse_unusable` does.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        with self._faults_named():
            connection.executescript(_SCHEMA)

    def newer(self, source: str, as_of_us: int) -> Iterator[str]:
        """The keys of the items of which an export that is as of a later instant stated something."""
        asked = "SELECT key FROM stated WHERE source = ? AND as_of_us > ?"
        with self._faults_named():
            yield from (key for (key,) in self._connection.execute(asked, (source, as_of_us)))

    def newer_spans(self, source: str, as_of_us: int) -> list[tuple[Span, int]]:
        """The spans for which an export that is as of a later instant was complete, each with that instant."""
        asked = "SELECT from_us, to_us, as_of_us FROM complete WHERE source = ? AND as_of_us > ?"
        with self._faults_named():
            found = self._connection.execute(asked, (source, as_of_us))
            return [(Span(first, last), at_us) for first, last, at_us in found]

    def partial(self, source: str) -> Iterator[tuple[str, int]]:
        """The keys of the items that are as an export said of which a row of theirs was refused, and its instant."""
        with self._faults_named():
            yield from self._connection.execute("SELECT key, as_of_us FROM partial WHERE source = ?", (source,))

    def refused(self, source: str, as_of_us: int) -> set[ItemName]:
        """The items of which a row was refused in the complete exports as of that instant."""
        asked = "SELECT council, item FROM refused WHERE source = ? AND as_of_us = ?"
        with self._faults_named():
            return {(council, item) for council, item in self._connection.execute(asked, (source, as_of_us))}

    def note(self, source: str, keys: Iterable[tuple[str, bool]], *, as_of_us: int) -> None:
        """An export as of that instant said what the items are, or a part of it where a key's second half is true."""
        with self._faults_named(), self._connection as connection:
            for key, is_partial in keys:
                connection.execute(_LATEST.format("partial" if is_partial else "stated"), (source, key, as_of_us))
                if not is_partial:
                    connection.execute("DELETE FROM partial WHERE source = ? AND key = ?", (source, key))

    def note_complete(self, source: str, span: Span, refused: Iterable[ItemName], *, as_of_us: int) -> None:
        """An export as of that instant has every item of the span, some of which may be among the `refused`."""
        with self._faults_named(), self._connection as connection:
            connection.execute("INSERT INTO complete VALUES (?, ?, ?, ?)", (source, *span, as_of_us))
            connection.execute("DELETE FROM refused WHERE source = ? AND as_of_us = ?", (source, as_of_us))
            connection.executemany(
                "INSERT INTO refused VALUES (?, ?, ?, ?)", ((source, as_of_us, *name) for name in refused)
            )

    @property
    def judged_as_of_us(self) -> int | None:
        """The instant as of which the folder was judged last; None where none is known."""
        with self._faults_named():
            row = self._connection.execute("SELECT as_of_us FROM judged").fetchone()
        return None if row is None else row[0]

    def note_judged(self, as_of_us: int) -> None:
        """The folder is judged as of that instant."""
        with self._faults_named(), self._connection:
            self._connection.execute("INSERT OR REPLACE INTO judged VALUES (1, ?)", (as_of_us,))

    @contextmanager
    def _faults_named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as fault:
            refuse_unusable(fault, self._path)
            raise


def judged_as_of(folder: Path) -> datetime | None:
    """The instant as of which the folder was judged last; None where nothing was replayed."""
    if not (folder / NAME).exists():
        return None
    with open_register(folder) as register:
        at_us = register.judged_as_of_us
    return None if at_us is None else instant(at_us // 1_000_000)


@contextmanager
def open_register(folder: Path | None) -> Iterator[ExportRegister]:
    """The register of the state folder; without a folder, an empty one that nobody keeps."""
    path = Path(":memory:") if folder is None else folder / NAME
    try:
        connection = sqlite3.connect(path, check_same_thread=False)
    except sqlite3.Error as fault:
        refuse_unusable(fault, path)
        raise
    with closing(connection):
        yield ExportRegister(connection, path)

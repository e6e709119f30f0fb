"""Which export's word holds of each item, by the instants that the exports are as of.

Of the exports that say all of an item, and of those that are complete and do not have it, the latest holds. An export
of which a row of the item was refused says only a part: that holds where none says all, and of several such the latest.
"""

from collections.abc import Collection, Iterable, Iterator

from shared.contracts.envelope import split_item_key
from tallystick.replay.export_register import ExportRegister, Span
from tallystick.replay.rows import ItemName
from tallystick.replay.scratch import Scratch

# `fate` is holds or partial where this export's word holds; held where a row was refused and what was sent says more;
# older where a later export spoke of the item; gone where a later export is complete without it.
_SCHEMA = """
CREATE TABLE item (key TEXT PRIMARY KEY, fate TEXT, opened_us INTEGER) WITHOUT ROWID;
CREATE TABLE refused_key (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE refused_item (item TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE meant (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE partial (key TEXT PRIMARY KEY, as_of_us INTEGER) WITHOUT ROWID;
"""
# The items that a refused row may mean: one that does not say its council may mean any council's.
_MEANT = """
INSERT INTO meant SELECT key FROM (SELECT key FROM sent UNION SELECT key FROM stated)
WHERE key IN (SELECT key FROM refused_key) OR substr(key, instr(key, ':') + 1) IN (SELECT item FROM refused_item)
"""


class Precedence:
    """Decides of the items in `stated` and `sent` of the scratch file, which have been filled."""

    def __init__(self, scratch: Scratch, register: ExportRegister, source: str, *, as_of_us: int) -> None:
        self._scratch, self._register, self._source, self._as_of_us = scratch, register, source, as_of_us
        for statement in _SCHEMA.split(";"):
            scratch.execute(statement)

    def decide(self, refused: Collection[ItemName]) -> None:
        """The table `item` has the fate of each item; `refused` are those of which a row was refused."""
        self._scratch.executemany("INSERT INTO partial VALUES (?, ?)", self._register.partial(self._source))
        self._execute(
            "INSERT INTO item SELECT key, 'holds', min(CASE WHEN opens THEN at_us END) FROM stated GROUP BY key"
        )
        if refused:
            self._decide_refused(refused)
        for span, at_us in self._register.newer_spans(self._source, self._as_of_us):
            self._decide_within(span, at_us)
        newer = ((key,) for key in self._register.newer(self._source, self._as_of_us))
        self._scratch.executemany("UPDATE item SET fate = 'older' WHERE key = ?", newer)

    def spoken_of_later(self) -> set[str]:
        """The keys of the items of which a later export said something."""
        partial = self._scratch.execute("SELECT key FROM partial WHERE as_of_us > ?", (self._as_of_us,)).fetchall()
        return set(self._register.newer(self._source, self._as_of_us)) | {key for (key,) in partial}

    def _decide_refused(self, refused: Collection[ItemName]) -> None:
        """A part holds where nothing was sent, or a part of an earlier export."""
        keys = ((f"{council}:{item}",) for council, item in refused if council)
        self._scratch.executemany("INSERT OR IGNORE INTO refused_key VALUES (?)", keys)
        items = ((item,) for council, item in refused if not council)
        self._scratch.executemany("INSERT OR IGNORE INTO refused_item VALUES (?)", items)
        self._execute(_MEANT)
        self._execute("UPDATE item SET fate = 'partial' WHERE key IN (SELECT key FROM meant)")
        self._execute(
            "UPDATE item SET fate = 'held' WHERE fate = 'partial' AND key NOT IN (SELECT key FROM partial) "
            "AND EXISTS (SELECT 1 FROM sent WHERE sent.key = item.key AND dead = 0)"
        )
        self._execute(
            "UPDATE item SET fate = 'older' WHERE fate = 'partial' "
            "AND EXISTS (SELECT 1 FROM partial WHERE partial.key = item.key AND as_of_us > ?)",
            self._as_of_us,
        )
        self._execute(
            "INSERT OR IGNORE INTO item SELECT DISTINCT key, 'held', NULL FROM sent "
            "WHERE dead = 0 AND key IN (SELECT key FROM meant)"
        )

    def _decide_within(self, span: Span, at_us: int) -> None:
        """A later export, as of `at_us`, was complete for the span: what it had is decided by what it said of it."""
        refused = self._register.refused(self._source, at_us)
        found = self._scratch.execute("SELECT key FROM item WHERE opened_us >= ? AND opened_us < ?", span).fetchall()
        inside = [key for (key,) in found if not _is_named(key, refused)]
        self._scratch.executemany("UPDATE item SET fate = 'gone' WHERE key = ?", ((key,) for key in inside))
        self._scratch.executemany(
            "UPDATE item SET fate = 'older' WHERE key = ? "
            "AND EXISTS (SELECT 1 FROM partial WHERE partial.key = item.key AND as_of_us > ?)",
            ((key, at_us) for key in inside),
        )

    def _execute(self, statement: str, *values: int) -> None:
        self._scratch.execute(statement, values)


def whole_and_partial(keys: Iterable[str], refused: Collection[ItemName]) -> Iterator[tuple[str, bool]]:
    """The keys, each with whether a row of its item was refused."""
    return ((key, _is_named(key, refused)) for key in keys)


def _is_named(key: str, names: Collection[ItemName]) -> bool:
    """Whether one of the names may mean the item: one without a council may mean any council's."""
    if not names:
        return False
    council, item = split_item_key(key)
    return (council, item) in names or ("", item) in names

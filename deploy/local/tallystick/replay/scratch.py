"""What a replay cannot hold in memory, in one temporary file: values in order, and counts and lines by their key.

Nothing of it outlives the command: the file is written without a journal, and is removed when it is closed.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from heapq import merge
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from shared.sqlite import refuse_unusable

_NAME = "replay.tmp"
# Values that are sorted at once in memory: events of 500 bytes are 10 MB.
_RUN = 20_000
# One transaction that is never committed: pages go to the file where the cache is full, and only there.
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA cache_size = -8192;
CREATE TABLE held (collection INTEGER, key, value, PRIMARY KEY (collection, key)) WITHOUT ROWID;
BEGIN;
"""
_INSERT = "INSERT INTO held VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_COUNT = "INSERT INTO held VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value"
_NEXT = "INSERT INTO held VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value"
_LAST = "INSERT INTO held VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
_VALUE = "SELECT value FROM held WHERE collection = ? AND key = ?"
_VALUES = "SELECT value FROM held WHERE collection = ? AND key BETWEEN ? AND ? ORDER BY key"
_KEYS = "SELECT key FROM held WHERE collection = ?"
_SIZE = "SELECT count(*) FROM held WHERE collection = ?"

T = TypeVar("T")
V = TypeVar("V", int, bytes)


class NoSpaceLeft(Exception):
    """The disk of the state folder is full."""


class Scratch:
    """A file of collections at `path`; without a path, one that the system removes.

    For one thread at a time. Close it when no thread uses it any more.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._connection = sqlite3.connect(path or "", isolation_level=None, check_same_thread=False)
        try:
            self._connection.executescript(_SCHEMA)
        except BaseException:
            self._connection.close()
            raise
        self.execute, self.executemany = self._connection.execute, self._connection.executemany
        self._collections = 0

    def new_collection(self) -> int:
        """The number of a collection that is empty."""
        self._collections += 1
        return self._collections

    def close(self) -> None:
        """The file is released."""
        self._connection.close()


@contextmanager
def open_scratch(folder: Path) -> Iterator[Scratch]:
    """A file in `folder`, which is removed on the way out, or here if a killed command left it.

    Raises `NoSpaceLeft` where the disk is full, or gets full in the block.
    """
    path = folder / _NAME
    path.unlink(missing_ok=True)
    try:
        with closing(Scratch(path)) as scratch:
            yield scratch
    except sqlite3.OperationalError as fault:
        if fault.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise NoSpaceLeft(f"the disk of {folder} is full") from fault
        refuse_unusable(fault, path)
        raise
    finally:
        path.unlink(missing_ok=True)


class Sorted(Generic[T]):
    """Values in ascending order of their `key`, those of one key in the order in which they were added.

    A run of them at a time is in memory. Values are what msgspec can encode, and come back as `kind`.
    """

    def __init__(self, scratch: Scratch, kind: type[T], *, key: Callable[[T], Any]) -> None:
        self._scratch, self._number, self._key = scratch, scratch.new_collection(), key
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(kind).decode
        self._run: list[T] = []
        self._stored: list[tuple[int, int]] = []

    def add(self, values: Iterable[T]) -> None:
        """The values are among them."""
        self._run += values
        if len(self._run) >= _RUN:
            self._store()

    def __iter__(self) -> Iterator[T]:
        if not self._stored:
            return iter(sorted(self._run, key=self._key))
        if self._run:
            self._store()
        return merge(*(self._read(*run) for run in self._stored), key=self._key)

    def _store(self) -> None:
        first = self._stored[-1][1] + 1 if self._stored else 1
        ordered = enumerate(sorted(self._run, key=self._key), start=first)
        self._scratch.executemany(_INSERT, ((self._number, place, self._encode(value)) for place, value in ordered))
        self._stored.append((first, first + len(self._run) - 1))
        self._run = []

    def _read(self, first: int, last: int) -> Iterator[T]:
        return (self._decode(value) for (value,) in self._scratch.execute(_VALUES, (self._number, first, last)))


class FirstValues(Generic[V]):
    """The value that each key was given first."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch, self._number = scratch, scratch.new_collection()

    def get(self, key: str) -> V | None:
        """The key's value, if it has one."""
        row = self._scratch.execute(_VALUE, (self._number, key)).fetchone()
        return None if row is None else row[0]

    def setdefault(self, key: str, value: V) -> V:
        """The key's value, which is `value` where it had none."""
        if self._scratch.execute(_INSERT, (self._number, key, value)).rowcount:
            return value
        return self.get(key) or value

    def add(self, values: Iterable[tuple[str, V]]) -> None:
        """Each key that had no value has its own."""
        self._scratch.executemany(_INSERT, ((self._number, key, value) for key, value in values))


class LastValues(Generic[V]):
    """The value that each key was given last."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch, self._number = scratch, scratch.new_collection()

    def get(self, key: str) -> V | None:
        """The key's value, if it has one."""
        row = self._scratch.execute(_VALUE, (self._number, key)).fetchone()
        return None if row is None else row[0]

    def set(self, key: str, value: V) -> None:
        """The key has the value, whichever it had before."""
        self._scratch.execute(_LAST, (self._number, key, value))


class Occurrences:
    """How often each key has come up."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch, self._number = scratch, scratch.new_collection()

    def next(self, key: str) -> int:
        """How often the key has come up by now, this time included."""
        count: int = self._scratch.execute(_NEXT, (self._number, key)).fetchone()[0]
        return count


class StoredCounts(Mapping[str, int]):
    """How often each key was counted."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch, self._number = scratch, scratch.new_collection()

    def add(self, keys: Iterable[str]) -> None:
        """Each of the keys is counted once more."""
        self._scratch.executemany(_COUNT, [(self._number, *each) for each in sorted(Counter(keys).items())])

    def __getitem__(self, key: str) -> int:
        row = self._scratch.execute(_VALUE, (self._number, key)).fetchone()
        if row is None:
            raise KeyError(key)
        count: int = row[0]
        return count

    def __iter__(self) -> Iterator[str]:
        return (key for (key,) in self._scratch.execute(_KEYS, (self._number,)))

    def __len__(self) -> int:
        count: int = self._scratch.execute(_SIZE, (self._number,)).fetchone()[0]
        return count

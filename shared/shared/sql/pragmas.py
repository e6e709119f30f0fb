"""How every SQLite file of Tallystick is opened: one writer, many readers, and nothing torn by a crash."""

import sqlite3
import time

# Several processes write to one file (a replay beside the server); none of them holds the lock for long.
BUSY_TIMEOUT_S = 30.0
_RETRY_S = 0.005
_CACHE_KIB = 16 * 1024
# 64 MiB of pages: SQLite's own 4 MiB makes a writer of large batches copy its pages back after every other one.
_CHECKPOINT_PAGES = 16 * 1024


def set_pragmas(connection: sqlite3.Connection, *, durable: bool) -> None:
    """The connection waits for locks, checks foreign keys and writes ahead.

    With `durable` a commit has reached the disk when it returns; without, a power cut (never a killed process) can
    undo the newest commits, whole ones and the newest only.
    """
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
    _write_ahead(connection)
    for pragma in (
        f"synchronous = {'FULL' if durable else 'NORMAL'}",
        "foreign_keys = ON",
        f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
        f"cache_size = -{_CACHE_KIB}",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    # Of several who open a new file at once only one can change its journal; SQLite refuses the others without
    # the wait that it grants elsewhere.
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_RETRY_S)
        else:
            return

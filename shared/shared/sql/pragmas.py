"""How every SQLite file of Tallystick is opened: one writer, many readers, and nothing torn by a crash."""

import sqlite3

# Several processes write to one file (a replay beside the server); none of them holds the lock for long.
BUSY_TIMEOUT_S = 30.0
_CACHE_KIB = 64 * 1024


def set_pragmas(connection: sqlite3.Connection, *, durable: bool) -> None:
    """The connection waits for locks, checks foreign keys and writes ahead.

    With `durable` a commit has reached the disk when it returns; without, a power cut (never a killed process) can
    undo the newest commits, whole ones and the newest only.
    """
    for pragma in (
        f"busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}",
        "journal_mode = WAL",
        f"synchronous = {'FULL' if durable else 'NORMAL'}",
        "foreign_keys = ON",
        f"cache_size = -{_CACHE_KIB}",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")

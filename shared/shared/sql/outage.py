"""Which faults of a database pass by themselves, so that the same work is right again a little later."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from shared.log.processor import Busy

# Classes of SQLSTATE, PostgreSQL's manual, appendix A: connection exception, rolled back in favour of others,
# insufficient resources, operator intervention (statements that took too long are cancelled under it, too).
_PASSING_CLASSES = frozenset({"08", "40", "53", "57"})
# No lock in time; a transaction ended for being silent, or for taking too long.
_PASSING_STATES = frozenset({"55P03", "25P03", "25P04"})
_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


@contextmanager
def busy_during_outages() -> Iterator[None]:
    """Raises `Busy` for a fault of the database that passes: no connection, no answer, no lock in time.

    Whether a transaction that was about to commit did so is unknown then; stored offsets decide, not the caller.
    """
    try:
        yield
    except NoConnectionFree as fault:
        raise Busy(f"every connection is in use: {fault}") from fault
    except DBAPIError as fault:
        if not passes(fault):
            raise
        raise Busy(f"the database does not answer now: {fault.orig}") from fault


def passes(fault: DBAPIError) -> bool:
    """Whether the statement did nothing wrong: tried later, it may well succeed."""
    if fault.connection_invalidated:
        return True
    if isinstance(fault.orig, sqlite3.Error):
        return getattr(fault.orig, "sqlite_errorcode", 0) & 0xFF in _SQLITE_BUSY
    state = getattr(fault.orig, "sqlstate", None)
    if state is None:  # It never came to a statement, or no answer to it.
        return isinstance(fault, OperationalError | InterfaceError)
    return state[:2] in _PASSING_CLASSES or state in _PASSING_STATES

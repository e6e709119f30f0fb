"""A store for many examples, because a database for each takes long: between two of them it forgets all events."""

from sqlalchemy import Engine, delete

from billing.memo import Memo
from billing.store import tables
from billing.store.sql import SqlStore
from shared.contracts.topics import CATALOGUE


def forget_events(store: SqlStore, owner: Engine) -> None:
    """Nothing but the catalogue is known to the store. `owner` is the engine of the role that owns its database.

    Nor is anything kept of it: the next example has other events at the same positions, as no log ever has.
    """
    with owner.begin() as connection:
        for table in (tables.event, tables.verdict, tables.inbox, tables.month_change):
            connection.execute(delete(table))
        connection.execute(delete(tables.progress).where(tables.progress.c.topic != CATALOGUE.name))
    store.memo = Memo(100)

"""Snapshots of the servers' stores, from which each can be restored by itself."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.simulation.cluster import Servers


class Store(NamedTuple):
    """A store with its snapshots, oldest first. `restarted` begins the names of the processes that use it.

    No process is restarted for live state: a monitor has to notice by itself.
    """

    name: str
    restarted: tuple[str, ...]
    snapshot: Callable[[], Any]
    restore: Callable[[Any], None]
    older: list[Any]


class Snapshots:
    """The snapshots of each store; the first is of the empty one."""

    def __init__(self, servers: Servers) -> None:
        states, billing, read_model = servers.states, servers.billing, servers.read_model
        self._stores = (
            Store("live state", (), states.snapshot, states.restore, [states.snapshot()]),
            Store("billing", ("biller",), billing.snapshot, billing.restore, [billing.snapshot()]),
            Store("read model", ("monitor",), read_model.snapshot, read_model.restore, [read_model.snapshot()]),
        )

    def take(self) -> str:
        """Every store can be restored to how it is now."""
        for store in self._stores:
            store.older.append(store.snapshot())
        return "snapshots are taken"

    def restore(self, a: int, b: int) -> Store:
        """One store is as it was at one of its snapshots, and its later snapshots are dropped."""
        store = self._stores[a % len(self._stores)]
        del store.older[1 + b % len(store.older) :]
        store.restore(store.older[-1])
        return store

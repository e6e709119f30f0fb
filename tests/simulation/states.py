"""Live state in memory: the port over dictionaries, with snapshots to restore."""

from collections.abc import Callable, Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

import msgspec

from shared.log.port import Fenced, Outgoing, Quarantined, Shard
from shared.log.processor import Busy
from shared.state.port import Change, Head
from shared.units import EpochSeconds
from tests.simulation.faults import FaultInjector, NoFaults

# Called before every commit with the shard, the head before it, and the change; None when it was fenced off.
CommitObserver = Callable[[Shard, Head | None, Change | None], None]


@dataclass
class ShardState:
    """All that is stored of one shard."""

    head: Head | None = None
    items: dict[str, bytes] = field(default_factory=dict)
    identities: set[bytes] = field(default_factory=set)
    due: dict[str, EpochSeconds] = field(default_factory=dict)
    outbox: dict[str, Outgoing] = field(default_factory=dict)
    quarantine: dict[int, Quarantined] = field(default_factory=dict)


class StateServer:
    """What the server holds."""

    def __init__(self, observer: CommitObserver | None = None) -> None:
        self.shards: dict[Shard, ShardState] = {}
        self.observer: CommitObserver = observer or (lambda _shard, _head, _change: None)

    def of(self, shard: Shard) -> ShardState:
        """The shard's state, empty at first."""
        return self.shards.setdefault(shard, ShardState())

    def snapshot(self) -> dict[Shard, ShardState]:
        """All of it, as it is now."""
        return deepcopy(self.shards)

    def restore(self, snapshot: dict[Shard, ShardState]) -> None:
        """All of it is as it was then."""
        self.shards = deepcopy(snapshot)


class MemoryStates:
    """One process's `ShardStates` on a server that others share."""

    def __init__(self, server: StateServer, faults: FaultInjector | None = None) -> None:
        self._server, self._faults = server, faults or NoFaults()

    async def head(self, shard: Shard) -> Head | None:
        await self._faults.yield_turn()
        return self._server.of(shard).head

    async def items(self, shard: Shard, keys: Collection[str]) -> dict[str, bytes]:
        await self._faults.yield_turn()
        held = self._server.of(shard).items
        return {key: held[key] for key in keys if key in held}

    async def identities_known(self, shard: Shard, digests: Collection[bytes]) -> set[bytes]:
        await self._faults.yield_turn()
        return self._server.of(shard).identities.intersection(digests)

    async def commit(self, shard: Shard, seen: Head | None, change: Change) -> None:
        before = 0 if seen is None else seen.revision
        if change.head.revision != before + 1:
            raise ValueError(f"expected revision {before + 1} after {before}, got {change.head.revision}")
        await self._faults.yield_turn()
        fault = self._faults.take("busy", "unanswered")
        if fault == "busy":
            raise Busy(f"{shard} was not written")
        self._write(shard, seen, change)
        await self._faults.yield_turn()
        if fault == "unanswered":
            raise Busy(f"no answer came to a write of {shard}")

    async def due(self, shard: Shard, *, until_s: EpochSeconds, limit: int) -> list[tuple[str, EpochSeconds]]:
        await self._faults.yield_turn()
        held = self._server.of(shard).due
        return sorted(((k, at) for k, at in held.items() if at <= until_s), key=lambda pair: pair[::-1])[:limit]

    async def scan(self, shard: Shard, *, after: str, limit: int) -> list[tuple[str, bytes]]:
        await self._faults.yield_turn()
        return sorted(pair for pair in self._server.of(shard).items.items() if pair[0] > after)[:limit]

    @property
    def max_batch(self) -> int:
        """Small, so that there are several writes."""
        return 50

    async def known_log(self, topic: str) -> str | None:
        """The only log that there is."""
        return topic

    async def save_known_log(self, topic: str, identity: str) -> None:
        """It is known."""

    async def outbox(self, shard: Shard, *, limit: int) -> list[Outgoing]:
        await self._faults.yield_turn()
        return list(self._server.of(shard).outbox.values())[:limit]

    async def published(self, shard: Shard, ids: Collection[str]) -> None:
        await self._faults.yield_turn()
        for id_ in ids:
            self._server.of(shard).outbox.pop(id_, None)
        await self._faults.yield_turn()

    async def quarantine(self, shard: Shard, *, after_offset: int, limit: int) -> list[Quarantined]:
        held = self._server.of(shard).quarantine
        return [held[offset] for offset in sorted(held) if offset > after_offset][:limit]

    async def erase_quarantined(self, shard: Shard, offsets: Collection[int]) -> None:
        held = self._server.of(shard).quarantine
        held.update({each: msgspec.structs.replace(held[each], key=None, value=None) for each in offsets})

    async def forget(self, shard: Shard) -> None:
        self._server.shards.pop(shard, None)

    async def close(self) -> None:
        """Nothing is held open."""

    def _write(self, shard: Shard, seen: Head | None, change: Change) -> None:
        state = self._server.of(shard)
        if state.head != seen:
            self._server.observer(shard, seen, None)
            raise Fenced(f"{shard} is no longer at {seen}")
        self._server.observer(shard, seen, change)
        for message in change.outbox:
            state.outbox.setdefault(message.id, message)
        _update(state.items, change.items)
        _update(state.due, change.due)
        for digest, is_held in change.identities.items():
            (state.identities.add if is_held else state.identities.discard)(digest)
        state.quarantine.update({record.offset: record for record in change.quarantined})
        state.head = change.head


def _update(held: dict[str, bytes] | dict[str, EpochSeconds], changes: Mapping[str, bytes | int | None]) -> None:
    for key, value in changes.items():
        if value is None:
            held.pop(key, None)
        else:
            held[key] = value  # type: ignore[assignment] # values of one change are of the kind that is held

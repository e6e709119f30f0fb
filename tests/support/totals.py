"""A processor of the simplest kind: it adds up numbers, and can be made to fail as real ones do."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.log.port import Fenced, Record, Shard
from shared.log.processor import CaughtUp


@dataclass
class Store:
    """What several workers share: numbers applied and next offsets, changed together."""

    applied: dict[Shard, list[int]] = field(default_factory=dict)
    next_offset: dict[Shard, int] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)

    async def known_log(self, topic: str) -> str | None:
        """Which log the offsets are of."""
        return self.logs.get(topic)

    async def save_known_log(self, topic: str, identity: str) -> None:
        """They are of this one."""
        self.logs[topic] = identity

    @property
    def numbers(self) -> list[int]:
        """All that was applied, sorted."""
        return sorted(number for numbers in self.applied.values() for number in numbers)


@dataclass
class Totals:
    """A worker on a store. `before` is called ahead of every apply and may raise."""

    store: Store
    before: Callable[[Shard, Sequence[Record]], None] = lambda _shard, _records: None
    on_idle: Callable[[Shard, bool], None] = lambda _shard, _caught_up: None
    offered: list[tuple[Shard, int, int]] = field(default_factory=list)

    async def position(self, shard: Shard) -> int | None:
        """The stored next offset."""
        return self.store.next_offset.get(shard)

    async def apply(self, shard: Shard, records: Sequence[Record]) -> int:
        """The numbers and the next offset are stored, if nobody has moved the shard."""
        first, next_offset = records[0].offset, records[-1].offset + 1
        self.offered.append((shard, first, next_offset))
        self.before(shard, records)
        await asyncio.sleep(0)
        if self.store.next_offset.get(shard, 0) != first:
            raise Fenced(f"{shard} is not at {first}")
        self.store.applied.setdefault(shard, []).extend(int(record.value or b"0") for record in records)
        self.store.next_offset[shard] = next_offset
        return next_offset

    async def idle(self, shard: Shard, *, caught_up: CaughtUp) -> None:
        """Whatever the test wants."""
        self.on_idle(shard, await caught_up())

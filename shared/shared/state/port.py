"""The port of live state: what is known of one shard, changed in one atomic, fenced write a batch.

A shard's state is its `Head`, its items (key → bytes), its due-set (key → instant), its outbox and the identities of
what its items hold. `commit` changes
all of them or nothing, and only for the writer who saw the newest head: the revision is the fencing token, so that
two workers who both take a shard for theirs cannot both write, even when neither moved the offset (a timer's tick).
The state is a view of the log that can be rebuilt; losing the newest commits only means reading again from an
older offset.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

from shared.log.port import Outgoing, Quarantined, Shard
from shared.log.processor import KnownLogs
from shared.units import EpochMillis, EpochSeconds, Offset

# Records or items of one write. More of them would hold Redis, or with a file the event loop, for too long.
MAX_BATCH = 2_000
# An ordinary write of so many is half as large. Beyond this each further MiB holds Redis for a few milliseconds.
MAX_WRITE_BYTES = 4 * 2**20

_START, _NEVER = Offset(0), EpochMillis(0)


@dataclass(frozen=True, slots=True)
class Marked:
    """What the last mark of a shard said: up to which offset and instant it is judged, and what is open, as JSON.

    `clock_ms` is the shard's clock as it was then; a mark does not move it. `since` is the offset of the announcements
    from which on the marks hold, also where they say less than before; of a shard never marked `open` is empty.
    """

    next_offset: Offset = _START
    through_ms: EpochMillis = _NEVER
    clock_ms: EpochMillis = _NEVER
    since: Offset = _START
    open: str = ""


_UNMARKED = Marked()


@dataclass(frozen=True, slots=True)
class Head:
    """How far a shard is. Counts are totals since `first_offset`.

    `catalogue_position` and `decisions_position` say how much of the catalogue's and of the decisions' log has been
    applied. What the shard published below the offset `published_through`, in the partition of its own number, is
    reflected here. `archived` is the number of the last write to the archive after which items were removed here: an
    archive that knows of fewer writes has lost some of them. `failed` are the keys of the items that could not be
    judged, ascending; `held` the councils of which there are so many that none of their items is judged. `parked` are
    the records that wait for the catalogue, by council; `marked` is what was last published of all this.
    """

    revision: int = 0
    first_offset: Offset = _START
    next_offset: Offset = _START
    clock_ms: EpochMillis = _NEVER
    catalogue_position: Offset = _START
    decisions_position: Offset = _START
    published_through: Offset = _START
    archived: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    parked: Mapping[str, int] = field(default_factory=dict)
    marked: Marked = _UNMARKED


@dataclass(frozen=True, slots=True)
class Change:
    """Absolute values to store: repeating a change that was already made alters nothing.

    `items` with None deletes. `due` maps a key to the epoch second at which it must be looked at, None to never.
    `identities` maps a digest to whether one of the items holds what it stands for.
    """

    head: Head
    items: Mapping[str, bytes | None] = field(default_factory=dict)
    due: Mapping[str, EpochSeconds | None] = field(default_factory=dict)
    identities: Mapping[bytes, bool] = field(default_factory=dict)
    outbox: Sequence[Outgoing] = ()
    quarantined: Sequence[Quarantined] = ()

    @property
    def size(self) -> int:
        """The bytes of its items, messages and quarantined records; the rest is small beside them."""
        values = chain(
            self.items.values(), (each.value for each in self.outbox), (each.value for each in self.quarantined)
        )
        return sum(len(value) for value in values if value is not None)


def revision_before(seen: Head | None, change: Change) -> int:
    """The revision that `change` follows; raises `ValueError` where its own is not the next one."""
    before = 0 if seen is None else seen.revision
    if change.head.revision != before + 1:
        raise ValueError(f"expected revision {before + 1} after {before}, got {change.head.revision}")
    return before


class StateStore(KnownLogs, Protocol):
    """The live state of all shards of one service. Safe to share between the tasks of one event loop."""

    @property
    def max_batch(self) -> int:
        """How many records or items one write or answer may hold: `MAX_BATCH`, or fewer."""

    async def head(self, shard: Shard) -> Head | None:
        """The newest head, or None for a shard never written."""

    async def items(self, shard: Shard, keys: Collection[str]) -> dict[str, bytes]:
        """The items of `keys` that exist."""

    async def identities_known(self, shard: Shard, digests: Collection[bytes]) -> set[bytes]:
        """Those of `digests` that the shard's items hold."""

    async def commit(self, shard: Shard, seen: Head | None, change: Change) -> None:
        """Store `change`, all or nothing, if the newest head is still `seen`; otherwise raises `Fenced`.

        `change.head.revision` must be one above `seen`'s (1 when `seen` is None).
        """

    async def due(self, shard: Shard, *, until_s: EpochSeconds, limit: int) -> list[tuple[str, EpochSeconds]]:
        """Keys due at or before `until_s` with their epoch seconds, earliest first (ties by key)."""

    async def scan(self, shard: Shard, *, after: str, limit: int) -> list[tuple[str, bytes]]:
        """Items in ascending order of key, beginning after `after` (empty: from the first). All of them, in pages."""

    async def outbox(self, shard: Shard, *, limit: int) -> list[Outgoing]:
        """Unpublished messages in the order of their writing."""

    async def published(self, shard: Shard, ids: Collection[str]) -> None:
        """Delete outbox messages that the log now holds."""

    async def quarantine(self, shard: Shard, *, after_offset: int, limit: int) -> list[Quarantined]:
        """Quarantined records, by ascending offset, beginning after `after_offset` (-1: from the first)."""

    async def erase_quarantined(self, shard: Shard, offsets: Collection[int]) -> None:
        """Quarantined records at `offsets` have neither key nor bytes any more; the rest of each stays. Not fenced."""

    async def forget(self, shard: Shard) -> None:
        """Nothing of the shard is stored any more, as if it had never been written. Not fenced."""

    async def close(self) -> None:
        """Release everything. Idempotent."""

"""Marks for the shards of one process: what of a shard is open is known from its store, and from people's decisions.

A mark is written only after all announcements before it are known to be in the log, so that none is ever ahead of them.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace

from shared.contracts.codec import encode_event
from shared.contracts.topics import VERDICTS
from shared.log.port import Outgoing, Shard
from shared.state.port import Change, Head, Marked, StateStore
from shared.units import EpochMillis, EpochSeconds, Offset
from sla_monitor.domain.marks import (
    BEFORE_EVERYTHING_MS,
    LEAST_APART_S,
    council_named,
    has_open_work,
    is_mark_due,
    mark_key,
    mark_of,
    open_text,
    open_work,
)

# The offsets of a shard's quarantined records about which people have decided.
DecidedRecords = Callable[[Shard], Awaitable[Collection[int]]]
_PAGE = 100  # each may hold 256 KiB


async def nothing_decided(_: Shard) -> Collection[int]:
    """Nobody has decided anything."""
    return ()


class ShardMarker:
    """Says when a shard is to be marked, and with what."""

    def __init__(self, states: StateStore, decided: DecidedRecords = nothing_decided) -> None:
        self._states, self._decided = states, decided
        # Of each quarantined record that was seen here, the council.
        self._quarantined: dict[Shard, dict[int, str | None]] = {}
        # The instant, in epoch seconds, at which it was last looked whether something else is open.
        self._looked_s: dict[Shard, int] = {}

    def forget(self, shard: Shard) -> None:
        """Others may have written to the shard."""
        self._quarantined.pop(shard, None)
        self._looked_s.pop(shard, None)

    async def mark(self, shard: Shard, head: Head, *, through_ms: int, since: int) -> Marked | None:
        """What to mark the shard with as judged through an instant; None where no mark is due, or none would be true.

        `since` is where the announcements ended when the shard was taken over by this process.
        """
        if through_ms <= BEFORE_EVERYTHING_MS:
            return None
        through_s, is_due = EpochSeconds(through_ms // 1000), is_mark_due(head, through_ms)
        if not is_due and not self._looks_again(shard, head, through_s):
            return None
        if await self._states.due(shard, until_s=through_s, limit=1):
            return None
        self._looked_s[shard] = through_s
        open_ = open_text(open_work(head, await self._open_quarantined(shard, head)))
        if not is_due and open_ == head.marked.open:
            return None
        since = max(head.marked.since, since)
        return Marked(head.next_offset, EpochMillis(through_ms), head.clock_ms, Offset(since), open_)

    def _looks_again(self, shard: Shard, head: Head, through_s: int) -> bool:
        """Whether what is open of a shard may be another since it was last marked or looked at; asked now and then."""
        looked_s = max(self._looked_s.get(shard, 0), head.marked.through_ms // 1000)
        return through_s - looked_s >= LEAST_APART_S and has_open_work(head)

    async def _open_quarantined(self, shard: Shard, head: Head) -> Mapping[str | None, int]:
        """How many of the shard's quarantined records nobody has decided about, by the council that they name."""
        if not head.counts.get("quarantined"):
            return {}
        seen = self._quarantined.setdefault(shard, {})
        after = max(seen, default=-1)
        while page := await self._states.quarantine(shard, after_offset=after, limit=_PAGE):
            after = page[-1].offset
            seen.update({record.offset: council_named(record) for record in page})
        decided = await self._decided(shard)
        return Counter(council for offset, council in seen.items() if offset not in decided)


def with_mark(change: Change, shard: Shard, marked: Marked) -> Change:
    """The change and the mark, which waits behind whatever the change announces."""
    mark = mark_of(shard, marked)
    outgoing = Outgoing(mark.id, VERDICTS.name, mark_key(shard), encode_event(mark), marked.through_ms)
    return replace(change, head=replace(change.head, marked=marked), outbox=[*change.outbox, outgoing])

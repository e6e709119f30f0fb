"""Ended items leave live state for the archive, page by page, and come back from it where somebody asks for them.

First they are copied to the database, then removed from live state in a fenced commit: a crash between leaves both,
and that is repeated. Live state is asked first and the archive after it, so an item on its way is always found.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

from shared.contracts.envelope import split_item_key
from shared.log.failures import attempt
from shared.log.port import Fenced, Shard
from shared.log.processor import Busy
from shared.scope import Scope
from shared.sql.engine import busy_during_outages
from shared.state.port import Change, Head, StateStore
from sla_monitor.domain.announcements import Trigger
from sla_monitor.domain.archive import (
    ArchivedItem,
    LeavesAt,
    is_settled,
    may_have_left,
    recalled,
    require_whole,
    same_item,
    united,
)
from sla_monitor.domain.decisions import ReevaluationRequest
from sla_monitor.domain.item import LAST_OUTAGE, OUTAGE_MARK, Item, digests_of, dump_item, load_item
from sla_monitor.ports import Archive, EvaluationContext
from sla_monitor.store.items import STREAMS, evaluate_known

T = TypeVar("T")
# Looked at in one idle round of a shard: some 6 ms of work.
_SWEPT_AT_ONCE = 100
_READ_AT_ONCE = 500
# An item may wait for a sweep for so long; one that has just begun looks at all that is there.
SWEEP_EVERY_S = 3600
# A frozen server is given up on after 15 to 20 seconds: for so long nobody waits, least of all other shards.
ANSWERS_WITHIN_S = 5.0
_RETRY_S = 60


class ArchiveReader:
    """Asks the archive from the event loop. Every method raises `Busy` while the database does not answer.

    `ArchiveLost` where live state is without items that the archive does not know.
    """

    def __init__(self, archive: Archive, *, answers_within_s: float = ANSWERS_WITHIN_S) -> None:
        self._archive, self._answers_within_s = archive, answers_within_s
        self._writes: defaultdict[Shard, int] = defaultdict(int)
        self._unanswered: asyncio.Future[Any] | None = None

    async def start(self, shard: Shard, head: Head | None) -> None:
        """The shard is started with `head`, which was read before this is called: whoever archives later is fenced."""
        known = 0 if head is None else head.archived
        self._writes[shard] = await self._ask(partial(self._archive.writes, shard))
        require_whole(str(shard), writes=self._writes[shard], after_write=known)

    async def find(self, shard: Shard, keys: Collection[str]) -> dict[str, ArchivedItem]:
        """Those of `keys` that are archived. Costs nothing while nothing of the shard is."""
        asked = [key for key in keys if not key.startswith(OUTAGE_MARK)]
        if not asked or not self._writes[shard]:
            return {}
        return await self._ask(partial(self._archive.find, shard, asked, after_write=self._writes[shard]))

    async def recall(self, shard: Shard, keys: Collection[str], *, next_offset: int) -> dict[str, bytes]:
        """Those of `keys` that are archived, as live state gets them back before it reads `next_offset`."""
        found = await self.find(shard, keys)
        return {key: dump_item(recalled(copy, next_offset=next_offset)) for key, copy in found.items()}

    def writes(self, shard: Shard) -> int:
        """How often the shard has written to the archive, as far as is known here."""
        return self._writes[shard]

    async def put(self, shard: Shard, items: Mapping[str, Item], *, read_to: int) -> int:
        """`items` are archived; returns the number of the write, for the head."""
        number = await self._ask(partial(self._archive.put, shard, items, read_to=read_to))
        self._writes[shard] = number
        return number

    def all(self, shard: Shard) -> AsyncIterator[Mapping[str, ArchivedItem]]:
        """All that is archived of the shard, page by page."""
        return self._pages(shard, Scope.all(), spans=None)

    def requested(
        self, shard: Shard, requests: Sequence[ReevaluationRequest]
    ) -> AsyncIterator[Mapping[str, ArchivedItem]]:
        """What is archived of the shard and may be concerned by one of `requests`, page by page."""
        councils = [request.council for request in requests]
        named = [council for council in councils if council is not None]
        span = min(request.start for request in requests), max(request.end for request in requests)
        return self._pages(shard, Scope.of(*named) if len(named) == len(councils) else Scope.all(), spans=span)

    async def _pages(
        self, shard: Shard, scope: Scope, *, spans: tuple[int, int] | None
    ) -> AsyncIterator[Mapping[str, ArchivedItem]]:
        after: str | None = "" if self._writes[shard] else None
        while after is not None:
            items, after = await self._ask(
                partial(self._archive.page, shard, scope, after=after, limit=_READ_AT_ONCE, spans=spans)
            )
            yield items

    async def _ask(self, work: Callable[[], T]) -> T:
        """What `work` returns, from a worker thread. One that was given up on keeps others from waiting with it."""
        if self._unanswered is not None and not self._unanswered.done():
            raise Busy("the database still owes an answer")
        asked = asyncio.ensure_future(asyncio.to_thread(_work, work))
        await asyncio.wait({asked}, timeout=self._answers_within_s)
        if not asked.done():
            self._unanswered = asked
            asked.add_done_callback(_forget)
            raise Busy("the database does not answer now")
        return asked.result()


def _work(work: Callable[[], T]) -> T:
    with busy_during_outages():
        return work()


def _forget(answered: "asyncio.Future[Any]") -> None:
    """Nobody waits for the answer any more, also not for its failure."""
    with suppress(Exception, asyncio.CancelledError):
        answered.result()


class Swept(NamedTuple):
    """Items to remove from live state, archived by the write `number`, and those to put there and judge instead."""

    number: int
    left: Mapping[str, Item]
    differing: Mapping[str, bytes]


def without(change: Change, left: Mapping[str, Item]) -> Change:
    """The change, with which also the items `left` leave live state, and their identities with them."""
    none = dict.fromkeys(left)
    identities = dict.fromkeys(digests_of(left.values()), False)
    return replace(
        change,
        items={**change.items, **none},
        due={**change.due, **none},
        identities={**change.identities, **identities},
    )


class Archiver:
    """Looks through live state for items to archive, from the first key to the last, and again after a while."""

    def __init__(
        self,
        states: StateStore,
        archive: ArchiveReader,
        context: EvaluationContext,
        leaves: LeavesAt,
        *,
        every_s: float = SWEEP_EVERY_S,
        moved: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._states, self._archive, self._context = states, archive, context
        self._leaves, self._every_s, self.moved = leaves, every_s, moved
        self._after: dict[Shard, str] = {}
        self._again_s: defaultdict[Shard, float] = defaultdict(float)
        self._pause_until_s = 0.0

    def start(self, shard: Shard) -> None:
        """The next sweep of the shard begins at once."""
        self._after.pop(shard, None)
        self._again_s.pop(shard, None)

    async def sweep(self, shard: Shard, head: Head) -> Swept | None:
        """One page of the shard's live state, which is as `head` says, has been looked at; None if nothing is to do.

        The shard must have read all there is, and everything that it has published must be known to it. Raises `Fenced`
        where others have written to the shard since.
        """
        now_s = self._context.judged_to_ms // 1000
        if now_s < max(self._again_s[shard], self._pause_until_s):
            return None
        after = self._after.get(shard, LAST_OUTAGE)
        page = await self._states.scan(shard, after=after, limit=_SWEPT_AT_ONCE)
        settled = dict(self._settled(shard, page, now_s))
        if settled and await self._states.head(shard) != head:
            # What another has written meanwhile would be archived as if it had been read below this head's offset.
            raise Fenced(f"{shard} is not as it was left")
        try:
            swept = await self._archived(shard, head, settled) if settled else None
        except Busy:
            self._pause_until_s = now_s + _RETRY_S
            return None
        self._go_on(shard, page, now_s)
        return swept

    def _go_on(self, shard: Shard, page: Sequence[tuple[str, bytes]], now_s: float) -> None:
        if len(page) == _SWEPT_AT_ONCE:
            self._after[shard] = page[-1][0]
        else:
            self._after.pop(shard, None)
            self._again_s[shard] = now_s + self._every_s

    def _settled(self, shard: Shard, page: Sequence[tuple[str, bytes]], now_s: int) -> list[tuple[str, Item]]:
        loaded = [(key, load_item(blob)) for key, blob in page]
        # One that cannot be judged any more is set aside as failed when somebody next asks for it.
        return [(key, item) for key, item in loaded if attempt(self._is_settled, shard, key, item, now_s) is True]

    def _is_settled(self, shard: Shard, key: str, item: Item, now_s: int) -> bool:
        if not may_have_left(item, self._leaves, now_s=now_s):
            return False
        council, name = split_item_key(key)
        context = self._context
        evaluation = evaluate_known(
            item,
            council=council,
            stream=STREAMS[shard.topic],
            name=name,
            catalogue=context.catalogue,
            decisions=context.decisions,
            as_of=now_s,
        )
        return is_settled(item, evaluation, Trigger(council, name, "clock", now_s))

    async def _archived(self, shard: Shard, head: Head, settled: Mapping[str, Item]) -> Swept:
        """What is archived already and differs is united and judged first: only what was judged so may leave."""
        copies = await self._archive.find(shard, settled)
        both = {key: united(copy.item, settled[key]) for key, copy in copies.items()}
        differing = {key: dump_item(item) for key, item in both.items() if not same_item(item, settled[key])}
        leaving = {key: item for key, item in settled.items() if key not in differing}
        number = await self._archive.put(shard, leaving, read_to=head.next_offset) if leaving else head.archived
        return Swept(number, leaving, differing)

"""What was published against what live state remembers: the two differ after the store has lost its newest commits.

A shard that lost them reads the same records again, in other batches. What it then publishes may have been published
before, under the same id, and be dropped as a repetition, although something else was published in between. Or it
publishes nothing, of an item about which something was published that held for a moment only. So a shard is started
`Unreconciled` where its head does not know all of its announcements, and is compared with them once it has read
everything. What its head knows is its `published_through`: an offset of the shard of announcements.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import structlog

from shared.contracts.codec import decode_event
from shared.contracts.scalars import Stream
from shared.contracts.topics import VERDICTS
from shared.contracts.verdicts import VerdictEvent
from shared.log.failures import CodeFailure, attempt
from shared.log.port import Bus, Shard
from shared.paging import paged
from shared.state.port import Head, StateStore
from shared.units import Offset
from sla_monitor.domain.announcement_replay import AnnouncementReplay, reconcile
from sla_monitor.domain.decisions import ReevaluationRequest
from sla_monitor.domain.facts import Opened
from sla_monitor.domain.item import Item, LastPublished, dump_item, load_item
from sla_monitor.store.items import STREAMS

RECONCILED = ReevaluationRequest("reconciled", position=0)
# The shard's records wait while so many announcements are compared; with more, all are left until it is idle.
MAX_COMPARED_AT_START = 50_000
# A worker that starts reads about so many announcements of its shard at most, if the last one ended without a fault.
MAX_UNRECORDED = 5_000
_PAGE = 5_000

_log = structlog.get_logger()


class Unreconciled(NamedTuple):
    """That more may have been published than a shard remembers; when it was started, its announcements ended at `end`.

    It is about the items of some keys, among which may be those of other shards, or about any.
    """

    end: int
    keys: frozenset[bytes] | None = None


class PublishedPosition(NamedTuple):
    """The offset at which a shard's announcements end, and how many it had written by then since it was started."""

    end: int
    written: int


class ShardReplay(NamedTuple):
    """What was published about a shard's stream of items.

    `republished` are the verdicts (`agreement/target/cycle` by item) with more than one before the shard started.
    """

    stream: Stream
    replay: AnnouncementReplay
    republished: Mapping[str, Collection[str]]

    @property
    def keys(self) -> Sequence[str]:
        """The items of which anything was published, as `council:item`."""
        return self.replay.keys(self.stream)


class PublicationTracker:
    """What the shards of one process have published since their heads last said up to where that is known."""

    def __init__(self, states: StateStore, bus: Bus) -> None:
        self._states, self._bus = states, bus
        self._written: defaultdict[Shard, int] = defaultdict(int)
        self._recorded: dict[Shard, PublishedPosition] = {}
        # Shards that were started while there were announcements that their heads do not know.
        self._unreconciled: dict[Shard, Unreconciled] = {}
        self._not_compared: set[Shard] = set()
        # Where the announcements ended when a shard was started that may not know all of them.
        self._started: dict[Shard, int] = {}

    async def start(self, shard: Shard, head: Head | None) -> None:
        """The shard is started with `head`; whatever it has published and forgotten is in the log by now."""
        end = (await self.position(shard)).end
        self._written[shard] = 0
        self._recorded.pop(shard, None)  # its outbox may hold what another worker wrote
        self._unreconciled.pop(shard, None)
        self._not_compared.discard(shard)
        if end != (0 if head is None else head.published_through):
            self._unreconciled[shard] = Unreconciled(end)
            self._not_compared.add(shard)
            self._started[shard] = end

    async def compare_at_start(self, shard: Shard, head: Head) -> None:
        """A shard just started is reconciled, or for fewer items not, where the store remembers what was published.

        Everything that it has published must be in the log. Does nothing from the second call on.
        """
        if shard not in self._not_compared:
            return
        end, unreconciled = (await self.position(shard)).end, self._unreconciled[shard]
        left = await _still_unreconciled(
            self._states, self._bus, shard, unreconciled, start=head.published_through, end=end
        )
        self._not_compared.discard(shard)
        if left is None:
            del self._unreconciled[shard]
        else:
            self._unreconciled[shard] = left

    def add(self, shard: Shard, messages: int) -> None:
        """The shard has written so many announcements more, which are or will be in the log."""
        self._written[shard] += messages

    async def position(self, shard: Shard) -> PublishedPosition:
        """What it has published by now. All of that must be in the log already."""
        written = self._written[shard]
        return PublishedPosition((await self._bus.bounds(announcements_of(shard))).end, written)

    def recorded(self, shard: Shard, head: Head, position: PublishedPosition) -> Head:
        """The head that says that all below the position is known, and since when the shard's marks hold.

        Both at once: a process that takes the shard over then finds nothing unknown, and would mark it as of before.
        """
        since = max(head.marked.since, self.marks_since(shard))
        marked = replace(head.marked, since=Offset(since))
        return replace(head, published_through=Offset(position.end), marked=marked)

    def record(self, shard: Shard, position: PublishedPosition) -> None:
        """The head says that all below the position is known, and readers hold what it holds."""
        self._recorded[shard] = position
        self._unreconciled.pop(shard, None)
        self._not_compared.discard(shard)

    def unreconciled_of(self, shard: Shard) -> Unreconciled | None:
        """What is to be compared when the shard is idle; None if nothing is."""
        return self._unreconciled.get(shard)

    def has_unrecorded(self, shard: Shard) -> bool:
        """Whether there is anything that the head of an idle shard may not know."""
        recorded = self._recorded.get(shard)
        return recorded is None or recorded.written != self._written[shard]

    def must_record(self, shard: Shard) -> bool:
        """Whether a shard that is never idle has published so much that its head should say so."""
        recorded = self._recorded.get(shard)
        unrecorded = self._written[shard] - (0 if recorded is None else recorded.written)
        return shard not in self._unreconciled and unrecorded >= MAX_UNRECORDED

    def marks_since(self, shard: Shard) -> int:
        """From which offset of the announcements on the shard's marks hold, also where they say less than before."""
        return self._started.get(shard, 0)

    @property
    def unreconciled(self) -> frozenset[Shard]:
        """The shards of which announcements are still to be compared."""
        return frozenset(self._unreconciled)


async def replay_unreconciled(
    bus: Bus, shard: Shard, unreconciled: Unreconciled, *, start: int, end: int
) -> ShardReplay:
    """What was published about the items in question, from the offset `start` of the announcements to below `end`."""
    replay, started, keys = AnnouncementReplay(), min(unreconciled.end, end), unreconciled.keys
    announced = announcements_of(shard)
    await replay_announcements(replay, bus, announced, start=start, end=started, keys=keys)
    stream = STREAMS[shard.topic]
    republished = replay.republished(stream)
    await replay_announcements(replay, bus, announced, start=max(start, started), end=end, keys=keys)
    return ShardReplay(stream, replay, republished)


async def _still_unreconciled(
    states: StateStore, bus: Bus, shard: Shard, unreconciled: Unreconciled, *, start: int, end: int
) -> Unreconciled | None:
    """What is left to compare about any item, by what was published from `start` to below `end`, all of it by now.

    Where the store remembers no less than was published, only those items are left for which that cannot be known: of
    which more than one verdict was published, and those that the shard does not hold.
    """
    if end - start > MAX_COMPARED_AT_START:
        return unreconciled
    published = await replay_unreconciled(bus, shard, unreconciled, start=start, end=end)
    left = {key for key, names in published.republished.items() if names}
    for page in paged(published.keys, states.max_batch):
        items = await states.items(shard, page)
        if published_otherwise(items, published._replace(republished={})):
            return unreconciled
        left.update(key for key in page if key not in items)
    return unreconciled._replace(keys=frozenset(key.encode() for key in left)) if left else None


def published_otherwise(items: Mapping[str, bytes], published: ShardReplay) -> dict[str, bytes]:
    """Those of `items` that do not remember something that was published, as readers have them."""
    found = {}
    for key, blob in items.items():
        item = load_item(blob)
        announced = attempt(_reconciled, key, item, published)
        if isinstance(announced, CodeFailure):
            # What it published cannot be compared. It keeps what it remembers, and the others are compared.
            _log.error("judging.not_reconciled", key=key, failure=str(announced), steps=announced.steps)
        elif announced is not None:
            item.announced = announced
            found[key] = dump_item(item)
    return found


def _reconciled(key: str, item: Item, published: ShardReplay) -> dict[str, LastPublished] | None:
    opened = any(isinstance(fact, Opened) for fact in item.facts)
    replayed = published.replay.announced(key, published.stream) if opened else {}
    return reconcile(item.announced, replayed, unreconciled=published.republished.get(key, ()))


def announcements_of(shard: Shard) -> Shard:
    """Where the verdicts on a shard's items are published. Shards of other topics publish there too."""
    return Shard(VERDICTS.name, shard.partition)


async def replay_announcements(
    replay: AnnouncementReplay,
    bus: Bus,
    announced: Shard,
    *,
    start: int,
    end: int,
    keys: Collection[bytes] | None = None,
) -> None:
    """What the log still holds in [start, end) of the announcements is in `replay`; of some keys where named."""
    at = max(start, (await bus.bounds(announced)).first)
    while at < end and (records := await bus.read(announced, at, limit=_PAGE)):
        at = records[-1].offset + 1
        for record in records:
            if record.offset < end and (keys is None or record.key in keys):
                event = decode_event(record.value or b"")
                if isinstance(event, VerdictEvent):
                    replay.add(event)


def warn_of_loss(shard: Shard, remembered: Head | None, stored: Head | None) -> None:
    """A log line if the store has gone back: it was emptied, or an older copy of it was restored."""
    revision = 0 if stored is None else stored.revision
    if remembered is not None and revision < remembered.revision:
        logging.getLogger(__name__).warning(
            "live state of %s went back from revision %d (offset %d) to %d (offset %s): its records are read again",
            *(shard, remembered.revision, remembered.next_offset),
            *(revision, "none" if stored is None else stored.next_offset),
        )

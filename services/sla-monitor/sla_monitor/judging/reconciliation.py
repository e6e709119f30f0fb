"""What readers hold against what live state remembers: the two differ after the store has forgotten announcements.

A store that lost its newest commits takes the same records in again, in other batches. What it then says may have been
said before, by the same id, and be dropped as a repetition, although something else was said in between. Or it says
nothing, of an item about which something was said that held for a moment only.
"""

from collections.abc import AsyncIterator, Collection, Container, Mapping
from typing import NamedTuple

from shared.contracts.codec import decode_event
from shared.contracts.topics import VERDICTS
from shared.contracts.verdicts import VerdictEvent
from shared.log.port import Bus, Shard
from shared.paging import paged
from shared.state.port import StateStore
from sla_monitor.domain.announcement_replay import AnnouncementReplay, reconcile
from sla_monitor.domain.decisions import ReevaluationRequest
from sla_monitor.domain.facts import Opened
from sla_monitor.domain.item import dump_item, load_item

RECONCILED = ReevaluationRequest("reconciled", position=0)
# The shard's records wait while so many announcements are looked at; with more, all are left for its rest.
MOST_EXAMINED = 50_000
_PAGE = 5_000


def announcements_of(shard: Shard) -> Shard:
    """Where the verdicts on a shard's items are announced. Shards of other topics announce there too."""
    return Shard(VERDICTS.name, shard.partition)


async def replay_announcements(bus: Bus, announced: Shard, *, end: int) -> AnnouncementReplay:
    """All that was announced in one shard of the announcements below the offset `end`."""
    retold = AnnouncementReplay()
    await _take(retold, bus, announced, start=0, end=end)
    return retold


class ShardReplay(NamedTuple):
    """What was announced, and about which verdicts more than once before a shard was started."""

    retold: AnnouncementReplay
    unreconciled: Mapping[str, Collection[str]]


class Unreconciled(NamedTuple):
    """That readers may have heard what a shard has forgotten. When it was started, its announcements ended at `began`.

    It is about the items of some keys, among which may be those of other shards, or about any.
    """

    began: int
    about: frozenset[bytes] | None = None


async def replay_unreconciled(bus: Bus, announced: Shard, doubt: Unreconciled, *, start: int, end: int) -> ShardReplay:
    """What was announced about the items in doubt in one shard of the announcements, from `start` to below `end`."""
    retold, began = AnnouncementReplay(), min(doubt.began, end)
    await _take(retold, bus, announced, start=start, end=began, about=doubt.about)
    unreconciled = retold.republished()
    await _take(retold, bus, announced, start=max(start, began), end=end, about=doubt.about)
    return ShardReplay(retold, unreconciled)


async def still_unreconciled(
    states: StateStore, bus: Bus, shard: Shard, doubt: Unreconciled, *, start: int, end: int
) -> Unreconciled | None:
    """What is left of a doubt about any item, by what was announced from `start` to below `end`, all of it by now.

    Where the store remembers no less than was heard, only those are left of whom that cannot be told: of which more
    than one word was heard, and those that the shard does not hold.
    """
    if end - start > MOST_EXAMINED:
        return doubt
    said = await replay_unreconciled(bus, announcements_of(shard), doubt, start=start, end=end)
    left = {key for key, names in said.unreconciled.items() if names}
    for page in paged(said.retold.keys, states.max_batch):
        items = await states.items(shard, page)
        if published_otherwise(items, said._replace(unreconciled={})):
            return doubt
        left.update(key for key in page if key not in items)
    return doubt._replace(about=frozenset(key.encode() for key in left)) if left else None


def published_otherwise(items: Mapping[str, bytes], heard: ShardReplay) -> dict[str, bytes]:
    """Those of `items` of which something was `replay_unreconciled` that they do not remember, as readers have them."""
    found = {}
    for key, blob in items.items():
        item = load_item(blob)
        opened = next((fact for fact in item.facts if isinstance(fact, Opened)), None)
        told = {} if opened is None else heard.retold.announced(key, opened.service)
        announced = reconcile(item.announced, told, unreconciled=heard.unreconciled.get(key, ()))
        if announced is not None:
            item.announced = announced
            found[key] = dump_item(item)
    return found


async def _take(
    retold: AnnouncementReplay,
    bus: Bus,
    announced: Shard,
    *,
    start: int,
    end: int,
    about: Container[bytes | None] | None = None,
) -> None:
    async for events in _pages(bus, announced, start=start, end=end, about=about):
        for event in events:
            retold.add(event)


async def _pages(
    bus: Bus, announced: Shard, *, start: int, end: int, about: Container[bytes | None] | None
) -> AsyncIterator[list[VerdictEvent]]:
    """What the log still holds in [start, end) of the announcements, all or those `about` some keys, in its order."""
    at = max(start, (await bus.bounds(announced)).first)
    while at < end and (records := await bus.read(announced, at, limit=_PAGE)):
        at = records[-1].offset + 1
        wanted = [record for record in records if record.offset < end and (about is None or record.key in about)]
        events = [decode_event(record.value or b"") for record in wanted]
        yield [event for event in events if isinstance(event, VerdictEvent)]

"""What readers hold against what live state remembers: the two differ after the store has forgotten announcements.

A store that lost its newest commits takes the same records in again, in other batches. What it then says may have been
said before, by the same id, and be dropped as a repetition, although something else was said in between. Or it says
nothing, of an item about which something was said that held for a moment only.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import NamedTuple

from shared.bus.port import Bus, Shard
from shared.contracts.codec import decode_event
from shared.contracts.topics import VERDICTS
from shared.contracts.verdicts import VerdictEvent
from sla_monitor.domain.facts import Opened
from sla_monitor.domain.item import dump_item, load_item
from sla_monitor.domain.orders import Order
from sla_monitor.domain.retold import Retold, as_heard

RECONCILED = Order("reconciled", position=0)
_PAGE = 5_000


def announcements_of(shard: Shard) -> Shard:
    """Where the verdicts on a shard's items are announced. Shards of other topics announce there too."""
    return Shard(VERDICTS.name, shard.partition)


async def retell(bus: Bus, announced: Shard, *, end: int) -> Retold:
    """All that was announced in one shard of the announcements below the offset `end`."""
    retold = Retold()
    await _take(retold, bus, announced, start=0, end=end)
    return retold


class Heard(NamedTuple):
    """What was announced, and about which verdicts more than once before a shard was started."""

    retold: Retold
    doubtful: Mapping[str, Collection[str]]


async def heard(bus: Bus, announced: Shard, *, start: int, began: int, end: int) -> Heard:
    """What was announced in one shard of the announcements from the offset `start` to below `end`.

    The shard of items in question was started when the announcements ended at the offset `began`. Items of others are
    heard of, too: who asks knows which ones are its own.
    """
    retold = Retold()
    await _take(retold, bus, announced, start=start, end=began)
    doubtful = retold.often()
    await _take(retold, bus, announced, start=max(start, began), end=end)
    return Heard(retold, doubtful)


def heard_otherwise(items: Mapping[str, bytes], heard: Heard) -> dict[str, bytes]:
    """Those of `items` of which something was `heard` that they do not remember, as readers have them."""
    found = {}
    for key, blob in items.items():
        item = load_item(blob)
        opened = next((fact for fact in item.facts if isinstance(fact, Opened)), None)
        told = {} if opened is None else heard.retold.announced(key, opened.service)
        announced = as_heard(item.announced, told, doubtful=heard.doubtful.get(key, ()))
        if announced is not None:
            item.announced = announced
            found[key] = dump_item(item)
    return found


async def _take(retold: Retold, bus: Bus, announced: Shard, *, start: int, end: int) -> None:
    async for events in _pages(bus, announced, start=start, end=end):
        for event in events:
            retold.take(event)


async def _pages(bus: Bus, announced: Shard, *, start: int, end: int) -> AsyncIterator[list[VerdictEvent]]:
    """What the log still holds of the announcements in [start, end), in its order."""
    at = max(start, (await bus.bounds(announced)).first)
    while at < end and (records := await bus.read(announced, at, limit=_PAGE)):
        at = records[-1].offset + 1
        events = [decode_event(record.value or b"") for record in records if record.offset < end]
        yield [event for event in events if isinstance(event, VerdictEvent)]

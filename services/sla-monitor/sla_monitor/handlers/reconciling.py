"""What readers hold against what live state remembers: the two differ after the store has forgotten announcements.

A store that lost its newest commits takes the same records in again, in other batches. What it then says may have been
said before, by the same id, and be dropped as a repetition, although something else was said in between.
"""

from collections.abc import Sequence

from shared.bus.port import Bus, Shard
from shared.contracts.codec import decode_event
from shared.contracts.topics import VERDICTS
from shared.contracts.verdicts import VerdictEvent
from sla_monitor.domain.facts import Opened
from sla_monitor.domain.item import dump_item, load_item
from sla_monitor.domain.orders import Order
from sla_monitor.domain.retold import Retold, as_heard
from sla_monitor.handlers.looking_back import LookingBack, looking_back

RECONCILED = Order("reconciled", position=0)


async def heard(bus: Bus, shard: Shard) -> Retold:
    """What readers of the announcements hold of the shard's items, by all that the log holds now."""
    async with looking_back(bus, [VERDICTS]) as log:
        return await retell(bus, log, Shard(VERDICTS.name, shard.partition))


async def retell(bus: Bus, log: LookingBack, shard: Shard) -> Retold:
    """What was announced in one shard of the announcements."""
    retold, next_offset = Retold(), await log.begin(shard)
    while next_offset < (await bus.bounds(shard)).end:
        for record in await log.more(shard):
            next_offset = record.offset + 1
            event = decode_event(record.value or b"")
            if isinstance(event, VerdictEvent):
                retold.take(event)
    log.end(shard)
    return retold


def heard_otherwise(page: Sequence[tuple[str, bytes]], retold: Retold) -> dict[str, bytes]:
    """Those items of a page of whom readers hold something else than they remember, as readers have them."""
    found = {}
    for key, blob in page:
        item = load_item(blob)
        opened = next((fact for fact in item.facts if isinstance(fact, Opened)), None)
        announced = None if opened is None else as_heard(item.announced, retold.announced(key, opened.service))
        if announced is not None:
            item.announced = announced
            found[key] = dump_item(item)
    return found

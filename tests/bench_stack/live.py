"""The monitor's log filled, and how far the monitor has come with it."""

import asyncio

import msgspec
from redis import Redis

from shared.bus.connect import connect
from shared.contracts.topics import TICKETS
from shared.state.port import Head
from tests.bench_stack.stage import Stage
from tests.support.tickets import fill

_head = msgspec.json.Decoder(Head)


def fill_log(stage: Stage, *, items: int) -> None:
    """The log holds the catalogue and six events of each of `items` tickets."""
    asyncio.run(_fill(stage, items))


def judged(redis: Redis) -> int:
    """How many records of the tickets' topic have been judged and stored."""
    names = [f"{{tallystick:{TICKETS.name}/{partition}}}:head" for partition in range(TICKETS.partitions)]
    with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hget(name, "head")
        heads = [_head.decode(held) for held in pipe.execute() if held is not None]
    return sum(head.next_offset - head.first_offset for head in heads)


async def _fill(stage: Stage, items: int) -> None:
    bus = connect(stage.bus)
    await fill(bus, items=items)
    await bus.close()

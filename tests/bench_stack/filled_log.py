"""The monitor's log filled, and how far the monitor has come with it."""

import asyncio

import msgspec
from redis import Redis

from shared.bus.connect import connect
from shared.contracts.topics import TICKETS
from shared.state.port import Head
from tests.bench_stack.environment import BenchEnvironment
from tests.support.tickets import fill

_head = msgspec.json.Decoder(Head)


def fill_log(env: BenchEnvironment, *, items: int) -> None:
    """The log holds the catalogue and six events of each of `items` tickets."""
    asyncio.run(_fill(env, items))


def judged(redis: Redis) -> int:
    """How many records of the tickets' topic have been judged and stored."""
    names = [f"{{tallystick:{TICKETS.name}/{partition}}}:head" for partition in range(TICKETS.partitions)]
    with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hget(name, "head")
        heads = [_head.decode(held) for held in pipe.execute() if held is not None]
    return sum(head.next_offset - head.first_offset for head in heads)


async def _fill(env: BenchEnvironment, items: int) -> None:
    bus = connect(env.bus)
    await fill(bus, items=items)
    await bus.close()

"""What an event costs while a thousand items are open, and while a million are."""

import asyncio
import random
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from redis import Redis

from shared.bus.connect import connect
from shared.contracts.topics import CATALOGUE, TICKETS
from shared.log.port import Message
from tests.bench_stack.environment import BenchEnvironment, processor_s, wait_for_records
from tests.bench_stack.filled_log import judged
from tests.support.service_process import ServiceProcess
from tests.support.tickets import catalogue, message

FEW, MANY = 1_000, 1_000_000
SENT = 100_000
NOW = datetime.now(UTC)
_PAGE = 4_000


def run(env: BenchEnvironment) -> None:
    """Prints the processor's time an event, and what an item takes in Redis."""
    with Redis.from_url(env.redis) as redis, env.service("sla_monitor") as ([monitor], _):
        asyncio.run(_publish(env, CATALOGUE.name, catalogue()))
        few = _cost_us(env, redis, monitor, opened=range(FEW))
        many = _cost_us(env, redis, monitor, opened=range(FEW, MANY))
        memory = int(redis.info("memory")["used_memory"]) / MANY
    sys.stdout.write(f"{f'an event among {FEW:,} open items':<50} {few:>12,.1f} us of processor\n")
    sys.stdout.write(f"{f'an event among {MANY:,}':<50} {many:>12,.1f} us  {many / few:5.2f} of that\n")
    sys.stdout.write(f"{'an open item in Redis':<50} {memory:>12,.0f} bytes\n")


def _cost_us(env: BenchEnvironment, redis: Redis, monitor: ServiceProcess, *, opened: range) -> float:
    """What an event costs once `opened` are open beside those before them."""
    before = judged(redis)
    asyncio.run(_publish(env, TICKETS.name, (message(n, "opened", NOW) for n in opened)))
    wait_for_records(before + len(opened), lambda: judged(redis))
    before, used_s = judged(redis), processor_s(monitor.process.pid)
    asyncio.run(_publish(env, TICKETS.name, _assigned(opened.stop)))
    wait_for_records(before + SENT, lambda: judged(redis))
    return (processor_s(monitor.process.pid) - used_s) / SENT * 1e6


def _assigned(items: int) -> Iterator[Message]:
    """An event of any item at a time, in no order that a cache would like."""
    chance = random.Random(items)  # noqa: S311 (made-up data, repeatable)
    for number in range(SENT):
        yield message(chance.randrange(items), "assigned", NOW, again=items + number)


async def _publish(env: BenchEnvironment, topic: str, messages: Iterable[Message]) -> None:
    bus, left = connect(env.bus), iter(messages)
    while page := list(islice(left, _PAGE)):
        await bus.publish(topic, page)
    await bus.close()

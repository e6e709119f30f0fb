"""The monitor's log filled, how far the monitor has come with it, and all of that forgotten again."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
from redis import Redis
from sqlalchemy import create_engine, func, select

from shared.bus.connect import connect
from shared.contracts.topics import TICKETS, VERDICTS, Topic
from shared.log.port import every_shard
from shared.state.connect import connect as connect_state
from shared.state.port import Head
from sla_monitor.store.tables import PROGRESS
from tests.bench_stack.environment import BenchEnvironment
from tests.support.kafka_broker import recreate_topic
from tests.support.service_process import ServiceProcess, eventually
from tests.support.tickets import fill

_SHARDS = every_shard([TICKETS])
_head = msgspec.json.Decoder(Head)


def fill_log(env: BenchEnvironment, *, items: int) -> None:
    """The log holds the catalogue and six events of each of `items` tickets."""
    asyncio.run(_fill(env, items))


def forget_results(env: BenchEnvironment, redis: Redis) -> None:
    """The log's events are there as before, and nothing that was made of them: neither state nor announcements."""
    redis.flushall()
    asyncio.run(recreate_topic(env.broker, VERDICTS))


def judged(redis: Redis) -> int:
    """How many records of the tickets' topic have been judged and stored."""
    with redis.pipeline(transaction=False) as pipe:
        for shard in _SHARDS:
            pipe.hget(f"{{tallystick:{shard}}}:head", "head")
        heads = [_head.decode(held) for held in pipe.execute() if held is not None]
    return sum(head.next_offset - head.first_offset for head in heads)


@contextmanager
def all_recorded(env: BenchEnvironment, database: str) -> Iterator[Callable[[], bool]]:
    """Whether every announcement of what has been judged so far is published, and recorded in `database`."""
    engine = create_engine(database)
    recorded = select(func.coalesce(func.sum(PROGRESS.c.next_offset), 0)).where(PROGRESS.c.topic == VERDICTS.name)

    def is_over() -> bool:
        if asyncio.run(_has_unpublished(env.redis)):
            return False
        with engine.connect() as connection:
            return int(connection.scalar(recorded) or 0) >= count_records(env, VERDICTS)

    try:
        yield is_over
    finally:
        engine.dispose()


def count_records(env: BenchEnvironment, topic: Topic) -> int:
    """How many records the topic has ever had."""
    return asyncio.run(_count(env.bus, topic))


def wait_for_work(services: list[ServiceProcess]) -> None:
    """Each of `services` has started and been given partitions of all that it reads."""
    eventually(lambda: all(_has_work(service) for service in services))


def _has_work(service: ServiceProcess) -> bool:
    _, health = service.admin("/readyz")
    return "no shard is assigned" not in health


async def _has_unpublished(url: str) -> bool:
    states = connect_state(url)
    waiting = [await states.outbox(shard, limit=1) for shard in _SHARDS]
    await states.close()
    return any(waiting)


async def _count(url: str, topic: Topic) -> int:
    bus = connect(url)
    count = sum([(await bus.bounds(shard)).end for shard in every_shard([topic])])
    await bus.close()
    return count


async def _fill(env: BenchEnvironment, items: int) -> None:
    bus = connect(env.bus)
    await fill(bus, items=items)
    await bus.close()

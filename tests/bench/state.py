"""Live state: items committed a second, embedded and on Redis, beside a bare HSET of the same bytes.

Redis is started in a container for it, with its file synced at every write; without Docker only the embedded one runs.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from redis.asyncio import Redis

from shared.log.port import Shard
from shared.state.connect import connect
from shared.state.port import Change, Head
from shared.units import EpochSeconds, Offset
from tests.support import servers

ITEMS = 500  # a batch of records of the consumer loop
COMMITS = 100
VALUE = b"x" * 600  # an ordinary item with a few facts
SHARD = Shard("bench.v1", 0)


def run() -> None:
    """Prints rates, the best of three rounds each: neighbours on the machine can only make a round slower."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        embedded = f"sqlite:///{Path(folder, 'state.db')}"
        ways: dict[str, Callable[[], Awaitable[None]]] = {"embedded": lambda: _commit(embedded)}
        if servers.DOCKER_SOCKET.exists():
            address = stack.enter_context(servers.redis())
            ways = {"bare HSET": lambda: _bare(address), **ways, "Redis": lambda: _commit(address)}
        rates = {name: max(asyncio.run(_rate(work)) for _ in range(3)) for name, work in ways.items()}
    first = next(iter(rates))
    for name, rate in rates.items():
        sys.stdout.write(f"{name:<24} {rate:>12,.0f} items/s  {rate / rates[first]:5.2f} of {first}\n")


async def _rate(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return COMMITS * ITEMS / (time.perf_counter() - began)


def _batches() -> list[list[str]]:
    """Keys of commit after commit; each item comes back three times, as a ticket has four events or so."""
    return [[f"adur:ticket-{(n * ITEMS + item) // 4:07}" for item in range(0, ITEMS * 4, 4)] for n in range(COMMITS)]


async def _bare(url: str) -> None:
    client = Redis.from_url(url)
    for keys in _batches():
        arguments = [part for key in keys for part in (key, VALUE)]
        await client.execute_command("HSET", "bare", *arguments)  # type: ignore[no-untyped-call]  # redis-py gives it none
    await client.aclose()


async def _commit(url: str) -> None:
    states = connect(url)
    await states.forget(SHARD)
    seen = None
    for revision, keys in enumerate(_batches(), start=1):
        head = Head(revision=revision, next_offset=Offset(revision * ITEMS))
        await states.commit(
            SHARD, seen, Change(head, items=dict.fromkeys(keys, VALUE), due=dict.fromkeys(keys, EpochSeconds(revision)))
        )
        seen = head
    await states.close()

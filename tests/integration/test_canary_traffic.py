"""Twenty councils at once over real sockets and PostgreSQL, three requests in ten cut off: no byte of another council.

`CANARY_REQUESTS=20000` makes the long run of it.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import uvicorn

from shared.clock import FixedClock
from shared.scope import Scope
from tallystick.stack import Stack
from tests.support.canaries import MONTH, Callers, canaries, canaries_in, canary, words_of

REQUESTS = int(os.environ.get("CANARY_REQUESTS", "2000"))
COUNCILS = [canary(number) for number in range(20)]
CUT_OFF = 0.3
AT_ONCE = 24
# How long an answer may take on a machine that does much else.
PATIENCE_S = 120
NOW = FixedClock(datetime(2026, 4, 10, 12, tzinfo=UTC))
READS = (
    "/v1/statements?month={month}",
    "/v1/statements/{own}/{month}",
    "/v1/statements/{own}/{month}.csv",
    "/v1/statements/{other}/{month}",
    "/v1/attainment?month={month}",
    "/v1/attainment?month={month}&council={other}",
    "/v1/verdicts?month={month}&limit=1",
    "/v1/items/{own}-late",
    "/v1/items/{other}-late",
    "/v1/agreements",
    "/v1/tariffs",
    "/v1/exclusions",
    "/v1/budget",
    "/attainment?month={month}",
)

pytestmark = [pytest.mark.docker, pytest.mark.anyio]


@dataclass
class Seen:
    """What came of the requests. `foreign`: who was answered what about whom; `acknowledged`: exclusions, by id."""

    statuses: Counter[int] = field(default_factory=Counter)
    cut_off: int = 0
    foreign: list[tuple[str, str, set[str]]] = field(default_factory=list)
    acknowledged: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def dialect() -> str:
    """Only PostgreSQL has rows to protect."""
    return "postgresql"


@asynccontextmanager
async def serving(application: Any) -> AsyncIterator[tuple[str, int]]:
    """The application on a socket of this machine."""
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="warning", access_log=False))
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done()
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[:2]
    server.should_exit = True
    await task


async def test_twenty_councils_read_and_write_at_once_and_none_is_answered_about_another(
    tmp_path: Path, database_of: Callable[[str], str]
) -> None:
    callers, seen, stop = Callers(), Seen(), asyncio.Event()
    chance = random.Random(15)  # noqa: S311 (it draws who asks what)
    async with canaries(tmp_path, database_of, COUNCILS, clock=NOW) as stack:
        running = asyncio.create_task(stack.run(stop))
        async with serving(callers.application(stack)) as at, httpx2.AsyncClient(timeout=PATIENCE_S) as http:
            left = iter(range(REQUESTS))

            async def ask() -> None:
                for number in left:
                    await one_request(number, http, at, callers, chance, seen)

            async with asyncio.TaskGroup() as tasks:
                for _ in range(AT_ONCE):
                    tasks.create_task(ask())
        kept = await exclusions_kept(stack)
        stop.set()
        await running

    assert seen.foreign == []
    assert {id_: council for id_, council in seen.acknowledged.items() if kept.get(id_) != council} == {}
    # What the test stands on: that enough was read, refused, written and cut off.
    assert sum(seen.statuses.values()) + seen.cut_off == REQUESTS
    assert seen.statuses.keys() <= {200, 201, 404}
    assert min(seen.statuses[200], seen.statuses[404], seen.cut_off) > REQUESTS / 20
    assert len(seen.acknowledged) > REQUESTS / 50


async def one_request(
    number: int, http: httpx2.AsyncClient, at: tuple[str, int], callers: Callers, chance: random.Random, seen: Seen
) -> None:
    """A read, or in one of ten a proposal; of either, three in ten are cut off at some point."""
    own, other = chance.sample(COUNCILS, 2)
    method, address, body = "GET", chance.choice(READS).format(own=own, other=other, month=MONTH), b""
    if chance.random() < 0.1:
        method, address, body = "POST", "/v1/exclusions", proposal(own, number)
    headers = callers.headers(own) | {"Content-Type": "application/json"}
    if chance.random() < CUT_OFF:
        await cut_off(at, method, address, headers, body, wait_s=chance.choice((0, 0.001, 0.01, 0.05)))
        seen.cut_off += 1
        return
    answer = await http.request(method, f"http://{at[0]}:{at[1]}{address}", headers=headers, content=body)
    seen.statuses[answer.status_code] += 1
    words = words_of(answer.headers["content-type"], answer.content) + str(answer.headers)
    if about := canaries_in(words) - {own}:
        seen.foreign.append((own, address, about))
    if answer.status_code == 201:
        seen.acknowledged[f"{own}-{number}"] = own


async def cut_off(
    at: tuple[str, int], method: str, address: str, headers: dict[str, str], body: bytes, *, wait_s: float
) -> None:
    """The request is sent whole, and the connection is reset a little later, whatever has been answered by then."""
    _, writer = await asyncio.open_connection(*at)
    lines = [f"{method} {address} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()
    await asyncio.sleep(wait_s)
    writer.transport.abort()


def proposal(council: str, number: int) -> bytes:
    return msgspec.json.encode(
        {
            "id": f"{council}-{number}",
            "exclusion": {
                "council": council,
                "start_at": "2026-01-02T13:00:00Z",
                "end_at": "2026-01-02T16:00:00Z",
                "category": "planned-maintenance",
                "reason": f"{council}-change",
            },
        }
    )


async def exclusions_kept(stack: Stack) -> dict[str, str]:
    """Every exclusion in the log by now, and whose it is."""
    await stack.monitor.catch_up()
    return {state.id: state.exclusion.council for state in stack.monitor.exclusions.all(Scope.all())}

"""Whether a service is alive, and whether it can do its work: each part asked, none trusted.

Alive: the event loop answers and no loop of the service is stuck. Ready: database, state, log and schema answer within
`PATIENCE_S`, and every group that it reads in owns shards, holds none back, and is nearly caught up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct

from shared.bus.consumer import ConsumerStatus
from shared.log.port import Bus
from shared.running.watchdog import Watched

PATIENCE_S = 5.0
# Says what it found, or raises what is wrong.
Check = Callable[[], Awaitable[str]]


class NotReady(Exception):
    """The part answers, and what it says is that it cannot do its work now."""


class HealthPart(Struct, frozen=True):
    """What one part said of itself."""

    ok: bool
    detail: str


class Health(Struct, frozen=True):
    """All parts, by name; `ok` when every one of them is."""

    ok: bool
    parts: Mapping[str, HealthPart]


def liveness(watched: Sequence[Watched]) -> Health:
    """Whether each loop has come round lately."""
    return _health(
        {
            each.heartbeat.name: HealthPart(not each.is_stuck, f"came round {each.heartbeat.silent_s():.1f} s ago")
            for each in watched
        }
    )


class Readiness:
    """All checks, asked at the same time. One that has not answered is not asked again until it has.

    So a store that answers nobody holds up one thread of this process for each question, however often it is asked.
    """

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._asked: dict[str, asyncio.Task[HealthPart]] = {}

    async def ask(self) -> Health:
        """What each part says now; one that takes longer than `PATIENCE_S` has failed."""
        parts = await asyncio.gather(*(self._part(name) for name in self._checks))
        return _health(dict(zip(self._checks, parts, strict=True)))

    async def _part(self, name: str) -> HealthPart:
        asked = self._asked.get(name)
        if asked is None or asked.done():
            asked = self._asked[name] = asyncio.ensure_future(_answer(self._checks[name]))
        try:
            return await asyncio.wait_for(asyncio.shield(asked), PATIENCE_S)
        except TimeoutError:
            return HealthPart(ok=False, detail=f"no answer within {PATIENCE_S:g} s")


def consumer_check(bus: Bus, reading: ConsumerStatus, *, lag_records: int) -> Check:
    """A check that the member has shards, none halted or held back, and is at most `lag_records` behind in them all."""

    async def check() -> str:
        positions = dict(reading.positions)
        if not positions:
            raise NotReady("no shard is assigned")
        if reading.halted:
            raise NotReady("; ".join(reading.halted.values()))
        if reading.paused:
            raise NotReady(f"{len(reading.paused)} of {len(positions)} shards are held back")
        lag = sum([(await bus.bounds(shard)).end - position for shard, position in positions.items()])
        if lag > lag_records:
            raise NotReady(f"{lag} records behind in {len(positions)} shards, at most {lag_records} may be")
        return f"{lag} records behind in {len(positions)} shards"

    return check


async def _answer(check: Check) -> HealthPart:
    try:
        return HealthPart(ok=True, detail=await check())
    except NotReady as told:
        return HealthPart(ok=False, detail=str(told))
    except Exception as fault:  # noqa: BLE001 (whatever a part raises is its state; its text may hold an address)
        return HealthPart(ok=False, detail=type(fault).__name__)


def _health(parts: Mapping[str, HealthPart]) -> Health:
    return Health(ok=all(part.ok for part in parts.values()), parts=parts)

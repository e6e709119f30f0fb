"""Whether a service is alive, and whether it can do its work: each part asked, none trusted.

Alive: the event loop answers and no loop of the service is stuck. Ready: database, state, log and schema answer within
`PATIENCE_S`, and every group that it reads in owns shards, holds none back, and is nearly caught up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct

from shared.bus.consumer import Reading
from shared.bus.port import Bus
from shared.running.watchdog import Watched

PATIENCE_S = 5.0
# Says what it found, or raises what is wrong.
Check = Callable[[], Awaitable[str]]


class NotReady(Exception):
    """The part answers, and what it says is that it cannot do its work now."""


class Part(Struct, frozen=True):
    """What one part said of itself."""

    ok: bool
    detail: str


class Health(Struct, frozen=True):
    """All parts, by name; `ok` when every one of them is."""

    ok: bool
    parts: Mapping[str, Part]


def liveness(watched: Sequence[Watched]) -> Health:
    """Whether each loop has come round lately."""
    return _health(
        {each.pulse.name: Part(not each.is_stuck, f"came round {each.pulse.silent_s():.1f} s ago") for each in watched}
    )


async def readiness(checks: Mapping[str, Check]) -> Health:
    """All checks, made at the same time; one that takes too long has failed."""
    parts = await asyncio.gather(*(_asked(check) for check in checks.values()))
    return _health(dict(zip(checks, parts, strict=True)))


def reading_check(bus: Bus, reading: Reading, *, lag_records: int) -> Check:
    """A check that the member has shards, none halted or held back, and is at most `lag_records` behind in them all."""

    async def check() -> str:
        positions = dict(reading.positions)
        if not positions:
            raise NotReady("no shard is assigned")
        if reading.halted:
            raise NotReady("; ".join(reading.halted.values()))
        if reading.held_back:
            raise NotReady(f"{len(reading.held_back)} of {len(positions)} shards are held back")
        lag = sum([(await bus.bounds(shard)).end - position for shard, position in positions.items()])
        if lag > lag_records:
            raise NotReady(f"{lag} records behind in {len(positions)} shards, at most {lag_records} may be")
        return f"{lag} records behind in {len(positions)} shards"

    return check


async def _asked(check: Check) -> Part:
    try:
        return Part(ok=True, detail=await asyncio.wait_for(check(), PATIENCE_S))
    except TimeoutError:
        return Part(ok=False, detail=f"no answer within {PATIENCE_S:g} s")
    except NotReady as told:
        return Part(ok=False, detail=str(told))
    except Exception as fault:  # noqa: BLE001 (whatever a part raises is its state; its text may hold an address)
        return Part(ok=False, detail=type(fault).__name__)


def _health(parts: Mapping[str, Part]) -> Health:
    return Health(ok=all(part.ok for part in parts.values()), parts=parts)

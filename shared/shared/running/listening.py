"""Readers of the log that hear nothing, though it answers others: a client in that state stays in it."""

import asyncio
from contextlib import suppress

from shared.contracts.topics import CATALOGUE
from shared.log.port import Bus, BusError, Shard

_LOOK_EVERY_S = 5.0
_PATIENCE_S = 5.0


class ConsumerStalled(Exception):
    """The log answers, and has not answered this process' readers for too long: only a new process helps."""


async def watch_consumers(bus: Bus, stop: asyncio.Event, *, limit_s: float) -> None:
    """Returns when `stop` is set; raises `ConsumerStalled`. A log that answers nobody is waited for, however long."""
    while not stop.is_set():
        silent_s = bus.silent_s()
        if silent_s > limit_s and await _answers(bus):
            raise ConsumerStalled(f"readers have heard nothing for {silent_s:.0f} s from a log that answers others")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_EVERY_S)


async def _answers(bus: Bus) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await bus.bounds(Shard(CATALOGUE.name, 0))
    except (TimeoutError, BusError):
        return False
    return True

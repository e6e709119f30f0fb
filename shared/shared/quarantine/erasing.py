"""What was sent and quarantined is erased once it is decided about and its topic's retention has deleted it."""

import asyncio
from contextlib import suppress

from shared.log.port import BusError
from shared.log.processor import Busy
from shared.quarantine.service import QuarantineService

EVERY_S = 3_600.0


async def erase_while_running(quarantine: QuarantineService, stop: asyncio.Event, *, every_s: float = EVERY_S) -> None:
    """Until `stop` is set, the quarantine keeps no bytes of what is over; while a server is away, it tries again."""
    while not stop.is_set():
        with suppress(Busy, BusError):
            await quarantine.erase_gone()
        try:
            await asyncio.wait_for(stop.wait(), every_s)
        except TimeoutError:
            continue

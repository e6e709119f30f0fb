"""Nothing is decided before what was decided earlier has been read back from the log."""

import asyncio
import time
from collections.abc import Callable

from shared.contracts.topics import STATEMENTS
from shared.http import Problem
from shared.http.problem_types import SERVICE_UNAVAILABLE
from shared.log.port import Bus, BusUnavailable, Shard

_SHARD = Shard(STATEMENTS.name, 0)
_WAITS_S, _LOOK_EVERY_S = 5.0, 0.05


class NotReadBack(Exception):
    """The log holds steps of statements that this database does not: a number might be given twice."""


class ReadBack:
    """Whether all steps that the log holds are in the database."""

    def __init__(self, bus: Bus, position: Callable[[Shard], int | None], *, waits_s: float = _WAITS_S) -> None:
        self._bus, self._position, self._waits_s = bus, position, waits_s

    async def require(self) -> None:
        """Every step that is in the log now is in the database. Raises `NotReadBack`, and `BusUnavailable`."""
        end = (await self._bus.bounds(_SHARD)).end
        give_up = time.monotonic() + self._waits_s
        while (await asyncio.to_thread(self._position, _SHARD) or 0) < end:
            if time.monotonic() > give_up:
                raise NotReadBack("the steps that are in the log are still being read: try again in a moment")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def require_for_request(self) -> None:
        """As `require`, raising the problem that answers a request."""
        try:
            await self.require()
        except (NotReadBack, BusUnavailable) as fault:
            raise Problem(SERVICE_UNAVAILABLE, str(fault), headers={"Retry-After": "1"}) from fault

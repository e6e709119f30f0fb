"""Where the scheduler may step in: every port call of a process yields to it before and after its effect."""

import asyncio
from collections import Counter
from typing import Protocol

PortFault = str
# lost, partly: a publish whose messages, or all but the first of them, are not appended; unconfirmed: appended, but the
# answer does not arrive. busy: a write that is refused; unanswered: one that is made, but the answer does not arrive.
PORT_FAULTS: tuple[PortFault, ...] = ("lost", "partly", "unconfirmed", "busy", "unanswered")


class FaultInjector(Protocol):
    """One process's way to the servers."""

    async def yield_turn(self) -> None:
        """Others may have their turn; the process may be killed or frozen here."""
        ...

    def take(self, *faults: PortFault) -> PortFault | None:
        """The pending fault that is one of these, no longer pending; None without one."""
        ...


class NoFaults:
    """Every call succeeds."""

    async def yield_turn(self) -> None:
        await asyncio.sleep(0)

    def take(self, *_: PortFault) -> PortFault | None:
        return None


class PendingFaults(NoFaults):
    """Faults wait until a call can meet them; `occurred` counts those that were met over a whole run."""

    def __init__(self, occurred: Counter[str]) -> None:
        self._pending: Counter[PortFault] = Counter()
        self._occurred = occurred

    def add(self, fault: PortFault) -> None:
        """The next call that can meets this fault."""
        self._pending[fault] += 1

    def clear(self) -> None:
        """No fault is pending any more."""
        self._pending.clear()

    def take(self, *faults: PortFault) -> PortFault | None:
        for fault in faults:
            if self._pending[fault]:
                self._pending[fault] -= 1
                self._occurred[fault] += 1
                return fault
        return None

"""Where the scheduler may step in: every port call of a process passes its gate, before and after its effect."""

import asyncio
from collections import Counter
from typing import Protocol

Trouble = str
# lost, partly: a publish whose messages, or all but the first of them, are not appended; doubted: appended, but the
# answer does not arrive. busy: a write that is refused; unheard: one that is made, but the answer does not arrive.
TROUBLES: tuple[Trouble, ...] = ("lost", "partly", "doubted", "busy", "unheard")


class Gate(Protocol):
    """One process's way to the servers."""

    async def pause(self) -> None:
        """Others may have their turn; the process may be killed or frozen here."""
        ...

    def take(self, *troubles: Trouble) -> Trouble | None:
        """The trouble among these that is in store for the process; it is met once."""
        ...


class OpenGate:
    """No trouble at all."""

    async def pause(self) -> None:
        """As the protocol says."""
        await asyncio.sleep(0)

    def take(self, *_: Trouble) -> Trouble | None:
        """As the protocol says."""
        return None


class TroubledGate(OpenGate):
    """Troubles wait in store until a call can meet them; `met` counts the met ones over a whole run."""

    def __init__(self, met: Counter[str]) -> None:
        self._in_store: Counter[Trouble] = Counter()
        self._met = met

    def store(self, trouble: Trouble) -> None:
        """The next call that can will meet this trouble."""
        self._in_store[trouble] += 1

    def clear(self) -> None:
        """Nothing is in store any more."""
        self._in_store.clear()

    def take(self, *troubles: Trouble) -> Trouble | None:
        """As the protocol says."""
        for trouble in troubles:
            if self._in_store[trouble]:
                self._in_store[trouble] -= 1
                self._met[trouble] += 1
                return trouble
        return None

"""Which faults are injected when, drawn from a seed; and how they are injected."""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Literal

from tests.chaos.fleet import Fleet
from tests.chaos.lag import LagMonitor
from tests.chaos.servers import SESSION_S, Servers

Kind = Literal["kill", "freeze", "postgres", "redis", "broker"]

# Kills come in bursts: a group in which a member dies every other second does nothing but rebalance.
KILLS_AT_ONCE = 4
BURST_S = 2.0
FROZEN_S = SESSION_S + 2.0
# Of the kills, so many must find a service with unread records.
AT_WORK = 0.75


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many of each kind."""

    kill: int
    freeze: int
    postgres: int
    redis: int
    broker: int


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault, `at_s` seconds after the start. `victim` counts the processes; servers have none."""

    at_s: float
    kind: Kind
    victim: int = 0


@dataclass
class FaultLog:
    """The injected faults as lines of text, and counted; `at_work` counts those on services that had unread records."""

    lines: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    at_work: Counter[str] = field(default_factory=Counter)

    def vacuous(self, amounts: Amounts) -> list[str]:
        """Why the run proves nothing: too few faults, or too many on idle processes."""
        found = []
        for kind in ("kill", "freeze", "postgres", "redis", "broker"):
            wanted = getattr(amounts, kind)
            if self.done[kind] < wanted:
                found.append(f"vacuous: expected {wanted} faults of kind {kind}, injected {self.done[kind]}")
        if self.at_work["kill"] < AT_WORK * amounts.kill:
            found.append(f"vacuous: only {self.at_work['kill']} of {amounts.kill} kills hit a service with work unread")
        return found


def plan(amounts: Amounts, *, processes: int, over_s: float, seed: int) -> list[Fault]:
    """The faults in their order; the same for the same arguments."""
    chance = Random(seed)  # noqa: S311 (a test's choice)
    bursts = -(-amounts.kill // KILLS_AT_ONCE)
    faults = [
        Fault(_spread(number // KILLS_AT_ONCE, bursts, over_s, chance), "kill", chance.randrange(processes))
        for number in range(amounts.kill)
    ]
    for kind in ("freeze", "postgres", "redis", "broker"):
        total = getattr(amounts, kind)
        faults += [
            Fault(_spread(number, total, over_s, chance), kind, chance.randrange(processes)) for number in range(total)
        ]
    return sorted(faults)


def _spread(number: int, total: int, over_s: float, chance: Random) -> float:
    """A time in the `number`-th of `total` equal parts, within a burst of its middle."""
    return (number + 0.5) * over_s / total + chance.uniform(-0.5, 0.5) * min(BURST_S, over_s / total)


class FaultInjector:
    """Injects the faults of a plan."""

    def __init__(self, fleet: Fleet, servers: Servers, lag: LagMonitor, *, seed: int) -> None:
        self._fleet, self._lag = fleet, lag
        chance = Random(seed)  # noqa: S311 (a test's choice)
        self._breaking: dict[Kind, Callable[[], str]] = {
            "postgres": servers.stop_postgres,
            "redis": lambda: servers.break_redis(chance),
            "broker": servers.restart_broker,
        }
        self._turn = asyncio.Lock()
        self._began = monotonic()
        self.log = FaultLog()

    async def carry_out(self, faults: Sequence[Fault]) -> None:
        """Every fault was injected. Servers break one at a time; whatever else happens meanwhile goes on."""
        self._began = monotonic()
        async with asyncio.TaskGroup() as doing:
            for fault in faults:
                await asyncio.sleep(max(0.0, self._began + fault.at_s - monotonic()))
                doing.create_task(self._inject(fault))

    async def _inject(self, fault: Fault) -> None:
        match fault.kind:
            case "kill":
                await self._hit(fault, signal.SIGKILL)
            case "freeze":
                await self._hit(fault, signal.SIGSTOP)
                await asyncio.sleep(FROZEN_S)
                self._fleet.instances[fault.victim].send_signal(signal.SIGCONT)
            case server:
                async with self._turn:
                    self._note(fault, await asyncio.to_thread(self._breaking[server]))

    async def _hit(self, fault: Fault, number: signal.Signals) -> None:
        victim = self._fleet.instances[fault.victim]
        while not victim.send_signal(number):  # noqa: ASYNC110 (it is dead already, and the supervisor announces nothing)
            await asyncio.sleep(0.05)
        unread = self._lag.unread[victim.service]
        self.log.at_work[fault.kind] += unread > 0
        self._note(fault, f"{victim.name}, {unread} unread")

    def _note(self, fault: Fault, what: str) -> None:
        self.log.done[fault.kind] += 1
        self.log.lines.append(f"{monotonic() - self._began:7.1f} s  {fault.kind:8}  {what}")

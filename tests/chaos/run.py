"""One run: servers, processes, traffic and faults at once; then the verification, once all is read."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from tests.chaos import failing_monitor
from tests.chaos.environment import Environment, running_environment
from tests.chaos.faults import Amounts, FaultInjector, FaultLog, plan
from tests.chaos.fleet import Fleet
from tests.chaos.lag import PARTITIONS
from tests.chaos.oracle import stores
from tests.chaos.sending import Sender
from tests.chaos.servers import Servers, own_servers
from tests.chaos.traffic import TICKETS, Size, sendings
from tests.chaos.verification import Verification, expected_results, verify

# Records sent for each event, by which the sending lasts as long as the faults.
SENT_PER_EVENT = 1.1
SHORTEST_S = 20.0
MOST_MIB = 300


@dataclass(frozen=True, slots=True)
class Scale:
    """How much traffic and how many faults, in how many seconds."""

    size: Size
    amounts: Amounts
    over_s: float

    def share(self, share: float) -> "Scale":
        """As much less of everything, but no kind of fault is left out."""
        size = Size(*(max(1, round(amount * share)) for amount in astuple(self.size)))
        amounts = Amounts(*(max(1, round(amount * share)) for amount in astuple(self.amounts)))
        return Scale(size, amounts, max(SHORTEST_S, self.over_s * share))


FULL = Scale(Size(usage=1_000_000, tickets=100_000, work=25_000), Amounts(200, 20, 10, 10, 3), over_s=600.0)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run. It has passed when there are no `faults`."""

    seed: int
    seconds: dict[str, float]
    faults: list[str]
    facts: dict[str, int]
    injected: FaultLog
    fleet: Fleet

    def __str__(self) -> str:
        """All of it, the log of faults last."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"seed {self.seed}"
        yield from (f"{name}: {value:.0f} s" for name, value in self.seconds.items())
        yield from (f"{name}: {value:,}" for name, value in self.facts.items())
        yield from (f"{service}: at most {peak:.0f} MiB" for service, peak in self.fleet.peaks_mib().items())
        yield from (f"ended by itself: {name} with {code}, {n}×" for (name, code), n in self.fleet.endings.items())
        yield from (f"injected: {kind} {n}×" for kind, n in self.injected.done.items())
        yield from (f"with work unread: {kind} {n}×" for kind, n in self.injected.at_work.items())
        yield from self.injected.lines
        yield from (f"FAULT {fault}" for fault in self.faults)


def run(scale: Scale, *, seed: int, folder: Path) -> Report:
    """The whole of it; the processes' logs are in `folder`."""
    with own_servers() as servers:
        servers.prepare(folder)
        return asyncio.run(_run(scale, seed, servers, folder))


async def _run(scale: Scale, seed: int, servers: Servers, folder: Path) -> Report:
    async with running_environment(servers, folder, monitor=failing_monitor.MODULE) as on:
        began, sender = time.time(), Sender(servers.kafka)
        injector = FaultInjector(on.fleet, servers, on.lag, seed=seed)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_send(scale, seed, sender))
            tasks.create_task(_disturb(scale, seed, on, injector))
        disturbed = time.time()
        not_idle = await on.wait_until_idle()
        failed = stores.failed_items(servers.redis.url, TICKETS, PARTITIONS)
        await on.upgrade("sla_monitor")
        not_idle += await on.wait_until_idle()
        rested = time.time()
        verification = await verified(on, as_of=int(rested))
    faults = [*not_idle, *failures_differ(failed), *injector.log.vacuous(scale.amounts), *too_large(on.fleet)]
    return Report(
        seed,
        {"disturbed": disturbed - began, "until idle": rested - disturbed, "verified": time.time() - rested},
        [*faults, *verification.faults],
        {"records sent": sender.sent, "failed until the upgrade": len(failed), **verification.facts},
        injector.log,
        on.fleet,
    )


async def verified(on: Environment, *, as_of: int) -> Verification:
    """The services' results compared with the oracle's, for all that was sent."""
    expected = await expected_results(on.servers.kafka, as_of=as_of)
    return await asyncio.to_thread(verify, expected, on.servers, on.fleet, on.lag)


def failures_differ(failed: Sequence[str]) -> list[str]:
    """The fault that other tickets failed than those that the first release could not judge, if they did."""
    found = sorted(key.partition(":")[2] for key in failed)
    expected = sorted(failing_monitor.TICKETS)
    return [] if found == expected else [f"expected {expected} to fail, and got {found}"]


def too_large(fleet: Fleet) -> list[str]:
    """The services that held more memory than they may."""
    peaks = fleet.peaks_mib().items()
    return [
        f"{service} held {peak:.0f} MiB, at most {MOST_MIB} are allowed" for service, peak in peaks if peak > MOST_MIB
    ]


async def _send(scale: Scale, seed: int, sender: Sender) -> None:
    events = sum(astuple(scale.size))
    traffic = sendings(scale.size, seed=seed, now=int(time.time()))
    await sender.send(traffic, per_s=events * SENT_PER_EVENT / scale.over_s)


async def _disturb(scale: Scale, seed: int, on: Environment, injector: FaultInjector) -> None:
    await on.wait_until_started()
    processes = len(on.fleet.instances)
    await injector.carry_out(plan(scale.amounts, processes=processes, over_s=scale.over_s, seed=seed))

"""One run: servers, processes, traffic and faults at once; then rest, and the judgement."""

import asyncio
import time
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from tests.chaos.faults import Amounts, FaultLog, Saboteur, plan
from tests.chaos.fleet import Fleet, fleet
from tests.chaos.judgement import Judgement, expectation, judge
from tests.chaos.meter import AWAY, READ_BY, Meter
from tests.chaos.sending import Sender
from tests.chaos.servers import Servers, own_servers
from tests.chaos.traffic import Size, sendings
from tests.support.alone import get

EACH = 2  # instances of each service
DOUBLED_AND_MORE = 1.11  # records sent for each event
BEGINS_WITHIN_S, RESTS_WITHIN_S = 120.0, 600.0
LOOK_EVERY_S = 1.0


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


FULL = Scale(Size(usage=1_000_000, tickets=100_000), Amounts(200, 20, 10, 10, 3), over_s=600.0)
SHORTEST_S = 40.0


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run. It has passed when there are no `faults`."""

    seed: int
    seconds: dict[str, float]
    faults: list[str]
    facts: dict[str, int]
    injected: FaultLog
    peaks_mib: dict[str, float]
    endings: dict[str, int]

    def __str__(self) -> str:
        """All of it, the log of faults last."""
        lines = [
            f"seed {self.seed}",
            *(f"{name}: {value:.0f} s" for name, value in self.seconds.items()),
            *(f"{name}: {value}" for name, value in self.facts.items()),
            *(f"{service}: at most {peak:.0f} MiB a process" for service, peak in self.peaks_mib.items()),
            *(f"ended by itself: {who}, {times} times" for who, times in self.endings.items()),
            *(f"injected: {kind} {n}, {self.injected.at_work[kind]} at work" for kind, n in self.injected.done.items()),
            *self.injected.lines,
            *(f"FAULT {fault}" for fault in self.faults),
        ]
        return "\n".join(lines)


def run(scale: Scale, *, seed: int, folder: Path) -> Report:
    """The whole of it; the processes' logs are in `folder`."""
    with own_servers() as servers:
        servers.prepare(folder)
        working = fleet(folder, {name: servers.env(name) for name in ("sla_monitor", "billing")}, each=EACH)
        try:
            return asyncio.run(_run(scale, seed, servers, working))
        finally:
            working.stop()


async def _run(scale: Scale, seed: int, servers: Servers, working: Fleet) -> Report:
    began = time.time()
    meter, sender = Meter(servers), Sender(servers.kafka)
    saboteur = Saboteur(working, servers, meter, seed=seed)
    traffic = sendings(scale.size, seed=seed, now=int(began))
    per_s = (scale.size.usage + scale.size.tickets) * DOUBLED_AND_MORE / scale.over_s
    supervising = [asyncio.create_task(working.supervise()), asyncio.create_task(meter.watch())]
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sender.send(traffic, per_s=per_s))
            await _at_work(meter)
            processes = len(working.instances)
            faults = plan(scale.amounts, processes=processes, over_s=scale.over_s, seed=seed)
            tasks.create_task(saboteur.carry_out(faults))
        disturbed = time.time()
        at_rest = await _rest(meter, working)
        rested = time.time()
        judgement = await _judged(servers, working, meter, as_of=int(rested))
    finally:
        for task in supervising:
            task.cancel()
        await asyncio.gather(*supervising, return_exceptions=True)
    unrest = [] if at_rest else [f"not at rest within {RESTS_WITHIN_S:.0f} s: unread {meter.unread}"]
    return Report(
        seed,
        {"disturbed": disturbed - began, "until rest": rested - disturbed, "judged": time.time() - rested},
        [*unrest, *saboteur.log.vacuous(scale.amounts), *judgement.faults],
        {"records sent": sender.sent, **judgement.facts},
        saboteur.log,
        working.peaks_mib(),
        {f"{service} with {code}": times for (service, code), times in working.endings.items()},
    )


async def _at_work(meter: Meter) -> None:
    """Every reader has stored something: a fault that comes now has something to destroy."""
    async with asyncio.timeout(BEGINS_WITHIN_S):
        while not all([await asyncio.to_thread(meter.standings, reader) for reader in READ_BY]):  # noqa: ASYNC110 (stores announce nothing)
            await asyncio.sleep(LOOK_EVERY_S)


async def _rest(meter: Meter, working: Fleet) -> bool:
    """Whether all was read and announced in time, twice in a row, and billing answers."""
    calm = 0
    until = time.monotonic() + RESTS_WITHIN_S
    while time.monotonic() < until:
        with suppress(*AWAY):
            calm = calm + 1 if await meter.look() and all(each.is_alive for each in working.instances) else 0
            if calm == 2:
                return True
        await asyncio.sleep(LOOK_EVERY_S)
    return False


async def _judged(servers: Servers, working: Fleet, meter: Meter, *, as_of: int) -> Judgement:
    expected = await expectation(servers.kafka, as_of=as_of)
    await asyncio.to_thread(get, working.of("billing")[0].url("/v1/statements?month=2026-01"))
    return await asyncio.to_thread(judge, expected, servers, working, meter)

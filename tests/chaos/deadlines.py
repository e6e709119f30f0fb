"""Open calls whose deadlines are spread over minutes: how late each breach is announced, and that none is early."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from tests.chaos.environment import running_environment
from tests.chaos.oracle import log
from tests.chaos.oracle.instants import second_of
from tests.chaos.run import too_large
from tests.chaos.sending import Sender
from tests.chaos.servers import Servers
from tests.chaos.traffic import call

OPEN, OVER_S, LEAD_S = 100_000, 600, 150
SMALL_OPEN, SMALL_OVER_S, SMALL_LEAD_S = 2_000, 20, 25
ALLOWED_S = 30 * 60
MOST_LATE_S = 2.0
PER_S = 4000.0


def run(
    servers: Servers, folder: Path, *, calls: int, over_s: int, lead_s: int, most_late_s: float
) -> tuple[dict[str, float], list[str]]:
    """Percentiles of seconds late, peaks of memory; late, early or missing announcements are faults.

    What is exactly used up is met: a miss begins a second after the due instant, and is counted from there.
    """
    return asyncio.run(_run(servers, folder, calls, over_s, lead_s, most_late_s))


async def _run(
    servers: Servers, folder: Path, calls: int, over_s: int, lead_s: int, most_late_s: float
) -> tuple[dict[str, float], list[str]]:
    async with running_environment(servers, folder) as on:
        await Sender(servers.kafka).send([call("opened", 0, int(time.time()) - 60)], per_s=PER_S)
        await on.wait_until_started("sla_monitor")
        first_due = int(time.time()) + lead_s
        dues = [first_due + number * over_s // calls for number in range(calls)]
        opened = [call("opened", number, due - ALLOWED_S) for number, due in enumerate(dues, start=1)]
        await Sender(servers.kafka).send(opened, per_s=PER_S)
        sent_late = time.time() > first_due
        await asyncio.sleep(max(0.0, dues[-1] - time.time() + 5 * MOST_LATE_S))
        not_idle = await on.wait_until_idle()
    late = sorted([each async for each in _late_s(servers.kafka)])
    figures = {"announced": float(len(late)), **_percentiles(late), **on.fleet.peaks_mib()}
    faults = [
        *not_idle,
        *too_large(on.fleet),
        *(["the openings were not sent in time: nothing was measured"] if sent_late else []),
        *([] if len(late) == calls else [f"expected {calls} misses, got {len(late)}"]),
        *([f"{-late[0]:.1f} s early"] if late and late[0] < 0 else []),
        *([f"p99 {figures['p99 s late']:.2f} s late"] if figures["p99 s late"] > most_late_s else []),
    ]
    return figures, faults


async def _late_s(server: str) -> AsyncIterator[float]:
    async for record in log.records(server, "sla.verdicts.v1"):
        if record.event["type"] == "tallystick.sla.breached.v1":
            yield record.appended_ms / 1000 - (second_of(record.event["data"]["due_at"]) + 1)


def _percentiles(late: list[float]) -> dict[str, float]:
    return {f"p{percent} s late": late[len(late) * percent // 100] if late else 0.0 for percent in (0, 50, 99)}

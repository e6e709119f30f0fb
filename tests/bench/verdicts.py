"""Judging: one item over and over, and the monitor's whole embedded path from the log to stored verdicts."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from shared.bus.connect import connect
from shared.clock import WallClock
from shared.contracts.codec import decode_event
from shared.contracts.topics import TICKETS, TOPICS
from shared.instants import SECOND_US
from shared.log.port import Bus
from shared.running.command import tune_gc
from sla_monitor.app import MonitorApp, build
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.domain.facts import AnyFact, Paused, Resumed
from sla_monitor.domain.incremental import IncrementalState, start_incremental
from sla_monitor.settings import MonitorSettings
from tests.bench._spent import Spent
from tests.support.histories import agreement_index, at, facts
from tests.support.log_reading import read_records, seek_all, shards_of, wait_for_assignment
from tests.support.tickets import EVENTS, fill

ROUNDS = 200
EACH = 50
# Three clocks, six pauses, four warnings; the item ends after all of them.
AGREEMENT = agreement_index(
    {"id": "respond", "measure": "response-time", "within": "4 working hours", "calendar": "office"},
    {"id": "resolve", "within": "16 working hours", "calendar": "office", "warn_at": [75, 90]},
    {
        "id": "process",
        "measure": "processing-time",
        "within": "42 working hours",
        "calendar": "office",
        "warn_at": [75, 90],
    },
)
PAUSED_ON = ("Tue 2026-01-06", "Wed 2026-01-07", "Thu 2026-01-08", "Fri 2026-01-09", "Mon 2026-01-12", "Tue 2026-01-13")
HISTORY = facts(
    ("Mon 2026-01-05 10:00", "opened"),
    ("Mon 2026-01-05 11:00", "responded"),
    *((f"{day} 09:30", "paused council") for day in PAUSED_ON),
    *((f"{day} 12:00", "resumed") for day in PAUSED_ON),
    ("Wed 2026-01-14 12:00", "resolved"),
)
AS_OF = at("Fri 2026-01-30 12:00")


def run() -> None:
    """Prints microseconds of one item and events a second of many, in this run."""
    tune_gc()  # as the local stack does
    whole = _median_us(lambda: _judge(HISTORY, AGREEMENT, AS_OF))
    step = _step_us()
    read, judged = asyncio.run(_embedded())
    sys.stdout.write(f"{'judge 3 clocks, 6 pauses, 4 warnings in full':<50} {whole:>12,.1f} us\n")
    sys.stdout.write(f"{'follow its next pause or resumption':<50} {step:>12,.1f} us  {step / whole:5.2f} of in full\n")
    sys.stdout.write(f"{read.line('read and decode the log only', EVENTS)}\n")
    share = read.elapsed_s / judged.elapsed_s
    sys.stdout.write(f"{judged.line('judge, announce and record it', EVENTS)}  {share:5.2f} of that rate\n")


def _judge(history: list[AnyFact], agreement: AgreementIndex, as_of: int) -> Evaluation:
    return evaluate(history, council="adur", stream="ticket", item="T1", agreement_index=agreement, as_of=as_of)


def _step_us() -> float:
    """Of a pause and of its end, on the item while it is still open."""
    still_open = HISTORY[:-1]
    last = still_open[-1]
    incremental = start_incremental(last, _judge(still_open, AGREEMENT, last.at_s), as_of=last.at_s)
    if incremental is None:
        raise RuntimeError("an ordinary item is not followed")
    instants = range(last.at_us + SECOND_US, last.at_us + SECOND_US * (1 + ROUNDS * EACH), SECOND_US)
    kinds = (lambda us: Paused(us, "/t", "p", "", "asked", "council"), lambda us: Resumed(us, "/t", "r", ""))
    steps = iter([kinds[number % 2](us) for number, us in enumerate(instants)])
    return _median_us(lambda: _step(incremental, next(steps), as_of=instants.stop))


def _step(incremental: IncrementalState, fact: AnyFact, *, as_of: int) -> None:
    if not incremental.apply(fact, as_of=as_of):
        raise RuntimeError("an ordinary fact is not followed")


def _median_us(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(EACH):
            work()
        times.append((time.perf_counter() - began) / EACH * 1e6)
    return median(times)


async def _embedded() -> tuple[Spent, Spent]:
    with TemporaryDirectory() as folder:
        bus = connect(f"sqlite:///{folder}/log.db")
        await bus.ensure_topics(TOPICS)
        await fill(bus)
        began = Spent.now()
        await _read(bus)
        read = Spent.now().since(began)
        app = build(MonitorSettings(TALLYSTICK_VAR=Path(folder)), bus=bus, clock=WallClock())
        began = Spent.now()
        await _work_off(app)
        judged = Spent.now().since(began)
        await app.close()
        await bus.close()
    return read, judged


async def _read(bus: Bus) -> None:
    reader = await bus.subscribe("bench", [TICKETS.name])
    await wait_for_assignment([reader], shards_of(TICKETS))
    await seek_all(reader)
    for records in (await read_records(reader, EVENTS)).values():
        for record in records:
            decode_event(record.value or b"")
    await reader.close()


async def _work_off(app: MonitorApp) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(app.run(stop))
        while await app.pending():  # noqa: ASYNC110 (what it does is stored, not signalled)
            await asyncio.sleep(0.05)
        stop.set()

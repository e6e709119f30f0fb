"""Ended items in live state and in the archive: memory of Redis, at-risk answers, and a rebuild that begins with them.

ARCHIVE_ITEMS says how many (100,000 unless set); Redis and PostgreSQL are started in containers.
"""

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from redis import Redis

from shared.bus.connect import connect
from shared.clock import WallClock
from shared.contracts.codec import encode_event
from shared.contracts.topics import TICKETS, TOPICS, VERDICTS
from shared.contracts.verdicts import VerdictEvent
from shared.log.partitioner import partition_of
from shared.log.port import Bus, Message, Shard
from shared.paging import paged
from shared.scope import Scope
from shared.state.connect import connect as connect_states
from shared.state.port import Change, Head
from shared.units import Offset
from sla_monitor.app import MonitorApp, build
from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.clock.verdict import Evaluation
from sla_monitor.domain.item import Item, LastPublished, dump_item
from sla_monitor.reports.sources import Sources
from sla_monitor.settings import MonitorSettings
from sla_monitor.store.items import StoredItem
from tests.support.databases import APP, address, migrated_databases
from tests.support.histories import calendar, facts
from tests.support.monitor_client import agreement
from tests.support.monitoring import Monitor, MovableClock
from tests.support.servers import postgres_address, postgres_container, redis
from tests.support.service_process import clean_environment

ENDED, OPEN = int(os.environ.get("ARCHIVE_ITEMS", "100000")), 5_000
HISTORY = (
    ("Mon 2026-03-02 09:00", "opened"),
    ("Mon 2026-03-02 10:00", "responded"),
    ("Mon 2026-03-02 11:00", "paused council"),
    ("Mon 2026-03-02 12:00", "resumed"),
    ("Mon 2026-03-02 15:00", "resolved"),
)
IN_JUNE = "Mon 2026-06-01 12:00"
_AT_ONCE = 500
_MIB = 2**20


def run() -> None:
    """Prints what was measured, in the order of the work."""
    with TemporaryDirectory() as folder, redis() as live, postgres_container().with_exposed_ports(5432) as container:
        made = migrated_databases(postgres_address(int(container.get_exposed_port(5432))))("sla_monitor")
        settings = MonitorSettings(
            TALLYSTICK_VAR=Path(folder), STATE_URL=live, DATABASE_URL=address(made, role=APP), SLA_ARCHIVE_DAYS=0
        )
        asyncio.run(_archive(settings))
        _rebuild(settings)


def _line(what: str, figure: float, unit: str) -> None:
    sys.stdout.write(f"{what:<60} {figure:>12,.1f} {unit}\n")
    sys.stdout.flush()


async def _archive(settings: MonitorSettings) -> None:
    bus = connect(settings.bus)
    await bus.ensure_topics(TOPICS)
    app = build(settings, bus=bus, clock=WallClock())
    await Monitor(app, bus, MovableClock(IN_JUNE)).publish_catalogue(calendar(), agreement())
    await app.catch_up()
    await _fill(app, settings)
    _line(f"{ENDED:,} ended and {OPEN:,} open items: Redis holds", _redis_mib(settings), "MiB")
    _line("at-risk answer", await _at_risk_s(app), "s")
    _line("all of them archived after", await _leave_s(app, settings), "s")
    _line("then Redis holds", _redis_mib(settings), "MiB")
    _line("at-risk answer", await _at_risk_s(app), "s")
    _line("asking for 125 keys that no item has", 1000 * await _lookup_s(app), "ms")
    await app.close()
    await _publish(app, bus)
    await bus.close()


async def _fill(app: MonitorApp, settings: MonitorSettings) -> None:
    """Live state holds the items, judged, as if each shard had been read."""
    states, keys = connect_states(settings.state), _by_shard(ENDED + OPEN)
    ended, still_open = _judged(app, HISTORY), _judged(app, HISTORY[:-1])
    for shard, numbers in keys.items():
        head: Head | None = None
        for page in paged(numbers, _AT_ONCE):
            items = {_key(number): _renamed(ended if number < ENDED else still_open, number) for number in page}
            after = Head(
                revision=1 if head is None else head.revision + 1,
                clock_ms=WallClock().now().timestamp().__trunc__() * 1000,  # type: ignore[arg-type] # milliseconds
                catalogue_position=Offset(app.sources.catalogue.position),
            )
            await states.commit(shard, head, Change(after, items=items))
            head = after
    await states.close()


def _by_shard(count: int) -> dict[Shard, list[int]]:
    shards: defaultdict[Shard, list[int]] = defaultdict(list)
    for number in range(count):
        shards[Shard(TICKETS.name, partition_of(_key(number).encode(), TICKETS.partitions))].append(number)
    return shards


def _key(number: int) -> str:
    return f"adur:ticket-{number:08}"


def _judged(app: MonitorApp, history: Sequence[tuple[str, str]]) -> Item:
    item = Item(facts=facts(*history), known_to=app.sources.catalogue.position)
    _, item.announced = _announced(app, item, 0)
    return item


def _announced(app: MonitorApp, item: Item, number: int) -> tuple[list[VerdictEvent], dict[str, LastPublished]]:
    stored, now_s = StoredItem.of(Shard(TICKETS.name, 0), _key(number), item), app.sources.now_s
    evaluation = app.sources.items.evaluate(stored, item, as_of=now_s)
    if not isinstance(evaluation, Evaluation):
        raise TypeError(f"an ordinary item is not judged: {evaluation}")
    return announce({}, evaluation, Trigger(stored.council, stored.name, "clock", now_s))


def _renamed(item: Item, number: int) -> bytes:
    """The item with facts of its own."""
    own = [msgspec.structs.replace(fact, id=f"{number}-{place}") for place, fact in enumerate(item.facts)]
    return dump_item(msgspec.structs.replace(item, facts=own))


def _redis_mib(settings: MonitorSettings) -> float:
    with Redis.from_url(settings.state) as server:
        return int(server.info("memory")["used_memory"]) / _MIB


async def _at_risk_s(app: MonitorApp) -> float:
    sources = app.sources
    fresh = Sources(sources.read_model, sources.items, sources.catalogue, sources.decisions, sources.clock)
    began = time.perf_counter()
    await fresh.open_targets(Scope.all())
    return time.perf_counter() - began


async def _leave_s(app: MonitorApp, settings: MonitorSettings) -> float:
    stop, began = asyncio.Event(), time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(app.run(stop))
        while _live(settings) > OPEN:  # noqa: ASYNC110 (nobody announces it)
            await asyncio.sleep(1)
        took = time.perf_counter() - began
        stop.set()
    return took


def _live(settings: MonitorSettings) -> int:
    """How many items are in live state, asked so that nobody has to wait."""
    with Redis.from_url(settings.state) as server:
        return sum(server.zcard(key) for key in server.scan_iter("*:by_key"))


async def _lookup_s(app: MonitorApp) -> float:
    shard, times = Shard(TICKETS.name, 0), []
    for turn in range(50):
        keys = [f"adur:unknown-{turn}-{number}" for number in range(125)]
        began = time.perf_counter()
        await asyncio.to_thread(app.archive.find, shard, keys, after_write=0)
        times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2]


async def _publish(app: MonitorApp, bus: Bus) -> None:
    """The log of announcements holds what was once published of each item."""
    item = _judged(app, HISTORY)
    for page in paged(range(ENDED), 5_000):
        events = [event for number in page for event in _announced(app, item, number)[0]]
        await bus.publish(VERDICTS.name, [Message(event.key, encode_event(event)) for event in events])


def _rebuild(settings: MonitorSettings) -> None:
    """The command in a process of its own, whose peak of memory is the largest of all that this one has waited for."""
    env = {"TALLYSTICK_VAR": str(settings.var), "STATE_URL": settings.state, "DATABASE_URL": settings.database}
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "sla_monitor", "rebuild"], env=clean_environment() | env, check=True)
    _line("a rebuild that begins with the archive", time.perf_counter() - began, "s")
    _line("its memory at most", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, "MiB")

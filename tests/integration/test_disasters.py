"""The recipes of docs/disasters.md and the drill of docs/operations.md, each carried out on real servers.

Each begins with a partnership at work and ends with what it had: verdicts, adjustments, usage, what is quarantined, and
statements; and the services then do what comes next.
"""

import asyncio
import json
import re
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Event, Thread
from typing import Any

import pytest

from shared.bus.connect import connect
from shared.contracts.codec import encode_event
from shared.contracts.topics import TICKETS
from shared.log.port import Bus, Message
from tests.support.losable_servers import LosableServers, losable_servers
from tests.support.monitoring import ticket
from tests.support.service_process import ServiceProcess, eventually, running_service

# A Monday that is past its deadlines, and well within what the topics keep.
MONDAY = datetime.now(UTC).date() - timedelta(days=14 + datetime.now(UTC).weekday())
MONTH = f"{MONDAY:%Y-%m}"
EARLIER, LATER = range(12), range(12, 24)
NEXT = 100  # the number of a ticket that comes after a disaster
SEND_EVERY_S = 0.1
_LOOK_EVERY_S = 1.0
ITEMS = "SELECT council, item, day, service FROM event WHERE type = 'ticket.opened.v1'"
ADJUSTMENTS = "SELECT council, item, target, cycle, was, now, cause FROM adjustment"
# What the services hold that anybody is told or billed by. Offsets and instants of receipt are no part of it.
CONTENT = {
    "sla_monitor": (
        "SELECT council, item, target, cycle, month, outcome, due_at, elapsed_s FROM verdict",
        ADJUSTMENTS,
    ),
    "billing": (
        ITEMS,
        "SELECT council, item, target, cycle, month, outcome FROM verdict",
        "SELECT id, source, digest FROM inbox WHERE source LIKE '/test/%'",
        "SELECT kind, id, version, definition FROM definition_version",
        "SELECT topic, partition, reason, value FROM quarantine",
    ),
    "catalogue": ("SELECT kind, id, version, council, effective_from, recorded_at, definition FROM versions",),
}


@pytest.fixture
def at(docker_engine: None) -> Iterator[LosableServers]:
    """Servers with topics, schemas and an example."""
    with losable_servers() as started:
        started.migrate()
        asyncio.run(started.create_topics())
        started.run("catalogue", "load", "adur-worthing")
        yield started


def events_of(number: int) -> list[Any]:
    """A ticket: of four one is answered in time, one late, one never, and one waited for the council meanwhile."""
    later = MONDAY + timedelta(days=9)
    council = "adur" if number % 2 else "worthing"
    ends = {
        0: [(f"{MONDAY:%a %Y-%m-%d} 10:00", "resolved")],
        1: [(f"{later:%a %Y-%m-%d} 10:00", "resolved")],
        2: [],
        3: [
            (f"{MONDAY:%a %Y-%m-%d} 09:30", "paused"),
            (f"{later:%a %Y-%m-%d} 09:00", "resumed"),
            (f"{later:%a %Y-%m-%d} 10:00", "resolved"),
        ],
    }[number % 4]
    return ticket((f"{MONDAY:%a %Y-%m-%d} 09:00", "opened"), *ends, item=f"T{number}", council=council)


def send(at: LosableServers, numbers: Sequence[int]) -> None:
    """The senders send these tickets, and of the earlier ones an invalid record."""
    messages = [Message(event.key, encode_event(event)) for number in numbers for event in events_of(number)]
    if 0 in numbers:
        messages.append(Message("adur:invalid", b"{"))

    async def publish() -> None:
        async with log_at(at) as bus:
            await bus.publish(TICKETS.name, messages)

    asyncio.run(publish())


@asynccontextmanager
async def log_at(at: LosableServers) -> AsyncIterator[Bus]:
    bus = connect(at.bus_url)
    try:
        yield bus
    finally:
        await bus.close()


@contextmanager
def sending_without_pause(at: LosableServers) -> Iterator[Callable[[], int]]:
    """Tickets are sent one after the other, in numbers from 0 on; the call ends it and says how many there were."""
    stop, sent = Event(), [0]

    async def publish() -> None:
        async with log_at(at) as bus:
            for number in count():
                if stop.is_set():
                    return
                sent[0] = number + 1
                for event in events_of(number):
                    await bus.publish(TICKETS.name, [Message(event.key, encode_event(event))])
                await asyncio.sleep(SEND_EVERY_S)

    def end() -> int:
        stop.set()
        sender.join()
        return sent[0]

    sender = Thread(target=lambda: asyncio.run(publish()))
    sender.start()
    try:
        yield end
    finally:
        end()


@contextmanager
def at_work(at: LosableServers) -> Iterator[dict[str, ServiceProcess]]:
    """The three services run until the block is left."""
    with ExitStack() as stack:
        yield {
            service: stack.enter_context(running_service("-m", service, env=at.env(service)))
            for service in ("catalogue", "sla_monitor", "billing")
        }


def content(at: LosableServers) -> dict[str, list[str]]:
    """All that the databases hold of `CONTENT`, by statement."""
    return {
        statement: sorted(map(repr, at.sql(database, statement)))
        for database, statements in CONTENT.items()
        for statement in statements
    }


def statements(billing: ServiceProcess) -> list[Any]:
    """The services and totals of both councils' statements."""
    answers = [json.loads(billing.public(f"/v1/statements/{each}/{MONTH}")[1]) for each in ("adur", "worthing")]
    return [(answer["services"], answer["total_pence"]) for answer in answers]


def rested(at: LosableServers, running: dict[str, ServiceProcess], tickets: int) -> tuple[Any, Any]:
    """What the services hold when all of so many tickets are judged and billed, and nothing changes any more."""
    for service in running.values():
        eventually(service.is_ready)
    judged = "SELECT count(DISTINCT item), count(*) FROM verdict"
    held: list[Any] = [None]

    def nothing_changes() -> bool:
        ((items, verdicts),), ((_, billed),) = at.sql("sla_monitor", judged), at.sql("billing", judged)
        opened = at.sql("billing", "SELECT count(*) FROM event WHERE type = 'ticket.opened.v1'")[0][0]
        time.sleep(_LOOK_EVERY_S)
        held.append(content(at))
        unread = [part for name in ("sla_monitor", "billing") for part in groups(running[name])]
        at_rest = (items, opened, billed) == (tickets, tickets, verdicts) and held[-1] == held[-2]
        return at_rest and all(part.startswith("0 records behind") for part in unread)

    eventually(nothing_changes)
    return held[-1], statements(running["billing"])


def groups(service: ServiceProcess) -> list[str]:
    """What /readyz says of each group of the service."""
    parts = json.loads(service.admin("/readyz")[1])["parts"]
    return [part["detail"] for name, part in parts.items() if name.startswith("group ")]


def work(at: LosableServers, numbers: Sequence[int], *, tickets: int) -> tuple[Any, Any]:
    """What the services hold after these tickets, when they have been stopped."""
    with at_work(at) as running:
        send(at, numbers)
        held = rested(at, running, tickets)
    assert {statement for statement, rows in held[0].items() if not rows} <= {ADJUSTMENTS}
    return held


def require_recovered(at: LosableServers, before: tuple[Any, Any]) -> None:
    """The services hold what they did, count nothing twice, and go on."""
    tickets = len(before[0][ITEMS])
    with at_work(at) as running:
        assert rested(at, running, tickets) == before
        assert {unaccounted(running[name]) for name in ("sla_monitor", "billing")} == {0.0}
        send(at, [NEXT])
        rested(at, running, tickets + 1)


def unaccounted(service: ServiceProcess) -> float:
    """The conservation error over all shards."""
    found = re.findall(
        r"^tallystick_consumer_unaccounted_records\{.*\} (.*)$", service.admin("/metrics")[1], re.MULTILINE
    )
    return sum(map(abs, map(float, found)))


def read_again(at: LosableServers) -> None:
    """The recipe for PostgreSQL lost without a backup, from an empty server on; the same where Redis is lost too."""
    at.migrate()
    at.run("catalogue", "restore")
    at.run("sla_monitor", "rebuild", service="sla_monitor")


def send_again(at: LosableServers, numbers: Sequence[int]) -> None:
    """The recipe for Kafka lost without a copy, while the catalogue's database is there."""
    asyncio.run(at.create_topics())
    at.run("catalogue", "announce")
    for service in ("sla_monitor", "billing"):
        at.begin_database_again(service)
    at.migrate()
    at.lose_redis()
    send(at, numbers)
    at.run("sla_monitor", "rebuild", service="sla_monitor")


@pytest.mark.long  # tests/integration/test_redis_lost.py loses it in other ways, with fewer services
def test_redis_lost(at: LosableServers) -> None:
    before = work(at, EARLIER, tickets=len(EARLIER))

    at.lose_redis()
    at.run("sla_monitor", "rebuild", service="sla_monitor")

    require_recovered(at, before)


@pytest.mark.long
@pytest.mark.parametrize("also", ["postgresql alone", "postgresql and redis"])
def test_postgresql_lost_without_a_backup(at: LosableServers, also: str) -> None:
    before = work(at, EARLIER, tickets=len(EARLIER))

    at.lose_postgres()
    if also == "postgresql and redis":
        at.lose_redis()
    read_again(at)

    require_recovered(at, before)


@pytest.mark.long
def test_the_drill_postgresql_at_an_earlier_moment_and_redis_empty(at: LosableServers) -> None:
    at.back_up_postgres()
    work(at, EARLIER, tickets=len(EARLIER))
    moment = at.postgres_now()
    before = work(at, LATER, tickets=len(EARLIER) + len(LATER))
    at.archive_postgres()

    at.lose_postgres()
    at.lose_redis()
    at.restore_postgres(to=moment)
    assert len(content(at)[ITEMS]) == len(EARLIER)
    at.run("catalogue", "restore")
    at.run("sla_monitor", "rebuild", service="sla_monitor")

    require_recovered(at, before)


@pytest.mark.long
@pytest.mark.parametrize("also", ["kafka alone", "kafka and redis"])
def test_kafka_lost_without_a_copy(at: LosableServers, also: str) -> None:
    before = work(at, EARLIER, tickets=len(EARLIER))

    at.lose_kafka()
    if also == "kafka and redis":
        at.lose_redis()
    send_again(at, EARLIER)

    require_recovered(at, before)


@pytest.mark.long
def test_kafka_and_postgresql_lost_with_a_backup_of_the_databases(at: LosableServers) -> None:
    at.back_up_postgres()
    before = work(at, EARLIER, tickets=len(EARLIER))
    moment = at.postgres_now()

    at.lose_kafka()
    at.lose_postgres()
    at.restore_postgres(to=moment)
    send_again(at, EARLIER)

    require_recovered(at, before)


@pytest.mark.long
def test_all_three_lost_and_restored_from_backups(at: LosableServers) -> None:
    """The databases are restored to a moment before the log was copied. What came later, senders send again."""
    at.back_up_postgres()
    work(at, EARLIER, tickets=len(EARLIER))
    moment = at.postgres_now()
    at.copy_kafka()
    before = work(at, LATER, tickets=len(EARLIER) + len(LATER))
    at.archive_postgres()

    at.lose_kafka()
    at.lose_postgres()
    at.lose_redis()
    at.restore_kafka()
    at.restore_postgres(to=moment)
    at.run("catalogue", "restore")
    at.run("catalogue", "announce")
    send(at, LATER)
    at.run("sla_monitor", "rebuild", service="sla_monitor")

    require_recovered(at, before)


def test_a_rolling_restart_while_events_come_loses_nothing_and_counts_nothing_twice(at: LosableServers) -> None:
    names = ["catalogue", "sla_monitor", "sla_monitor", "billing", "billing"]
    with ExitStack() as stack:

        def start(name: str) -> ServiceProcess:
            started = stack.enter_context(running_service("-m", name, env=at.env(name)))
            eventually(started.is_ready)
            return started

        before = [start(name) for name in names]
        with sending_without_pause(at) as end_sending:
            after = []
            for name, old in zip(names, before, strict=True):
                old.send_signal(signal.SIGTERM)
                assert old.ended() == 0
                after.append(start(name))
            tickets = end_sending()
        running = dict(zip(names, after, strict=True))
        rested(at, running, tickets)

        assert sum(unaccounted(each) for each in after[1:]) == 0.0
        assert {kind: len(different) for kind, different in verdicts_by_kind(at).items()} == dict.fromkeys(range(4), 1)
        counted = [event for number in range(tickets) for event in events_of(number)]
        assert at.sql("billing", "SELECT count(*) FROM inbox WHERE source LIKE '/test/%'") == [(len(counted),)]
        assert tickets > len(names)


def verdicts_by_kind(at: LosableServers) -> dict[int, set[frozenset[Any]]]:
    """The verdicts that tickets of each of the four kinds have: the same for all of one kind where none is lost."""
    found: defaultdict[str, set[Any]] = defaultdict(set)
    for item, *verdict in at.sql("sla_monitor", "SELECT item, council, target, cycle, outcome, due_at FROM verdict"):
        found[str(item)].add(tuple(verdict))
    kinds: defaultdict[int, set[frozenset[Any]]] = defaultdict(set)
    for item, verdicts in found.items():
        kinds[int(item[1:]) % 4].add(frozenset(verdicts))
    return kinds

"""How long each kind of data is kept, as docs/privacy.md says it: what is older is gone, what is younger is there."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy import Column, Engine, MetaData, func, select
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request

from billing.store import tables as billing_tables
from catalogue.adapters import sql as catalogue_tables
from catalogue.adapters.clients import clients
from catalogue.adapters.people_sql import SqlPeopleStore, browser_session, person, used_sign_in
from catalogue.adapters.received_events import SqlReceivedEvents, received_event
from catalogue.domain.browser_sessions import BrowserSession
from catalogue.domain.received_events import ReceivedEvent, receive
from catalogue.events import EventRelay
from catalogue.sign_in_setup import ATTEMPTS_IN_S
from catalogue.token_api import TokenLimits
from shared.audit import AuditRecord
from shared.auth.principal import Principal
from shared.bus.connect import connect as connect_bus
from shared.bus.embedded import EmbeddedBus
from shared.bus.kafka_topics import settings_of
from shared.clock import FixedClock
from shared.contracts.codec import encode_event
from shared.contracts.topics import TICKETS, TOPICS, USAGE, WORK
from shared.http.rates import AttemptLimit
from shared.instants import epoch_ms, epoch_us
from shared.log.port import Message, Outgoing, Shard
from shared.quarantine.service import QuarantineService
from shared.scope import Scope
from shared.sql.audit import AuditTables
from shared.sql.engine import connect
from shared.sql.isolation import Database
from shared.sql.migrate import changeable, prepare
from shared.sql.outbox import add, outbox_table, relay_once
from shared.units import EpochMillis
from sla_monitor.store import tables as monitor_tables
from tallystick.stack import open_stack
from tests.support.callers import SIGNING_KEY
from tests.support.recharges import completed

PAGE = (Path(__file__).parents[2] / "docs/privacy.md").read_text(encoding="utf-8")
NOW = datetime(2026, 5, 7, 12, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
DAY = timedelta(days=1)
ACCOUNTS = "as long as the accounts they support: nothing deletes them"
NAMED = "for ever, as the audit log names them by their ids; the entry says that "
# For how long each kind is kept, and the tests that show it.
KEPT = {
    "events of items, as published": (
        "400 days; the embedded log deletes nothing",
        ["test_kafka_deletes_events_of_items_after_400_days", "test_the_embedded_log_deletes_nothing"],
    ),
    "events that came in over HTTP, with the id of the client that sent each": (
        "`EVENTS_KEPT_DAYS` (30) days, and never before they are published",
        ["test_received_events_are_gone_after_their_days_once_they_are_published"],
    ),
    "announcements and other messages that wait for the log": (
        "until the log has them",
        ["test_an_outbox_holds_what_the_log_does_not"],
    ),
    "usage and verdicts that recharges depend on, and items that have ended": (
        ACCOUNTS,
        ["test_no_service_may_delete_what_accounts_depend_on"],
    ),
    "what people did with statements, with their ids, and the text of queries": (
        ACCOUNTS,
        ["test_no_service_may_delete_what_accounts_depend_on"],
    ),
    "quarantined records": (
        "until somebody has decided about the record and the log holds it no longer: then its key and bytes are erased",
        ["test_quarantine_keeps_no_bytes_of_what_is_decided_and_gone_from_the_log"],
    ),
    "who did and saw what: ids of people and clients": (
        "for ever: it is a chain",
        ["test_nobody_deletes_an_audit_entry"],
    ),
    "people who sign in: the id and name that their organisation's provider gives, roles, councils": (
        f"{NAMED}their access ended",
        ["test_who_had_access_stays_known"],
    ),
    "programs: name, roles, councils, sources, hashes of secrets": (
        f"{NAMED}it was revoked",
        ["test_who_had_access_stays_known"],
    ),
    "sessions of browsers": (
        "7 days from the sign-in, deleted with the next sign-in of anybody",
        ["test_a_sign_in_deletes_sessions_of_more_than_a_week_ago"],
    ),
    "sign-ins that were completed, as hashes": (
        "until nobody could complete them again, deleted with the next sign-in of anybody",
        ["test_a_sign_in_deletes_completed_ones_that_have_expired"],
    ),
    "the address to which a council wants mails about its statements: a team's mailbox, no person's": (
        "as long as the catalogue",
        ["test_no_service_may_delete_what_accounts_depend_on"],
    ),
    "that a council was written to, and about what": (
        "as long as the accounts they support; without any address",
        ["test_no_service_may_delete_what_accounts_depend_on", "test_a_mail_that_waits_holds_no_address"],
    ),
    "addresses from which strangers tried to get in": (
        "a minute to an hour",
        ["test_the_address_of_a_stranger_is_counted_for_an_hour_at_most"],
    ),
}


def test_the_documentation_says_of_each_kind_how_long_it_is_kept_and_a_test_shows_it() -> None:
    section = PAGE.partition("## What is kept")[2].partition("## ")[0]
    rows = re.findall(r"^\| (.+?) \| .+? \| (.+?) \|$", section, re.MULTILINE)[1:]
    found = {without_links(kind): without_links(kept) for kind, kept in rows}

    assert found == {kind: kept for kind, (kept, _) in KEPT.items()}
    assert [name for _, tests in KEPT.values() for name in tests if not callable(globals().get(name))] == []


def without_links(text: str) -> str:
    return re.sub(r"\[(.+?)\]\(.+?\)", r"\1", text)


# The log


def test_kafka_deletes_events_of_items_after_400_days() -> None:
    for topic in (TICKETS, WORK, USAGE):
        settings = settings_of(topic, replicas=3)

        assert (settings["cleanup.policy"], settings["retention.ms"]) == ("delete", str(400 * 86_400_000))


def test_the_embedded_log_deletes_nothing(tmp_path: Path) -> None:
    async def values() -> list[bytes | None]:
        bus = connect_bus(f"sqlite:///{tmp_path}/log.db")
        await bus.ensure_topics(TOPICS)
        for days, value in ((4_000, b"older"), (0, b"newer")):
            stamp = EpochMillis(epoch_ms(NOW - days * DAY))
            await bus.publish(WORK.name, [Message("adur:1", value, timestamp_ms=stamp)])
        found = [await bus.read(Shard(WORK.name, partition), 0, limit=9) for partition in range(WORK.partitions)]
        await bus.close()
        return [record.value for records in found for record in records]

    assert asyncio.run(values()) == [b"older", b"newer"]


# The catalogue


@pytest.fixture(name="database")
def _database(tmp_path: Path) -> Iterator[Database]:
    """The catalogue's, with its schema."""
    database = Database.at(f"sqlite:///{tmp_path}/catalogue.db")
    prepare(database.workers, "catalogue")
    yield database
    database.close()


def test_received_events_are_gone_after_their_days_once_they_are_published(database: Database, tmp_path: Path) -> None:
    store = SqlReceivedEvents(database)
    for name, age in (("older", 30 * DAY + timedelta(seconds=1)), ("younger", 30 * DAY - timedelta(seconds=1))):
        store.receive([("desk", [event(name)])], now_us=epoch_us(NOW - age))

    async def relayed() -> None:
        bus, stop = connect_bus(f"sqlite:///{tmp_path}/log.db"), asyncio.Event()
        await bus.ensure_topics(TOPICS)
        relay = EventRelay(store, bus, FixedClock(NOW), kept_days=30)
        running = asyncio.create_task(relay.run(stop))
        async with asyncio.timeout(20):
            while "older" in kept():  # noqa: ASYNC110 (what it does is stored, not signalled)
                await asyncio.sleep(0.01)
        stop.set()
        await running
        await bus.close()

    def kept() -> list[str]:
        with database.workers.connect() as connection:
            return list(connection.scalars(select(received_event.c.id)))

    assert store.forget(before_us=epoch_us(NOW)) == 0  # while they wait to be published
    asyncio.run(relayed())
    assert kept() == ["younger"]


def event(name: str) -> ReceivedEvent:
    found = receive(
        encode_event(completed("inv-1", NOW.isoformat(), id=name)), Principal.local("tester"), now_ms=epoch_ms(NOW)
    )
    assert isinstance(found, ReceivedEvent)
    return found


def test_a_sign_in_deletes_sessions_of_more_than_a_week_ago(database: Database) -> None:
    store, week = SqlPeopleStore(database.workers), 7 * 86_400
    with store.changing() as change:
        for name, started_s in (("older", NOW_S - week - 1), ("younger", NOW_S - week + 1)):
            change.save_session(session(name, started_s), now_s=started_s)
        change.save_session(session("new", NOW_S), now_s=NOW_S)

    assert ids(database.workers, browser_session.c.id) == ["new", "younger"]


def session(name: str, started_s: int) -> BrowserSession:
    return BrowserSession(id=name, person="p-1", started_s=started_s, issued_s=started_s)


def test_a_sign_in_deletes_completed_ones_that_have_expired(database: Database) -> None:
    with SqlPeopleStore(database.workers).changing() as change:
        assert change.use("older", expires_s=NOW_S - 1, now_s=NOW_S - 60)
        assert change.use("younger", expires_s=NOW_S + 1, now_s=NOW_S - 60)
        assert change.use("new", expires_s=NOW_S + 60, now_s=NOW_S)

    assert ids(database.workers, used_sign_in.c.state) == ["new", "younger"]


def ids(engine: Engine, column: Column[str]) -> list[str]:
    with engine.connect() as connection:
        return sorted(connection.scalars(select(column)))


def test_the_address_of_a_stranger_is_counted_for_an_hour_at_most() -> None:
    assert 60 <= ATTEMPTS_IN_S <= 3_600
    limit, request = AttemptLimit("x", most=1, every_s=ATTEMPTS_IN_S), Request({"type": "http", "headers": []})
    tokens = TokenLimits.at("", ())
    assert limit.wait_s(request) is None
    assert limit.wait_s(request) is not None
    assert tokens.of_address.wait_s(request) is None

    with patch("limits.storage.memory.time.time", lambda: NOW_S + 10_000_000), patch("time.time", lambda: NOW_S + 1e7):
        assert limit.wait_s(request) is None


# What only grows


def test_no_service_may_delete_what_accounts_depend_on() -> None:
    found = {
        package: {table for table, what in changeable(package).items() if "DELETE" in what}
        for package in ("catalogue", "sla_monitor", "billing")
    }

    assert found == {
        "catalogue": {"outbox", "browser_session", "used_sign_in", "received_event"},
        "sla_monitor": {"verdict"},  # whose events stay in `announcement`: it holds what stands now
        "billing": {"outbox"},
    }
    kept = {*billing_tables.metadata.tables, *monitor_tables.METADATA.tables, *catalogue_tables.metadata.tables}
    assert {"event", "statement_step", "notice", "announcement", "archived_item", "versions", "document"} <= kept


def test_who_had_access_stays_known() -> None:
    may = changeable("catalogue")

    assert (may[person.name], may[clients.name]) == ("UPDATE", "UPDATE")
    assert "removed" in person.c


def test_a_mail_that_waits_holds_no_address() -> None:
    assert {*billing_tables.notice.c.keys()} == {
        *("id", "council", "month", "kind", "reference", "state", "tries", "due_us", "reason", "settled_us")
    }


def test_nobody_deletes_an_audit_entry(tmp_path: Path) -> None:
    engine, metadata = connect(f"sqlite:///{tmp_path}/audit.db"), MetaData()
    log = AuditTables(metadata)
    metadata.create_all(engine)
    with engine.begin() as connection:
        log.add(connection, AuditRecord(at_us=epoch_us(NOW - 4_000 * DAY), actor="ada", action="approve", subject="a"))

    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(log.entries.delete())
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(log.entries)) == 1
    engine.dispose()


def test_an_outbox_holds_what_the_log_does_not(tmp_path: Path) -> None:
    engine, metadata = connect(f"sqlite:///{tmp_path}/service.db"), MetaData()
    outbox = outbox_table(metadata)
    metadata.create_all(engine)
    with engine.begin() as connection:
        add(connection, outbox, [Outgoing("m-1", WORK.name, "adur:1", b"{}", EpochMillis(0))])

    async def relayed() -> int:
        bus = connect_bus(f"sqlite:///{tmp_path}/log.db")
        await bus.ensure_topics(TOPICS)
        sent = await relay_once(engine, bus, outbox=outbox)
        await bus.close()
        return sent

    assert asyncio.run(relayed()) == 1
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(outbox)) == 0
    engine.dispose()


# Quarantine


def test_quarantine_keeps_no_bytes_of_what_is_decided_and_gone_from_the_log(tmp_path: Path) -> None:
    kept = [(0, None, None), (1, b"adur:1", b"{1"), (2, None, None), (3, b"adur:1", b"{3")]

    async def erased() -> None:
        async with open_stack(tmp_path, clock=FixedClock(NOW), sign_in={"SIGNING_KEY": SIGNING_KEY}) as stack:
            messages = [Message("adur:1", b"{%d" % number) for number in range(4)]
            (shard, *_) = {Shard(WORK.name, each.partition) for each in await stack.bus.publish(WORK.name, messages)}
            await stack.drain()
            quarantines = (stack.monitor.quarantine, stack.billing.quarantine)
            for quarantine in quarantines:
                for offset in (0, 2, 3):
                    entry = await quarantine.entry(Scope.all(), shard, offset)
                    await quarantine.discard(entry, actor="ada", reason="a test")
            assert isinstance(stack.bus, EmbeddedBus)
            await stack.bus.delete_before(shard, 3)
            async with asyncio.timeout(20):
                while [await records(each) for each in quarantines] != [kept, kept]:
                    await stack.drain()

    asyncio.run(erased())


async def records(quarantine: QuarantineService) -> list[tuple[int, bytes | None, bytes | None]]:
    found = [each.record async for each in quarantine.entries(Scope.all(), decided=True)]
    assert {each.reason for each in found} == {"UNREADABLE"}
    return [(each.offset, each.key, each.value) for each in found]

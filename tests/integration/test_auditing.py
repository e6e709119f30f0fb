"""The audit log at work: in it before an answer is given, published for ever, read back after a loss, verified."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from httpx2 import ASGITransport, AsyncClient
from msgspec.structs import replace
from sqlalchemy import MetaData, delete, select, text, update
from sqlalchemy.exc import DBAPIError
from starlette.responses import HTMLResponse, Response

from billing.store import tables
from shared.audit import AuditEntry, AuditRecord, first_broken
from shared.auditing.api import TYPES, router
from shared.auditing.log import AuditLog
from shared.auditing.published import message, published_entries
from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.bus.connect import connect as connect_log
from shared.clock import WallClock
from shared.contracts.topics import AUDIT
from shared.http import Authentication, Json, PathId, create_app, requires
from shared.log.port import Bus, BusUnavailable, publish_outgoing
from shared.log.processor import Busy
from shared.scope import Scope
from shared.sql.audit import AuditLogDiffers, AuditTables
from shared.sql.isolation import Database
from shared.sql.migrate import prepare
from tests.conftest import DatabaseOf
from tests.support.callers import known_as

METADATA = MetaData()
TABLES = AuditTables(METADATA)
RECORD = AuditRecord(at_us=1_000_000, actor="ada", action="viewed", subject="GET /x", council="adur")
EVERYBODY = Scope.all()
Work = Callable[["AtWork"], Awaitable[None]]


class AtWork:
    """An audit log over a database and a log, which are a folder's or a server's."""

    def __init__(self, url: str, bus: Bus) -> None:
        self.bus = bus
        self.database = Database.at(url)
        self.log = self.another()

    def another(self) -> AuditLog:
        """The same log in another process."""
        return AuditLog("billing", TABLES, self.database, bus=self.bus, clock=WallClock())

    def entries(self) -> list[AuditEntry]:
        return self.log.read(EVERYBODY, after=0, limit=10_000)

    async def published(self) -> list[AuditEntry]:
        return [entry async for page in published_entries(self.bus, "billing") for entry in page]

    def forget_after(self, number: int) -> None:
        """As a database that was restored from a copy of that entry."""
        with self.without_triggers() as connection:
            connection.execute(delete(TABLES.entries).where(TABLES.entries.c.number > number))
            digest = connection.scalar(select(TABLES.entries.c.digest).where(TABLES.entries.c.number == number))
            connection.execute(update(TABLES.newest).values(number=number, digest=digest or "0" * 64, published=number))

    def without_triggers(self) -> Any:
        begun = self.database.workers.begin()
        for name in ("audit_entry_no_UPDATE", "audit_entry_no_DELETE"):
            with self.database.workers.begin() as connection:
                connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        return begun


@pytest.fixture
def on(tmp_path: Path) -> Callable[[Work], None]:
    def run(work: Work) -> None:
        async def at_work() -> None:
            bus = connect_log(f"sqlite:///{tmp_path}/log.db")
            await bus.ensure_topics([AUDIT])
            at = AtWork(f"sqlite:///{tmp_path}/audit.db", bus)
            with at.database.workers.begin() as connection:
                METADATA.create_all(connection)
            try:
                await work(at)
            finally:
                at.database.close()
                await bus.close()

        asyncio.run(at_work())

    return run


def application(at: AtWork, authentication: Authentication) -> FastAPI:
    routes = APIRouter()

    @routes.get("/v1/figures/{council}", dependencies=[requires(Action.READ_FIGURES)])
    def figures(council: PathId) -> Json:
        return Json({council: 1})

    @routes.get("/figures", dependencies=[requires(Action.READ_FIGURES)])
    def page(council: str | None = None) -> HTMLResponse:
        return HTMLResponse(council or "")

    @routes.get("/v1/figures/{council}/file", dependencies=[requires(Action.READ_EVIDENCE)])
    def file(council: PathId) -> Response:
        return Response("a,b", media_type="text/csv")

    @routes.post("/v1/exclusions", dependencies=[requires(Action.PROPOSE_EXCLUSION)])
    def propose() -> Json:
        return Json({})

    return create_app("Audited", [routes, router(at.log)], authentication=authentication, types=TYPES, audit=at.log)


async def ask(at: AtWork, authentication: Authentication, *requests: tuple[str, str]) -> list[int]:
    transport = ASGITransport(app=application(at, authentication))
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        return [(await client.request(method, path)).status_code for method, path in requests]


def lines(at: AtWork) -> list[tuple[str, str, str, str | None]]:
    found = (entry.record for entry in at.entries())
    return [(each.actor, each.action, each.subject, each.council) for each in found]


def test_views_of_the_provider_exports_acts_and_refusals_are_recorded(on: Callable[[Work], None]) -> None:
    async def work(at: AtWork) -> None:
        operator = known_as("operator", name="tsp_operator")
        statuses = await ask(
            at,
            operator,
            ("GET", "/v1/figures/adur"),
            ("HEAD", "/v1/figures/adur"),
            ("GET", "/figures?council=worthing"),
            ("GET", "/figures"),
            ("GET", "/v1/figures/adur/file"),
            ("POST", "/v1/exclusions"),
            ("GET", "/v1/audit/billing"),
        )
        assert statuses == [200, 200, 200, 200, 200, 200, 403]
        assert lines(at) == [
            ("tsp_operator", "viewed", "GET /v1/figures/adur", "adur"),
            ("tsp_operator", "viewed", "GET /v1/figures/adur", "adur"),
            ("tsp_operator", "viewed", "GET /figures", "worthing"),
            ("tsp_operator", "viewed", "GET /figures", None),
            ("tsp_operator", "exported", "GET /v1/figures/adur/file", "adur"),
            ("tsp_operator", "propose-exclusion", "POST /v1/exclusions", None),
            ("tsp_operator", "refused", "GET /v1/audit/billing", None),
        ]
        assert first_broken(at.entries()) is None

    on(work)


def test_of_a_council_only_exports_and_refusals_are_recorded(on: Callable[[Work], None]) -> None:
    async def work(at: AtWork) -> None:
        viewer = known_as("council-viewer", councils=("adur",), name="tsp_viewer")
        paths = ("/v1/figures/adur", "/nowhere", "/v1/figures/adur?x=1", "/v1/figures/adur/file")
        assert await ask(at, viewer, *(("GET", path) for path in paths), ("POST", "/v1/exclusions")) == [
            200,
            404,
            400,
            200,
            403,
        ]
        assert [each[1:] for each in lines(at)] == [
            ("exported", "GET /v1/figures/adur/file", "adur"),
            ("refused", "POST /v1/exclusions", None),
        ]

    on(work)


def test_strangers_who_are_refused_leave_one_line_however_often_they_come(on: Callable[[Work], None]) -> None:
    async def work(at: AtWork) -> None:
        flood = [("GET", "/v1/figures/adur"), ("POST", "/v1/exclusions")] * 50
        assert set(await ask(at, Authentication(), *flood)) == {401}
        assert lines(at) == [("unknown", "refused", "from:127.0.0.0/24", None)]

    on(work)


def test_whoever_reads_their_own_files_leaves_no_line(on: Callable[[Work], None]) -> None:
    async def work(at: AtWork) -> None:
        local = Principal.local("ada")
        assert await ask(at, Authentication(lambda _: local), ("GET", "/v1/figures/adur/file")) == [200]
        assert lines(at) == []
        assert await ask(at, Authentication(lambda _: local), ("POST", "/v1/exclusions")) == [200]
        assert len(lines(at)) == 1

    on(work)


def test_without_an_audit_log_there_is_no_answer(on: Callable[[Work], None]) -> None:
    async def work(at: AtWork) -> None:
        async def fail(*_: object) -> None:
            raise Busy("away")

        at.log.record = fail  # type: ignore[assignment, method-assign]  # the database is away
        operator = known_as("operator")
        assert await ask(at, operator, ("GET", "/v1/figures/adur"), ("GET", "/nowhere")) == [503, 404]

    on(work)


def test_auditors_read_it_in_pages_and_see_only_their_councils(on: Callable[[Work], None]) -> None:
    async def work(at: AtWork) -> None:
        for council in ("adur", "worthing", None, "adur"):
            await at.log.record(replace(RECORD, council=council))
        transport = ASGITransport(app=application(at, known_as("auditor", councils=("adur",))))
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            first = await client.get("/v1/audit/billing?limit=1")
            second = await client.get(first.links["next"]["url"])
        assert [entry["number"] for entry in first.json()["items"]] == [1]
        assert {entry["record"]["council"] for entry in second.json()["items"]} == {"adur"}
        auditor = known_as("auditor")
        assert await ask(at, auditor, ("GET", "/v1/audit/billing?cursor=WyJ4Il0="), ("GET", "/v1/audit/x")) == [
            400,
            404,
        ]

    on(work)


def test_many_who_come_at_once_share_commits_and_make_one_chain(on: Callable[[Work], None]) -> None:
    async def work(at: AtWork) -> None:
        commits = 0
        commit = at.log._commit

        def counting(records: Any) -> None:
            nonlocal commits
            commits += 1
            commit(records)

        at.log._commit = counting  # type: ignore[method-assign]  # counted, and done
        await asyncio.gather(*(at.log.record(replace(RECORD, subject=str(number))) for number in range(300)))
        assert len(at.entries()) == 300
        assert first_broken(at.entries()) is None
        assert commits < 30

    on(work)


def test_entries_are_published_once_in_order_and_verified(on: Callable[[Work], None]) -> None:
    async def work(at: AtWork) -> None:
        for number in range(5):
            await at.log.record(replace(RECORD, subject=str(number), details={"a": "“b”"}))
        assert await at.log.publish() == 5
        assert await at.log.publish() == 0
        assert await at.published() == at.entries()
        found = await at.log.verify()
        assert (found.entries, found.published, found.broken) == (5, 5, None)

    on(work)


def test_a_database_restored_from_a_copy_reads_back_what_was_published(on: Callable[[Work], None]) -> None:
    async def work(at: AtWork) -> None:
        for number in range(5):
            await at.log.record(replace(RECORD, subject=str(number)))
        await at.log.publish()
        before = at.entries()
        at.forget_after(2)

        await at.another().record(replace(RECORD, subject="new"))

        assert at.entries()[:5] == before
        assert [entry.record.subject for entry in at.entries()[5:]] == ["new"]
        assert first_broken(at.entries()) is None
        assert (await at.another().verify()).broken is None

    on(work)


def test_an_emptied_database_reads_back_everything(on: Callable[[Work], None]) -> None:
    async def work(at: AtWork) -> None:
        await asyncio.gather(*(at.log.record(RECORD) for _ in range(700)))
        while await at.log.publish():
            pass
        before = at.entries()
        at.forget_after(0)
        await at.another().require_complete()
        assert at.entries() == before

    on(work)


def test_a_log_that_was_changed_is_named_and_nothing_is_added_to_it(on: Callable[[Work], None]) -> None:
    async def work(at: AtWork) -> None:
        for number in range(5):
            await at.log.record(replace(RECORD, subject=str(number)))
        await at.log.publish()
        at.forget_after(3)
        with at.without_triggers() as connection:
            connection.execute(update(TABLES.newest).values(digest="f" * 64))
        other = at.another()
        for _ in range(2):
            with pytest.raises(AuditLogDiffers, match="entry 4 was published"):
                await other.record(RECORD)
        assert len(at.entries()) == 3
        assert await ask(at, known_as("operator"), ("GET", "/v1/figures/adur")) == [200]

    on(work)


@pytest.mark.parametrize("number", [2, 5])
def test_verification_names_the_first_broken_entry_also_the_newest(on: Callable[[Work], None], number: int) -> None:
    async def work(at: AtWork) -> None:
        for each in range(5):
            await at.log.record(replace(RECORD, subject=str(each)))
        await at.log.publish()
        with at.without_triggers() as connection:
            connection.execute(update(TABLES.entries).where(TABLES.entries.c.number == number).values(actor="grace"))
        found = await at.log.verify()
        assert (found.broken, found.fault) == (number, "its content was changed")

    on(work)


def test_a_chain_that_was_made_anew_from_its_beginning_differs_from_what_was_published(
    on: Callable[[Work], None],
) -> None:
    async def work(at: AtWork) -> None:
        for each in range(3):
            await at.log.record(replace(RECORD, subject=str(each)))
        await at.log.publish()
        at.forget_after(0)
        with at.database.workers.begin() as connection:
            TABLES.add(connection, *[replace(RECORD, actor="grace", subject=str(each)) for each in range(3)])
        assert first_broken(at.entries()) is None
        found = await at.log.verify()
        assert (found.broken, found.fault) == (1, "it was published with another content")

    on(work)


def test_a_removed_newest_entry_is_missed(on: Callable[[Work], None]) -> None:
    async def work(at: AtWork) -> None:
        for each in range(3):
            await at.log.record(replace(RECORD, subject=str(each)))
        await at.log.publish()
        at.forget_after(2)
        found = await at.log.verify()
        assert (found.broken, found.fault) == (3, "it was published and is no longer stored")

    on(work)


def test_what_others_write_to_the_topic_is_no_entry_of_ours(on: Callable[[Work], None]) -> None:
    async def work(at: AtWork) -> None:
        await at.log.record(RECORD)
        [entry] = at.entries()
        strange = message("billing", entry)
        await publish_outgoing(at.bus, [message("catalogue", entry), replace(strange, value=b"{}"), strange])
        assert await at.published() == [entry]

    on(work)


def test_while_the_log_is_away_nothing_is_added(on: Callable[[Work], None], monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(at: AtWork) -> None:
        async def away(*_: object) -> None:
            raise BusUnavailable("away")

        with monkeypatch.context() as broken:
            broken.setattr(at.bus, "bounds", away)
            with pytest.raises(Busy, match="audit log"):
                await at.log.record(RECORD)
        await at.log.record(RECORD)
        assert len(at.entries()) == 1

    on(work)


def test_it_works_as_the_roles_of_a_service(database_of: DatabaseOf, tmp_path: Path) -> None:
    """Written by workers, read by requests in their scope, changed by nobody."""

    async def work() -> None:
        bus = connect_log(f"sqlite:///{tmp_path}/log.db")
        await bus.ensure_topics([AUDIT])
        database = Database.at(database_of("billing"))
        prepare(database.workers, "billing")
        log = AuditLog("billing", tables.audit, database, bus=bus, clock=WallClock())
        await asyncio.gather(*(log.record(replace(RECORD, council=each)) for each in ("adur", "worthing", None) * 20))
        assert len(log.read(EVERYBODY, after=0, limit=100)) == 60
        assert {entry.record.council for entry in log.read(Scope.of("adur"), after=0, limit=100)} == {"adur"}
        assert log.read(Scope.of(), after=0, limit=100) == []
        assert await log.publish() == 60
        assert (await log.verify()).broken is None
        for engine in (database.workers, database.requests):
            for statement in ("DELETE FROM audit_entry", "UPDATE audit_entry SET actor = 'grace'"):
                with pytest.raises(DBAPIError), engine.begin() as connection:
                    connection.execute(text(statement))
        assert (await log.verify()).entries == 60
        database.close()
        await bus.close()

    asyncio.run(work())

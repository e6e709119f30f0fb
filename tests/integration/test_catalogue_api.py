"""The catalogue as its callers meet it: versions over HTTP, on a real database and a real log."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from catalogue.adapters.sql import SqlVersionStore
from catalogue.app import CatalogueApp, build
from catalogue.domain.submission import InvalidSubmission
from catalogue.domain.versions import CatalogueVersion, DefinitionKey, Kind
from catalogue.handlers import UnknownDefinition
from catalogue.settings import CatalogueSettings
from shared.bus.connect import connect
from shared.contracts.catalogue import CalendarVersioned, CatalogueEvent, CouncilVersioned
from shared.contracts.codec import decode_event
from shared.contracts.definitions import AnyDefinition
from shared.contracts.topics import AUDIT, CATALOGUE
from shared.http import create_app
from shared.log.port import Bus, Shard
from shared.scope import Scope
from tests.support.callers import MAY_ALL, SIGNING_KEY
from tests.support.definitions import agreement, calendar, council, provider, service, whole

NINE = datetime(2026, 4, 1, 9, tzinfo=UTC)


class SteppingClock:
    """One second later at each look."""

    def __init__(self) -> None:
        self._now = NINE - timedelta(seconds=1)

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now


@pytest.fixture(autouse=True)
def _on_each_database(database_of: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_of("catalogue"))
    monkeypatch.setenv("SIGNING_KEY", SIGNING_KEY)


@asynccontextmanager
async def running(var: Path) -> AsyncIterator[tuple[CatalogueApp, Bus]]:
    bus = connect(f"sqlite:///{var}/log.db")
    await bus.ensure_topics([CATALOGUE, AUDIT])
    app = build(CatalogueSettings(TALLYSTICK_VAR=var), bus=bus, clock=SteppingClock())
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(stop))
    yield app, bus
    stop.set()
    await task
    await app.close()
    await bus.close()


async def announced(bus: Bus, count: int) -> list[Any]:
    """The first `count` versions of the catalogue's topic, once they are there, and whatever came with them."""
    member = await bus.subscribe("test", [CATALOGUE.name])
    await member.poll(max_records=1, timeout_s=0)
    await member.seek(Shard(CATALOGUE.name, 0), 0)
    events: list[Any] = []
    async with asyncio.timeout(20):
        while len(events) < count:
            for records in (await member.poll(max_records=500, timeout_s=0.2)).values():
                found = [(record.key, decode_event(record.value or b"")) for record in records]
                events += [(key, event) for key, event in found if isinstance(event, CatalogueEvent)]
    await member.close()
    return events


@pytest.fixture(name="app")
def _app(tmp_path: Path) -> Iterator[CatalogueApp]:
    bus = connect(f"sqlite:///{tmp_path}/log.db")
    app = build(CatalogueSettings(TALLYSTICK_VAR=tmp_path), bus=bus, clock=SteppingClock())
    yield app
    asyncio.run(app.close())
    asyncio.run(bus.close())


@pytest.fixture(name="client")
def _client(app: CatalogueApp) -> TestClient:
    return TestClient(create_app("Catalogue", [app.router], types=app.types, authentication=MAY_ALL))


def put(client: TestClient, definition: Any, *, plural: str = "councils", **headers: str) -> Any:
    body = msgspec.json.encode(definition)
    headers = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return client.put(f"/v1/{plural}/{definition.id}", content=body, headers=headers)


def test_what_was_put_can_be_got(client: TestClient) -> None:
    created = put(client, council())

    assert (created.status_code, created.headers["ETag"]) == (201, '"1"')
    got = client.get("/v1/councils/adur")
    assert got.headers["ETag"] == '"1"'
    assert got.json() == {
        "version": 1,
        "recorded_at": "2026-04-01T09:00:00Z",
        "definition": {"id": "adur", "name": "Adur", "gss": "E07000223", "nation": "england"},
    }


def test_putting_the_same_again_adds_nothing(client: TestClient) -> None:
    put(client, council())

    again = put(client, council(), If_Match='"1"')

    assert (again.status_code, again.headers["ETag"]) == (200, '"1"')


@pytest.mark.parametrize(
    ("if_match", "status"),
    [(None, 428), ('"2"', 201), ("*", 201), ('"1", "2"', 201), ('"1"', 412), ('W/"2"', 412), ("2", 412), ("", 412)],
)
def test_a_change_must_name_the_version_it_replaces(client: TestClient, if_match: str | None, status: int) -> None:
    put(client, council())
    put(client, council(name="Adur District"), If_Match='"1"')

    headers = {} if if_match is None else {"If_Match": if_match}
    answer = put(client, council(name="Adur District Council"), **headers)

    assert answer.status_code == status
    assert client.get("/v1/councils/adur").headers["ETag"] == ('"3"' if status == 201 else '"2"')


def test_a_change_of_what_is_not_there_is_refused(client: TestClient) -> None:
    assert put(client, council(), If_Match='"1"').status_code == 412
    assert client.get("/v1/councils/adur").status_code == 404


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "Later"),
        ("?as_of=2025-03-31", None),
        ("?as_of=2025-04-01", "Back-dated"),
        ("?as_of=2026-03-31", "Back-dated"),
        ("?as_of=2026-04-01", "Later"),
        ("?as_of=2025-04-01&known_at=2026-04-01T09:00:00Z", "First"),
        ("?as_of=2026-04-01&known_at=2026-04-01T09:00:00Z", "First"),
        ("?as_of=2026-04-01&known_at=2026-04-01T10:00:01%2B01:00", "Later"),
        ("?as_of=2026-04-01&known_at=2026-04-01T08:59:59Z", None),
    ],
)
def test_the_version_in_force_on_a_day_is_found_as_known_at_an_instant(
    client: TestClient, query: str, name: str | None
) -> None:
    put(client, council(name="First", effective_from="2025-04-01"))
    put(client, council(name="Later", effective_from="2026-04-01"), If_Match='"1"')
    put(client, council(name="Back-dated", effective_from="2025-04-01"), If_Match='"2"')
    newest = put(client, council(name="Later", effective_from="2026-04-01"), If_Match='"3"')

    answer = client.get(f"/v1/councils/adur{query}")

    assert newest.headers["ETag"] == '"4"'
    assert (answer.json()["definition"]["name"] if answer.status_code == 200 else None) == name


def test_every_version_stays_readable_in_pages(client: TestClient) -> None:
    put(client, council())
    for number in range(1, 5):
        put(client, council(name=f"Name {number}"), If_Match=f'"{number}"')

    seen, url = [], "/v1/councils/adur/versions?limit=2"
    while url:
        page = client.get(url)
        seen += [item["version"] for item in page.json()["items"]]
        url = page.links["next"]["url"] if "next" in page.links else ""

    assert seen == [1, 2, 3, 4, 5]
    assert client.get("/v1/councils/nobody/versions").status_code == 404


def test_a_list_has_each_id_once_in_pages(client: TestClient) -> None:
    for name in ("bolsover", "adur", "chesterfield"):
        put(client, council(name))
    put(client, council("adur", name="Adur District", effective_from="2027-04-01"), If_Match='"1"')

    first = client.get("/v1/councils?limit=2")
    second = client.get(first.links["next"]["url"])
    on_a_day = client.get("/v1/councils?as_of=2026-04-01")

    names = [[item["definition"]["name"] for item in page.json()["items"]] for page in (first, second, on_a_day)]
    assert names == [["Adur District", "Bolsover"], ["Chesterfield"], ["Adur", "Bolsover", "Chesterfield"]]
    assert "next" not in second.links


@pytest.mark.parametrize(
    "cursor", ["W10=", "WyJhIl0=", "e30=", "WyIxIiwiMiJd", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTkiXQ==", "!"]
)
def test_a_cursor_of_somebody_elses_making_is_refused(client: TestClient, cursor: str) -> None:
    put(client, council())

    assert client.get(f"/v1/councils/adur/versions?cursor={cursor}").status_code == 400


def test_a_body_that_does_not_fit_is_refused_with_pointers(client: TestClient) -> None:
    misfit = agreement(council="adurr", provider="nobody")

    refused = put(client, misfit, plural="agreements")

    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [
        "#/council",
        "#/provider",
        "#/targets/0/calendar",
        "#/targets/0/service",
    ]
    assert "adurr" not in refused.text


def test_the_id_of_the_body_is_that_of_the_path(client: TestClient) -> None:
    refused = client.put("/v1/councils/worthing", json={"id": "adur", "name": "Adur"})

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/id")


def test_openapi_names_every_kind_and_its_refusals(client: TestClient) -> None:
    document = client.get("/openapi.json").json()

    for plural in (
        "providers",
        "councils",
        "services",
        "calendars",
        "tariffs",
        "agreements",
        "partnerships",
        "indexes",
    ):
        operation = document["paths"][f"/v1/{plural}/{{id}}"]["put"]
        proposed = {"202"} if plural in {"indexes", "tariffs", "agreements"} else set()
        assert {"200", "201", "409", "412", "428"} | proposed <= operation["responses"].keys()
    schemas = document["components"]["schemas"]
    assert {"Agreement", "AgreementVersion", "ProblemDetails"} <= schemas.keys()


@pytest.mark.anyio
async def test_every_recorded_version_is_announced_once_in_order(tmp_path: Path) -> None:
    async with running(tmp_path) as (app, bus):
        recorded = await asyncio.to_thread(app.load, "adur-worthing", actor="test")
        again = await asyncio.to_thread(app.load, "adur-worthing", actor="test")
        events = await announced(bus, len(recorded.added))

    assert (again.added, again.unchanged) == ((), len(recorded.added))
    assert [key.decode() for key, _ in events] == [":".join(map(str, version)) for version in recorded.added]
    assert all(event.source == "/catalogue" and event.subject == key.decode() for key, event in events)
    office = next(e for _, e in events if isinstance(e, CalendarVersioned) and e.data.definition.id == "office-hours")
    assert "Christmas Day" in office.data.definition.closed.values()


@pytest.mark.anyio
async def test_eight_writers_of_one_id_leave_no_gap_and_lose_no_announcement(tmp_path: Path) -> None:
    def write(served: FastAPI, writer: int) -> None:
        client = TestClient(served)
        for turn in range(5):
            assert put(client, council(name=f"By {writer}, {turn}"), If_Match="*").status_code == 201

    async with running(tmp_path) as (app, bus):
        served = create_app("Catalogue", [app.router], types=app.types, authentication=MAY_ALL)
        app.handlers.record([council()], at=NINE, actor="test")
        with ThreadPoolExecutor(8) as writers:
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(loop.run_in_executor(writers, write, served, writer) for writer in range(8)))
        events = await announced(bus, 41)
        stored = app.handlers.history(DefinitionKey("council", "adur"), Scope.all())

    assert [version.number for version in stored] == list(range(1, 42))
    assert stored == sorted(stored, key=lambda version: version.recorded_at)
    councils = [event for _, event in events if isinstance(event, CouncilVersioned)]
    assert [event.data.version for event in councils] == list(range(1, 42))
    assert len({event.data.definition.name for event in councils}) == 41


def test_of_eight_writers_who_saw_the_same_version_one_succeeds(client: TestClient) -> None:
    put(client, council())

    with ThreadPoolExecutor(8) as writers:
        tried = writers.map(lambda n: put(client, council(name=f"By {n}"), If_Match='"1"').status_code, range(8))

    assert sorted(tried) == [201] + [412] * 7


def test_a_refused_set_records_nothing(app: CatalogueApp) -> None:
    with pytest.raises(InvalidSubmission) as refused:
        app.handlers.record([provider(), service(), agreement()], at=NINE, actor="test")

    assert [located.fault.pointer for located in refused.value.faults] == ["#/2/council", "#/2/targets/0/calendar"]
    assert app.handlers.listing("provider", Scope.all(), on=None, after="", limit=10) == []


def test_a_holiday_that_became_known_makes_a_new_version_of_the_calendar(tmp_path: Path) -> None:
    holidays = tmp_path / "holidays.json"
    holidays.write_text('{"scotland": {"events": [{"title": "A proclaimed day", "date": "2026-06-15"}]}}')
    bus = connect(f"sqlite:///{tmp_path}/log.db")
    office = calendar(holidays=("scotland",))
    settings: dict[str, Any] = {"TALLYSTICK_VAR": tmp_path}

    earlier = build(CatalogueSettings(**settings), bus=bus, clock=SteppingClock())
    earlier.handlers.record([office], at=NINE, actor="test")
    later = build(CatalogueSettings(**settings, TALLYSTICK_HOLIDAYS_FILE=holidays), bus=bus, clock=SteppingClock())
    recorded = later.handlers.record([office], at=NINE, actor="test")
    for app in (earlier, later):
        asyncio.run(app.close())
    asyncio.run(bus.close())

    assert recorded.added == (("calendar", "office", 2),)


def test_a_whole_set_is_recorded_with_who_did_it(app: CatalogueApp) -> None:
    recorded = app.handlers.record(whole(), at=NINE, actor="test")

    assert recorded.added == (
        ("provider", "joint", 1),
        ("council", "adur", 1),
        ("service", "payroll", 1),
        ("calendar", "office", 1),
        ("index", "prices", 1),
        ("tariff", "payroll", 1),
        ("agreement", "a1", 1),
        ("partnership", "p1", 1),
    )


@pytest.mark.parametrize(
    ("scope", "councils", "agreements"),
    [
        (Scope.all(), ["adur", "worthing"], ["a1", "a2"]),
        (Scope.of("worthing"), ["worthing"], ["a2"]),
        (Scope.of("nobody"), [], []),
    ],
)
def test_a_caller_sees_the_councils_of_its_scope_and_what_councils_share(
    app: CatalogueApp, scope: Scope, councils: list[str], agreements: list[str]
) -> None:
    others: list[AnyDefinition] = [council("worthing"), agreement("a2", council="worthing")]
    app.handlers.record([*whole(), *others], at=NINE, actor="test")

    def ids(kind: Kind) -> list[str]:
        return [each.key.id for each in app.handlers.listing(kind, scope, on=None, after="", limit=10)]

    assert (ids("council"), ids("agreement"), ids("service")) == (councils, agreements, ["payroll"])
    for name in {"a1", "a2"} - set(agreements):
        with pytest.raises(UnknownDefinition):
            app.handlers.version(DefinitionKey("agreement", name), scope)
        with pytest.raises(UnknownDefinition):
            app.handlers.history(DefinitionKey("agreement", name), scope)


def test_of_an_agreement_that_another_council_had_taken_over_each_sees_its_own_versions(app: CatalogueApp) -> None:
    app.handlers.record([*whole(), council("worthing")], at=NINE, actor="test")
    taken_over = agreement("a1", council="worthing", effective_from=date(2026, 4, 1))
    with pytest.raises(InvalidSubmission, match="is adur in the version before"):
        app.handlers.record([taken_over], at=NINE, actor="test")
    # As it was recorded before there was that rule.
    with SqlVersionStore(app._database).recording() as recording:
        recording.append([CatalogueVersion(2, NINE, taken_over)], [], actor="test")

    def listed(council_: str, on: date | None) -> list[tuple[str, int]]:
        found = app.handlers.listing("agreement", Scope.of(council_), on=on, after="", limit=10)
        return [(each.key.id, each.number) for each in found]

    assert (listed("adur", None), listed("worthing", None)) == ([("a1", 1)], [("a1", 2)])
    assert (listed("adur", date(2026, 3, 31)), listed("worthing", date(2026, 3, 31))) == ([("a1", 1)], [])
    assert [each.number for each in app.handlers.history(DefinitionKey("agreement", "a1"), Scope.of("adur"))] == [1]


def test_a_list_on_a_day_has_the_version_that_is_in_force_for_each_id(app: CatalogueApp) -> None:
    starts = {"adur": (1, 3, 3, 2), "worthing": (4, 1, 4)}
    for name, days in starts.items():
        for number, start in enumerate(days):
            version = council(name, name=f"Version {number}", effective_from=date(2026, 1, start))
            app.handlers.record([version], at=NINE, actor="test")

    for day in (date(2025, 12, 31), *(date(2026, 1, number) for number in range(1, 6))):
        listed = app.handlers.listing("council", Scope.all(), on=day, after="", limit=10)
        assert listed == [found for name in starts if (found := in_force_on(app, name, day)) is not None]


def in_force_on(app: CatalogueApp, name: str, day: date) -> CatalogueVersion | None:
    try:
        return app.handlers.version(DefinitionKey("council", name), Scope.all(), on=day)
    except UnknownDefinition:
        return None

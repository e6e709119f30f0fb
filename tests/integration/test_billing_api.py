"""Billing's HTTP face over a real database, and the service over the real log."""

import asyncio
import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from markupsafe import Markup
from msgspec.structs import replace
from pypdf import PdfReader
from starlette.testclient import TestClient

from billing import api
from billing.app import BillingApp, build
from billing.settings import BillingSettings
from shared.bus.connect import connect
from shared.clock import FixedClock
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.definitions import Calendar, Partnership
from shared.contracts.envelope import Event, ItemEvent
from shared.contracts.topics import CATALOGUE, TICKETS, TOPICS, USAGE, WORK
from shared.contracts.usage import UsageRecorded
from shared.http import create_app
from shared.log.port import Bus, Message
from shared.units import EpochMillis
from tests.support.callers import MAY_ALL
from tests.support.examples import definitions_of
from tests.support.recharges import (
    ASHBY,
    GRADUATED,
    ICT,
    PAYABLE,
    PAYROLL,
    PROVIDER,
    agreement,
    catalogue_events,
    completed,
    opened,
    received,
    recorded,
    resolved,
    standing,
    tariff,
    unit,
)

DatabaseOf = Callable[[str], str]
TARIFFS = (
    tariff(standing("310.00"), GRADUATED),
    tariff(unit("4.42"), service="payroll"),
    tariff(unit("2.50"), service="ict"),
)
AT = "2026-05-07T12:00:00+00:00"
STATEMENT = "/v1/statements/ashby/2026-05"
LOG: dict[str, Sequence[Event]] = {
    CATALOGUE.name: catalogue_events(
        ASHBY, PROVIDER, PAYABLE, ICT, PAYROLL, *TARIFFS, agreement(*(priced.id for priced in TARIFFS))
    ),
    WORK.name: [received("inv-1", AT), completed("inv-1", AT, units="12")],
    TICKETS.name: [opened("t-1", AT), resolved("t-1", AT)],
    USAGE.name: [recorded(f"r-{n}", AT, "10") for n in range(5)],
}
TOTAL_PENCE = 31_000 + 1_100 + 250 + 22_100


async def settle(app: BillingApp) -> None:
    """Run `app` until nothing is left to read."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(app.run(stop))
        while await app.unread():  # noqa: ASYNC110 (the log does not say when it is at rest)
            await asyncio.sleep(0.01)
        stop.set()


async def publish(bus: Bus, log: dict[str, Sequence[Event]]) -> None:
    await bus.ensure_topics(TOPICS)
    for topic, events in log.items():
        messages = [
            Message(
                event.key if isinstance(event, ItemEvent) else event.subject,
                encode_event(event),
                timestamp_ms=EpochMillis(int(event.time.timestamp() * 1000)),
            )
            for event in events
        ]
        await bus.publish(topic, messages)


async def statement_page(folder: Path, events: Sequence[Event]) -> tuple[str, str]:
    """Adur's statement of November 2026, as JSON and as its page, with `events` under the shipped example."""
    bus = connect(f"sqlite:///{folder}/log.db")
    now = datetime(2026, 12, 2, tzinfo=UTC)
    app = build(BillingSettings(TALLYSTICK_VAR=folder), bus=bus, clock=FixedClock(now))
    terms = [each for each in definitions_of("adur-worthing") if not isinstance(each, Calendar | Partnership)]
    await publish(bus, {CATALOGUE.name: catalogue_events(*terms), USAGE.name: events})
    await settle(app)
    await bus.close()
    with TestClient(create_app("billing", [app.router], types=api.TYPES, authentication=MAY_ALL)) as client:
        statement = client.get("/v1/statements/adur/2026-11").text
        page = client.get("/v1/statements/adur/2026-11", headers={"Accept": "text/html"}).text
    await app.close()
    return statement, page


def reading_in_docs() -> UsageRecorded:
    """The reading that docs/events.md shows."""
    page = (Path(__file__).parents[2] / "docs/events.md").read_text(encoding="utf-8")
    shown = page.partition("#### `tallystick.usage.recorded.v1`")[2].partition("```json\n")[2].partition("```")[0]
    event = decode_event(shown.encode())
    assert isinstance(event, UsageRecorded)
    return event


def test_the_reading_that_the_documentation_shows_counts(tmp_path: Path) -> None:
    statement, _ = asyncio.run(statement_page(tmp_path, [reading_in_docs()]))

    (payroll,) = [each for each in json.loads(statement)["services"] if each["id"] == "payroll"]
    assert "312" in {line["quantity"] for line in payroll["lines"]}
    assert json.loads(statement)["evidence"]["unbilled"] == []


def test_a_reading_in_a_unit_that_the_service_does_not_count_is_named_on_the_statement_with_the_unit_that_it_does(
    tmp_path: Path,
) -> None:
    reading = reading_in_docs()
    statement, page = asyncio.run(
        statement_page(tmp_path, [replace(reading, data=replace(reading.data, unit="payslip"))])
    )

    (unbilled,) = json.loads(statement)["evidence"]["unbilled"]
    assert (unbilled["reason"], unbilled["service"], unbilled["events"]) == ("wrong-unit", "payroll", 1)
    assert "The reading is not in the unit that the service counts, assignment" in page


JUNE_1 = datetime(2026, 6, 1, tzinfo=UTC)


async def run_over(folder: Path, database_url: str, *, times: int = 1, now: datetime = JUNE_1) -> BillingApp:
    """Billing that has read the log, sent `times` times, from its embedded bus."""
    bus = connect(f"sqlite:///{folder}/log.db")
    settings = BillingSettings(TALLYSTICK_VAR=folder, DATABASE_URL=database_url)
    app = build(settings, bus=bus, clock=FixedClock(now))
    for _ in range(times):
        await publish(bus, LOG)
        await settle(app)
    await bus.close()
    return app


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, module_database_of: DatabaseOf) -> Iterator[TestClient]:
    app = asyncio.run(run_over(tmp_path_factory.mktemp("billing"), module_database_of("billing")))
    with TestClient(create_app("billing", [app.router], types=api.TYPES, authentication=MAY_ALL)) as made:
        yield made
    asyncio.run(app.close())


def test_sending_the_whole_log_again_changes_no_byte_of_the_statement(
    client: TestClient, tmp_path: Path, database_of: DatabaseOf
) -> None:
    again = asyncio.run(run_over(tmp_path, database_of("billing"), times=2))

    with TestClient(create_app("billing", [again.router], authentication=MAY_ALL)) as twice:
        assert twice.get(STATEMENT).content == client.get(STATEMENT).content
    asyncio.run(again.close())


@pytest.mark.parametrize("month", ["2026-07", "2030-01", "2099-12"])
@pytest.mark.parametrize("form", ["", ".json", ".csv", ".html", ".pdf", "/lines/any"])
def test_a_month_that_has_not_begun_has_no_statement(client: TestClient, month: str, form: str) -> None:
    refused = client.get(f"/v1/statements/ashby/{month}{form}")

    assert (refused.status_code, refused.json()["title"]) == (404, "Month not begun")
    assert client.get("/v1/statements", params={"month": month}).json()["type"] == "/problems/month-not-begun"


@pytest.mark.parametrize(
    ("now", "status", "words"),
    [
        ("2026-05-31T22:59:59+00:00", "in-progress", "So far. The month goes on until 31 May 2026"),
        ("2026-05-31T23:00:00+00:00", "draft", "Draft."),
    ],
)
def test_a_month_in_progress_says_so_until_its_last_london_second(
    tmp_path: Path, database_of: DatabaseOf, now: str, status: str, words: str
) -> None:
    app = asyncio.run(run_over(tmp_path, database_of("billing"), now=datetime.fromisoformat(now)))

    with TestClient(create_app("billing", [app.router], types=api.TYPES, authentication=MAY_ALL)) as asked:
        page = " ".join(Markup(asked.get(f"{STATEMENT}.html").text).striptags().split())  # noqa: S704 (only read)
        rows = csv.DictReader(io.StringIO(asked.get(STATEMENT, headers={"Accept": "text/csv"}).text))
        pdf = PdfReader(io.BytesIO(asked.get(f"{STATEMENT}.pdf").content)).pages[0].extract_text()

        assert asked.get(STATEMENT).json()["status"] == status
        assert {row["status"] for row in rows} == {status}
        assert words in page
        assert words in " ".join(pdf.split())
    asyncio.run(app.close())


def test_a_month_lists_its_statements_with_their_hashes(client: TestClient) -> None:
    found = client.get("/v1/statements", params={"month": "2026-05"}).json()

    (summary,) = found["statements"]
    assert (summary["council"], summary["total_pence"], summary["href"]) == ("ashby", TOTAL_PENCE, STATEMENT)
    assert summary["sha256"] == hashlib.sha256(client.get(f"{STATEMENT}.json").content).hexdigest()
    assert found["without_statement"] == []


@pytest.mark.parametrize(
    ("suffix", "media_type"),
    [
        (".json", "application/json"),
        (".csv", "text/csv; charset=utf-8"),
        (".html", "text/html; charset=utf-8"),
        (".pdf", "application/pdf"),
    ],
)
def test_a_suffix_chooses_the_form(client: TestClient, suffix: str, media_type: str) -> None:
    answer = client.get(STATEMENT + suffix)

    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/json;q=0.5, application/pdf", "application/pdf"),
        ("text/*", "text/csv; charset=utf-8"),
    ],
)
def test_accept_chooses_the_form(client: TestClient, accept: str, media_type: str) -> None:
    assert client.get(STATEMENT, headers={"Accept": accept}).headers["content-type"] == media_type


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "application/json;q=many", "nonsense"])
def test_a_form_we_do_not_have_is_refused(client: TestClient, accept: str) -> None:
    assert client.get(STATEMENT, headers={"Accept": accept}).status_code == 406


def test_the_file_for_spreadsheets_has_a_mark_and_the_answer_for_programs_none(client: TestClient) -> None:
    download = client.get(f"{STATEMENT}.csv")
    answer = client.get(STATEMENT, headers={"Accept": "text/csv"})

    assert download.content == b"\xef\xbb\xbf" + answer.content
    assert 'filename="recharge-statement-ashby-2026-05.csv"' in download.headers["content-disposition"]


def test_a_line_leads_to_the_events_behind_it_page_by_page(client: TestClient) -> None:
    rows = csv.DictReader(io.StringIO(client.get(STATEMENT, headers={"Accept": "text/csv"}).text))
    ref = next(row["line_ref"] for row in rows if row["service"] == "payroll")
    url: str | None = f"{STATEMENT}/lines/{ref}?limit=2"
    ids = []

    while url is not None:
        answer = client.get(url)
        assert answer.json()["line"]["ref"] == ref
        ids += [counted["id"] for counted in answer.json()["counted"]]
        url = answer.links["next"]["url"] if "next" in answer.links else None

    assert ids == [f"r-{n}-recorded" for n in range(5)]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/statements/bexhill/2026-05", 404),
        ("/v1/statements/ashby/2019-05", 404),  # before the agreement
        ("/v1/statements/ashby/2026-13", 404),
        ("/v1/statements/ashby/2026-05.docx", 404),
        (f"{STATEMENT}/lines/nothing", 404),
        (f"{STATEMENT}/lines/nothing?limit=0", 400),
        (f"{STATEMENT}/lines/nothing?cursor=nonsense", 400),
        (f"{STATEMENT}/lines/nothing?cursor=WyJ4IiwieSIsInoiXQ==", 400),  # a cursor of ours, without a date
        ("/v1/statements", 400),
        ("/v1/statements?month=2026-5", 400),
        ("/v1/statements?month=2026-05&month=2026-06", 400),
        ("/v1/statements?month=2026-05&council=ashby", 400),
    ],
)
def test_what_is_not_here_or_not_understood_is_refused_as_a_problem(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_description_names_every_route(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]

    assert set(paths) >= {
        "/v1/statements",
        "/v1/statements/{council}/{month}",
        "/v1/statements/{council}/{month}.{suffix}",
        "/v1/statements/{council}/{month}/lines/{line}",
    }

"""What a council opens from its statement: other months beside it, its state, and each line down to its events."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from fastapi.testclient import TestClient

from billing import api
from billing.domain.terms import Terms
from billing.statements.compared import MONTHS_OFFERED, ComparedStatements, months_offered
from billing.statements.drafts import Statements
from billing.statements.steps import StatementSteps
from billing.store.sql import SqlStore
from shared.clock import FixedClock
from shared.contracts.definitions import Agreement
from shared.contracts.topics import CATALOGUE
from shared.http import create_app
from shared.period import Month
from shared.scope import Scope
from shared.web.pages import site_routes
from tests.integration.test_issuing import APPROVER, FINANCE, JUNE_9, agreed, known, used
from tests.support.any_time import ANY_TIME
from tests.support.billing_feed import MAY, feed
from tests.support.callers import MAY_ALL
from tests.support.recharges import ASHBY, agreement, standing, tariff, terms

APRIL = Month(2026, 4)
CLOCK = FixedClock(JUNE_9)
HTML = {"Accept": "text/html"}
PRICED = tariff(standing("310.00"))


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    """Ashby had 20 payslips in April and 100 in May; April is issued."""
    with closing(SqlStore.open(database_of("billing"))) as store:
        feed(store, CATALOGUE, known(agreed()))
        used(store, quantity="20", day="2026-04-12")
        used(store)
        steps = StatementSteps(store, CLOCK)
        seen = steps.draft(ASHBY.id, APRIL, scope=Scope.all()).sha256
        steps.check(FINANCE, ASHBY.id, APRIL, sha256=seen)
        steps.approve(APPROVER, ASHBY.id, APRIL, sha256=seen)
        steps.issue(FINANCE, ASHBY.id, APRIL, ANY_TIME)
        yield store


@pytest.fixture
def client(store: SqlStore) -> TestClient:
    statements = Statements(store, CLOCK)
    routes = api.router(statements, ComparedStatements(store, statements, CLOCK))
    return TestClient(create_app("Billing", [routes, site_routes()], types=api.TYPES, authentication=MAY_ALL))


def test_a_month_stands_beside_what_was_issued_whatever_came_later(store: SqlStore, client: TestClient) -> None:
    before = client.get("/v1/statements/ashby/2026-05/status").json()["compared"]
    used(store, quantity="5", day="2026-04-13")  # too late for April

    compared = client.get("/v1/statements/ashby/2026-05/status").json()["compared"]

    correction, total = compared["rows"][-2:]
    assert before["rows"][-1]["last_pence"] == total["last_pence"] == 8_840
    assert (correction["kind"], correction["this_pence"]) == ("corrections", 2_210)
    assert (total["kind"], total["this_pence"]) == ("total", 44_200 + 2_210)
    assert (compared["to_date_from"], "2026-04" in compared["drafts"]) == ("2026-04", False)


def test_the_state_of_a_statement_is_answered_in_the_words_of_its_page(client: TestClient) -> None:
    issued, draft = (client.get(f"/v1/statements/ashby/2026-0{month}/status").json() for month in (4, 5))
    pages = [client.get(f"/v1/statements/ashby/2026-0{month}.html").text for month in (4, 5)]

    assert (issued["state"], issued["number"], issued["due_pence"]) == ("issued", "2026-27.0001", 8_840)
    assert (draft["state"], draft["number"], draft["due_pence"]) == ("draft", None, 0)
    assert "<strong>Issued.</strong>" in pages[0]
    assert "<strong>Draft.</strong>" in pages[1]
    assert "Nothing is due before the statement is issued." in pages[1]
    assert ['href="/v1/statements/ashby/2026-04.tally"' in page for page in pages] == [True, False]


def test_the_hash_of_a_form_is_that_of_the_json_alone(client: TestClient) -> None:
    page = client.get("/v1/statements/ashby/2026-04.html").text
    answered = client.get("/v1/statements/ashby/2026-04.json")

    assert answered.headers["ETag"].strip('"') in page


def test_every_line_of_the_page_leads_to_a_page_with_its_working_and_events(client: TestClient) -> None:
    page = client.get("/v1/statements/ashby/2026-05.html").text
    lines = sorted(set(re.findall(r'href="(/v1/statements/ashby/2026-05/lines/[^"]+)"', page)))

    answers = [client.get(line, headers=HTML) for line in lines]

    assert len(lines) == 3
    assert {answer.headers["content-type"] for answer in answers} == {"text/html; charset=utf-8"}
    (payslips,) = (answer.text for answer in answers if "<h1" in answer.text and "Payroll: Each" in answer.text)
    for expected in ("£4.42", "£442.00, rounded to the nearest penny once", "ashby-2026-05-12", "provider.usage.v1"):
        assert expected in payslips
    assert client.get(lines[0]).headers["content-type"] == "application/json"


def test_a_line_with_many_events_leads_to_the_rest_of_them(store: SqlStore, client: TestClient) -> None:
    used(store, quantity="1", day="2026-05-13")
    page = client.get("/v1/statements/ashby/2026-05.html").text
    ref = re.search(r'href="(/v1/[^"]+/lines/[^"]+)">Each</a>.{0,400}4\.42', page, re.DOTALL)
    assert ref

    first = client.get(f"{ref[1]}?limit=1", headers=HTML).text
    more = re.search(r'href="([^"]+)">More events</a>', first)
    assert more
    second = client.get(more[1].replace("&amp;", "&"), headers=HTML).text

    assert ("ashby-2026-05-12" in first, "ashby-2026-05-13" in first) == (True, False)
    assert ("ashby-2026-05-12" in second, "ashby-2026-05-13" in second) == (False, True)


@pytest.mark.parametrize(
    ("month", "present", "first", "last"),
    [
        ("2026-05", "2026-06", "2025-07", "2026-06"),
        ("2025-07", "2026-06", "2025-07", "2026-06"),
        ("2025-06", "2026-06", "2024-07", "2025-06"),  # before those: the twelve that end with it
    ],
)
def test_twelve_months_are_offered_and_the_one_that_is_shown_is_among_them(
    month: str, present: str, first: str, last: str
) -> None:
    offered = months_offered(catalogue(agreement(PRICED.id)), ASHBY.id, Month.parse(month), Month.parse(present))

    assert (str(offered[0]), str(offered[-1]), len(offered)) == (first, last, MONTHS_OFFERED)


def test_months_without_an_agreement_are_not_offered() -> None:
    joined = catalogue(agreement(PRICED.id, since="2026-04-10"))

    assert [str(each) for each in months_offered(joined, ASHBY.id, MAY, Month(2026, 6))] == [
        "2026-04",
        "2026-05",
        "2026-06",
    ]


def catalogue(of: Agreement) -> Terms:
    return terms(of, tariffs=[PRICED])

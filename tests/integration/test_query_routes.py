"""Queries and payments over HTTP and as pages: strict bodies, one answer for what is missing, words for every fault."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from billing.routes import payments as payment_routes
from billing.routes import queries as query_routes
from billing.routes import query_pages
from billing.routes.read_back import ReadBack
from billing.statements.payments import Payments
from billing.statements.queries import Queries
from billing.store.sql import SqlStore
from shared.clock import FixedClock
from shared.contracts.definitions import Council
from shared.http import Authentication, create_app
from tests.support.issued_statements import FINANCE, JUNE_9, agreed, charge, council_finance, issue, payroll_line
from tests.support.recharges import ASHBY

BURTON = Council(id="burton", name="Burton")
CALLERS = {"finance": FINANCE, "ashby": council_finance(), "burton": council_finance(BURTON.id)}
QUERIES = "/v1/statements/ashby/2026-05/queries"
PAYMENTS = "/v1/statements/ashby/2026-05/payments"
PAGE = "/statements/ashby/2026-05/queries"
CSV = {"Content-Type": "text/csv", "Caller": "finance"}


class AllRead(ReadBack):
    """Nothing is left to read."""

    def __init__(self) -> None:
        """Without a log."""

    async def require(self) -> None:
        """Nothing is waited for."""


async def nothing_new() -> None:
    """Nobody has decided anything."""


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as store:
        charge(store, agreed(), agreed(BURTON.id), councils=(ASHBY, BURTON))
        issue(store)
        issue(store, BURTON.id)
        yield store


@pytest.fixture
def client(store: SqlStore) -> TestClient:
    clock = FixedClock(JUNE_9)
    queries = Queries(store, clock, lambda council, id_: (council, id_) == (ASHBY.id, "outage-7"))
    routes = [
        query_routes.router(queries, nothing_new, AllRead()),
        payment_routes.router(Payments(store, clock), AllRead()),
        query_pages.router(query_pages.QueryPages(queries, nothing_new, AllRead())),
    ]
    named = Authentication(lambda request: CALLERS.get(request.headers.get("Caller", "")))
    types = (*query_routes.TYPES, *payment_routes.TYPES)
    return TestClient(create_app("Queries", routes, types=types, authentication=named), follow_redirects=False)


@pytest.fixture
def line(store: SqlStore) -> str:
    return payroll_line(store)


def post(client: TestClient, path: str, body: object, caller: str = "ashby") -> Response:
    return client.post(path, json=body, headers={"Caller": caller})


def get(client: TestClient, path: str, caller: str = "ashby") -> Response:
    return client.get(path, headers={"Caller": caller})


def send(client: TestClient, path: str, caller: str = "ashby", **fields: str) -> Response:
    return client.post(path, data=fields, headers={"Caller": caller})


def test_a_query_is_raised_listed_answered_and_shown_to_both_sides(client: TestClient, line: str) -> None:
    raised = post(client, QUERIES, {"id": "q-1", "words": "Counted twice", "line": line})
    assert (raised.status_code, raised.json()["held_pence"], raised.json()["reply_by"]) == (201, 44_200, "2026-06-23")

    answered = post(
        client, f"{QUERIES}/q-1/answer", {"outcome": "credited", "words": "Yes", "credited_pence": 442}, "finance"
    )

    assert (answered.status_code, answered.json()["status"]) == (200, "credited")
    for caller in ("ashby", "finance"):
        found = get(client, QUERIES, caller).json()
        assert [each["credited_pence"] for each in found["queries"]] == [442]
        assert found["amounts_due"]["due_pence"] == 44_200 - 442


def test_open_queries_come_first_in_pages(client: TestClient, line: str) -> None:
    for number in range(3):
        body = {"id": f"q-{number}", "words": "Timed wrongly", "stream": "ticket", "item": f"T-{number}"}
        assert post(client, QUERIES, body).status_code == 201
    post(client, f"{QUERIES}/q-0/withdrawal", {})

    first = get(client, "/v1/queries?limit=2", "finance")
    rest = get(client, first.links["next"]["url"], "finance")

    assert [each["id"] for each in first.json()["items"]] == ["q-1", "q-2"]
    assert [(each["id"], each["status"]) for each in rest.json()["items"]] == [("q-0", "withdrawn")]
    assert "next" not in rest.links
    assert get(client, first.links["next"]["url"], "ashby").status_code == 400


def test_another_councils_queries_are_answered_as_missing_ones(client: TestClient, line: str) -> None:
    post(client, QUERIES, {"id": "q-1", "words": "Counted twice", "line": line})

    def answer(path: str, body: object | None) -> tuple[int, Any]:
        found = get(client, path, "burton") if body is None else post(client, path, body, "burton")
        return found.status_code, {**found.json(), "instance": ""}

    for path, body in (
        (QUERIES, None),
        (QUERIES, {"id": "q-2", "words": "Mine", "line": line}),
        (f"{QUERIES}/q-1/withdrawal", {}),
        (PAYMENTS, None),
    ):
        missing = path.replace("ashby", "nowhere")
        assert answer(path, body) == answer(missing, body)
        assert answer(path, body)[0] == 404
    assert get(client, "/v1/queries", "burton").json() == {"items": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": "q 1", "words": "x"},
        {"id": "q" * 41, "words": "x"},
        {"id": "q-1", "words": ""},
        {"id": "q-1", "words": "a\u0000b"},
        {"id": "q-1", "words": "a\nb"},
        {"id": "q-1", "words": "x" * 501},
        {"id": "q-1", "words": "x", "held_pence": -1},
        {"id": "q-1", "words": "x", "held_pence": "1"},
        {"id": "q-1", "words": "x", "held_pence": 1.0},
        {"id": "q-1", "words": "x", "held_pence": True},
        {"id": "q-1", "words": "x", "held_pence": 2**63},
        {"id": "q-1", "words": "x", "stream": "letter", "item": "a"},
        {"id": "q-1", "words": "x", "council": "burton"},
        {"id": "q-1", "words": "x", "reply_by": "2026-06-09"},
        {"id": "q-1", "words": "x"},
        [],
    ],
)
def test_what_is_no_query_is_refused_whole(client: TestClient, body: object) -> None:
    refused = post(client, QUERIES, body)

    assert refused.status_code == 422
    assert refused.json()["errors"]
    assert get(client, QUERIES).json()["queries"] == []


def test_payments_are_recorded_and_taken_back(client: TestClient) -> None:
    paid = {"id": "p-1", "amount_pence": 44_200, "paid_on": "2026-06-08", "reference": "BACS 17"}
    assert post(client, PAYMENTS, paid, "finance").status_code == 201
    assert post(client, PAYMENTS, paid, "finance").status_code == 201
    assert get(client, PAYMENTS).json()["amounts_due"]["status"] == "paid"

    taken = post(client, f"{PAYMENTS}/p-1/withdrawal", {"words": "Bounced"}, "finance")

    assert taken.json()["withdrawn"] == "Bounced"
    again = post(client, PAYMENTS, paid, "finance")
    assert (again.status_code, "was taken back" in again.json()["detail"]) == (409, True)
    assert get(client, PAYMENTS).json()["amounts_due"]["status"] == "unpaid"


@pytest.mark.parametrize(
    "changed",
    [
        {"amount_pence": 0},
        {"amount_pence": -5},
        {"amount_pence": 44_201},
        {"amount_pence": "100"},
        {"paid_on": "2026-06-10"},
        {"paid_on": "09/06/2026"},
        {"paid_on": "2026-06-08T00:00:00Z"},
        {"on_account": "yes"},
        {"id": "../p"},
        {"number": "2026-27.0002"},
    ],
)
def test_what_is_no_payment_is_refused_whole(client: TestClient, changed: dict[str, object]) -> None:
    paid = {"id": "p-1", "amount_pence": 100, "paid_on": "2026-06-08"} | changed

    refused = post(client, PAYMENTS, paid, "finance")

    assert refused.status_code == 422
    assert get(client, PAYMENTS).json()["payments"] == []


HEADER = "number,amount,paid_on,reference,payment\n"


def test_a_csv_says_of_each_row_what_became_of_it(client: TestClient) -> None:
    rows = (
        f"{HEADER}2026-27.0001,442.00,2026-06-08,BACS 17,b-1\n"
        "2026-27.0002,=1+1,08/06/2026,,\n"
        "nothing,1,2026-06-08,=HYPERLINK(1),b-3\n"
    )
    would = client.post("/v1/payments?dry_run=true", content=rows, headers=CSV)
    assert get(client, PAYMENTS).json()["payments"] == []

    found = client.post("/v1/payments", content=rows, headers=CSV).json()

    assert found == would.json() | {"dry_run": False}
    assert (found["rows"], found["recorded"], found["recorded_pence"], found["known"]) == (3, 1, 44_200, 0)
    assert [(each["line"], each["column"]) for each in found["faults"]] == [
        (3, "amount"),
        (3, "paid_on"),
        (3, "payment"),
        (4, "number"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"number;amount;paid_on;reference;payment\n",
        f"{HEADER}2026-27.0001,1\n".encode(),
        f'{HEADER}2026-27.0001,1,2026-06-08,"never closed,b-1\n'.encode(),
        (HEADER + "2026-27.0001,1,2026-06-08,,b-1\n" * 2_001).encode(),
    ],
    ids=["empty", "no UTF-8", "semicolons", "short row", "open quote", "too many"],
)
def test_what_is_no_csv_of_payments_records_nothing(client: TestClient, content: bytes) -> None:
    refused = client.post("/v1/payments", content=content, headers=CSV)

    assert refused.status_code == 422
    assert get(client, PAYMENTS).json()["payments"] == []


def test_a_csv_of_excel_with_its_mark_and_line_ends_is_read(client: TestClient) -> None:
    rows = f"\ufeff{HEADER}2026-27.0001,442,2026-06-08,Cyngor Môn,b-1\n\n".replace("\n", "\r\n")

    assert client.post("/v1/payments", content=rows.encode(), headers=CSV).json()["recorded"] == 1
    assert get(client, PAYMENTS).json()["payments"][0]["reference"] == "Cyngor Môn"


def test_pages_raise_answer_and_withdraw_queries(client: TestClient, line: str) -> None:
    form = get(client, f"{PAGE}/new?line={line}").text
    assert f'<option value="{line}" selected>' in form

    raised = send(client, f"{PAGE}/new", id="q-1", line=line, words="Counted\r\ntwice", held_pence="£100.50")

    assert (raised.status_code, raised.headers["Location"]) == (303, PAGE)
    shown = get(client, PAGE).text
    assert "Counted twice" in shown
    assert "£100.50" in shown
    assert "Withdraw query q-1" in shown
    assert "Answer query q-1" not in shown
    assert "Answer query q-1" in get(client, PAGE, "finance").text
    answered = send(client, f"{PAGE}/q-1/answer", "finance", outcome="upheld", words="It stands")
    assert answered.status_code == 303
    assert "The charge stands" in get(client, "/queries").text


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"words": "Why"}, "Which line? Expected a line of the statement"),
        ({"line": "LINE"}, "Why do you query it? Expected a few words"),
        ({"line": "LINE", "words": "x" * 501}, "Why do you query it? Expected at most 500 characters"),
        ({"line": "LINE", "words": "x", "held_pence": "lots"}, "in pounds before VAT? Expected pounds like 120.50"),
        ({"line": "LINE", "words": "x", "held_pence": "9999"}, "in pounds before VAT? Expected at most £442"),
        ({"item": "T-1", "words": "x"}, "What was timed wrongly? Expected what the item is"),
    ],
)
def test_a_form_says_what_is_wrong_in_the_words_of_its_labels(
    client: TestClient, line: str, fields: dict[str, str], fault: str
) -> None:
    sent = {name: value.replace("LINE", line) for name, value in fields.items()}

    refused = send(client, f"{PAGE}/new", id="q-1", **sent)

    assert refused.status_code == 422
    assert fault in refused.text
    assert 'value="q-1"' in refused.text
    assert "<title>Error: " in " ".join(refused.text.split())


def test_nothing_is_chosen_in_a_form_before_somebody_does(client: TestClient, line: str) -> None:
    post(client, QUERIES, {"id": "q-1", "words": "Counted twice", "line": line})

    assert "selected" not in get(client, f"{PAGE}/new").text
    assert "selected" not in get(client, f"{PAGE}/q-1/answer", "finance").text
    refused = send(client, f"{PAGE}/q-1/answer", "finance", words="It stands")
    assert "How do you answer? Expected one of the answers" in refused.text


def test_markup_in_words_is_shown_as_it_was_written(client: TestClient, line: str) -> None:
    post(client, QUERIES, {"id": "q-1", "words": "<script>alert(1)</script>", "line": line})

    for path in (PAGE, "/queries", f"{PAGE}/q-1/withdrawal"):
        assert "&lt;script&gt;" in get(client, path).text
        assert "<script>" not in get(client, path).text


def test_pages_of_another_council_are_missing(client: TestClient) -> None:
    for path in (PAGE, f"{PAGE}/new", f"{PAGE}/q-1/withdrawal"):
        assert get(client, path, "burton").status_code == 404

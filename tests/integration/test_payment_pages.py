"""Pages on which provider finance records payments, takes one back, and pastes a CSV; who may not sees no form."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from billing.routes import payment_pages, payments
from billing.statements.payments import Payments
from billing.store.sql import SqlStore
from shared.clock import FixedClock
from shared.http import Authentication, create_app
from tests.integration.test_query_routes import BURTON, CALLERS, HEADER, PAYMENTS, AllRead
from tests.support.issued_statements import JUNE_9, agreed, charge, issue
from tests.support.recharges import ASHBY

PAGE = "/statements/ashby/2026-05/payments"
PAID = {"id": "p-1", "amount_pence": "100.50", "paid_on": "2026-06-08", "reference": "BACS 17", "kind": "received"}
ROW = "2026-27.0001,442.00,2026-06-08,BACS 17,b-1\n"


@pytest.fixture
def client(database_of: Callable[[str], str]) -> Iterator[TestClient]:
    """Ashby and Burton were issued a statement of £442 each for May."""
    with closing(SqlStore.open(database_of("billing"))) as store:
        charge(store, agreed(), agreed(BURTON.id), councils=(ASHBY, BURTON))
        for council in (ASHBY, BURTON):
            issue(store, council.id)
        recorded = Payments(store, FixedClock(JUNE_9))
        pages = payment_pages.router(payment_pages.PaymentPages(recorded, AllRead()))
        routes = [payments.router(recorded, AllRead()), pages]
        named = Authentication(lambda request: CALLERS.get(request.headers.get("Caller", "")))
        app = create_app("Payments", routes, types=payments.TYPES, authentication=named)
        yield TestClient(app, follow_redirects=False)


def get(client: TestClient, path: str, caller: str = "finance") -> Response:
    return client.get(path, headers={"Caller": caller})


def send(client: TestClient, path: str, caller: str = "finance", **fields: str) -> Response:
    return client.post(path, data=fields, headers={"Caller": caller})


def recorded(client: TestClient) -> list[tuple[str, int]]:
    return [(each["id"], each["amount_pence"]) for each in get(client, PAYMENTS).json()["payments"]]


def test_a_part_is_recorded_once_however_often_the_form_is_sent(client: TestClient) -> None:
    for _ in range(2):
        sent = send(client, PAGE, **PAID)
        assert (sent.status_code, sent.headers["Location"]) == (303, PAGE)

    shown = get(client, PAGE).text
    assert recorded(client) == [("p-1", 10_050)]
    assert "8 June 2026" in shown
    assert "£341.50" in shown


def test_a_council_sees_its_payments_and_no_form(client: TestClient) -> None:
    send(client, PAGE, **PAID)

    shown = get(client, PAGE, "ashby")

    assert "BACS 17" in shown.text
    assert "<form" not in shown.text.split("<main")[1]
    assert "Take payment" not in shown.text
    assert send(client, PAGE, "ashby", **PAID).status_code == 403
    assert get(client, "/payments", "ashby").status_code == 403
    assert get(client, PAGE, "burton").status_code == 404


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"amount_pence": ""}, "Amount: Expected pounds like 120.50"),
        ({"amount_pence": "-5"}, "Amount: Expected pounds like 120.50"),
        ({"amount_pence": "0"}, "Amount: Expected pounds like 120.50"),
        ({"amount_pence": "442.01"}, "Amount: Expected at most £442, which is still to be paid"),
        ({"paid_on": "08/06/2026"}, "Date of payment: Expected a date like 2026-06-20"),
        ({"paid_on": "2026-06-10"}, "Date of payment: Expected a date from 2026-05-01 to today"),
        ({"kind": ""}, "What it is: Expected one of the choices"),
        ({"kind": "written-off", "reference": ""}, "Reference: Expected why it is written off"),
        ({"reference": "x" * 501}, "Reference: Expected at most 500 characters"),
    ],
)
def test_the_form_says_what_is_wrong_and_keeps_what_was_written(
    client: TestClient, changed: dict[str, str], fault: str
) -> None:
    refused = send(client, PAGE, **(PAID | changed))

    assert refused.status_code == 422
    assert fault in refused.text
    assert 'value="p-1"' in refused.text
    assert recorded(client) == []


def test_a_payment_is_taken_back_with_a_reason_and_stays_listed(client: TestClient) -> None:
    send(client, PAGE, **PAID)
    path = f"{PAGE}/p-1/withdrawal"

    assert "£100.50" in get(client, path).text
    assert send(client, path, words=" ").status_code == 422
    assert send(client, path, words="Bounced").status_code == 303
    assert "Taken back: Bounced" in get(client, PAGE).text
    assert get(client, f"{PAGE}/p-2/withdrawal").status_code == 404


def test_pasted_rows_are_looked_at_and_then_recorded(client: TestClient) -> None:
    would = send(client, "/payments", rows=HEADER + ROW, look="1")
    assert (would.status_code, recorded(client)) == (200, [])
    assert "Payments that would be recorded: 1, in all £442.00" in would.text
    assert "BACS 17" in would.text

    assert "Payments recorded now: 1" in send(client, "/payments", rows=HEADER + ROW).text
    assert "Recorded before: 1" in send(client, "/payments", rows=HEADER + ROW).text
    assert recorded(client) == [("b-1", 44_200)]


def test_pasted_rows_with_faults_are_named_by_line_and_stay_to_be_mended(client: TestClient) -> None:
    refused = send(client, "/payments", rows=HEADER + ROW + "2026-27.0009,0,2026-06-08,,b-2\n")

    assert refused.status_code == 422
    assert "Line 3, amount" in refused.text
    assert "2026-27.0009" in refused.text
    no_csv = send(client, "/payments", rows="what is this?")
    assert (no_csv.status_code, "Nothing was recorded" in no_csv.text) == (422, True)

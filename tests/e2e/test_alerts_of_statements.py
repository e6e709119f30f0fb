"""Alerts of the statement run, each caused by the thing itself on real servers, and seen by Prometheus.

Billing's figures are sampled each minute. An alert that waits before it fires is pending from the first evaluation at
which its condition holds: that is what the tests wait for.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen

import msgspec
import pytest

from shared.contracts.codec import encode_event
from shared.contracts.statements import (
    QueryRaised,
    QueryRaisedData,
    SeenData,
    StatementApproved,
    StatementChecked,
)
from shared.contracts.topics import STATEMENTS, USAGE
from shared.period import Month, month_of
from tests.support.callers import token
from tests.support.mail_server import mail_server
from tests.support.servers import free_port
from tests.support.service_process import PATIENCE_S, eventually
from tests.support.watched_services import PARTNERSHIP, WatchedServices, watched_services

pytestmark = pytest.mark.long
NOW = datetime.now(UTC).replace(microsecond=0)
LAST: Month = month_of(NOW).previous
ADUR = {"council": "adur"}
SHA = "a" * 64
# Every month's statement is due on the first day after it, and Adur is written to.
RECHARGED = PARTNERSHIP.replace("tariffs: [ict]", "tariffs: [ict, payroll]\n    issue_days: 1").replace(
    "{id: adur, name", "{id: adur, statements_to: statements@adur.example, name"
)


@pytest.fixture(scope="module")
def mail_port() -> int:
    """Where nobody listens yet."""
    return free_port()


@pytest.fixture(scope="module")
def watched(docker_engine: None, tmp_path_factory: pytest.TempPathFactory, mail_port: int) -> Iterator[WatchedServices]:
    settings = {
        "PUBLIC_URL": "https://recharges.example.gov.uk",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(mail_port),
        "SMTP_SECURITY": "none",
        "MAIL_FROM": "recharges@provider.example",
    }
    folder = tmp_path_factory.mktemp("watched")
    with watched_services(folder, ["catalogue", "billing"], partnership=RECHARGED, settings=settings) as running:
        yield running


def took(watched: WatchedServices, kind: type[Any], data: Any, at: datetime) -> None:
    """The log holds the step, as it would after the database was lost."""
    about: dict[str, Any] = {"source": "/billing", "subject": str(LAST), "council": "adur"}
    event = kind(id=f"e2e-{data.step}", time=at, data=data, **about)
    watched.send(STATEMENTS.name, (event.key, encode_event(event)))


def asked(watched: WatchedServices, method: str, path: str, body: object = None) -> Any:
    """Billing's answer to somebody who has every role of the provider."""
    port = watched.running["billing"].log_of("service.started")["http"]
    headers = {"Authorization": f"Bearer {token()}", "Content-Type": "application/json"}
    sent = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"http://127.0.0.1:{port}{path}", sent, headers, method=method), timeout=PATIENCE_S) as answer:
        return json.load(answer)


def test_statements_are_late_from_the_day_after_the_one_that_is_agreed(watched: WatchedServices) -> None:
    eventually(lambda: watched.raises("StatementsLate", council="worthing"))
    eventually(lambda: watched.raises("StatementsLate", **ADUR))
    for alert in ("CloseBlocked", "ReconciliationDiffers", "LedgerUnbalanced", "QueryOverdue", "MailFailing"):
        assert watched.prometheus.raised(alert) == []


def test_an_approved_statement_that_nobody_issues_blocks_its_close_until_it_is_returned(
    watched: WatchedServices,
) -> None:
    for kind, name in ((StatementChecked, "check-1"), (StatementApproved, "approve-2")):
        data = SeenData(month=str(LAST), step=name, by=name, sha256=SHA)
        took(watched, kind, data, NOW - timedelta(days=2))
    eventually(lambda: watched.raises("CloseBlocked", **ADUR))

    asked(watched, "POST", f"/v1/statements/adur/{LAST}/return", {"words": "The draft is another one"})

    eventually(lambda: watched.prometheus.raised("CloseBlocked") == [])


def test_a_query_that_was_to_be_answered_is_overdue_and_the_mail_about_its_answer_waits_for_a_mail_server(
    watched: WatchedServices, mail_port: int
) -> None:
    data = QueryRaisedData(
        month=str(LAST),
        step="query-q-1",
        by="adur-finance",
        query="q-1",
        stream="ticket",
        item="T-1",
        words="It was paused",
        reply_by=NOW.date() - timedelta(days=2),
        held_pence=0,
    )
    took(watched, QueryRaised, data, NOW - timedelta(days=20))
    eventually(lambda: watched.raises("QueryOverdue", **ADUR))

    answer = {"outcome": "upheld", "words": "It was not"}
    asked(watched, "POST", f"/v1/statements/adur/{LAST}/queries/q-1/answer", answer)

    eventually(lambda: watched.prometheus.raised("QueryOverdue") == [])
    eventually(lambda: watched.raises("MailFailing", job="billing", state="failing"))
    with mail_server(port=mail_port) as server:
        eventually(lambda: server.taken != [])
        eventually(lambda: watched.prometheus.raised("MailFailing") == [])
    assert [str(mail["To"]) for mail in server.taken] == ["statements@adur.example"]


def test_a_draft_that_is_not_what_its_rows_come_to_is_seen_once_somebody_looks_at_the_close(
    watched: WatchedServices,
) -> None:
    """No use of it causes that: billing runs with a bug that counts thirteen as fourteen."""
    watched.send(USAGE.name, reading("r-13", "13", LAST.first_day))
    eventually(lambda: 14 in counted(watched))

    blockers = asked(watched, "GET", f"/v1/closings/{LAST}")

    assert "an independent recomputation differs" in json.dumps(blockers)
    eventually(lambda: watched.raises("ReconciliationDiffers", **ADUR))

    watched.send(USAGE.name, reading("r-1", "1", LAST.first_day))  # of fourteen it counts fourteen
    asked(watched, "GET", f"/v1/closings/{LAST}")
    eventually(lambda: watched.prometheus.raised("ReconciliationDiffers") == [])


def reading(id_: str, quantity: str, day: date) -> tuple[str, bytes]:
    """A record of so many payslips of Adur on a day."""
    event = {
        "specversion": "1.0",
        "type": "tallystick.usage.recorded.v1",
        "id": id_,
        "time": f"{day}T12:00:00+00:00",
        "source": "/councils/adur/systems/e2e",
        "subject": id_,
        "council": "adur",
        "data": {"service": "payroll", "quantity": quantity},
    }
    return f"adur:{id_}", msgspec.json.encode(event)


def counted(watched: WatchedServices) -> list[float]:
    """What the lines of Adur's payroll count."""
    services = asked(watched, "GET", f"/v1/statements/adur/{LAST}")["services"]
    return [float(line["quantity"]) for each in services if each["id"] == "payroll" for line in each["lines"]]


def test_a_ledger_that_somebody_changed_by_hand_does_not_sum_to_0(watched: WatchedServices) -> None:
    """PostgreSQL refuses it to everybody but the superuser, who can switch that off."""
    unbalanced = (
        "INSERT INTO ledger_entry (id, posting, council, provider, month, document, line, service, account, "
        "amount_pence, at_us) VALUES ('e2e', 'e2e', 'adur', 'joint', '2026-01', '', '', '', 'bank', 7, 0)"
    )
    watched.sql("billing", f"SET session_replication_role = replica; {unbalanced}")
    eventually(lambda: watched.raises("LedgerUnbalanced", job="billing"))

    watched.sql("billing", "SET session_replication_role = replica; DELETE FROM ledger_entry WHERE id = 'e2e'")
    eventually(lambda: watched.prometheus.raised("LedgerUnbalanced") == [])

"""Corrections of issued months are listed in the next statement, settled once, and change nothing that was issued."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from markupsafe import Markup
from pypdf import PdfReader
from sqlalchemy import Engine, event, select
from starlette.testclient import TestClient

from billing.domain.credit_note import credit_note_of
from billing.domain.issued import CorrectionLine, DocumentRef
from billing.domain.ledger import Entry, Unbalanced
from billing.domain.lifecycle import StepRefused
from billing.domain.statement import Statement
from billing.ports import StoredDocument
from billing.routes import documents as document_routes
from billing.statements.drafts import Statements
from billing.statements.steps import StatementDraft, StatementSteps
from billing.store import tables
from billing.store.sql import SqlStore
from billing.store.steps import store_entries
from shared.auth.principal import Principal
from shared.clock import FixedClock
from shared.contracts.codec import decode_event
from shared.contracts.definitions import Agreement, ServiceVat
from shared.contracts.parties import ProviderParty
from shared.contracts.statements import CreditNoteIssued
from shared.contracts.topics import CATALOGUE, STATEMENTS, USAGE
from shared.contracts.vat import VatTreatment
from shared.http import create_app
from shared.period import Month
from shared.scope import Scope
from tests.support.any_time import ANY_TIME
from tests.support.billing_feed import TARIFFS, feed
from tests.support.callers import MAY_ALL
from tests.support.recharges import (
    ASHBY,
    ICT,
    PAYABLE,
    PAYROLL,
    PROVIDER,
    adjusted,
    agreement,
    catalogue_events,
    recorded,
    reversed_,
    tariff,
    unit,
)
from tests.unit.billing.test_statement_vat import TWENTY

MARCH, APRIL, MAY, JUNE = Month(2026, 3), Month(2026, 4), Month(2026, 5), Month(2026, 6)
JULY_9 = datetime(2026, 7, 9, 10, 0, tzinfo=UTC)
FINANCE = Principal.of("finance-1", "person", ("finance",), Scope.all())
APPROVER = Principal.of("approver-1", "person", ("approver",), Scope.all())
EVERY = Scope.all()
PROVIDED = msgspec.structs.replace(PROVIDER, vat_rates=(TWENTY,), party=ProviderParty(payment_days=30))
PENCE_A_PAYSLIP = 442


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as store:
        yield store


def agreed(treatment: VatTreatment = "standard", **terms: Any) -> Agreement:
    vat = ServiceVat(service="*", treatment=treatment, reason="Advice")
    return msgspec.structs.replace(agreement(*(priced.id for priced in TARIFFS)), vat=(vat,), **terms)


def known(store: SqlStore, *agreements: Agreement) -> SqlStore:
    feed(store, CATALOGUE, catalogue_events(ASHBY, PROVIDED, PAYABLE, ICT, PAYROLL, *TARIFFS, *agreements))
    return store


def used(store: SqlStore, reading: str, quantity: str, day: str = "2026-04-12") -> None:
    """Payslips of a day."""
    feed(store, USAGE, [recorded(reading, f"{day}T12:00:00+00:00", quantity)])


def steps_of(store: SqlStore) -> StatementSteps:
    return StatementSteps(store, FixedClock(JULY_9))


def draft(store: SqlStore, month: Month) -> Statement:
    return Statements(store, FixedClock(JULY_9)).draft(ASHBY.id, month, scope=EVERY)


def approved(store: SqlStore, month: Month) -> None:
    steps = steps_of(store)
    seen = steps.draft(ASHBY.id, month, scope=EVERY).sha256
    steps.check(FINANCE, ASHBY.id, month, sha256=seen)
    steps.approve(APPROVER, ASHBY.id, month, sha256=seen)


def issued(store: SqlStore, month: Month) -> StatementDraft:
    approved(store, month)
    return steps_of(store).issue(FINANCE, ASHBY.id, month, ANY_TIME)


def documents(store: SqlStore) -> list[StoredDocument]:
    with store.snapshot(EVERY) as snapshot:
        return snapshot.steps.documents(ASHBY.id)


def only(lines: tuple[CorrectionLine, ...]) -> CorrectionLine:
    (line,) = lines
    return line


def test_late_usage_of_an_issued_month_is_in_the_next_statement_with_its_events(store: SqlStore) -> None:
    known(store, agreed())
    used(store, "r-1", "100")
    april = issued(store, APRIL)
    used(store, "r-late", "3")

    line = only(draft(store, MAY).corrections)

    assert (line.month, line.service, line.cause, line.settled) == (APRIL, PAYROLL.id, "usage", "here")
    assert (line.was_pence, line.now_pence) == (100 * PENCE_A_PAYSLIP, 103 * PENCE_A_PAYSLIP)
    assert [each.id for each in line.events] == ["r-late-recorded"]
    assert line.events_in_all == 1
    may = issued(store, MAY).statement
    assert may.payable_pence == may.total_pence + 3 * PENCE_A_PAYSLIP
    assert may.vat.vat_pence == 265  # 20% of £13.26
    assert steps_of(store).draft(ASHBY.id, APRIL, scope=EVERY).sha256 == april.sha256
    assert draft(store, JUNE).corrections == ()


def test_reversals_and_adjustments_are_the_events_of_the_reading_that_they_name(store: SqlStore) -> None:
    known(store, agreed())
    used(store, "r-1", "100")
    used(store, "r-2", "10")
    issued(store, APRIL)
    feed(
        store, USAGE, [reversed_("r-1", "2026-06-02T09:00:00+00:00"), adjusted("r-2", "2026-06-03T09:00:00+00:00", "5")]
    )
    used(store, "r-june", "1", day="2026-06-04")

    line = only(draft(store, MAY).corrections)

    assert line.difference_pence == -95 * PENCE_A_PAYSLIP
    assert [each.id for each in line.events] == ["r-1-reversed", "r-2-adjusted"]


def test_a_correction_says_what_it_follows_from(store: SqlStore) -> None:
    known(store, agreed())
    used(store, "r-1", "100")
    issued(store, APRIL)
    dearer = tariff(unit("5.00"), service=PAYROLL.id)
    (event_,) = [each for each in catalogue_events(*TARIFFS, dearer) if each.subject == f"tariff:{dearer.id}:2"]
    feed(store, CATALOGUE, [event_])

    lines = draft(store, MAY).corrections

    # The line of the old version is taken back, and there is one of the new version.
    assert {(line.cause, line.settled, line.events) for line in lines} == {("terms", "here", ())}
    assert sorted(line.difference_pence for line in lines) == [-100 * PENCE_A_PAYSLIP, 100 * 500]


def test_what_is_too_small_is_listed_and_settled_once_it_is_more(store: SqlStore) -> None:
    known(store, agreed(corrections_from_gbp="10.00"))
    used(store, "r-1", "100")
    issued(store, APRIL)
    used(store, "r-2", "1")

    may = issued(store, MAY).statement
    used(store, "r-3", "2")
    june = issued(store, JUNE).statement

    assert (only(may.corrections).settled, may.corrections_pence, may.vat.vat_pence) == ("carried", 0, 0)
    assert (only(june.corrections).settled, june.corrections_pence) == ("here", 3 * PENCE_A_PAYSLIP)
    assert only(june.corrections).events_in_all == 2


def test_what_comes_after_the_agreed_time_is_listed_as_left_out(store: SqlStore) -> None:
    known(store, agreed(corrections_until_months=1))
    used(store, "r-1", "100")
    issued(store, APRIL)
    used(store, "r-2", "1")

    assert only(draft(store, MAY).corrections).settled == "here"
    june = draft(store, JUNE)
    assert (only(june.corrections).settled, june.corrections_pence) == ("left-out", 0)


def test_vat_of_a_month_is_that_on_what_it_comes_to_however_often_it_is_corrected(store: SqlStore) -> None:
    known(store, agreed())
    used(store, "r-1", "0.027")
    april = issued(store, APRIL).statement  # £0.12 with £0.02 of VAT
    used(store, "r-2", "0.002")
    may = issued(store, MAY).statement  # £0.13 in all, with £0.03
    used(store, "r-3", "0.002")
    june = issued(store, JUNE).statement  # £0.14 in all, with £0.03

    assert [each.payable_pence for each in (april, may, june)] == [12, 1, 1]
    assert [each.vat.vat_pence for each in (april, may, june)] == [2, 1, 0]


def test_a_credit_note_takes_back_what_the_agreement_settles_so(store: SqlStore) -> None:
    known(store, agreed(corrections_by="credit-note"))
    used(store, "r-1", "100")
    april = issued(store, APRIL).statement
    feed(store, USAGE, [adjusted("r-1", "2026-06-03T09:00:00+00:00", "-10")])

    may = issued(store, MAY)

    first, second, note = documents(store)
    assert [each.number for each in (first, second, note)] == ["2026-27.0001", "2026-27.0002", "2026-27.C0001"]
    assert [each.previous for each in (first, second, note)] == [None, first.sha256, second.sha256]
    assert (only(may.statement.corrections).settled, may.statement.payable_pence) == ("credit-note", 0)
    read = credit_note_of(note.content)
    assert read.corrects == DocumentRef(first.number, first.sha256)
    assert read.listed_in == DocumentRef(second.number, second.sha256)
    assert (read.month, read.total_pence, read.gross_pence) == (APRIL, -4_420, -5_304)
    assert note.total_pence == -4_420
    due = april.payable_pence + (april.vat.vat_pence or 0) - 5_304
    assert balances(store)["receivable"] == due
    assert sum(balances(store).values()) == 0
    assert draft(store, JUNE).corrections == ()
    after = issued(store, JUNE).statement.issued
    assert after is not None
    assert after.previous == DocumentRef(note.number, note.sha256)


def test_a_credit_note_has_its_bytes_its_page_and_its_pdf_with_the_same_figures(store: SqlStore) -> None:
    known(store, agreed(corrections_by="credit-note"))
    used(store, "r-1", "100")
    issued(store, APRIL)
    feed(store, USAGE, [adjusted("r-1", "2026-06-03T09:00:00+00:00", "-10")])
    issued(store, MAY)
    (note,) = [each for each in documents(store) if each.kind == "credit-note"]
    routes = document_routes.router(Statements(store, FixedClock(JULY_9)))
    app = create_app("billing", [routes], types=document_routes.TYPES, authentication=MAY_ALL)

    with TestClient(app) as asked:
        path = asked.get(f"/v1/documents/{note.number}").json()["items"][0]["href"]
        assert path == f"/v1/credit-notes/ashby/{note.number}"
        assert asked.get(f"{path}.json").content == note.content == asked.get(path).content
        page = " ".join(Markup(asked.get(f"{path}.html").text).striptags().split())  # noqa: S704 (only read)
        pdf = PdfReader(io.BytesIO(asked.get(f"{path}.pdf").content))
        printed = " ".join(" ".join(each.extract_text() for each in pdf.pages).split())
        for figure in (
            "2026-27.C0001",
            "2026-27.0001",
            "£442.00",
            "£397.80",
            "−£44.20",
            "−£8.84",
            "−£53.04",
            "Payroll",
        ):
            assert figure in page
            assert figure in printed
        assert note.sha256 in page
        for missing in (f"{path}.csv", f"/v1/credit-notes/birch/{note.number}", "/v1/credit-notes/ashby/2026-27.0001"):
            assert asked.get(missing).status_code == 404
        assert asked.get("/v1/documents/2026-27.0009").status_code == 404


def test_what_rises_is_in_the_statement_where_credit_notes_are_agreed(store: SqlStore) -> None:
    known(store, agreed(corrections_by="credit-note"))
    used(store, "r-1", "100")
    issued(store, APRIL)
    used(store, "r-2", "1")

    assert only(issued(store, MAY).statement.corrections).settled == "here"
    assert [each.kind for each in documents(store)] == ["statement", "statement"]


def test_a_restored_database_has_the_credit_notes_and_corrects_nothing_twice(
    store: SqlStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    known(store, agreed(corrections_by="credit-note"))
    used(store, "r-1", "100")
    issued(store, APRIL)
    reversal = [reversed_("r-1", "2026-06-03T09:00:00+00:00")]
    feed(store, USAGE, reversal)
    issued(store, MAY)
    with store._engine.connect() as connection:
        rows = connection.execute(select(tables.outbox).order_by(tables.outbox.c.position)).all()
    with closing(SqlStore.open(f"sqlite:///{tmp_path_factory.mktemp('restored')}/billing.db")) as restored:
        known(restored, agreed(corrections_by="credit-note"))
        used(restored, "r-1", "100")
        feed(restored, USAGE, reversal)

        events = [decode_event(row.value) for row in rows]
        # The statement brings its credit note: whoever issued it may have ended before that was sent by itself.
        feed(restored, STATEMENTS, [each for each in events if not isinstance(each, CreditNoteIssued)])

        assert documents(restored) == documents(store)
        feed(restored, STATEMENTS, events)
        assert documents(restored) == documents(store)
        assert balances(restored) == balances(store)
        assert draft(restored, JUNE).corrections == ()


def test_two_drafts_that_list_one_correction_are_not_both_issued(store: SqlStore) -> None:
    known(store, agreed())
    used(store, "r-1", "100")
    issued(store, APRIL)
    used(store, "r-2", "1")
    for month in (MAY, JUNE):
        approved(store, month)

    steps_of(store).issue(FINANCE, ASHBY.id, MAY, ANY_TIME)

    with pytest.raises(StepRefused, match="changed since it was approved"):
        steps_of(store).issue(FINANCE, ASHBY.id, JUNE, ANY_TIME)


def test_issued_months_are_rated_again_only_where_something_came_in(store: SqlStore) -> None:
    known(store, agreed())
    used(store, "r-1", "100")
    for month in (MARCH, APRIL):
        issued(store, month)
    draft(store, MAY)

    nothing_new = statements_sent(lambda: draft(store, MAY))
    used(store, "r-2", "1", day="2026-05-12")
    of_its_own_month = statements_sent(lambda: draft(store, MAY))
    used(store, "r-3", "1")
    late = statements_sent(lambda: draft(store, MAY))

    assert of_its_own_month >= nothing_new + 4  # four sums of May
    assert late >= of_its_own_month + 4  # and of April, but not of March
    assert late < of_its_own_month + 2 * 8


def test_postgresql_and_the_store_refuse_entries_that_do_not_sum_to_nothing(store: SqlStore) -> None:
    alone = Entry("p-1", ASHBY.id, PROVIDER.id, APRIL, "2026-27.0001", "line-1", PAYROLL.id, "receivable", 5)

    with pytest.raises(Unbalanced), store._engine.begin() as connection:
        store_entries(connection, [alone], JULY_9)
    assert balances(store) == {}


def test_postgresql_refuses_the_commit_of_an_unbalanced_posting_whoever_inserts(store: SqlStore) -> None:
    if store._engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no trigger that waits for the commit")
    row = {
        "id": "e-1",
        "posting": "p-1",
        "council": ASHBY.id,
        "provider": PROVIDER.id,
        "month": "2026-04",
        "document": "d-1",
        "line": "",
        "service": "",
        "account": "bank",
        "amount_pence": 5,
        "at_us": 0,
    }

    def insert(**changed: object) -> None:
        with store._engine.begin() as connection:
            connection.execute(tables.ledger_entry.insert(), [row])
            if changed:
                connection.execute(tables.ledger_entry.insert(), [row | changed])

    with pytest.raises(Exception, match="do not sum to 0"):
        insert()
    insert(id="e-2", account="receivable", amount_pence=-5)
    assert balances(store) == {"bank": 5, "receivable": -5}


def balances(store: SqlStore) -> dict[str, int]:
    """What each account of Ashby holds; the ledger sums to 0."""
    with store.snapshot(EVERY) as snapshot:
        assert snapshot.ledger.ledger_sum() == 0
        return {each.account: each.amount_pence for each in snapshot.ledger.balances(ASHBY.id)}


def statements_sent(work: Callable[[], object]) -> int:
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    work()
    event.remove(Engine, "before_cursor_execute", note)
    return len(sent)

"""Laws of queries, payments and what they leave due, whatever steps were taken in whatever order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.amounts_due import LaterDocuments, amounts_due_of
from billing.domain.issued import Issued, query_credit_reference
from billing.domain.ledger import balance, require_balanced
from billing.domain.lifecycle import StepRefused
from billing.domain.payment_rows import COLUMNS, UnreadableCsv, day_of, payment_rows, pence_of
from billing.domain.payments import paid_pence, payment_back_entries, payment_entries, payments_of
from billing.domain.queries import MOST_OF_ONE, credited_by_queries, queries_of, reply_by, require_new_subject
from billing.domain.statement import Statement, build_statement
from billing.domain.usage import Usage
from shared.contracts.statements import (
    PaymentRecorded,
    PaymentWithdrawn,
    QueryAnswered,
    QueryRaised,
    QueryWithdrawn,
    StepEvent,
)
from shared.holidays import shipped_holidays
from shared.period import Month
from tests.support.recharges import ASHBY, agreement, tariff, terms, unit

# A type of step, and what is in its data beside what every step says.
Made = tuple[type[Any], dict[str, Any]]
MAY = Month(2026, 5)
NUMBER = "2026-27.0001"
AT = datetime(2026, 6, 9, 10, tzinfo=UTC)
TODAY = date(2026, 6, 9)
PRICED = tariff(unit("4.42"))


def issued_statement(units: int = 100) -> Statement:
    usage = Usage(
        service=PRICED.service,
        day=date(2026, 5, 12),
        meter="work-completed",
        state="counted",
        unit="supplier-invoice",
        quantity=Decimal(units),
        events=1,
    )
    draft = build_statement(terms(agreement(PRICED.id), tariffs=[PRICED]), ASHBY.id, MAY, [usage])
    issued = Issued(NUMBER, "joint-services", TODAY, None, AT, None, ())
    return replace(draft, status="issued", issued=issued)


STATEMENT = issued_statement()
(LINE,) = (line.ref for line in STATEMENT.lines)


def step(kind: type[Any], number: int, /, **data: object) -> StepEvent:
    about = {"month": str(MAY), "step": f"step-{number}", "by": "somebody"}
    made: StepEvent = kind(
        id=f"event-{number}",
        source="/billing",
        time=AT + timedelta(minutes=number),
        subject=str(MAY),
        council=ASHBY.id,
        data=kind.__annotations__["data"](**about, **data),
    )
    return made


def raised(id_: str, line: str | None, held_pence: int) -> Made:
    about = {"query": id_, "line": line, "words": "x", "reply_by": TODAY, "held_pence": held_pence}
    return QueryRaised, about


def answered(id_: str, outcome: str, credited_pence: int) -> Made:
    return QueryAnswered, {"query": id_, "outcome": outcome, "credited_pence": credited_pence, "words": "x"}


def paid(id_: str, number: str, pence: int) -> Made:
    return PaymentRecorded, {"payment": id_, "number": number, "amount_pence": pence + 1, "paid_on": TODAY}


IDS = st.sampled_from(["a", "b", "c"])
PENCE = st.integers(0, 60_000)
MADE = st.one_of(
    st.builds(raised, IDS, st.sampled_from([LINE, "gone", None]), PENCE),
    st.builds(answered, IDS, st.sampled_from(["upheld", "credited", "corrected"]), PENCE),
    st.builds(lambda id_: (QueryWithdrawn, {"query": id_}), IDS),
    st.builds(paid, IDS, st.sampled_from([NUMBER, "2026-27.0009"]), PENCE),
    st.builds(lambda id_: (PaymentWithdrawn, {"payment": id_, "words": "x"}), IDS),
)
STEPS = st.lists(MADE, max_size=12).map(
    lambda made: [step(kind, number, **data) for number, (kind, data) in enumerate(made)]
)


def settled_all() -> LaterDocuments:
    """June's statement, issued after all of the steps, has booked what every query credited."""
    (vat,) = {None if each.vat is None else each.vat.category for each in STATEMENT.lines if each.ref == LINE}
    settled = frozenset(query_credit_reference(MAY, id_, vat) for id_ in ("a", "b", "c"))
    return LaterDocuments(((Month(2026, 6), AT + timedelta(days=30)),), settled)


@given(STEPS)
def test_what_is_due_is_payable_with_vat_less_held_less_paid_whatever_was_done(steps: Sequence[StepEvent]) -> None:
    found = amounts_due_of(STATEMENT, steps, today=TODAY)

    assert found.due_pence == found.payable_pence + found.vat_pence - found.held_pence - found.paid_pence
    assert 0 <= found.held_pence <= max(found.payable_pence + found.vat_pence - found.paid_pence, 0)
    assert (found.status == "paid") == (found.paid_pence >= found.payable_pence + found.vat_pence)
    assert found.due_pence >= 0 or found.paid_pence > found.payable_pence + found.vat_pence


@given(STEPS)
def test_a_later_document_releases_what_was_credited_and_nothing_else(steps: Sequence[StepEvent]) -> None:
    held = amounts_due_of(STATEMENT, steps, today=TODAY, later=settled_all()).held_pence

    still_open = [each for each in steps if not isinstance(each, QueryAnswered)]
    answered = {each.id for each in queries_of(steps) if each.closed_at is not None}
    unanswered = [each for each in still_open if not isinstance(each, QueryRaised) or each.data.query not in answered]
    assert held == amounts_due_of(STATEMENT, unanswered, today=TODAY).held_pence


@given(STEPS)
def test_a_document_that_settled_nothing_of_it_leaves_what_was_credited_held(steps: Sequence[StepEvent]) -> None:
    credited = [each for each in steps if not isinstance(each, QueryAnswered) or each.data.outcome == "credited"]
    other = LaterDocuments(settled_all().issued_at, frozenset({"another"}))
    earlier = LaterDocuments(((MAY.previous, AT + timedelta(days=30)),))

    before = amounts_due_of(STATEMENT, credited, today=TODAY).held_pence

    assert before == amounts_due_of(STATEMENT, credited, today=TODAY, later=other).held_pence
    assert amounts_due_of(STATEMENT, steps, today=TODAY) == amounts_due_of(STATEMENT, steps, today=TODAY, later=earlier)


@given(STEPS)
def test_only_credited_lines_are_credited_and_each_query_once(steps: Sequence[StepEvent]) -> None:
    credited = credited_by_queries(steps)

    assert len({each.query for each in credited}) == len(credited)
    by_id = {each.id: each for each in queries_of(steps)}
    assert all(by_id[each.query].status == "credited" for each in credited)


@given(STEPS)
def test_what_was_booked_of_payments_is_what_they_paid(steps: Sequence[StepEvent]) -> None:
    recorded = {each.data.payment: each for each in reversed(steps) if isinstance(each, PaymentRecorded)}
    payments = payments_of(steps)
    booked = [entry for each in recorded.values() for entry in payment_entries("joint-services", each)]
    booked += [
        entry
        for each in payments
        if not each.counts
        for entry in payment_back_entries("joint-services", recorded[each.id])
    ]

    require_balanced(booked)
    paid = sum(paid_pence(number, payments) for number in (NUMBER, "2026-27.0009"))
    assert (balance(booked, "bank"), balance(booked, "receivable")) == (paid, -paid)
    assert len({entry.id for entry in booked}) == len(booked)


@pytest.mark.parametrize(
    ("raised_on", "days", "expected"),
    [
        (date(2026, 6, 9), 10, date(2026, 6, 23)),  # Tuesday
        (date(2026, 6, 12), 1, date(2026, 6, 15)),  # Friday to Monday
        (date(2026, 6, 13), 1, date(2026, 6, 15)),  # raised on a Saturday
        (date(2026, 12, 24), 1, date(2026, 12, 29)),  # Boxing Day is kept on Monday 28 December
        (date(2026, 4, 2), 1, date(2026, 4, 7)),  # Good Friday and Easter Monday
    ],
)
def test_the_day_to_reply_counts_working_days_of_england_and_wales(raised_on: date, days: int, expected: date) -> None:
    assert reply_by(raised_on, days) == expected


@given(st.dates(date(2020, 1, 1), date(2028, 1, 1)), st.integers(1, 90))
def test_so_many_working_days_lie_between_a_query_and_its_reply(raised_on: date, days: int) -> None:
    closed = shipped_holidays().by_division["england-and-wales"]
    until = reply_by(raised_on, days)
    between = [raised_on + timedelta(days=number) for number in range(1, (until - raised_on).days + 1)]

    assert sum(day.weekday() < 5 and day not in closed for day in between) == days
    assert until.weekday() < 5
    assert until not in closed


HEADER = ",".join(COLUMNS).encode() + b"\n"
CONTENT = st.binary(max_size=300) | st.text(max_size=300).map(lambda text: HEADER + text.encode("utf-8", "ignore"))


@given(CONTENT)
def test_any_bytes_are_rows_faults_or_no_csv(content: bytes) -> None:
    try:
        rows, faults = payment_rows(content)
    except UnreadableCsv:
        return
    assert {row.line for row in rows}.isdisjoint(fault.line for fault in faults)
    assert all(row.payment.amount_pence > 0 for row in rows)


def test_a_file_that_is_no_such_csv_is_refused_with_every_line_because_of_which_it_is() -> None:
    rows = b"2026-27.0001,1.00,2026-06-08,BACS 1,b-1\n2026-27.0001;2.00\n\n2026-27.0001,1.00,2026-06-08,b-3\n"

    with pytest.raises(UnreadableCsv) as refused:
        payment_rows(HEADER + rows)

    assert refused.value.faults == (
        "line 3: expected 5 cells as in the first row, got 1",
        "line 5: expected 5 cells as in the first row, got 4",
    )


AMOUNTS = {"1": 100, "1.5": 150, "1234.50": 123_450, "0.01": 1, "10000000000": 1_000_000_000_000}
NO_AMOUNTS = ("", "0", "0.00", "-1", "1.", ".5", "1.005", "1,000", "£1", "1e3", "\uff11", "10000000000.01", "nan")
NO_DAYS = ("", "2026-6-9", "09/06/2026", "2026-02-30", "1999-12-31", "2100-01-01", "20260609", "\uff12026-06-09")


@pytest.mark.parametrize(("text", "pence"), [*AMOUNTS.items(), *((text, None) for text in NO_AMOUNTS)])
def test_an_amount_is_pounds_in_plain_digits(text: str, pence: int | None) -> None:
    assert pence_of(text) == pence


def test_a_day_is_a_date_of_iso_8601() -> None:
    assert day_of("2026-06-09") == date(2026, 6, 9)
    assert [text for text in NO_DAYS if day_of(text) is not None] == []


def test_a_statement_is_not_queried_without_an_end() -> None:
    made = [raised(f"q-{number}", None, 0) for number in range(MOST_OF_ONE)]
    steps = [step(kind, number, **data) for number, (kind, data) in enumerate(made)]
    queries = queries_of(steps)
    another = replace(queries[0], id="another", item="T-1")

    require_new_subject(another, None, queries[:-1])
    with pytest.raises(StepRefused, match="1,000 times"):
        require_new_subject(another, None, queries)

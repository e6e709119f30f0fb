"""What became of an issued statement, step by step: queried, answered, paid in parts, taken back, credited."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest

from billing.domain.statement_state import State, state_of
from shared.contracts.statements import (
    CreditNoteIssued,
    DocumentData,
    PaymentRecorded,
    PaymentRecordedData,
    PaymentWithdrawn,
    PaymentWithdrawnData,
    QueryAnswered,
    QueryAnsweredData,
    QueryRaised,
    QueryRaisedData,
    QueryWithdrawn,
    QueryWithdrawnData,
    StatementIssued,
    StepEvent,
)

ABOUT: dict[str, Any] = {"month": "2026-05", "step": "step", "by": "tsp_officer"}
ENVELOPE: dict[str, Any] = {
    "id": "step",
    "source": "/billing",
    "time": datetime(2026, 6, 9, tzinfo=UTC),
    "council": "ashby",
    "subject": "2026-05",
}
PAYABLE = 10_000


def document(number: str, total_pence: int) -> DocumentData:
    return DocumentData(
        **ABOUT,
        number=number,
        provider="joint-services",
        financial_year=2026,
        sequence=1,
        total_pence=total_pence,
        sha256="0" * 64,
        content="",
    )


ISSUED = StatementIssued(**ENVELOPE, data=document("2026-27.0001", PAYABLE))
CREDIT_NOTE = CreditNoteIssued(**ENVELOPE, data=document("2026-27.C0001", -2_500))


def paid(id_: str, pence: int) -> StepEvent:
    data = PaymentRecordedData(
        **ABOUT, payment=id_, number="2026-27.0001", amount_pence=pence, paid_on=date(2026, 6, 20), reference="BACS"
    )
    return PaymentRecorded(**ENVELOPE, data=data)


def taken_back(id_: str) -> StepEvent:
    return PaymentWithdrawn(**ENVELOPE, data=PaymentWithdrawnData(**ABOUT, payment=id_, words="Of another council"))


def queried(id_: str, pence: int) -> StepEvent:
    data = QueryRaisedData(
        **ABOUT, query=id_, line="line-1", words="Too much", reply_by=date(2026, 7, 1), held_pence=pence
    )
    return QueryRaised(**ENVELOPE, data=data)


def answered(id_: str) -> StepEvent:
    return QueryAnswered(**ENVELOPE, data=QueryAnsweredData(**ABOUT, query=id_, outcome="upheld", words="As agreed"))


def withdrawn(id_: str) -> StepEvent:
    return QueryWithdrawn(**ENVELOPE, data=QueryWithdrawnData(**ABOUT, query=id_))


@pytest.mark.parametrize(
    ("steps", "state", "paid_pence", "held_pence", "credited_pence"),
    [
        ([], "draft", 0, 0, 0),
        ([ISSUED], "issued", 0, 0, 0),
        ([ISSUED, paid("a", 9_999)], "issued", 9_999, 0, 0),
        ([ISSUED, paid("a", 9_999), paid("b", 1)], "paid", 10_000, 0, 0),
        ([ISSUED, paid("a", 10_000), taken_back("a")], "issued", 0, 0, 0),
        ([ISSUED, queried("q", 700)], "queried", 0, 700, 0),
        ([ISSUED, queried("q", 700), queried("r", 300)], "queried", 0, 1_000, 0),
        ([ISSUED, queried("q", 700), answered("q")], "issued", 0, 0, 0),
        ([ISSUED, queried("q", 700), withdrawn("q")], "issued", 0, 0, 0),
        ([ISSUED, paid("a", 10_000), queried("q", 0)], "queried", 10_000, 0, 0),
        ([ISSUED, CREDIT_NOTE, paid("a", 7_500)], "paid", 7_500, 0, 2_500),
        ([ISSUED, answered("unknown")], "issued", 0, 0, 0),
    ],
)
def test_the_state_follows_from_the_steps(
    steps: Sequence[StepEvent], state: State, paid_pence: int, held_pence: int, credited_pence: int
) -> None:
    found = state_of(steps)

    assert found.state(PAYABLE) == state
    assert (found.paid_pence, found.held_pence, found.credited_pence) == (paid_pence, held_pence, credited_pence)


def test_an_answered_query_keeps_its_words_and_its_answer() -> None:
    (query,) = state_of([ISSUED, queried("q", 700), answered("q")]).queries

    assert (query.words, query.state, query.answer) == ("Too much", "upheld", "As agreed")

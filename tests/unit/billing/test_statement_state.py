"""What became of an issued statement, step by step: queried, answered, paid in parts, taken back, credited."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec.structs import asdict

from billing.domain.amounts_due import gross_pence
from billing.domain.statement_state import State, state_of
from shared.contracts.statements import (
    DocumentData,
    IssuedData,
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
from tests.support.whole_statement import issued

ABOUT: dict[str, Any] = {"month": "2026-05", "step": "step", "by": "tsp_officer"}
ENVELOPE: dict[str, Any] = {
    "id": "step",
    "source": "/billing",
    "time": datetime(2026, 6, 9, tzinfo=UTC),
    "council": "ashby",
    "subject": "2026-05",
}
STATEMENT = issued()
GROSS = gross_pence(STATEMENT)
NUMBER = STATEMENT.issued.number if STATEMENT.issued else ""


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


ISSUED = StatementIssued(**ENVELOPE, data=IssuedData(**asdict(document(NUMBER, STATEMENT.payable_pence))))


def paid(id_: str, pence: int) -> StepEvent:
    data = PaymentRecordedData(
        **ABOUT, payment=id_, number=NUMBER, amount_pence=pence, paid_on=date(2026, 6, 20), reference="BACS"
    )
    return PaymentRecorded(**ENVELOPE, data=data)


def taken_back(id_: str) -> StepEvent:
    return PaymentWithdrawn(**ENVELOPE, data=PaymentWithdrawnData(**ABOUT, payment=id_, words="Of another council"))


def queried(id_: str, pence: int) -> StepEvent:
    data = QueryRaisedData(
        **ABOUT, query=id_, line=STATEMENT.lines[0].ref, words="Too much", reply_by=date(2026, 7, 1), held_pence=pence
    )
    return QueryRaised(**ENVELOPE, data=data)


def answered(id_: str) -> StepEvent:
    return QueryAnswered(**ENVELOPE, data=QueryAnsweredData(**ABOUT, query=id_, outcome="upheld", words="As agreed"))


def withdrawn(id_: str) -> StepEvent:
    return QueryWithdrawn(**ENVELOPE, data=QueryWithdrawnData(**ABOUT, query=id_))


@pytest.mark.parametrize(
    ("steps", "state", "paid_pence", "held_pence"),
    [
        ([], "draft", 0, 0),
        ([ISSUED], "issued", 0, 0),
        ([ISSUED, paid("a", GROSS - 1)], "issued", GROSS - 1, 0),
        ([ISSUED, paid("a", GROSS - 1), paid("b", 1)], "paid", GROSS, 0),
        ([ISSUED, paid("a", GROSS), taken_back("a")], "issued", 0, 0),
        ([ISSUED, queried("q", 700)], "queried", 0, 840),
        ([ISSUED, queried("q", 700), answered("q")], "issued", 0, 0),
        ([ISSUED, queried("q", 700), withdrawn("q")], "issued", 0, 0),
        ([ISSUED, paid("a", GROSS), queried("q", 0)], "queried", GROSS, 0),
        ([ISSUED, answered("unknown")], "issued", 0, 0),
    ],
)
def test_the_state_follows_from_the_steps(
    steps: Sequence[StepEvent], state: State, paid_pence: int, held_pence: int
) -> None:
    found = state_of(STATEMENT, steps, today=date(2026, 6, 20))

    assert found.state == state
    assert (found.amounts.paid_pence, found.amounts.held_pence) == (paid_pence, held_pence)
    assert found.amounts.due_pence == GROSS - paid_pence - held_pence


def test_an_answered_query_keeps_its_words_and_its_answer() -> None:
    (query,) = state_of(STATEMENT, [ISSUED, queried("q", 700), answered("q")], today=date(2026, 6, 20)).queries

    assert (query.words, query.status, query.answer) == ("Too much", "upheld", "As agreed")

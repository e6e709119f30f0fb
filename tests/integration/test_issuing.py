"""A statement from draft to issued: who may take which step, one number for each, and the same after a loss."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DatabaseError

from billing.domain.canonical import canonical_json
from billing.domain.lifecycle import StepRefused
from billing.domain.queries import InvalidStep
from billing.statements.drafts import Statements
from billing.statements.steps import StatementDraft, StatementSteps
from billing.store import tables
from billing.store.sql import SqlStore
from shared.auth.principal import Principal
from shared.clock import FixedClock
from shared.contracts.codec import decode_event
from shared.contracts.definitions import Agreement, Council
from shared.contracts.envelope import Event
from shared.contracts.parties import ProviderParty
from shared.contracts.topics import CATALOGUE, STATEMENTS, USAGE
from shared.period import Month
from shared.scope import Scope
from tests.support.any_time import ANY_TIME
from tests.support.billing_feed import MAY, TARIFFS, feed
from tests.support.recharges import ASHBY, ICT, PAYABLE, PAYROLL, PROVIDER, agreement, catalogue_events, recorded

JUNE_9 = datetime(2026, 6, 9, 10, 0, tzinfo=UTC)
FINANCE = Principal.of("finance-1", "person", ("finance",), Scope.all())
OTHER_FINANCE = Principal.of("finance-2", "person", ("finance",), Scope.all())
APPROVER = Principal.of("approver-1", "person", ("approver",), Scope.all())
PAID_IN_30 = msgspec.structs.replace(PROVIDER, party=ProviderParty(payment_days=30))
APRIL = Month(2026, 4)
COUNCILS = [Council(id=f"council-{number}", name=f"Council {number}") for number in range(8)]


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as store:
        yield store


def known(*agreements: Agreement, councils: Sequence[Council] = (ASHBY,)) -> list[Event]:
    return catalogue_events(*councils, PAID_IN_30, PAYABLE, ICT, PAYROLL, *TARIFFS, *agreements)


def agreed(council: str = ASHBY.id, *, review_days: int | None = None) -> Agreement:
    agreed = agreement(*(priced.id for priced in TARIFFS), council=council)
    return msgspec.structs.replace(agreed, review_days=review_days)


def used(store: SqlStore, council: str = ASHBY.id, quantity: str = "100", day: str = "2026-05-12") -> None:
    """The council has used so many payslips on a day of which no other reading is known."""
    reading = recorded(f"r-{day}", f"{day}T12:00:00+00:00", quantity, id=f"{council}-{day}")
    feed(store, USAGE, [msgspec.structs.replace(reading, council=council)])


@pytest.fixture
def charged(store: SqlStore) -> SqlStore:
    feed(store, CATALOGUE, known(agreed()))
    used(store)
    return store


def steps_at(store: SqlStore, at: datetime = JUNE_9) -> StatementSteps:
    return StatementSteps(store, FixedClock(at))


def approved(steps: StatementSteps, council: str = ASHBY.id, month: Month = MAY) -> StatementDraft:
    seen = steps.draft(council, month, scope=Scope.all()).sha256
    steps.check(FINANCE, council, month, sha256=seen)
    return steps.approve(APPROVER, council, month, sha256=seen)


def issued(steps: StatementSteps, council: str = ASHBY.id, month: Month = MAY) -> StatementDraft:
    approved(steps, council, month)
    return steps.issue(FINANCE, council, month, ANY_TIME)


def test_a_statement_is_checked_approved_by_another_and_issued_with_its_number(charged: SqlStore) -> None:
    found = issued(steps_at(charged))

    assert (found.lifecycle.status, found.lifecycle.number) == ("issued", "2026-27.0001")
    assert found.statement.issued is not None
    assert found.statement.issued.issued_on == date(2026, 6, 9)
    assert found.statement.issued.due_on == date(2026, 7, 9)
    assert found.statement.total_pence == 44_200
    shown = Statements(charged, FixedClock(JUNE_9)).statement(ASHBY.id, MAY, scope=Scope.all())
    assert canonical_json(shown) == canonical_json(found.statement)


def test_what_is_issued_stays_as_it_is_whatever_comes_later(charged: SqlStore) -> None:
    first = issued(steps_at(charged))

    used(charged, quantity="5", day="2026-05-13")

    assert steps_at(charged).draft(ASHBY.id, MAY, scope=Scope.all()).sha256 == first.sha256
    now = Statements(charged, FixedClock(JUNE_9)).draft(ASHBY.id, MAY, scope=Scope.all())
    assert now.total_pence == 46_410


def test_a_statement_is_issued_once_however_often_it_is_asked_for(charged: SqlStore) -> None:
    steps = steps_at(charged)
    first = issued(steps)

    assert steps.issue(FINANCE, ASHBY.id, MAY, ANY_TIME) == first


def test_nobody_approves_what_they_checked_or_a_draft_that_has_changed(charged: SqlStore) -> None:
    steps = steps_at(charged)
    seen = steps.draft(ASHBY.id, MAY, scope=Scope.all()).sha256
    with pytest.raises(StepRefused, match="nobody in the provider's finance has checked"):
        steps.approve(APPROVER, ASHBY.id, MAY, sha256=seen)
    steps.check(FINANCE, ASHBY.id, MAY, sha256=seen)
    with pytest.raises(StepRefused, match="another person than those who checked"):
        steps.approve(FINANCE, ASHBY.id, MAY, sha256=seen)
    used(charged, quantity="1", day="2026-05-13")
    with pytest.raises(StepRefused, match="not the one that was looked at"):
        steps.approve(APPROVER, ASHBY.id, MAY, sha256=seen)
    changed = steps.draft(ASHBY.id, MAY, scope=Scope.all()).sha256
    with pytest.raises(StepRefused, match="changed since it was checked"):
        steps.approve(APPROVER, ASHBY.id, MAY, sha256=changed)


def test_what_changed_after_it_was_approved_is_not_issued(charged: SqlStore) -> None:
    steps = steps_at(charged)
    approved(steps)
    used(charged, quantity="1", day="2026-05-13")

    with pytest.raises(StepRefused, match="changed since it was approved"):
        steps.issue(FINANCE, ASHBY.id, MAY, ANY_TIME)
    assert issued(steps).lifecycle.number == "2026-27.0001"


def test_nothing_is_issued_before_the_councils_review_is_over(store: SqlStore) -> None:
    feed(store, CATALOGUE, known(agreed(review_days=5)))
    used(store)
    steps = steps_at(store)
    seen = steps.draft(ASHBY.id, MAY, scope=Scope.all()).sha256
    with pytest.raises(StepRefused, match="open its review first"):
        steps.check(FINANCE, ASHBY.id, MAY, sha256=seen)
    assert steps.open_review(FINANCE, ASHBY.id, MAY).lifecycle.review_until == date(2026, 6, 14)
    approved(steps)
    with pytest.raises(StepRefused, match="until 2026-06-14"):
        steps.issue(FINANCE, ASHBY.id, MAY, ANY_TIME)

    # The review lasts to the end of its last day in London, an hour before that in UTC.
    last, after = datetime(2026, 6, 14, 22, 59, tzinfo=UTC), datetime(2026, 6, 14, 23, 0, tzinfo=UTC)
    with pytest.raises(StepRefused):
        steps_at(store, last).issue(FINANCE, ASHBY.id, MAY, ANY_TIME)
    assert steps_at(store, after).issue(FINANCE, ASHBY.id, MAY, ANY_TIME).lifecycle.status == "issued"


def test_a_month_that_goes_on_takes_no_step(charged: SqlStore) -> None:
    with pytest.raises(StepRefused, match="the month is not over"):
        steps_at(charged, datetime(2026, 5, 31, 22, 0, tzinfo=UTC)).open_review(FINANCE, ASHBY.id, MAY)


def test_a_returned_draft_is_checked_anew(charged: SqlStore) -> None:
    steps = steps_at(charged)
    approved(steps)

    returned = steps.return_(APPROVER, ASHBY.id, MAY, words="Payroll is queried")

    assert (returned.lifecycle.status, returned.lifecycle.checked) == ("draft", None)
    assert issued(steps).lifecycle.status == "issued"


def test_whoever_checked_a_draft_does_not_approve_it_because_somebody_checked_it_again(charged: SqlStore) -> None:
    steps = steps_at(charged)
    seen = steps.draft(ASHBY.id, MAY, scope=Scope.all()).sha256
    for checker in (FINANCE, OTHER_FINANCE):
        steps.check(checker, ASHBY.id, MAY, sha256=seen)

    for checker in (FINANCE, OTHER_FINANCE):
        with pytest.raises(StepRefused, match="another person than those who checked"):
            steps.approve(checker, ASHBY.id, MAY, sha256=seen)
    assert steps.approve(APPROVER, ASHBY.id, MAY, sha256=seen).lifecycle.status == "approved"


@pytest.mark.parametrize("words", ["", "   ", "\u202eeurt ton", "a\u200bb"])
def test_a_draft_is_not_returned_without_a_reason_that_people_can_read(charged: SqlStore, words: str) -> None:
    steps = steps_at(charged)
    approved(steps)

    with pytest.raises(InvalidStep):
        steps.return_(APPROVER, ASHBY.id, MAY, words=words)

    assert steps.draft(ASHBY.id, MAY, scope=Scope.all()).lifecycle.status == "approved"


def test_numbers_have_no_gap_and_no_double_whoever_issues_at_the_same_time(store: SqlStore) -> None:
    feed(store, CATALOGUE, known(*(agreed(each.id) for each in COUNCILS), councils=COUNCILS))
    for council in COUNCILS:
        used(store, council.id)
        approved(steps_at(store), council.id)

    def issue(council: str) -> str | None:
        for _ in range(50):
            try:
                return steps_at(store).issue(FINANCE, council, MAY, ANY_TIME).lifecycle.number
            except StepRefused:
                continue
        return None

    with ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(issue, [each.id for each in COUNCILS for _ in range(2)]))

    assert sorted(set(map(str, numbers))) == [f"2026-27.{number:04}" for number in range(1, 9)]


def test_a_councils_documents_are_a_chain(charged: SqlStore) -> None:
    used(charged, quantity="10", day="2026-04-12")
    steps = steps_at(charged)
    april = issued(steps, month=APRIL).statement.issued
    may = issued(steps).statement.issued

    assert april is not None
    assert may is not None
    assert april.previous is None
    assert may.previous is not None
    assert may.previous.number == april.number
    assert may.previous.sha256 == steps.draft(ASHBY.id, APRIL, scope=Scope.all()).sha256


def test_a_restored_database_reads_back_what_was_issued_and_gives_no_number_again(
    charged: SqlStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = issued(steps_at(charged))
    published = [decode_event(row.value) for row in outbox(charged)]
    with closing(SqlStore.open(f"sqlite:///{tmp_path_factory.mktemp('restored')}/billing.db")) as restored:
        feed(restored, CATALOGUE, known(agreed()))
        used(restored)
        used(restored, quantity="10", day="2026-04-12")

        feed(restored, STATEMENTS, published)
        feed(restored, STATEMENTS, published)

        after = steps_at(restored).draft(ASHBY.id, MAY, scope=Scope.all())
        assert (after.sha256, after.lifecycle, after.steps) == (before.sha256, before.lifecycle, before.steps)
        assert entries(restored) == entries(charged)
        assert issued(steps_at(restored), month=APRIL).lifecycle.number == "2026-27.0002"


def test_entries_of_the_ledger_sum_to_nothing_and_receive_what_is_payable(charged: SqlStore) -> None:
    statement = issued(steps_at(charged)).statement

    found = entries(charged)

    assert sum(pence for _, _, pence in found) == 0
    receivable = sum(pence for _, account, pence in found if account == "receivable")
    assert receivable == statement.payable_pence + (statement.vat.vat_pence or 0)


@pytest.mark.parametrize("table", ["statement_step", "document", "ledger_entry"])
def test_nothing_that_was_written_can_be_changed_or_removed(charged: SqlStore, table: str) -> None:
    issued(steps_at(charged))
    written = tables.metadata.tables[table]

    for statement in (update(written).values(council="other"), delete(written)):
        with pytest.raises(DatabaseError, match=r"permission denied|ever|never|grows"), charged._engine.begin() as by:
            by.execute(statement)


def test_a_step_is_of_one_state_and_is_lost_to_whoever_was_first(charged: SqlStore) -> None:
    steps = steps_at(charged)
    seen = steps.draft(ASHBY.id, MAY, scope=Scope.all()).sha256

    def check(caller: Principal) -> bool:
        try:
            steps.check(caller, ASHBY.id, MAY, sha256=seen)
        except StepRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(check, [FINANCE, OTHER_FINANCE] * 8))

    taken = steps.draft(ASHBY.id, MAY, scope=Scope.all()).steps
    assert [step.data.step for step in taken] == [f"check-{number}" for number in range(1, len(taken) + 1)]


def outbox(store: SqlStore) -> Sequence[Any]:
    with store._engine.connect() as connection:
        return connection.execute(select(tables.outbox).order_by(tables.outbox.c.position)).all()


def entries(store: SqlStore) -> list[tuple[str, str, int]]:
    table = tables.ledger_entry.c
    with store._engine.connect() as connection:
        found = connection.execute(select(table.line, table.account, table.amount_pence).order_by(table.id))
        return [(row.line, row.account, row.amount_pence) for row in found]

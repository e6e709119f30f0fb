"""Queries of statements: who raises, answers and withdraws them, what they hold, and the same after a loss."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from billing.domain.lifecycle import StepRefused
from billing.domain.queries import InvalidStep, QueryCredit, credited_by_queries
from billing.domain.statement import UnknownCouncil
from billing.statements.explaining import UnknownLine
from billing.statements.queries import Queries, UnknownQuery, WantedAnswer, WantedQuery
from billing.store import tables
from billing.store.sql import SqlStore
from shared.clock import FixedClock
from shared.contracts.codec import decode_event
from shared.contracts.definitions import Council
from shared.contracts.topics import STATEMENTS
from shared.period import Month
from shared.scope import Scope
from tests.support.billing_feed import MAY, feed
from tests.support.issued_statements import (
    FINANCE,
    JUNE_9,
    agreed,
    charge,
    council_finance,
    issue,
    payroll_line,
    steps_at,
    use,
)
from tests.support.recharges import ASHBY

COUNCIL = council_finance()
BURTON = Council(id="burton", name="Burton")
JUNE = Month(2026, 6)


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as store:
        yield store


@pytest.fixture
def issued(store: SqlStore) -> SqlStore:
    charge(store)
    issue(store)
    return store


def queries_at(store: SqlStore, at: datetime = JUNE_9) -> Queries:
    return Queries(store, FixedClock(at), lambda council, id_: (council, id_) == (ASHBY.id, "outage-7"))


def raised(store: SqlStore, id_: str = "q-1", held_pence: int | None = None, *, at: datetime = JUNE_9) -> None:
    wanted = WantedQuery(id_, "Counted twice", line=payroll_line(store), held_pence=held_pence)
    queries_at(store, at).raise_query(COUNCIL, ASHBY.id, MAY, wanted)


def due(store: SqlStore, at: datetime = JUNE_9) -> int:
    return steps_at(store, at).draft(ASHBY.id, MAY, scope=Scope.all()).amounts_due.due_pence


def test_a_query_holds_its_line_until_it_is_answered_and_the_statement_stays_as_issued(issued: SqlStore) -> None:
    before = steps_at(issued).draft(ASHBY.id, MAY, scope=Scope.all())
    raised(issued)

    held = queries_at(issued).of_statement(ASHBY.id, MAY, scope=COUNCIL.scope)

    assert [(each.id, each.status, each.held_pence) for each in held.queries] == [("q-1", "open", 44_200)]
    assert (held.amounts_due.held_pence, held.amounts_due.due_pence) == (44_200, 0)
    queries_at(issued).answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("upheld", "Each was another payslip"))
    assert due(issued) == 44_200
    after = steps_at(issued).draft(ASHBY.id, MAY, scope=Scope.all())
    assert (after.sha256, after.lifecycle.number) == (before.sha256, before.lifecycle.number)


def test_the_reply_is_due_in_ten_working_days_unless_the_agreement_says_otherwise(issued: SqlStore) -> None:
    raised(issued)

    (query,) = queries_at(issued).all(scope=Scope.all())

    assert query.reply_by == date(2026, 6, 23)
    assert not query.is_overdue(date(2026, 6, 23))
    assert query.is_overdue(date(2026, 6, 24))


def test_an_agreement_may_give_fewer_days_to_reply(store: SqlStore) -> None:
    charge(store, agreed(reply_days=3))
    issue(store)
    raised(store)

    assert queries_at(store).one(ASHBY.id, MAY, "q-1", scope=Scope.all()).reply_by == date(2026, 6, 12)


def test_a_query_is_overdue_from_midnight_in_london(issued: SqlStore) -> None:
    raised(issued)

    def overdue(at: datetime) -> int:
        return steps_at(issued, at).draft(ASHBY.id, MAY, scope=Scope.all()).amounts_due.overdue_queries

    assert overdue(datetime(2026, 6, 23, 22, 59, tzinfo=UTC)) == 0
    assert overdue(datetime(2026, 6, 23, 23, 0, tzinfo=UTC)) == 1


def test_what_is_credited_stays_held_until_a_later_document_carries_it(issued: SqlStore) -> None:
    raised(issued)
    queries_at(issued).answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("credited", "Ten twice", 4_420))

    steps = steps_at(issued).draft(ASHBY.id, MAY, scope=Scope.all()).steps
    assert credited_by_queries(steps) == (QueryCredit("q-1", payroll_line(issued), 4_420, JUNE_9),)
    assert due(issued) == 44_200 - 4_420
    july_9 = datetime(2026, 7, 9, 10, tzinfo=UTC)
    use(issued, ASHBY.id, "100", "2026-06-12")
    issue(issued, month=JUNE, at=july_9)
    assert due(issued, july_9) == 44_200


def test_a_corrected_query_names_what_was_approved_and_credits_nothing_by_itself(issued: SqlStore) -> None:
    wanted = WantedQuery("q-1", "The clock ran while we answered", stream="ticket", item="T-7")
    queries_at(issued).raise_query(COUNCIL, ASHBY.id, MAY, wanted)

    with pytest.raises(InvalidStep, match="run of this council that is known"):
        queries_at(issued).answer(
            FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("corrected", "So it did", 500, corrected_by="outage-8")
        )
    with pytest.raises(InvalidStep, match="expected the exclusion or correction run"):
        queries_at(issued).answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("corrected", "So it did", 500))
    answered = queries_at(issued).answer(
        FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("corrected", "So it did", 500, corrected_by="outage-7")
    )

    assert (answered.status, answered.credited_pence, answered.corrected_by) == ("corrected", 500, "outage-7")
    assert credited_by_queries(steps_at(issued).draft(ASHBY.id, MAY, scope=Scope.all()).steps) == ()


def test_a_draft_is_queried_in_its_review_and_not_before(store: SqlStore) -> None:
    charge(store)
    with pytest.raises(StepRefused, match="once its review is open"):
        raised(store)
    steps_at(store).open_review(FINANCE, ASHBY.id, MAY)

    raised(store)

    with pytest.raises(StepRefused, match="a draft is not credited"):
        queries_at(store).answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("credited", "Yes", 1))
    issue(store, at=datetime(2026, 6, 10, 10, tzinfo=UTC))
    assert due(store) == 0


def test_the_same_query_sent_again_is_one_query_and_another_under_its_id_is_refused(issued: SqlStore) -> None:
    raised(issued)
    raised(issued)
    raised(issued, held_pence=44_200)

    assert len(queries_at(issued).all(scope=Scope.all())) == 1
    with pytest.raises(StepRefused, match="about something else"):
        queries_at(issued).raise_query(
            COUNCIL, ASHBY.id, MAY, WantedQuery("q-1", "Other words", line=payroll_line(issued))
        )


def test_two_open_queries_about_one_line_are_one_conflict(issued: SqlStore) -> None:
    raised(issued)

    with pytest.raises(StepRefused, match="query q-1 about the same is still open"):
        raised(issued, "q-2")
    queries_at(issued).withdraw(COUNCIL, ASHBY.id, MAY, "q-1")
    raised(issued, "q-2")
    assert due(issued) == 0


def test_a_withdrawn_query_holds_nothing_and_its_id_is_not_used_again(issued: SqlStore) -> None:
    raised(issued)
    withdrawn = queries_at(issued).withdraw(COUNCIL, ASHBY.id, MAY, "q-1", words="We found it")

    assert (withdrawn.status, withdrawn.answer, due(issued)) == ("withdrawn", "We found it", 44_200)
    assert queries_at(issued).withdraw(COUNCIL, ASHBY.id, MAY, "q-1", words="We found it") == withdrawn
    with pytest.raises(StepRefused, match="q-1 was withdrawn: raise it under another id"):
        raised(issued)
    with pytest.raises(StepRefused, match="was withdrawn already"):
        queries_at(issued).answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("upheld", "It stands"))


def test_a_line_that_was_credited_in_full_is_not_queried_again(issued: SqlStore) -> None:
    raised(issued)
    queries_at(issued).answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("credited", "All of it", 44_200))

    with pytest.raises(StepRefused, match="credited in full"):
        raised(issued, "q-2")


def test_no_line_is_credited_with_more_than_it_charges_by_two_queries_together(issued: SqlStore) -> None:
    raised(issued)
    queries_at(issued).answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("credited", "Most", 44_000))
    raised(issued, "q-2")

    assert queries_at(issued).one(ASHBY.id, MAY, "q-2", scope=Scope.all()).held_pence == 200
    with pytest.raises(InvalidStep, match="expected 1 to 200 pence"):
        queries_at(issued).answer(FINANCE, ASHBY.id, MAY, "q-2", WantedAnswer("credited", "More", 201))


@pytest.mark.parametrize("held_pence", [44_201, 10**13])
def test_no_query_holds_more_than_is_at_stake(issued: SqlStore, held_pence: int) -> None:
    with pytest.raises(InvalidStep, match="expected at most £442"):
        raised(issued, held_pence=held_pence)
    assert queries_at(issued).all(scope=Scope.all()) == ()


def test_a_query_is_answered_once_whoever_answers_at_the_same_time(issued: SqlStore) -> None:
    raised(issued)

    def answer(pence: int) -> bool:
        try:
            queries_at(issued).answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("credited", "Yes", pence))
        except StepRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(answer, range(1, 9)))

    assert answered.count(True) == 1
    (query,) = queries_at(issued).all(scope=Scope.all())
    assert query.credited_pence == answered.index(True) + 1


def test_one_line_has_one_open_query_whoever_raises_one_at_the_same_time(issued: SqlStore) -> None:
    def query(number: int) -> bool:
        try:
            raised(issued, f"q-{number}")
        except StepRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(query, range(8))).count(True) == 1


def test_another_councils_statement_and_query_are_as_missing(store: SqlStore) -> None:
    charge(store, agreed(), agreed(BURTON.id), councils=(ASHBY, BURTON))
    issue(store)
    raised(store)
    other = council_finance(BURTON.id)

    with pytest.raises(UnknownCouncil):
        queries_at(store).raise_query(other, ASHBY.id, MAY, WantedQuery("q-2", "Mine", line=payroll_line(store)))
    with pytest.raises(UnknownCouncil):
        queries_at(store).withdraw(other, ASHBY.id, MAY, "q-1")
    assert queries_at(store).all(scope=other.scope) == ()
    assert [each.id for each in queries_at(store).all(scope=Scope.all())] == ["q-1"]


def test_what_is_not_there_is_not_queried_or_answered(issued: SqlStore) -> None:
    with pytest.raises(UnknownLine):
        queries_at(issued).raise_query(COUNCIL, ASHBY.id, MAY, WantedQuery("q-1", "Why?", line="no-such-line"))
    with pytest.raises(UnknownQuery):
        queries_at(issued).answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("upheld", "It stands"))


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (WantedQuery("q-1", "Why?"), "line"),
        (WantedQuery("q-1", "Why?", item="T-1"), "stream"),
        (WantedQuery("q-1", "Why?", stream="ticket", line="a"), "item"),
        (WantedQuery("q-1", "  ", line="a"), "words"),
        (WantedQuery("q-1", "a\u202eb", line="a"), "words"),
    ],
)
def test_a_query_says_what_it_is_about_and_why(issued: SqlStore, wanted: WantedQuery, field: str) -> None:
    with pytest.raises(InvalidStep) as refused:
        queries_at(issued).raise_query(COUNCIL, ASHBY.id, MAY, wanted)
    assert refused.value.field == field


def test_a_restored_database_reads_queries_back(issued: SqlStore, tmp_path_factory: pytest.TempPathFactory) -> None:
    raised(issued)
    queries_at(issued).answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("credited", "Ten twice", 4_420))
    with issued._engine.connect() as connection:
        rows = connection.execute(select(tables.outbox.c.value).order_by(tables.outbox.c.position)).scalars().all()
    with closing(SqlStore.open(f"sqlite:///{tmp_path_factory.mktemp('restored')}/billing.db")) as restored:
        charge(restored)
        for _ in range(2):
            feed(restored, STATEMENTS, [decode_event(value) for value in rows])

        assert queries_at(restored).all(scope=Scope.all()) == queries_at(issued).all(scope=Scope.all())
        assert due(restored) == due(issued)
        with pytest.raises(StepRefused, match="was answered"):
            queries_at(restored).withdraw(COUNCIL, ASHBY.id, MAY, "q-1")

"""Steps of statements that come at once, in another order than months do, or around the end of a financial year."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime

import msgspec
import pytest

from billing.domain.amounts_due import AmountsDue
from billing.domain.payments import WantedPayment
from billing.domain.queries import InvalidStep
from billing.domain.statement import Statement
from billing.ports import Snapshot, StoredDocument
from billing.statements.drafts import Statements
from billing.statements.payments import Payments
from billing.statements.queries import Queries, WantedAnswer, WantedQuery
from billing.statements.statement_log import StatementLog
from billing.store.sql import SqlStore
from shared.clock import FixedClock
from shared.contracts.topics import USAGE
from shared.period import Month
from shared.scope import Scope
from tests.support.any_time import ANY_TIME
from tests.support.billing_feed import feed
from tests.support.issued_statements import (
    APPROVER,
    FINANCE,
    agreed,
    charge,
    council_finance,
    issue,
    payroll_line,
    steps_at,
    use,
)
from tests.support.recharges import ASHBY, adjusted

MARCH, APRIL, MAY, JUNE, JULY = (Month(2026, number) for number in range(3, 8))
AUGUST_9 = datetime(2026, 8, 9, 10, tzinfo=UTC)
CREDITED = WantedAnswer("credited", "Ten were counted twice", 4_420)


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as store:
        yield store


def issued(store: SqlStore, month: Month, at: datetime = AUGUST_9) -> Statement:
    return issue(store, month=month, at=at).statement


def amounts_due(store: SqlStore, month: Month) -> AmountsDue:
    return steps_at(store, AUGUST_9).draft(ASHBY.id, month, scope=Scope.all()).amounts_due


def documents(store: SqlStore) -> list[StoredDocument]:
    with store.snapshot(Scope.all()) as snapshot:
        return snapshot.steps.documents(ASHBY.id)


def queried(store: SqlStore) -> Queries:
    """May's payslips are queried."""
    queries = Queries(store, FixedClock(AUGUST_9))
    wanted = WantedQuery("q-1", "Counted twice", line=payroll_line(store))
    queries.raise_query(council_finance(), ASHBY.id, MAY, wanted)
    return queries


def pay(store: SqlStore, pence: int, *, month: Month, on_account: bool = False) -> None:
    wanted = WantedPayment(f"bacs-{pence}", pence, date(2026, 8, 9), "BACS", on_account=on_account)
    Payments(store, FixedClock(AUGUST_9)).record(FINANCE, ASHBY.id, month, wanted)


def ten_fewer(store: SqlStore) -> None:
    """May had ten payslips fewer than were read."""
    adjustment = adjusted("payslips", "2026-06-03T09:00:00+00:00", "-10")
    data = msgspec.structs.replace(adjustment.data, adjusted_id=f"{ASHBY.id}-2026-05-12")
    feed(store, USAGE, [msgspec.structs.replace(adjustment, data=data)])


def test_a_credit_stays_held_while_what_is_issued_later_is_of_an_earlier_month(store: SqlStore) -> None:
    charge(store, agreed(treatment="standard"))
    use(store, ASHBY.id, "5", "2026-04-12")
    issued(store, MAY)
    queried(store).answer(FINANCE, ASHBY.id, MAY, "q-1", CREDITED)

    assert issued(store, APRIL).corrections == ()
    assert amounts_due(store, MAY).held_pence == 5_304

    (carried,) = issued(store, JUNE).corrections
    assert (carried.difference_pence, amounts_due(store, MAY).held_pence) == (-4_420, 0)


@dataclass(frozen=True)
class Meanwhile:
    """Everything is ready, and while that is looked at somebody does something else."""

    do: Callable[[], object]
    cut_off: datetime = ANY_TIME.cut_off
    log: StatementLog = ANY_TIME.log

    def require(self, _snapshot: Snapshot, _draft: Statement) -> None:
        self.do()


def test_a_credit_that_a_statement_was_issued_too_early_to_carry_stays_held_until_the_next(store: SqlStore) -> None:
    charge(store)
    issued(store, MAY)
    queries, steps = queried(store), steps_at(store, AUGUST_9)
    seen = steps.draft(ASHBY.id, JUNE, scope=Scope.all()).sha256
    steps.check(FINANCE, ASHBY.id, JUNE, sha256=seen)
    steps.approve(APPROVER, ASHBY.id, JUNE, sha256=seen)
    answer = Meanwhile(lambda: queries.answer(FINANCE, ASHBY.id, MAY, "q-1", CREDITED))

    june = steps.issue(FINANCE, ASHBY.id, JUNE, answer).statement

    assert june.corrections == ()
    assert amounts_due(store, MAY).held_pence == 4_420
    assert [each.difference_pence for each in issued(store, JULY).corrections] == [-4_420]
    assert amounts_due(store, MAY).held_pence == 0


def test_what_a_credit_note_took_off_is_not_to_be_paid(store: SqlStore) -> None:
    charge(store, msgspec.structs.replace(agreed(treatment="standard"), corrections_by="credit-note"))
    issued(store, MAY)
    pay(store, 10_000, month=MAY)
    ten_fewer(store)
    issued(store, JUNE)

    assert amounts_due(store, MAY).due_pence == 53_040 - 10_000 - 5_304
    with pytest.raises(InvalidStep, match=r"at most £377.36"):
        pay(store, 43_040, month=MAY)
    pay(store, 37_736, month=MAY)
    assert (amounts_due(store, MAY).due_pence, amounts_due(store, MAY).status) == (0, "paid")


def test_a_credit_note_after_everything_was_paid_leaves_the_council_owed_and_nothing_more_to_pay(
    store: SqlStore,
) -> None:
    charge(store, msgspec.structs.replace(agreed(treatment="standard"), corrections_by="credit-note"))
    issued(store, MAY)
    pay(store, 53_040, month=MAY)
    ten_fewer(store)
    issued(store, JUNE)

    assert (amounts_due(store, MAY).due_pence, amounts_due(store, MAY).status) == (-5_304, "paid")
    with pytest.raises(InvalidStep, match="at most £0"):
        pay(store, 1, month=MAY)
    pay(store, 1, month=MAY, on_account=True)
    assert amounts_due(store, MAY).due_pence == -5_305


def test_months_that_are_closed_in_any_order_sum_to_what_they_come_to(store: SqlStore) -> None:
    charge(store)
    for month in ("03", "04", "06"):
        use(store, ASHBY.id, "7", f"2026-{month}-12")
    issued(store, MARCH)
    use(store, ASHBY.id, "3", "2026-03-20")

    may, april = issued(store, MAY), issued(store, APRIL)
    use(store, ASHBY.id, "2", "2026-04-20")
    june = issued(store, JUNE)

    assert [[str(each.month) for each in of.corrections] for of in (may, april, june)] == [["2026-03"], [], ["2026-04"]]
    final = sum(
        Statements(store, FixedClock(AUGUST_9)).draft(ASHBY.id, month, scope=Scope.all()).charges_pence
        for month in (MARCH, APRIL, MAY, JUNE)
    )
    assert sum(each.total_pence for each in documents(store)) == final == (10 + 9 + 100 + 7) * 442


def test_a_number_is_of_its_months_year_whenever_in_the_night_it_is_issued(store: SqlStore) -> None:
    charge(store)
    # 31 March ends at 23:00 UTC: London has summer time since 28 March 2027.
    use(store, ASHBY.id, "1", "2027-03-31")
    use(store, ASHBY.id, "1", "2027-04-01")
    midnight = datetime(2027, 4, 30, 23, 0, tzinfo=UTC)

    april = issued(store, Month(2027, 4), midnight).issued
    march = issued(store, Month(2027, 3), midnight).issued
    may_of_2026 = issued(store, MAY, midnight).issued

    assert april is not None
    assert march is not None
    assert may_of_2026 is not None
    assert [each.number for each in (april, march, may_of_2026)] == ["2027-28.0001", "2026-27.0001", "2026-27.0002"]
    assert {each.issued_on for each in (april, march, may_of_2026)} == {date(2027, 5, 1)}

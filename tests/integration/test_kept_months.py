"""Drafts that are kept from one look to the next are those that a process that knows nothing would make."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Engine, event

from billing.domain.canonical import canonical_json
from billing.domain.statement import Statement, UnknownCouncil
from billing.memo import Memo
from billing.statements.compared import ComparedStatements
from billing.statements.drafts import Statements
from billing.store.sql import SqlStore
from shared.clock import FixedClock
from shared.contracts.topics import CATALOGUE, USAGE
from shared.period import Month
from shared.scope import Scope
from tests.support.billing_feed import feed
from tests.support.issued_statements import agreed, charge, issue, use
from tests.support.recharges import ASHBY, PAYROLL, adjusted, catalogue_events, recorded, reversed_, tariff, unit

APRIL, MAY, JUNE = Month(2026, 4), Month(2026, 5), Month(2026, 6)
JULY_9 = FixedClock(datetime(2026, 7, 9, 10, tzinfo=UTC))
EVERY = Scope.all()


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as opened:
        yield opened


def kept(store: SqlStore, month: Month) -> Statement:
    return Statements(store, JULY_9).draft(ASHBY.id, month, scope=EVERY)


def recreated(store: SqlStore, month: Month) -> bytes:
    known, store.memo = store.memo, Memo(0)
    try:
        return canonical_json(kept(store, month))
    finally:
        store.memo = known


def late_usage(store: SqlStore) -> None:
    use(store, ASHBY.id, "3", day="2026-04-07")


def a_reversal(store: SqlStore) -> None:
    feed(store, USAGE, [recorded("r-x", "2026-05-20T12:00:00+00:00", "9")])
    kept(store, MAY)
    feed(store, USAGE, [reversed_("r-x", "2026-06-20T12:00:00+00:00")])


def an_adjustment(store: SqlStore) -> None:
    feed(store, USAGE, [recorded("r-y", "2026-04-20T12:00:00+00:00", "9")])
    kept(store, APRIL)
    feed(store, USAGE, [adjusted("r-y", "2026-06-20T12:00:00+00:00", "-4")])


def another_price(store: SqlStore) -> None:
    dearer = tariff(unit("5.00"), service=PAYROLL.id, since="2026-05-01")
    feed(store, CATALOGUE, catalogue_events(dearer))


def an_issued_month(store: SqlStore) -> None:
    issue(store, month=APRIL)
    kept(store, MAY)
    late_usage(store)


@pytest.mark.parametrize("change", [late_usage, a_reversal, an_adjustment, another_price, an_issued_month])
def test_a_kept_draft_is_what_one_without_memory_comes_to(store: SqlStore, change: Callable[[SqlStore], None]) -> None:
    charge(store)
    for month in (APRIL, MAY, JUNE):
        kept(store, month)

    change(store)

    for month in (APRIL, MAY, JUNE):
        assert canonical_json(kept(store, month)) == recreated(store, month)


def test_what_is_kept_is_not_shown_outside_its_scope(store: SqlStore) -> None:
    charge(store)
    kept(store, MAY)

    with pytest.raises(UnknownCouncil):
        Statements(store, JULY_9).draft(ASHBY.id, MAY, scope=Scope.of("bexhill"))


def test_a_month_beside_twelve_others_is_made_of_what_is_kept(store: SqlStore) -> None:
    charge(store, agreed())
    statements = Statements(store, JULY_9)
    compared = ComparedStatements(store, statements, JULY_9)
    first = queries_sent(lambda: compared.statement(ASHBY.id, JUNE, scope=EVERY))

    again = queries_sent(lambda: compared.statement(ASHBY.id, JUNE, scope=EVERY))

    use(store, ASHBY.id, "7", day="2026-06-03")
    with_another = compared.statement(ASHBY.id, JUNE, scope=EVERY)
    assert again * 2 < first
    assert with_another.statement.services[-1].lines[0].quantity == Decimal(7)


def queries_sent(work: Callable[[], object]) -> int:
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return len(sent)

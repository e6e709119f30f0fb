"""A line down to its events: an issued one keeps those that it counted, and each page is found by an index."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, event

from billing.api import explained_line
from billing.ports import EventCursor, MissFilter
from billing.statements.drafts import Statements
from billing.statements.explaining import LineExplanation
from billing.statements.steps import StatementSteps
from billing.store.sql import SqlStore
from shared.auth.principal import Principal
from shared.clock import FixedClock
from shared.contracts.definitions import Service
from shared.contracts.meters import Meter
from shared.contracts.topics import CATALOGUE, USAGE, WORK
from shared.scope import Scope
from tests.support.any_time import ANY_TIME
from tests.support.billing_feed import MAY, feed
from tests.support.recharges import (
    ASHBY,
    PAYABLE,
    PAYROLL,
    PROVIDER,
    adjusted,
    agreement,
    catalogue_events,
    completed,
    received,
    recorded,
    reversed_,
    tariff,
    unit,
    withdrawn,
)

JUNE_9 = datetime(2026, 6, 9, 10, 0, tzinfo=UTC)
LATE = "2026-06-08T09:00:00+00:00"
FINANCE = Principal.of("finance-1", "person", ("finance",), Scope.all())
APPROVER = Principal.of("approver-1", "person", ("approver",), Scope.all())
STORAGE = Service(
    id="storage",
    name="Storage",
    group="ICT",
    unit="gb",
    unit_name="gigabyte",
    counted_by=Meter(event="tallystick.usage.recorded.v1", aggregate="sum", of="quantity"),
)
TARIFFS = [tariff(unit("2.00"), service=each.id) for each in (PAYABLE, PAYROLL, STORAGE)]


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as store:
        agreed = agreement(*(each.id for each in TARIFFS))
        feed(store, CATALOGUE, catalogue_events(ASHBY, PROVIDER, PAYABLE, PAYROLL, STORAGE, *TARIFFS, agreed))
        yield store


def at(day: int) -> str:
    return f"2026-05-{day:02}T12:00:00+00:00"


def use(store: SqlStore) -> None:
    """In May: five readings of payroll, one of them reversed and one adjusted, storage, and two invoices."""
    readings = [recorded(f"r-{day}", at(day), str(day)) for day in range(1, 6)]
    feed(store, USAGE, [*readings, reversed_("r-1", at(7)), adjusted("r-2", at(8), "10")])
    feed(store, USAGE, [recorded("s-1", at(3), "7", service=STORAGE.id)])
    feed(store, WORK, [received("i-1", at(2)), completed("i-1", at(4), units="3")])
    feed(store, WORK, [received("i-2", at(2)), completed("i-2", at(5), units="2")])


def issue(store: SqlStore) -> None:
    steps = StatementSteps(store, FixedClock(JUNE_9))
    seen = steps.draft(ASHBY.id, MAY, scope=Scope.all()).sha256
    steps.check(FINANCE, ASHBY.id, MAY, sha256=seen)
    steps.approve(APPROVER, ASHBY.id, MAY, sha256=seen)
    steps.issue(FINANCE, ASHBY.id, MAY, ANY_TIME)


def change_everything(store: SqlStore) -> None:
    """All that may change what May counts, after it was issued."""
    feed(store, USAGE, [recorded("r-9", at(9), "9"), reversed_("r-3", LATE), adjusted("r-4", LATE, "1")])
    feed(store, USAGE, [recorded("s-2", at(9), "9", service=STORAGE.id), reversed_("s-1", LATE, service=STORAGE.id)])
    feed(store, WORK, [completed("i-1", at(3), units="1", id="i-1-before")])
    feed(store, WORK, [withdrawn(completed("i-2", at(5)), LATE)])


def pages(store: SqlStore, service: str, *, limit: int = 2) -> list[LineExplanation]:
    """The line of the service in its pages."""
    statements = Statements(store, FixedClock(JUNE_9))
    statement = statements.statement(ASHBY.id, MAY, scope=Scope.all())
    (line,) = [line for line in statement.lines if line.service == service]
    found: list[LineExplanation] = []
    after: EventCursor | None = None
    while not found or after is not None:
        found.append(statements.explain(ASHBY.id, MAY, line.ref, after=after, limit=limit, scope=Scope.all()))
        after = found[-1].next_cursor
    return found


def listed(store: SqlStore, service: str) -> list[tuple[str, Decimal]]:
    return [(each.id, each.quantity) for page in pages(store, service) for each in page.counted]


@pytest.mark.parametrize("service", [PAYROLL.id, STORAGE.id, PAYABLE.id])
def test_events_of_an_issued_line_add_up_to_its_quantity_whatever_came_since(store: SqlStore, service: str) -> None:
    use(store)
    issue(store)
    before = listed(store, service)

    change_everything(store)

    assert listed(store, service) == before
    line = pages(store, service)[0].line
    assert line == pages(store, service)[-1].line
    assert sum(quantity for _, quantity in before) == getattr(line, "quantity", None)


def test_what_is_not_issued_counts_what_came_since(store: SqlStore) -> None:
    use(store)
    before = [listed(store, each.service) for each in TARIFFS]

    change_everything(store)

    after = [listed(store, each.service) for each in TARIFFS]
    assert all(was != now for was, now in zip(before, after, strict=True))


def test_a_months_usage_as_it_was_read_is_what_the_issued_statement_follows_from(store: SqlStore) -> None:
    use(store)
    issue(store)
    with store.snapshot(Scope.all()) as snapshot:
        positions, usage = snapshot.read_through, snapshot.usage.of_month(MAY, ASHBY.id)

    change_everything(store)

    with store.snapshot(Scope.all()) as snapshot:
        assert snapshot.usage.of_month(MAY, ASHBY.id) != usage
        assert snapshot.usage.as_of(positions).of_month(MAY, ASHBY.id) == usage
        assert snapshot.usage.as_of(()).of_month(MAY, ASHBY.id) == []


def test_an_explanation_names_statement_tariff_rules_rounding_and_where_each_event_is(store: SqlStore) -> None:
    use(store)
    issue(store)

    found = explained_line(pages(store, PAYROLL.id)[0])

    assert (found.statement.number, found.statement.status) == ("2026-27.0001", "issued")
    assert found.tariff is not None
    assert (found.tariff.id, found.tariff.version) == ("payroll-tariff", 1)
    assert (found.rounding.exact_gbp, found.rounding.rounded_pence, found.rules_version) == ("48", 4_800, 1)
    assert found.line["workings"][0]["type"] == "unit-price"
    assert {each.topic for each in found.counted} == {USAGE.name}
    assert found.read_through


def explain_somewhere(store: SqlStore) -> None:
    """A page in the middle of a line of readings, one of a line of items, and one of a credit's misses."""
    for service in (PAYROLL.id, PAYABLE.id):
        pages(store, service)
    of = MissFilter(ASHBY.id, MAY, "ashby-agreement", PAYABLE.id, "paid-in-time")
    with store.snapshot(Scope.all()) as snapshot:
        snapshot.verdicts.misses(of, after=EventCursor(date(2026, 5, 2), "a", "b"), limit=2)


def test_every_page_is_found_by_an_index_that_has_its_order(store: SqlStore) -> None:
    if store._engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans a table by its size: `make bench-stack` reads pages among 12,000,000 rows")
    use(store)
    sent = list[tuple[str, Any]]()

    def note(_: object, __: object, statement: str, values: Any, *___: object) -> None:
        sent.append((statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    explain_somewhere(store)
    event.remove(Engine, "before_cursor_execute", note)

    plans = [plan(store, *each) for each in sent if re.search(r"ORDER BY (e|verdict)\.day", each[0])]
    assert {steps[0].partition("(")[0] for steps in plans} == {
        "SEARCH e USING PRIMARY KEY ",
        "SEARCH verdict USING INDEX verdict_missed ",
    }
    assert all("(day=? AND council=?" in steps[0] or "verdict_missed" in steps[0] for steps in plans)
    # Nothing is sorted but the reclassifications of one item.
    assert [steps for steps in plans if "USE TEMP B-TREE" in steps[-1] and "reclassified" not in str(steps)] == []


def plan(store: SqlStore, statement: str, values: Any) -> list[str]:
    """How SQLite goes about a query, step by step."""
    with store._engine.connect() as connection:
        found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        return [step for row in found if "SCALAR SUBQUERY" not in (step := str(row[-1]))]


def test_pages_over_many_days_have_each_event_once_and_in_order(store: SqlStore) -> None:
    first = date(2026, 5, 1)
    days = [first + timedelta(days=number % 31) for number in range(97)]
    feed(store, USAGE, [recorded(f"r-{n:03}", f"{day}T08:00:00+00:00", "1") for n, day in enumerate(days)])

    found = [each for page in pages(store, PAYROLL.id, limit=10) for each in page.counted]

    keys = [(each.day, each.source, each.id) for each in found]
    assert keys == sorted(set(keys))
    assert len(keys) == len(days)

"""Billing keeps every event of the provider's topics, so that a fact can be withdrawn, adjusted and explained later."""

from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal

import msgspec
import pytest
from sqlalchemy import select

from billing.domain.corrections import bookings_of, corrections
from billing.domain.usage import UnbilledUsage
from billing.statements.drafts import Statements
from billing.statements.explaining import LineExplanation
from billing.store import tables
from billing.store.sql import SqlStore
from shared.clock import WallClock
from shared.contracts.topics import CATALOGUE, TICKETS, USAGE, WORK
from shared.log.partitioner import partition_of
from shared.period import Month
from shared.scope import Scope
from shared.sql.engine import connect
from shared.units import ItemId
from tests.support.billing_feed import CATALOGUED, MAY, feed, quantities, statement_of
from tests.support.databases import as_owner
from tests.support.recharges import (
    ASHBY,
    adjusted,
    completed,
    opened,
    received,
    recorded,
    resolved,
    reversed_,
    withdrawn,
)

AT = "2026-05-07T12:00:00+00:00"
LATER = "2026-05-20T12:00:00+00:00"
JUNE = Month(2026, 6)


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as store:
        feed(store, CATALOGUE, CATALOGUED)
        yield store


def explained(store: SqlStore, service: str, *, limit: int = 50) -> LineExplanation:
    """The service's line of May with the events that it counts."""
    charged = next(each for each in statement_of(store).services if each.service.id == service)
    return Statements(store, WallClock()).explain(
        ASHBY.id, MAY, charged.lines[0].ref, after=None, limit=limit, scope=Scope.all()
    )


def test_every_event_is_a_row_with_its_place_in_the_log(database_of: Callable[[str], str]) -> None:
    url = database_of("billing")
    with closing(SqlStore.open(url)) as store:
        feed(store, TICKETS, [opened("t-1", AT), resolved("t-1", LATER), withdrawn(resolved("t-1", LATER), LATER)])
    engine, columns = connect(as_owner(url)), tables.event.c
    with engine.connect() as connection:
        rows = connection.execute(
            select(columns.type, columns.partition, columns.offset, columns.attributes).order_by(columns.offset)
        ).all()
    engine.dispose()

    partition = partition_of(b"ashby:t-1", TICKETS.partitions)
    assert rows == [
        ("ticket.opened.v1", partition, 0, '{"priority":"normal"}'),
        ("ticket.resolved.v1", partition, 1, '{"outcome":"done"}'),
        ("item.fact-withdrawn.v1", partition, 2, None),
    ]


@pytest.mark.parametrize("withdrawal_first", [True, False])
def test_without_its_first_completion_an_item_is_metered_by_the_next(
    store: SqlStore, *, withdrawal_first: bool
) -> None:
    first = completed("inv-1", AT, units="3")
    feed(store, WORK, [received("inv-1", "2026-05-01T12:00:00+00:00"), completed("inv-1", LATER, units="5", id="next")])
    sent = [withdrawn(first, LATER), first] if withdrawal_first else [first, withdrawn(first, LATER)]

    feed(store, WORK, sent)

    assert quantities(store)["accounts-payable"] == 5
    assert statement_of(store).evidence.withdrawn == 1
    assert [each.id for each in explained(store, "accounts-payable").counted] == ["next"]


def test_a_completion_withdrawn_after_its_month_was_booked_is_given_back_in_full(store: SqlStore) -> None:
    false = completed("inv-1", AT, units="12")
    feed(store, WORK, [received("inv-1", "2026-05-01T12:00:00+00:00"), false])
    booked = list(bookings_of(statement_of(store)))

    feed(store, WORK, [withdrawn(false, "2026-08-03T09:00:00+00:00")])
    now = statement_of(store)
    found = corrections({MAY: tuple(bookings_of(now))}, booked)

    # Ten units at £1.00 and two at £0.50 were booked; the correction says so, and the bookings are what holds now.
    assert [(each.booking.name, each.booking.amount_pence, each.cause) for each in found] == [
        ("Transactions", -1_100, "usage")
    ]
    assert sum(each.amount_pence for each in (*booked, *(one.booking for one in found))) == now.total_pence


def test_a_ticket_whose_opening_is_withdrawn_waits_for_one_that_holds(store: SqlStore) -> None:
    wrong = opened("t-1", AT)
    feed(store, TICKETS, [wrong, resolved("t-1", LATER), withdrawn(wrong, LATER)])

    assert [each.reason for each in statement_of(store).evidence.unbilled] == ["item-not-opened"]


def test_nobody_withdraws_another_items_fact(store: SqlStore) -> None:
    feed(store, WORK, [received("inv-1", AT), completed("inv-1", LATER), received("inv-2", AT)])
    of_another = withdrawn(completed("inv-1", LATER), LATER, id="w")

    feed(store, WORK, [msgspec.structs.replace(of_another, subject=ItemId("inv-2"))])

    assert quantities(store)["accounts-payable"] == 1


@pytest.mark.parametrize("adjustment_first", [True, False])
def test_an_adjustment_counts_on_its_readings_day_whenever_it_comes(store: SqlStore, *, adjustment_first: bool) -> None:
    reading, adjustment = recorded("may", AT, "312"), adjusted("may", "2026-06-03T09:00:00+00:00", "-12")

    feed(store, USAGE, [adjustment, reading] if adjustment_first else [reading, adjustment])

    assert quantities(store)["payroll"] == 300
    assert quantities(store, JUNE)["payroll"] == 0
    assert not statement_of(store, JUNE).evidence.unbilled


def test_adjustments_add_up_and_a_month_below_zero_is_charged_below_zero(store: SqlStore) -> None:
    feed(store, USAGE, [recorded("may", AT, "5"), *(adjusted("may", AT, "-4", id=f"a-{number}") for number in "12")])

    (charged,) = (each for each in statement_of(store).services if each.service.id == "payroll")

    assert (charged.lines[0].quantity, charged.total_pence) == (Decimal(-3), -1326)  # -3 at £4.42


def test_an_adjustment_without_its_reading_is_listed_and_one_of_a_reversed_reading_is_reversed(store: SqlStore) -> None:
    feed(
        store,
        USAGE,
        [adjusted("lost", AT, "2"), recorded("may", AT, "5"), reversed_("may", AT), adjusted("may", AT, "1")],
    )
    evidence = statement_of(store).evidence

    assert evidence.unbilled == (UnbilledUsage("without-reading", "payroll", 1, Decimal(2)),)
    assert (evidence.counted, evidence.reversed, evidence.received) == (0, 2, 3)
    assert quantities(store)["payroll"] == 0


def test_a_line_leads_to_events_by_topic_partition_and_offset(store: SqlStore) -> None:
    feed(store, USAGE, [recorded("may", AT, "5"), adjusted("may", LATER, "-1")])

    counted = explained(store, "payroll").counted

    partition = partition_of(b"ashby:may", USAGE.partitions)
    assert [(each.id, each.quantity, each.topic, each.partition, each.offset) for each in counted] == [
        ("may-adjusted", Decimal(-1), USAGE.name, partition, 1),
        ("may-recorded", Decimal(5), USAGE.name, partition, 0),
    ]
    assert [each.id for each in explained(store, "payroll", limit=1).counted] == ["may-adjusted"]

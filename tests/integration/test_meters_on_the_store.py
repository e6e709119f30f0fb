"""A service with a meter of its own, from the log to the statement's line and back to the events."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.domain.meters import units_by_day
from billing.domain.usage import UnbilledUsage
from billing.ports import Snapshot
from billing.statements.drafts import Statements
from billing.store.sql import SqlStore
from shared.clock import WallClock
from shared.contracts.definitions import Service
from shared.contracts.envelope import Event
from shared.contracts.meters import Meter, meter_of
from shared.contracts.topics import CATALOGUE, TICKETS, USAGE
from shared.period import Month
from shared.scope import Scope
from tests.integration.test_billing_store_laws import arrive, catalogued, histories
from tests.support.billing_feed import MAY, TARIFFS, feed, quantities, statement_of
from tests.support.recharges import (
    ASHBY,
    ICT,
    PAYABLE,
    PAYROLL,
    PROVIDER,
    adjusted,
    agreement,
    catalogue_events,
    opened,
    recorded,
    resolved,
    reversed_,
    withdrawn,
)

__all__ = ["catalogued"]  # the laws' fixture
AT, LATER = "2026-05-07T12:00:00+00:00", "2026-05-20T12:00:00+00:00"


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as store:
        yield store


def counted_by(service: Service, **fields: Any) -> list[Event]:
    """The catalogue in which the service has a meter of its own."""
    own = msgspec.structs.replace(service, counted_by=msgspec.convert(fields, Meter))
    services = [own if each.id == service.id else each for each in (PAYABLE, ICT, PAYROLL)]
    return catalogue_events(ASHBY, PROVIDER, *services, *TARIFFS, agreement(*(priced.id for priced in TARIFFS)))


def test_the_largest_reading_of_the_month_is_charged_with_what_adjusts_it(store: SqlStore) -> None:
    feed(store, CATALOGUE, counted_by(PAYROLL, event="tallystick.usage.recorded.v1", aggregate="max"))
    sent = [recorded("a", AT, "300"), recorded("b", LATER, "320"), recorded("c", LATER, "900"), reversed_("c", LATER)]

    feed(store, USAGE, [*sent, adjusted("b", LATER, "-30")])

    assert quantities(store)["payroll"] == 300
    evidence = statement_of(store).evidence
    assert (evidence.counted, evidence.reversed, evidence.unbilled) == (2, 1, ())


def test_readings_are_filtered_and_converted_and_the_rest_is_listed(store: SqlStore) -> None:
    feed(
        store,
        CATALOGUE,
        counted_by(
            PAYROLL,
            event="tallystick.usage.recorded.v1",
            aggregate="sum",
            when={"grade": ["a"]},
            reading_unit="minute",
            divide_by="60",
            rounding="up",
        ),
    )
    minutes = recorded("a", AT, "100", unit="minute", attributes={"grade": "a"})
    others = [
        recorded("b", AT, "9", attributes={"grade": "b"}),
        recorded("c", AT, "1", unit="payslip", attributes={"grade": "a"}),
    ]

    feed(store, USAGE, [minutes, *others])

    assert quantities(store)["payroll"] == 2  # 1 hour 40 minutes
    assert statement_of(store).evidence.unbilled == (
        UnbilledUsage("not-metered", "payroll", 1, Decimal(9)),
        UnbilledUsage("wrong-unit", "payroll", 1, Decimal(1)),
    )


def test_tickets_are_counted_by_their_opening_and_priority(store: SqlStore) -> None:
    feed(
        store,
        CATALOGUE,
        counted_by(ICT, event="tallystick.ticket.opened.v1", aggregate="count", when={"priority": ["normal"]}),
    )
    gone = opened("t-2", AT)

    feed(store, TICKETS, [opened("t-1", AT), resolved("t-1", LATER), gone, withdrawn(gone, LATER)])

    assert quantities(store)["ict"] == 1
    line = next(each for each in statement_of(store).services if each.service.id == "ict").lines[0]
    explained = Statements(store, WallClock()).explain(
        ASHBY.id, MAY, line.ref, after=None, limit=9, scope=Scope.of(ASHBY.id)
    )
    assert [(each.id, each.topic, each.offset) for each in explained.counted] == [("t-1-opened", TICKETS.name, 0)]


def test_no_usage_is_told_from_no_data(store: SqlStore) -> None:
    feed(
        store,
        CATALOGUE,
        counted_by(PAYROLL, event="tallystick.usage.recorded.v1", aggregate="sum", when={"grade": ["a"]}),
    )
    silent = statement_of(store)

    feed(store, USAGE, [recorded("b", AT, "9")])

    absences = [
        next(each for each in statement.services if each.service.id == "payroll").lines[0].absence
        for statement in (silent, statement_of(store))
    ]
    assert absences == ["no_data", "no_usage"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(history=histories(), chance=st.randoms(use_true_random=False))
def test_a_named_meter_written_out_counts_what_its_name_counts(
    catalogued: tuple[SqlStore, Callable[[], None]], history: list[Event], chance: random.Random
) -> None:
    store, forget = catalogued
    forget()

    arrive(store, history, chance)

    with store.snapshot(Scope.all()) as snapshot:
        for service, month in product((PAYABLE, PAYROLL), (MAY, MAY.next)):
            assert by_written_out_meter(snapshot, service, month) == by_name(snapshot, service, month)


def by_name(snapshot: Snapshot, service: Service, month: Month) -> dict[date, Decimal]:
    """What the service's named meter counts by day."""
    sums: dict[date, Decimal] = {}
    for row in snapshot.usage.of_month(month, ASHBY.id):
        if (row.service, row.meter, row.state) == (service.id, service.counted_by, "counted"):
            sums[row.day] = sums.get(row.day, Decimal(0)) + row.quantity
    return sums


def by_written_out_meter(snapshot: Snapshot, service: Service, month: Month) -> dict[date, Decimal]:
    """What the same meter counts where it is written out."""
    meter = meter_of(service.counted_by)
    own = msgspec.structs.replace(service, counted_by=meter)
    return units_by_day(meter, snapshot.usage.metered(month, ASHBY.id, own), month)

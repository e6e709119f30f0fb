"""Charges and waivers that read attributes, on a real database: of readings, and of items when they were completed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from billing.domain.charge_line import ChargeLine
from billing.store.sql import SqlStore
from shared.contracts.charges import (
    Charge,
    ChargeLimit,
    ChargeTerms,
    CommitmentCharge,
    CostPlusCharge,
    MatrixCharge,
    MatrixPrice,
    PercentageCharge,
    UnitCharge,
    Waiver,
)
from shared.contracts.definitions import Service
from shared.contracts.envelope import Event
from shared.contracts.items import ReprioritisedData, TicketReprioritised
from shared.contracts.topics import CATALOGUE, TICKETS, USAGE, WORK
from shared.period import Month
from shared.units import CouncilId, ItemId
from tests.support.billing_feed import MAY, feed, statement_of
from tests.support.recharges import (
    ASHBY,
    ICT,
    PAYABLE,
    PAYROLL,
    PROVIDER,
    SOURCE,
    adjusted,
    agreement,
    catalogue_events,
    completed,
    opened,
    received,
    recorded,
    resolved,
    reversed_,
    tariff,
)

BY_PRIORITY = MatrixCharge(
    name="By priority",
    prices=(MatrixPrice(when={"priority": ("urgent",)}, price_gbp="50"),),
    otherwise_gbp="10",
)
BY_GRADE = MatrixCharge(
    name="By grade", prices=(MatrixPrice(when={"grade": ("senior",)}, price_gbp="3"),), otherwise_gbp="1"
)


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as store:
        yield store


def agree(store: SqlStore, service: Service, *charges: Charge, terms: ChargeTerms | None = None) -> None:
    """The catalogue has the service with one tariff of these charges."""
    priced = tariff(*charges, service=service.id)
    if terms is not None:
        priced = msgspec.structs.replace(priced, terms=terms)
    feed(store, CATALOGUE, catalogue_events(ASHBY, PROVIDER, service, priced, agreement(priced.id)))


def lines(store: SqlStore, month: Month = MAY) -> Sequence[ChargeLine]:
    return [line for charges in statement_of(store, month).services for line in charges.lines]


def reprioritised(ticket: str, at: str, priority: str) -> Event:
    return TicketReprioritised(
        id=f"{ticket}-{priority}",
        source=SOURCE,
        time=datetime.fromisoformat(at).astimezone(UTC),
        council=CouncilId(ASHBY.id),
        subject=ItemId(ticket),
        data=ReprioritisedData(priority=priority),
    )


def with_data(event: Any, **data: Any) -> Event:
    changed: Event = msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, **data))
    return changed


def test_a_ticket_is_of_the_priority_that_it_had_when_it_was_resolved(store: SqlStore) -> None:
    agree(store, ICT, BY_PRIORITY)
    tickets = [
        opened("T-1", "2026-05-04T09:00:00+01:00"),
        reprioritised("T-1", "2026-05-04T10:00:00+01:00", "urgent"),
        resolved("T-1", "2026-05-04T11:00:00+01:00"),
        opened("T-2", "2026-05-05T09:00:00+01:00"),
        resolved("T-2", "2026-05-05T11:00:00+01:00"),
        reprioritised("T-2", "2026-05-05T11:00:00+01:00", "urgent"),  # in the second of its resolution
        with_data(opened("T-3", "2026-05-06T09:00:00+01:00"), priority="urgent"),
        reprioritised("T-3", "2026-05-06T09:30:00+01:00", "low"),
        resolved("T-3", "2026-05-06T11:00:00+01:00"),
    ]

    feed(store, TICKETS, tickets[::-1])

    (line,) = lines(store)
    assert [(step.label, step.quantity_text) for step in line.workings] == [
        ("priority urgent", "1"),
        ("All others", "2"),
    ]
    assert line.amount_pence == 7_000


def test_the_value_of_work_is_what_a_percentage_and_a_mark_up_are_of(store: SqlStore) -> None:
    agree(store, PAYABLE, PercentageCharge(name="Fee", percent="2"), CostPlusCharge(name="Agency", markup_percent="10"))
    feed(
        store,
        WORK,
        [
            with_data(received("W-1", "2026-05-04T09:00:00+01:00"), value_pence=12_050),
            completed("W-1", "2026-05-05T09:00:00+01:00", units="3"),
            received("W-2", "2026-05-04T09:00:00+01:00"),
            completed("W-2", "2026-05-05T09:00:00+01:00"),
        ],
    )

    fee, agency = lines(store)
    assert (fee.amount_pence, fee.quantity) == (241, Decimal(4))
    assert agency.amount_pence == 13_255
    assert [step.label for step in fee.workings] == ["Percentage of the amounts", "Without an amount"]


def test_readings_have_the_attributes_that_they_were_sent_with(store: SqlStore) -> None:
    agree(store, PAYROLL, BY_GRADE)
    senior = {"grade": "senior"}
    feed(
        store,
        USAGE,
        [
            recorded("r-1", "2026-05-04T09:00:00+01:00", "10", attributes=senior),
            recorded("r-2", "2026-05-04T09:00:00+01:00", "5"),
            recorded("r-3", "2026-05-04T09:00:00+01:00", "100", attributes=senior),
            reversed_("r-3", "2026-05-05T09:00:00+01:00"),
            recorded("r-4", "2026-05-04T09:00:00+01:00", "7", attributes=senior, unit="headcount"),
        ],
    )

    (line,) = lines(store)
    assert line.amount_pence == 3_500  # what was reversed, or is in another unit, is priced by nothing


def test_an_adjustment_is_of_the_attributes_of_its_reading(store: SqlStore) -> None:
    agree(store, PAYROLL, BY_GRADE)
    feed(store, USAGE, [recorded("r-1", "2026-05-04T09:00:00+01:00", "10", attributes={"grade": "senior"})])
    before = lines(store)[0].amount_pence

    feed(store, USAGE, [adjusted("r-1", "2026-06-20T09:00:00+01:00", "-4")])

    assert (before, lines(store)[0].amount_pence) == (3_000, 1_800)


def test_what_the_provider_caused_is_waived(store: SqlStore) -> None:
    waiver = Waiver(name="provider error", when={"cause": ("payroll-error",)})
    agree(store, PAYROLL, UnitCharge(name="Manual payments", price_gbp="25"), terms=ChargeTerms(waivers=(waiver,)))
    feed(
        store,
        USAGE,
        [
            recorded("r-1", "2026-05-04T09:00:00+01:00", "4"),
            recorded("r-2", "2026-05-05T09:00:00+01:00", "2", attributes={"cause": "payroll-error"}),
        ],
    )

    (line,) = lines(store)
    assert (line.amount_pence, line.quantity) == (10_000, Decimal(4))
    assert statement_of(store, MAY).evidence.counted == 2


def test_a_years_commitment_is_computed_over_the_year_from_what_is_stored(store: SqlStore) -> None:
    charge = CommitmentCharge(name="Slips", units=1_200, over="financial-year", price_gbp="1", overage_gbp="2")
    agree(store, PAYROLL, charge)
    feed(store, USAGE, [recorded("r-2", "2026-05-04T09:00:00+01:00", "500")])
    before = lines(store)[0].amount_pence

    feed(store, USAGE, [recorded("r-1", "2026-04-04T09:00:00+01:00", "900")])  # late, in a month before

    assert before == 10_000
    assert [lines(store, month)[0].amount_pence for month in (Month(2026, 4), MAY)] == [10_000, 10_000 + 200 * 200]


def test_a_years_minimum_is_topped_up_in_march(store: SqlStore) -> None:
    terms = ChargeTerms(minimum=ChargeLimit(gbp="100", over="financial-year"))
    agree(store, PAYROLL, UnitCharge(name="Slips", price_gbp="1"), terms=terms)
    feed(store, USAGE, [recorded("r-1", "2025-06-04T09:00:00+01:00", "30")])

    february, march = (lines(store, Month(2026, month)) for month in (2, 3))

    assert [line.kind for line in february] == ["unit"]
    assert [(line.kind, line.amount_pence) for line in march] == [("unit", 0), ("minimum", 7_000)]

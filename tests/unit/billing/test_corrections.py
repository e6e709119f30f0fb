"""Corrections: the bookings of a month sum to what it is rated at, in whatever order events and closes came."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.corrections import (
    SERVICE_CREDIT,
    BookedAmount,
    Correction,
    MonthInputs,
    MonthNotRated,
    corrections,
    vat_of,
)
from billing.domain.corrections_cause import Cause
from billing.domain.credits.attainment import TargetAttainment
from billing.domain.rating import pipeline
from billing.domain.rules import changed_since
from billing.domain.statement import Statement, build_statement
from billing.domain.terms import DefinitionVersions, Terms
from billing.domain.usage import UsageDetail
from billing.domain.vat import VatCategory, VatTotal, vat_totals
from shared.contracts.charges import (
    NO_TERMS,
    AnnualCharge,
    CapacityCharge,
    Charge,
    ChargeLimit,
    ChargeTerms,
    CommitmentCharge,
    CostPlusCharge,
    FixedDiscount,
    GraduatedCharge,
    MatrixCharge,
    MatrixPrice,
    PackageCharge,
    PercentageCharge,
    PercentageDiscount,
    StandingCharge,
    Tier,
    UnitCharge,
    VolumeCharge,
    Waiver,
)
from shared.contracts.definitions import ServiceVat, Tariff
from shared.contracts.vat import VatTreatment
from shared.contracts.versions import DefinitionVersion
from shared.period import Month, month_of_day
from tests.support.credits import agreement_with_credits, attainment_of, credit, target
from tests.support.laws import law, law_of_each_row
from tests.support.rated_months import rated
from tests.support.recharges import ASHBY, PAYABLE, PROVIDER, agreement, tariff, terms, usage
from tests.unit.billing.test_statement_vat import TWENTY

APRIL, MAY, JUNE = Month(2026, 4), Month(2026, 5), Month(2026, 6)
MONTHS = (APRIL, MAY, JUNE)
TIERS = (Tier(up_to=5, price_gbp="1.333", flat_gbp="2"), Tier(up_to=20, price_gbp="0.5"), Tier(price_gbp="0.0375"))
KINDS: tuple[Charge, ...] = (
    StandingCharge(name="Standing", monthly_gbp="10.01"),
    AnnualCharge(name="Annual", annual_gbp="100000"),
    UnitCharge(name="Unit", price_gbp="0.3333"),
    PackageCharge(name="Package", size=4, price_gbp="3.335"),
    GraduatedCharge(name="Graduated", tiers=TIERS),
    VolumeCharge(name="Volume", tiers=TIERS),
    CapacityCharge(name="Capacity", monthly_gbp="20", included=6, overage_gbp="0.7777"),
    CommitmentCharge(name="Commitment", units=30, over="financial-year", price_gbp="2", overage_gbp="3.3333"),
    PercentageCharge(name="Percentage", percent="2.5", fixed_gbp="0.1", free_events=1, free_gbp="10"),
    MatrixCharge(
        name="Matrix", prices=(MatrixPrice(when={"priority": ("high",)}, price_gbp="1.999"),), otherwise_gbp="0.111"
    ),
    CostPlusCharge(name="Cost", markup_percent="3.333"),
)
LIMITS = ChargeTerms(
    waivers=(Waiver(name="Provider's own error", when={"cause": ("provider",)}),),
    discounts=(PercentageDiscount(name="Partner", percent="3.3"), FixedDiscount(name="Start", monthly_gbp="1.11")),
    maximum=ChargeLimit(gbp="60", over="financial-year"),
    minimum=ChargeLimit(gbp="50", over="financial-year"),
)
MONTHLY = ChargeTerms(maximum=ChargeLimit(gbp="25"), minimum=ChargeLimit(gbp="5"))
Event = UsageDetail


def catalogue(charge: Charge, modifiers: ChargeTerms = NO_TERMS, treatment: VatTreatment = "standard") -> Terms:
    """One tariff of one charge, in April, May and June: the year's minimum is topped up in June."""
    return of_tariff(msgspec.structs.replace(tariff(charge), terms=modifiers), treatment=treatment)


def of_tariff(*versions: Tariff, treatment: VatTreatment = "standard") -> Terms:
    """As `catalogue`, with the versions of one tariff."""
    treated = ServiceVat(service="*", treatment=treatment, reason="Advice")
    agreed = agreement(versions[0].id, since="2026-04-01", until="2026-07-01")
    known = terms(msgspec.structs.replace(agreed, vat=(treated,)), tariffs=versions)
    provider = msgspec.structs.replace(PROVIDER, vat_rates=(TWENTY,))
    return replace(known, providers=DefinitionVersions([DefinitionVersion(1, provider)]))


def inputs(events: Sequence[Event], until: Month) -> dict[Month, MonthInputs]:
    """What is known of each month up to `until` from those events."""
    found: dict[Month, MonthInputs] = {}
    for month in MONTHS:
        of_month = [event for event in events if month_of_day(event.day) == month]
        rows = [usage(PAYABLE.id, str(event.day), str(event.quantity)) for event in of_month]
        if month <= until:
            found[month] = MonthInputs(usage=rows, details={PAYABLE.id: sorted(of_month, key=str)})
    return found


def booked_through(known: Terms, history: Sequence[tuple[Sequence[Event], Month]]) -> list[BookedAmount]:
    """All bookings after a history of closes: at each, what is known by then, and the last month that is over."""
    booked: list[BookedAmount] = []
    for events, until in history:
        booked += [each.booking for each in corrections(rated(known, ASHBY.id, inputs(events, until)), booked)]
    return booked


def sums(lines: Iterable[tuple[Month, int]]) -> dict[Month, int]:
    totals = dict.fromkeys(MONTHS, 0)
    for month, amount_pence in lines:
        totals[month] += amount_pence
    return totals


def final_statements(known: Terms, events: Sequence[Event]) -> list[Statement]:
    """Each month's own statement with the final usage."""
    earlier: list[Statement] = []
    for month, of_month in inputs(events, JUNE).items():
        statement = build_statement(known, ASHBY.id, month, of_month.usage, earlier=earlier, details=of_month.details)
        earlier.append(statement)
    return earlier


def vat_by_month(booked: Sequence[BookedAmount]) -> dict[Month, int]:
    """The VAT on each month's bookings, all of which have a treatment."""
    nets = {month: [(each.vat, each.amount_pence) for each in booked if each.month == month] for month in MONTHS}
    totals = {month: vat_totals((vat, pence) for vat, pence in found if vat) for month, found in nets.items()}
    return {month: sum(total.vat_pence for total in found) for month, found in totals.items()}


EVENTS = st.lists(
    st.builds(
        Event,
        day=st.integers(0, 90).map(lambda days: date(2026, 4, 1) + timedelta(days=days)),
        quantity=st.sampled_from([Decimal(1), Decimal(7), Decimal("2.5"), Decimal(30), Decimal(-3)]),
        attributes=st.fixed_dictionaries(
            {
                "priority": st.sampled_from(["high", "low"]),
                "value": st.sampled_from(["12.34", "0.05", "250"]),
                "cause": st.sampled_from(["council", "provider"]),
            }
        ),
    ),
    max_size=8,
)


def test_every_kind_of_charge_is_among_those_that_are_corrected_here() -> None:
    assert {type(charge) for charge in KINDS} == pipeline.KINDS.keys() == set(get_args(Charge))


@pytest.mark.parametrize("modifiers", [ChargeTerms(), LIMITS, MONTHLY], ids=["plain", "year", "month"])
@pytest.mark.parametrize("charge", KINDS, ids=lambda charge: charge.name)
def test_bookings_of_each_month_sum_to_its_final_statement_in_every_order(
    charge: Charge, modifiers: ChargeTerms
) -> None:
    known = catalogue(charge, modifiers)

    @law_of_each_row
    @given(events=EVENTS, arrival=st.randoms(use_true_random=False), data=st.data())
    def holds(events: list[Event], arrival: Random, data: st.DataObject) -> None:
        arriving = list(events)
        arrival.shuffle(arriving)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=3)))
        closes = data.draw(st.lists(st.sampled_from(MONTHS), min_size=len(cuts), max_size=len(cuts)))
        furthest = [max(closes[: number + 1]) for number in range(len(closes))]
        history = [(arriving[:cut], until) for cut, until in zip(cuts, furthest, strict=True)]

        booked = booked_through(known, [*history, (arriving, JUNE)])

        final = final_statements(known, events)
        assert sums((each.month, each.amount_pence) for each in booked) == sums((s.month, s.total_pence) for s in final)
        assert vat_by_month(booked) == {statement.month: statement.vat.vat_pence for statement in final}
        assert corrections(rated(known, ASHBY.id, inputs(events, JUNE)), booked) == ()

    holds()


def units(day: str, quantity: str, **attributes: str) -> Event:
    return Event(date.fromisoformat(day), Decimal(quantity), attributes)


def late(known: Terms, before: Sequence[Event], after: Sequence[Event], until: Month = MAY) -> tuple[Correction, ...]:
    """What is corrected when the months until `until` were booked with `before`, and then `after` is known."""
    return corrections(rated(known, ASHBY.id, inputs(after, until)), booked_through(known, [(before, until)]))


def differences(found: Iterable[Correction]) -> list[tuple[str, str, int, Cause]]:
    return [(str(each.booking.month), each.booking.name, each.booking.amount_pence, each.cause) for each in found]


def test_a_correction_is_of_the_cumulative_quantity_and_so_includes_its_rounding() -> None:
    known = catalogue(UnitCharge(name="Unit", price_gbp="0.001"))

    (found,) = late(known, [units("2026-04-02", "333")], [units("2026-04-02", "333"), units("2026-04-03", "333")])

    assert (found.was_pence, found.now_pence, found.booking.amount_pence) == (33, 67, 34)


def test_a_late_event_takes_the_room_under_a_years_maximum_from_later_months() -> None:
    capped = ChargeTerms(maximum=ChargeLimit(gbp="200", over="financial-year"))
    known = catalogue(UnitCharge(name="Unit", price_gbp="10"), capped)  # April to June hold a quarter of it, £50
    before = [units("2026-04-02", "3"), units("2026-05-02", "2")]

    found = late(known, before, [*before, units("2026-04-30", "1")])

    assert differences(found) == [
        ("2026-04", "Unit", 1_000, "usage"),
        ("2026-05", "Maximum charge", -1_000, "other-lines"),
    ]


def test_a_back_dated_price_reverses_the_old_line_and_books_the_new_one() -> None:
    first = tariff(UnitCharge(name="Unit", price_gbp="1"))
    dearer = tariff(UnitCharge(name="Unit", price_gbp="2"), since="2026-04-01")
    used = [units("2026-04-02", "3")]
    booked = booked_through(of_tariff(first), [(used, APRIL)])

    found = corrections(rated(of_tariff(first, dearer), ASHBY.id, inputs(used, APRIL)), booked)

    assert sorted(differences(found)) == [("2026-04", "Unit", -300, "terms"), ("2026-04", "Unit", 600, "terms")]


def test_another_vat_treatment_moves_the_whole_line_to_the_other_category() -> None:
    charge, used = UnitCharge(name="Unit", price_gbp="1"), [units("2026-04-02", "3")]
    booked = booked_through(catalogue(charge), [(used, APRIL)])

    found = corrections(rated(catalogue(charge, treatment="exempt"), ASHBY.id, inputs(used, APRIL)), booked)

    assert differences(found) == [("2026-04", "Unit", 300, "vat"), ("2026-04", "Unit", -300, "vat")]
    assert vat_of(found) == (
        VatTotal(VatCategory("exempt", Decimal(0)), 300),
        VatTotal(VatCategory("standard", Decimal(20)), -300),
    )
    assert [total.vat_pence for total in vat_of(found)] == [0, -60]


def test_another_priority_of_as_many_units_is_other_usage() -> None:
    found = late(
        catalogue(KINDS[9]),
        [units("2026-04-02", "3", priority="low")],
        [units("2026-04-02", "3", priority="high")],
    )

    assert differences(found) == [("2026-04", "Matrix", 567, "usage")]


def test_a_month_that_comes_to_nothing_any_more_is_reversed_and_one_that_is_not_rated_is_an_error() -> None:
    known = catalogue(StandingCharge(name="Standing", monthly_gbp="10"))
    booked = booked_through(known, [([], APRIL)])

    assert differences(corrections({APRIL: ()}, booked)) == [("2026-04", "Standing", -1_000, "terms")]
    with pytest.raises(MonthNotRated, match="2026-04"):
        corrections({MAY: ()}, booked)


def test_a_month_is_not_rated_without_those_that_it_depends_on() -> None:
    known = catalogue(KINDS[7])

    with pytest.raises(MonthNotRated, match="2026-04"):
        rated(known, ASHBY.id, {MAY: MonthInputs()})


@law
@given(
    closes=st.lists(
        st.tuples(st.sampled_from(MONTHS), st.lists(st.integers(50, 100), min_size=3, max_size=3)),
        min_size=1,
        max_size=4,
    )
)
def test_overturned_results_reverse_service_credits_under_a_years_cap(closes: list[tuple[Month, list[int]]]) -> None:
    priced = tariff(StandingCharge(name="Desk", monthly_gbp="1000"), service="ict")
    agreed = agreement_with_credits(
        target("response"), credits=[credit("response")], tariffs=(priced.id,), since="2026-04-01", year_gbp="120"
    )
    known, booked = terms(agreed, tariffs=[priced]), list[BookedAmount]()
    until = APRIL

    for month, results in [*closes, (JUNE, closes[-1][1])]:
        until = max(until, month)
        attained = {
            each: MonthInputs(attained=[attainment_of("response", good, 100)])
            for each, good in zip(MONTHS, results, strict=True)
            if each <= until
        }
        booked += [each.booking for each in corrections(rated(known, ASHBY.id, attained), booked)]

    earlier: list[Statement] = []
    for each, of_month in attained.items():
        earlier.append(build_statement(known, ASHBY.id, each, [], attained=of_month.attained, earlier=earlier))
    assert sums((each.month, each.amount_pence) for each in booked) == sums(
        (statement.month, statement.total_pence) for statement in earlier
    )
    assert sum(each.amount_pence for each in booked if each.kind == SERVICE_CREDIT) >= -12_000


def test_an_overturned_result_is_the_cause_of_a_reversed_credit() -> None:
    priced = tariff(StandingCharge(name="Desk", monthly_gbp="1000"), service="ict")
    agreed = agreement_with_credits(target("response"), credits=[credit("response")], tariffs=(priced.id,))
    known = terms(agreed, tariffs=[priced])
    missed, met = (rated_with(known, attainment_of("response", good, 100)) for good in (94, 95))

    found = corrections(met, missed[MAY])

    assert differences(found) == [("2026-05", "response", 2_000, "service-results")]


def rated_with(known: Terms, attained: TargetAttainment) -> dict[Month, tuple[BookedAmount, ...]]:
    return rated(known, ASHBY.id, {MAY: MonthInputs(attained=[attained])})


# The rules of rating, version 2: it rates units otherwise, here by rounding prices to whole pence.
CHANGED = {1: frozenset[str](), 2: frozenset(["unit"])}


@pytest.mark.parametrize(
    ("booked", "now", "kind", "expected"),
    [
        (1, 1, "unit", False),
        (1, 2, "unit", True),
        (2, 1, "unit", True),
        (1, 2, "standing", False),
        (2, 2, "unit", False),
        (2, 3, "standing", True),  # a version that the table does not know
    ],
)
def test_a_line_may_be_rated_otherwise_by_the_versions_between(
    booked: int, now: int, kind: str, expected: bool
) -> None:
    assert changed_since(booked, kind, now, CHANGED) is expected

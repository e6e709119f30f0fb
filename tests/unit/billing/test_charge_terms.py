"""Commitments, percentages, matrices and mark-ups, and what changes the sum of a tariff's charges, as tables."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.charge_line import ChargeLine
from billing.domain.rating.charge_kind import YearSoFar
from billing.domain.rating.pipeline import rate
from billing.domain.terms import TariffPeriod
from billing.domain.usage import MeteredUsage, UsageDetail
from shared.contracts.charges import (
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
    Tier,
    UnitCharge,
    VolumeCharge,
    Waiver,
)
from shared.contracts.definitions import Tariff
from shared.period import Month, month_of_day, months_between
from tests.support.laws import law
from tests.support.recharges import ASHBY, PAYABLE, standing, tariff, tariff_period

MAY, APRIL, NEXT_APRIL = Month(2026, 5), Month(2026, 4), Month(2027, 4)
HOURS = CommitmentCharge(name="Hours", units=40_000, over="financial-year", price_gbp="30", overage_gbp="42.50")


def lines(
    priced: Tariff, *used: str, splits: Sequence[str] = (), details: Sequence[UsageDetail] = (), is_over: bool = True
) -> tuple[ChargeLine, ...]:
    """May's lines; `used` on the first day of each part, of which `splits` begin the later ones."""
    days = [MAY.first_day, *map(date.fromisoformat, splits), MAY.next.first_day]
    periods = [
        tariff_period(priced, first.isoformat(), end.isoformat(), version=number)
        for number, (first, end) in enumerate(pairwise(days), start=1)
    ]
    usage = MeteredUsage(dict(zip(days, map(Decimal, used), strict=False)), details=details)
    return rate(PAYABLE, usage, periods, council=ASHBY.id, month=MAY, is_over=is_over)


def year_lines(periods: Sequence[TariffPeriod], used: dict[str, str]) -> list[ChargeLine]:
    """The lines of a whole financial year, month after month; `used` by day."""
    usage = MeteredUsage({date.fromisoformat(day): Decimal(quantity) for day, quantity in used.items()})
    found: list[ChargeLine] = []
    for month in months_between(APRIL, NEXT_APRIL):
        of_month = [period for period in periods if month_of_day(period.first_day) == month]
        year = YearSoFar(periods, tuple(found))
        found += rate(PAYABLE, usage, of_month, council=ASHBY.id, month=month, year=year)
    return found


def whole_year(priced: Tariff, *, changes: Tariff | None = None, on: Month = NEXT_APRIL) -> list[TariffPeriod]:
    """A period for each month; from the month `on` those of the version `changes`."""
    return [
        tariff_period(priced, str(month.first_day), str(month.next.first_day))
        if month < on or changes is None
        else tariff_period(changes, str(month.first_day), str(month.next.first_day), version=2)
        for month in months_between(APRIL, NEXT_APRIL)
    ]


def with_terms(terms: ChargeTerms, *charges: Charge, continues: bool = False) -> Tariff:
    plain = tariff(*charges, continues=continues)
    return Tariff(
        id=plain.id, service=plain.service, name=plain.name, charges=charges, terms=terms, on_change=plain.on_change
    )


def detail(quantity: str = "1", *, day: str = "2026-05-01", events: int = 1, **attributes: str) -> UsageDetail:
    return UsageDetail(date.fromisoformat(day), Decimal(quantity), attributes, events)


def amounts(found: Sequence[ChargeLine]) -> list[int]:
    return [line.amount_pence for line in found]


# --- commitments


@pytest.mark.parametrize(("used", "pence"), [("0", 10_000), ("100", 10_000), ("100.5", 10_075), ("120", 13_000)])
def test_what_was_committed_is_paid_and_units_above_it_have_their_own_price(used: str, pence: int) -> None:
    charge = CommitmentCharge(name="Hours", units=100, over="month", price_gbp="1", overage_gbp="1.50")

    assert amounts(lines(tariff(charge), used)) == [pence]


def test_a_part_month_commits_to_its_days_of_units_and_money() -> None:
    charge = CommitmentCharge(name="Hours", units=310, over="month", price_gbp="1", overage_gbp="2")
    period = tariff_period(tariff(charge), "2026-05-11", "2026-06-01")

    (found,) = rate(PAYABLE, MeteredUsage({date(2026, 5, 12): Decimal(212)}), [period], council=ASHBY.id, month=MAY)

    assert found.amount_pence == 21_000 + 2 * 200  # 210 units of 310 are committed to in 21 of 31 days


def test_a_years_commitment_is_passed_once_the_years_usage_is() -> None:
    found = year_lines(whole_year(tariff(HOURS)), {"2026-04-10": "25000", "2026-09-01": "16000", "2027-03-31": "500"})

    assert amounts(found)[0] == 10_000_000  # a twelfth of £1,200,000
    assert amounts(found)[5] == 10_000_000 + 1_000 * 4_250
    assert amounts(found)[11] == 10_000_000 + 500 * 4_250
    assert sum(amounts(found)) == 120_000_000 + 1_500 * 4_250
    assert found[5].narrative.endswith(", after 25,000 used earlier of the year's 40,000")
    assert [found[month].workings[1].label for month in (0, 5)] == [
        "Above 40,000 committed",
        "Above 40,000 committed, after 25,000 used earlier",
    ]


@law
@given(late=st.integers(1, 50_000), month=st.integers(4, 12))
def test_late_usage_moves_the_overage_of_later_months_and_the_year_stays_right(late: int, month: int) -> None:
    used = {"2026-06-01": "30000", "2026-12-31": "12000"}

    found = year_lines(whole_year(tariff(HOURS)), used | {f"2026-{month:02}-02": str(late)})

    assert sum(amounts(found)) == 120_000_000 + max(42_000 + late - 40_000, 0) * 4_250


@pytest.mark.parametrize(
    ("continues", "above"),
    [
        (True, 24_000 + 30_000 - 45_000),  # 20,000 of the old version and 25,000 of the new one
        (False, 4_000 + 5_000),  # each half alone
    ],
)
def test_a_commitment_that_changes_in_mid_year_goes_on_or_begins_again(continues: bool, above: int) -> None:
    more = CommitmentCharge(name="Hours", units=50_000, over="financial-year", price_gbp="30", overage_gbp="42.50")
    periods = whole_year(tariff(HOURS), changes=tariff(more, continues=continues), on=Month(2026, 10))

    found = year_lines(periods, {"2026-05-01": "24000", "2026-11-01": "30000"})

    assert sum(amounts(found)) == 60_000_000 + 75_000_000 + above * 4_250


# --- attributes and amounts

MATRIX = MatrixCharge(
    name="By priority",
    prices=(
        MatrixPrice(when={"priority": ("urgent",), "site": ("depot",)}, price_gbp="50"),
        MatrixPrice(when={"priority": ("urgent",)}, price_gbp="25"),
    ),
    otherwise_gbp="4.42",
)


def test_a_unit_has_the_price_of_the_first_row_that_it_matches() -> None:
    details = [
        detail("2", priority="urgent", site="depot"),
        detail("3", priority="urgent"),
        detail("10", priority="normal"),
    ]

    (found,) = lines(tariff(MATRIX), "16", details=details)

    assert found.amount_pence == 10_000 + 7_500 + 11 * 442  # of one unit nothing is known
    assert [step.label for step in found.workings] == ["priority urgent, site depot", "priority urgent", "All others"]


@pytest.mark.parametrize(
    ("charge", "values", "pence"),
    [
        (PercentageCharge(name="Fee", percent="2.5"), ["100.00", "19.99"], 300),  # 2.99975
        (PercentageCharge(name="Fee", percent="2.5", fixed_gbp="0.20"), ["100.00", "20.00"], 340),
        (PercentageCharge(name="Fee", percent="1", minimum_gbp="0.50"), ["10", "50", "60"], 160),
        (PercentageCharge(name="Fee", percent="1", maximum_gbp="0.50"), ["10", "50", "60"], 110),
        (PercentageCharge(name="Fee", percent="1", free_events=2), ["10", "50", "60"], 60),
        (PercentageCharge(name="Fee", percent="1", fixed_gbp="1", free_gbp="55"), ["10", "50", "60"], 265),
        (PercentageCharge(name="Fee", percent="1", free_events=1, free_gbp="50"), ["10", "50", "60"], 60),
        (PercentageCharge(name="Fee", percent="1", fixed_gbp="1", minimum_gbp="2"), ["-100", "no number"], 0),
    ],
)
def test_each_transaction_has_its_share_fixed_part_minimum_and_maximum(
    charge: PercentageCharge, values: list[str], pence: int
) -> None:
    (found,) = lines(tariff(charge), str(len(values)), details=[detail(value=value) for value in values])

    assert found.amount_pence == pence


@law
@given(values=st.lists(st.integers(0, 10_000), max_size=8), split=st.integers(0, 8), free=st.integers(0, 200))
def test_transactions_priced_in_two_parts_come_to_what_they_do_at_once(
    values: list[int], split: int, free: int
) -> None:
    charge = PercentageCharge(
        name="Fee",
        percent="1",
        fixed_gbp="0.10",
        minimum_gbp="0.20",
        maximum_gbp="9",
        free_events=2,
        free_gbp=str(free),
    )
    days = ["2026-05-01" if index < split else "2026-05-20" for index in range(len(values))]
    details = [detail(day=day, value=str(value)) for day, value in zip(days, values, strict=True)]
    priced = tariff(charge, continues=True)

    at_once = lines(priced, str(len(values)), details=details)
    in_two = lines(priced, str(len(values)), "0", splits=["2026-05-11"], details=details)

    assert sum(line.amount_exact for line in at_once) == sum(line.amount_exact for line in in_two)


def test_alike_transactions_come_to_what_they_do_one_by_one() -> None:
    charge = PercentageCharge(name="Fee", percent="1", free_events=2, free_gbp="15")

    (alike,) = lines(tariff(charge), "9", details=[detail("9", events=9, value="10")])
    (alone,) = lines(tariff(charge), "9", details=[detail(value="10") for _ in range(9)])

    assert alike.workings == alone.workings
    assert alike.amount_pence == 55  # two free, £15 free, £55 of £70 are left


def test_a_cost_is_passed_on_with_its_mark_up() -> None:
    details = [detail(value="120.50"), detail(value="79.50"), detail()]

    (found,) = lines(tariff(CostPlusCharge(name="Agency", markup_percent="12.5")), "3", details=details)

    assert found.amount_pence == 22_500
    assert [step.formula for step in found.workings] == ["200", "200 x 12.5/100", "Without a cost: 1 x 0"]


# --- what is used and not priced

ERROR = Waiver(name="payroll error", when={"cause": ("payroll-error",)})
BACS = with_terms(ChargeTerms(waivers=(ERROR,)), UnitCharge(name="BACS", price_gbp="25"))


def test_units_that_were_caused_by_the_providers_error_cost_nothing_and_are_shown() -> None:
    details = [detail("4"), detail("2", cause="payroll-error"), detail("1", cause="late-claim")]

    (found,) = lines(BACS, "7", details=details)

    assert (found.amount_pence, found.quantity) == (12_500, Decimal(5))
    assert [(step.label, step.quantity_text) for step in found.workings] == [("", "5"), ("Waived: payroll error", "2")]


def test_a_month_in_which_all_is_waived_is_no_month_without_usage() -> None:
    details = [detail("2", cause="payroll-error")]

    (found,) = lines(BACS, "2", details=details)

    assert (found.amount_pence, found.absence) == (0, None)


@pytest.mark.parametrize(("used", "pence"), [("99", 0), ("100", 0), ("100.5", 50), ("110", 1_000), ("130", 2_500)])
def test_free_units_fill_no_tier(used: str, pence: int) -> None:
    tiers = (Tier(up_to=20, price_gbp="1"), Tier(price_gbp="0.50"))

    (found,) = lines(with_terms(ChargeTerms(free_units=100), GraduatedCharge(name="Tiers", tiers=tiers)), used)

    assert found.amount_pence == pence


def test_free_units_are_those_of_the_month_whatever_changes_in_it() -> None:
    priced = with_terms(ChargeTerms(free_units=100), UnitCharge(name="Each", price_gbp="1"), continues=True)

    found = lines(priced, "70", "50", splits=["2026-05-11"])

    assert amounts(found) == [0, 2_000]
    assert [line.workings[1].quantity_text for line in found] == ["70", "30"]


# --- discounts, maximum, minimum

FIVE_PERCENT = PercentageDiscount(name="Early payment", percent="5")
TEN_POUNDS = FixedDiscount(name="Rebate", monthly_gbp="10")


def test_percentages_come_before_fixed_discounts_in_whatever_order_they_are_written() -> None:
    for discounts in ((FIVE_PERCENT, TEN_POUNDS), (TEN_POUNDS, FIVE_PERCENT)):
        found = lines(with_terms(ChargeTerms(discounts=discounts), standing("100")))

        assert [(line.kind, line.amount_pence) for line in found] == [
            ("standing", 10_000),
            ("percentage-discount", -500),
            ("fixed-discount", -1_000),
        ]


def test_a_fixed_discount_is_at_most_what_is_left() -> None:
    assert amounts(lines(with_terms(ChargeTerms(discounts=(TEN_POUNDS,)), standing("7")))) == [700, -700]


@pytest.mark.parametrize(
    ("used", "expected"),
    [("10", [1_000, -50, 0, 1_550]), ("40", [4_000, -200, 0, 0]), ("100", [10_000, -500, -4_500, 0])],
)
def test_the_maximum_and_then_the_minimum_look_at_what_discounts_left(used: str, expected: list[int]) -> None:
    terms = ChargeTerms(discounts=(FIVE_PERCENT,), maximum=ChargeLimit(gbp="50"), minimum=ChargeLimit(gbp="25"))

    assert amounts(lines(with_terms(terms, UnitCharge(name="Each", price_gbp="1")), used)) == expected


def test_a_minimum_waits_for_the_end_of_its_month() -> None:
    priced = with_terms(ChargeTerms(minimum=ChargeLimit(gbp="25")), UnitCharge(name="Each", price_gbp="1"))

    assert [line.kind for line in lines(priced, "10", is_over=False)] == ["unit"]
    assert [line.kind for line in lines(priced, "10")] == ["unit", "minimum"]


def test_limits_are_prorated_by_days_and_hold_over_a_change_of_version_that_continues() -> None:
    terms = ChargeTerms(maximum=ChargeLimit(gbp="31"), minimum=ChargeLimit(gbp="15.50"))
    each = UnitCharge(name="Each", price_gbp="1")

    assert amounts(lines(with_terms(terms, each), "20", "20", splits=["2026-05-11"])) == [2_000, -1_000, 0, 2_000, 0, 0]
    assert amounts(lines(with_terms(terms, each, continues=True), "20", "20", splits=["2026-05-11"])) == [
        2_000,
        0,
        2_000,
        -900,
        0,
    ]


def test_a_years_maximum_and_minimum_see_the_whole_year() -> None:
    limit = ChargeLimit(gbp="100", over="financial-year")
    each = UnitCharge(name="Each", price_gbp="1")
    used = {"2026-04-10": "70", "2026-07-01": "50", "2027-03-01": "10"}

    capped = year_lines(whole_year(with_terms(ChargeTerms(maximum=limit), each)), used)
    topped_up = year_lines(whole_year(with_terms(ChargeTerms(minimum=limit), each)), {"2026-04-10": "70"})

    assert sum(amounts(capped)) == 10_000
    assert [line.amount_pence for line in capped if line.kind == "maximum"] == [0, 0, 0, -2_000, *[0] * 7, -1_000]
    assert [line.amount_pence for line in topped_up if line.kind == "minimum"] == [3_000]
    assert topped_up[-1].first_day == date(2027, 3, 1)


# --- said in the tariff: zero_usage_flat, prorate_tiers

FLAT = (Tier(up_to=31, price_gbp="1", flat_gbp="5"), Tier(price_gbp="0.10"))


@pytest.mark.parametrize("kind", [GraduatedCharge, VolumeCharge])
def test_a_month_without_units_pays_the_first_tiers_fixed_part_where_the_tariff_says_so(
    kind: type[GraduatedCharge | VolumeCharge],
) -> None:
    for flag, expected in ((False, [0, 300 + 500]), (True, [500, 300])):
        charge = kind(name="Tiers", tiers=FLAT, zero_usage_flat=flag)

        assert amounts(lines(tariff(charge, continues=True), "0", "3", splits=["2026-05-11"])) == expected


def test_tier_bounds_included_and_free_units_are_prorated_where_the_tariff_says_so() -> None:
    charges: list[tuple[Charge, int]] = [
        (GraduatedCharge(name="Tiers", tiers=FLAT), 500 + 2_100 + 190),  # 21 of 31 days: up to 21 units
        (VolumeCharge(name="Tiers", tiers=FLAT), 400),
        (CapacityCharge(name="Capacity", monthly_gbp="31", included=31, overage_gbp="1"), 2_100 + 1_900),
    ]
    for charge, expected in charges:
        period = tariff_period(with_terms(ChargeTerms(prorate_tiers=True), charge), "2026-05-11", "2026-06-01")
        usage = MeteredUsage({date(2026, 5, 11): Decimal(40)})

        assert amounts(rate(PAYABLE, usage, [period], council=ASHBY.id, month=MAY)) == [expected]


def test_tiers_that_continue_are_prorated_to_the_days_that_they_run() -> None:
    priced = with_terms(ChargeTerms(prorate_tiers=True), GraduatedCharge(name="Tiers", tiers=FLAT), continues=True)

    assert amounts(lines(priced, "20", "20", splits=["2026-05-11"])) == [500 + 2_000, 1_100 + 90]


# --- given back

KINDS: list[Charge] = [
    UnitCharge(name="Each", price_gbp="0.0375"),
    PackageCharge(name="Packages", size=10, price_gbp="3"),
    GraduatedCharge(name="Tiers", tiers=(Tier(up_to=10, price_gbp="2"), Tier(price_gbp="0.50"))),
    CommitmentCharge(name="Hours", units=10, over="month", price_gbp="1", overage_gbp="2"),
    CapacityCharge(name="Capacity", monthly_gbp="31", included=10, overage_gbp="1"),
]


@pytest.mark.parametrize("charge", KINDS, ids=lambda charge: type(charge).__name__)
@law
@given(first=st.integers(-100, 100), second=st.integers(-100, 100))
def test_what_is_given_back_later_in_the_month_is_given_back_as_it_was_priced(
    charge: Charge, first: int, second: int
) -> None:
    priced = tariff(charge, continues=True)

    parts = lines(priced, str(first), str(second), splits=["2026-05-11"])
    at_once = lines(priced, str(first + second))

    assert sum(line.amount_exact for line in parts) == sum(line.amount_exact for line in at_once)


def test_a_month_below_zero_is_never_raised_to_it() -> None:
    for charge in KINDS[:3]:
        assert lines(tariff(charge), "-20")[0].amount_pence < 0

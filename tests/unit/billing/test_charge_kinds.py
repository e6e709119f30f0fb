"""Annual, package and volume charges as tables, and what must hold of each whatever the numbers."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.charge_line import ChargeLine
from billing.domain.rating.annual import MonthOfYear
from billing.domain.rating.pipeline import rate
from billing.domain.usage import MeteredUsage
from shared.contracts.charges import (
    AnnualCharge,
    CapacityCharge,
    Charge,
    GraduatedCharge,
    PackageCharge,
    Tier,
    VolumeCharge,
)
from shared.contracts.definitions import Tariff
from shared.period import Month
from tests.support.laws import law
from tests.support.recharges import ASHBY, PAYABLE, tariff, tariff_period

MAY = Month(2026, 5)
PACKAGES = PackageCharge(name="Packages", size=100, price_gbp="3.00")
VOLUME = VolumeCharge(name="Volume", tiers=(Tier(up_to=15, price_gbp="10"), Tier(price_gbp="5")))

quantities = st.integers(0, 10**10).map(lambda millionths: Decimal(millionths) / 10**6)
years = st.integers(0, 10**10).map(lambda pence: Decimal(pence) / 100)


def lines(priced: Tariff, *used: str, month: Month = MAY, split: date | None = None) -> tuple[ChargeLine, ...]:
    """The month's lines of one version, or of two that continue from `split` on; `used` on the first day of each."""
    first, end = month.first_day, month.next.first_day
    days = [first, end] if split is None else [first, split, end]
    periods = [
        tariff_period(priced, start.isoformat(), until.isoformat(), version=version)
        for version, (start, until) in enumerate(pairwise(days), start=1)
    ]
    usage = MeteredUsage(dict(zip(days, map(Decimal, used), strict=False)))
    return rate(PAYABLE, usage, periods, council=ASHBY.id, month=month)


def line(charge: Charge, *used: str, month: Month = MAY) -> ChargeLine:
    (found,) = lines(tariff(charge), *used, month=month)
    return found


@pytest.mark.parametrize(
    ("month", "pence", "number"),
    [
        (Month(2026, 4), 833_333, 1),
        (Month(2026, 5), 833_334, 2),
        (Month(2026, 6), 833_333, 3),
        (Month(2026, 12), 833_333, 9),
        (Month(2027, 1), 833_333, 10),
        (Month(2027, 3), 833_333, 12),
        (Month(2027, 4), 833_333, 1),
    ],
)
def test_a_year_of_100_000_pounds_is_spread_over_a_financial_year(month: Month, pence: int, number: int) -> None:
    found = line(AnnualCharge(name="Hosting", annual_gbp="100000"), "7", month=month)

    assert found.amount_pence == pence
    assert found.workings == (MonthOfYear(number, month.days, month.days, Decimal(100_000)),)
    assert not found.counts_usage


def test_a_part_month_pays_the_share_of_its_days() -> None:
    charge = tariff(AnnualCharge(name="Hosting", annual_gbp="120000.12"))
    period = tariff_period(charge, "2026-05-11", "2026-06-01")

    (found,) = rate(PAYABLE, MeteredUsage({}), [period], council=ASHBY.id, month=MAY)

    assert found.workings[0].amount == Fraction(1_000_001 * 21, 100 * 31)
    assert found.narrative.startswith("21 of 31 days of £10,000.01 as month 2 of 12 of £120,000.12 a year")
    assert found.workings[0].formula == "(round(120000.12 x 2/12) - round(120000.12 x 1/12)) x 21/31 days"


@law
@given(price=years, first=st.integers(2001, 2098))
def test_twelve_months_of_an_annual_charge_are_the_year_to_the_penny(price: Decimal, first: int) -> None:
    months = [Month(first, 4)]
    while len(months) < 12:
        months.append(months[-1].next)

    amounts = [
        line(AnnualCharge(name="Hosting", annual_gbp=f"{price:f}"), month=month).amount_pence for month in months
    ]

    assert sum(amounts) == price * 100
    assert max(amounts) - min(amounts) <= 1


@pytest.mark.parametrize(
    ("quantity", "count"), [("0", 0), ("0.000001", 1), ("1", 1), ("100", 1), ("100.000001", 2), ("250", 3), ("300", 3)]
)
def test_a_package_is_paid_as_soon_as_it_is_begun(quantity: str, count: int) -> None:
    found = line(PACKAGES, quantity)

    assert found.amount_pence == count * 300
    assert found.quantity == Decimal(quantity)
    assert found.workings[0].formula == f"{count} x 3"


def test_a_package_begun_before_a_tariff_change_is_paid_once_where_tiers_continue() -> None:
    for continues, expected in ((True, [600, 300]), (False, [600, 600])):
        priced = tariff(PACKAGES, continues=continues)

        assert [each.amount_pence for each in lines(priced, "150", "110", split=date(2026, 5, 11))] == expected


@pytest.mark.parametrize(
    ("quantity", "pence"),
    [("0", 0), ("1", 1_000), ("15", 15_000), ("15.000001", 7_500), ("16", 8_000), ("1000", 500_000)],
)
def test_every_unit_has_the_price_of_the_tier_that_is_reached(quantity: str, pence: int) -> None:
    assert line(VOLUME, quantity).amount_pence == pence


def test_the_narrative_says_which_quantity_set_the_price() -> None:
    assert line(VOLUME, "16").narrative.endswith(", the price of 16 units in the month (above 15)")
    assert "the price of" not in line(VolumeCharge(name="Flat", tiers=(Tier(price_gbp="1"),)), "16").narrative


def test_a_later_part_of_the_month_has_the_tier_of_the_whole_where_tiers_continue() -> None:
    found = lines(tariff(VOLUME, continues=True), "10", "6", split=date(2026, 5, 11))

    assert [each.amount_pence for each in found] == [10_000, 3_000]


@law
@given(quantity=quantities)
def test_one_open_tier_costs_the_same_in_every_kind(quantity: Decimal) -> None:
    open_tier = (Tier(price_gbp="0.0375"),)
    text = f"{quantity:f}"

    volume, graduated = (line(kind(name="All", tiers=open_tier), text) for kind in (VolumeCharge, GraduatedCharge))

    assert volume.amount_pence == graduated.amount_pence


@law
@given(first=quantities, second=quantities, size=st.integers(1, 1_000))
def test_packages_counted_in_two_parts_are_those_counted_at_once(first: Decimal, second: Decimal, size: int) -> None:
    charge = PackageCharge(name="Packages", size=size, price_gbp="1.00")
    priced = tariff(charge, continues=True)

    parts = lines(priced, f"{first:f}", f"{second:f}", split=date(2026, 5, 11))

    assert sum(part.amount_pence for part in parts) == line(charge, f"{first + second:f}").amount_pence
    assert (first + second) / size <= sum(part.amount_pence for part in parts) / 100 < (first + second) / size + 1


FLAT_TIERS = (
    Tier(up_to=10, price_gbp="1", flat_gbp="5"),
    Tier(up_to=20, price_gbp="0.50"),
    Tier(price_gbp="0", flat_gbp="7"),
)


@pytest.mark.parametrize(
    ("quantity", "graduated", "volume"),
    [("0", 0, 0), ("1", 600, 600), ("10", 1_500, 1_500), ("11", 1_550, 550), ("20", 2_000, 1_000), ("21", 2_700, 700)],
)
def test_the_fixed_part_of_a_tier_is_paid_once_it_is_reached(quantity: str, graduated: int, volume: int) -> None:
    assert line(GraduatedCharge(name="Tiers", tiers=FLAT_TIERS), quantity).amount_pence == graduated
    assert line(VolumeCharge(name="Tiers", tiers=FLAT_TIERS), quantity).amount_pence == volume


@pytest.mark.parametrize("kind", [GraduatedCharge, VolumeCharge])
def test_a_tier_that_earlier_units_reached_has_its_fixed_part_paid(kind: type[GraduatedCharge | VolumeCharge]) -> None:
    priced = tariff(kind(name="Tiers", tiers=FLAT_TIERS), continues=True)

    assert [each.amount_pence for each in lines(priced, "3", "4", split=date(2026, 5, 11))] == [800, 400]


def test_the_working_names_the_tier_of_a_fixed_part() -> None:
    found = line(GraduatedCharge(name="Tiers", tiers=FLAT_TIERS), "21")

    assert [working.label for working in found.workings][3:] == ["Fixed part, up to 10", "Fixed part, above 20"]
    assert found.narrative.endswith(", and 2 fixed parts, £12.00 in all")


CAPACITY = CapacityCharge(name="Hours", monthly_gbp="310.00", included=100, overage_gbp="2.50")


@pytest.mark.parametrize(("quantity", "pence"), [("0", 31_000), ("100", 31_000), ("100.5", 31_125), ("140", 41_000)])
def test_units_above_those_included_cost_more(quantity: str, pence: int) -> None:
    assert line(CAPACITY, quantity).amount_pence == pence


def test_a_part_month_includes_all_the_units_and_pays_its_days() -> None:
    found = lines(tariff(CAPACITY, continues=True), "90", "30", split=date(2026, 5, 11))

    assert [each.amount_pence for each in found] == [10_000, 21_000 + 20 * 250]
    assert [each.workings[-1].formula for each in found] == ["above 100: 0 x 2.5", "above 100: 20 x 2.5"]
    assert found[1].narrative == (
        "£310.00 a month includes 100; of 30 used, 20 above at £2.50 for each supplier invoice,"
        " 2026-05-11 to 2026-05-31 (tariff version 2)"
    )

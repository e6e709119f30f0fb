"""The worked figures of the rules of money, as an accountant checks them: rounding, splitting, spreading, VAT."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.charge_line import ChargeLine
from billing.domain.rating.pipeline import rate
from billing.domain.usage import MeteredUsage
from billing.domain.vat import VatCategory, VatTotal, vat_totals
from shared.contracts.charges import AnnualCharge, Charge, UnitCharge
from shared.money import allocate, pence
from shared.period import Month, months_between
from tests.support.laws import law
from tests.support.recharges import ASHBY, PAYABLE, tariff, tariff_period

APRIL, NEXT_APRIL = Month(2026, 4), Month(2027, 4)
YEAR = list(months_between(APRIL, NEXT_APRIL))
# Illustrative numbers of inhabitants, in thousands.
DISTRICTS = {"ash": 147, "birch": 103, "cedar": 74, "elm": 174, "fir": 57, "hazel": 149, "oak": 160}


def line(charge: Charge, month: Month, quantity: str = "0") -> ChargeLine:
    period = tariff_period(tariff(charge), str(month.first_day), str(month.next.first_day))
    usage = MeteredUsage({month.first_day: Decimal(quantity)})
    (found,) = rate(PAYABLE, usage, [period], council=ASHBY.id, month=month)
    return found


def each_rounded(total_pence: int, weights: Sequence[int]) -> int:
    """What shares come to that are rounded one by one: the mistake that these figures show."""
    return sum(pence(Fraction(total_pence * weight, 100 * sum(weights))) for weight in weights)


@pytest.mark.parametrize(
    ("quantity", "price", "line_pence", "by_event_pence"),
    [
        ("40000", "0.0375", 150_000, 160_000),
        ("333", "0.001", 33, 0),
        ("666", "0.001", 67, 0),
        ("3", "0.005", 2, 3),
    ],
)
def test_an_amount_is_rounded_once_on_its_line_and_never_by_event(
    quantity: str, price: str, line_pence: int, by_event_pence: int
) -> None:
    found = line(UnitCharge(name="Each", price_gbp=price), APRIL, quantity)

    assert found.amount_pence == line_pence
    assert found.amount_exact == Fraction(quantity) * Fraction(price)
    assert int(quantity) * pence(Decimal(price)) == by_event_pence


@pytest.mark.parametrize(
    ("total_pence", "weights", "each_rounded_pence"),
    [
        (25_000_000, DISTRICTS, 25_000_001),
        (25_000_000, dict.fromkeys(DISTRICTS, 1), 25_000_003),
        (10_000, {"a": 1, "b": 1, "c": 1}, 9_999),
        (-10_000, {"a": 1, "b": 1, "c": 1}, -9_999),
    ],
)
def test_a_split_loses_no_penny_where_shares_rounded_one_by_one_do(
    total_pence: int, weights: dict[str, int], each_rounded_pence: int
) -> None:
    assert each_rounded(total_pence, list(weights.values())) == each_rounded_pence
    assert sum(allocate(total_pence, weights).values()) == total_pence


@law
@given(
    total=st.integers(0, 10**9),
    weights=st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 1_000), min_size=1).filter(
        lambda weights: any(weights.values())
    ),
)
def test_a_split_is_fair_and_the_same_whatever_the_order_or_scale_of_its_weights(
    total: int, weights: dict[str, int]
) -> None:
    shares = allocate(total, weights)

    assert allocate(total, dict(reversed(weights.items()))) == shares
    assert allocate(total, {key: 3 * weight for key, weight in weights.items()}) == shares
    assert allocate(-total, weights) == {key: -share for key, share in shares.items()}
    for one, weight in weights.items():
        assert weight or not shares[one]
        assert all(shares[one] <= shares[other] for other in weights if weight < weights[other])


def test_a_years_charge_is_spread_over_its_months_to_the_penny() -> None:
    months = [line(AnnualCharge(name="Year", annual_gbp="100000"), month).amount_pence for month in YEAR]

    assert months[:3] == [833_333, 833_334, 833_333]
    assert sum(months) == 10_000_000
    assert 12 * pence(Fraction(100_000, 12)) == 9_999_996


@law
@given(annual=st.decimals("0", "999999999", places=2))
def test_any_years_charge_is_spread_to_the_penny(annual: Decimal) -> None:
    charge = AnnualCharge(name="Year", annual_gbp=f"{annual:f}")

    assert sum(line(charge, month).amount_pence for month in YEAR) == pence(annual)


def test_a_split_over_councils_comes_before_the_spread_over_months_so_that_each_year_is_exact() -> None:
    shares = allocate(25_000_000, DISTRICTS)

    years = {
        council: sum(
            line(AnnualCharge(name="Share", annual_gbp=f"{Decimal(share) / 100:f}"), month).amount_pence
            for month in YEAR
        )
        for council, share in shares.items()
    }

    assert years == shares


@pytest.mark.parametrize(
    ("nets", "percent", "by_category", "by_line"),
    [([13] * 7, "20", 18, 21), ([12] * 7, "20", 17, 14), ([50, -50], "5", 0, 0), ([10] * 3, "5", 2, 3)],
)
def test_vat_is_of_the_sum_of_a_category(nets: list[int], percent: str, by_category: int, by_line: int) -> None:
    category = VatCategory("standard", Decimal(percent))

    (total,) = vat_totals((category, net) for net in nets)

    assert total.vat_pence == by_category
    assert sum(VatTotal(category, net).vat_pence for net in nets) == by_line

"""Pence: one rounding rule, splits without loss, and the ways pounds are written."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import (
    NegativeWeight,
    ZeroWeights,
    allocate,
    format_gbp,
    format_gbp_prose,
    format_rate,
    pence,
    plain_gbp,
)
from tests.support.laws import law


@pytest.mark.parametrize(
    ("pounds", "expected"),
    [
        ("0.004999", 0),
        ("0.005", 1),  # half to even would give 0
        ("2.675", 268),  # a float would give 267
        ("-2.675", -268),
        ("-0.005", -1),
        ("-0.004999", 0),
        ("1500", 150_000),
    ],
)
def test_a_tie_rounds_away_from_zero(pounds: str, expected: int) -> None:
    assert pence(Decimal(pounds)) == expected


def test_a_third_of_a_pound_is_33_pence() -> None:
    assert pence(Fraction(1, 3)) == 33


def test_250_000_pounds_over_seven_members_is_still_250_000_pounds() -> None:
    populations = {
        f"district-{n}": weight for n, weight in enumerate((102_126, 94_527, 187_199, 112_423, 51_394, 98_662, 57_056))
    }

    shares = allocate(25_000_000, populations)

    assert sum(shares.values()) == 25_000_000


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        (100, {"a": 1, "b": 1, "c": 1}, {"a": 34, "b": 33, "c": 33}),
        (100, {"c": 1, "b": 1, "a": 1}, {"a": 34, "b": 33, "c": 33}),  # ties go by key, not by order
        (-100, {"a": 1, "b": 1, "c": 1}, {"a": -34, "b": -33, "c": -33}),
        (1, {"a": 1, "b": 2, "c": 0}, {"a": 0, "b": 1, "c": 0}),
        (0, {"a": 5}, {"a": 0}),
    ],
)
def test_left_over_pennies_go_to_the_largest_fractions(
    total: int, weights: dict[str, int], expected: dict[str, int]
) -> None:
    assert allocate(total, weights) == expected


@pytest.mark.parametrize("weights", [{}, {"a": 0}, {"a": 0, "b": 0}])
def test_a_cost_that_nobody_shares_is_refused_and_does_not_vanish(weights: dict[str, int]) -> None:
    with pytest.raises(ZeroWeights):
        allocate(100, weights)


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(NegativeWeight, match="b"):
        allocate(100, {"a": 2, "b": -1})


@law
@given(
    total=st.integers(-(10**12), 10**12),
    weights=st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 10**7), min_size=1).filter(
        lambda weights: any(weights.values())
    ),
)
def test_shares_sum_to_the_total_and_each_is_within_a_penny_of_exact(total: int, weights: dict[str, int]) -> None:
    shares = allocate(total, weights)

    assert sum(shares.values()) == total
    assert shares.keys() == weights.keys()
    for key, weight in weights.items():
        assert abs(shares[key] - Fraction(total * weight, sum(weights.values()))) < 1


@pytest.mark.parametrize(
    ("amount", "table", "prose", "plain"),
    [
        (0, "£0.00", "£0", "0.00"),
        (7_500, "£75.00", "£75", "75.00"),
        (7_550, "£75.50", "£75.50", "75.50"),
        (123_450, "£1,234.50", "£1,234.50", "1234.50"),
        (-1_230, "−£12.30 credit", "a credit of £12.30", "-12.30"),
        (-5, "−£0.05 credit", "a credit of £0.05", "-0.05"),
    ],
)
def test_pounds_are_written_one_way_in_tables_one_in_sentences_and_one_in_files(
    amount: int, table: str, prose: str, plain: str
) -> None:
    assert (format_gbp(amount), format_gbp_prose(amount), plain_gbp(amount)) == (table, prose, plain)


@pytest.mark.parametrize(
    ("price", "expected"), [("0.0375", "£0.0375"), ("4.5", "£4.50"), ("1200", "£1,200.00"), ("0.500000", "£0.50")]
)
def test_a_price_keeps_its_decimals_and_has_at_least_two(price: str, expected: str) -> None:
    assert format_rate(Decimal(price)) == expected

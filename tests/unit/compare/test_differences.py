"""Why a recharge is different: causes with their figures, which always sum to the difference."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.compare.differences import RechargeDifference, differences
from tallystick.compare.recharge_rows import Pair, RechargeRow
from tallystick.compare.statement_charges import StatedCharges, StatementCharges
from tests.support.laws import law

ADUR, WORTHING = ("adur", "payroll"), ("worthing", "payroll")


def row(pence: int, quantity: str | None = None, price: str | None = None, *, is_credit: bool = False) -> RechargeRow:
    units, each = (None if text is None else Fraction(text) for text in (quantity, price))
    return RechargeRow(2, pence, units, each, is_credit=is_credit)


def used(quantity: str, listed: str, exact: str, pence: int, *, fixed: int = 0, credit: int = 0) -> StatedCharges:
    """Charges that count usage."""
    numbers = Fraction(quantity), Fraction(listed), Fraction(exact)
    return StatedCharges(*numbers, pence, fixed, credit, counts_usage=True)


def causes(found: RechargeDifference) -> dict[str, int]:
    return {each.cause: each.pence for each in found.causes}


@pytest.mark.parametrize(
    ("rows", "stated", "expected"),
    [
        pytest.param([row(20_000, "100", "2")], used("100", "200", "200", 20_000), {}, id="the same"),
        pytest.param([row(20_000, "100", "2")], used("110", "220", "220", 22_000), {"usage": 2_000}, id="more units"),
        pytest.param([row(20_000, "100", "2")], used("100", "250", "250", 25_000), {"price": 5_000}, id="dearer"),
        pytest.param(
            [row(20_000, "100", "2")],
            used("110", "275", "275", 27_500),
            {"usage": 2_000, "price": 5_500},
            id="more units, and dearer: usage at the old price, the price at the new usage",
        ),
        pytest.param([row(20_000, "100", "2")], used("100", "200", "180", 18_000), {"tier": -2_000}, id="a tier"),
        pytest.param(
            [row(10_000, "50", "2"), row(5_000, "50", "1")],
            used("100", "200", "150", 15_000),
            {},
            id="the same tiers in both",
        ),
        pytest.param(
            [row(333, "10", "0.333")], used("10", "3.33", "3.335", 334), {"rounding": 0, "tier": 1}, id="half a penny"
        ),
        pytest.param([row(334, "10", "0.333")], used("10", "3.33", "3.33", 333), {"rounding": -1}, id="rounded up"),
        pytest.param(
            [row(25_000, "100", "2")],
            used("100", "200", "200", 20_000),
            {"unexplained": -5_000},
            id="an amount that is not its quantity times its price",
        ),
        pytest.param([row(20_000, "100")], used("110", "220", "220", 22_000), {"usage": 2_000}, id="no price"),
        pytest.param([row(0, "0")], used("10", "20", "20", 2_000), {"usage": 2_000}, id="nothing was used before"),
        pytest.param([row(2_000, "10", "2")], used("0", "0", "0", 0), {"usage": -2_000}, id="nothing is used now"),
        pytest.param(
            [row(20_000, "100", "2"), row(-500, is_credit=True)],
            used("100", "200", "200", 20_000, credit=1_500),
            {"credit": -1_000},
            id="a larger credit",
        ),
        pytest.param(
            [row(20_000, "100", "2")],
            used("100", "200", "200", 20_000, fixed=700),
            {"not-in-file": 700},
            id="a fixed charge beside usage",
        ),
        pytest.param(
            [row(20_000, "100", "2"), row(300)],
            used("100", "200", "200", 20_000),
            {"not-in-tallystick": -300},
            id="a fixed charge of before",
        ),
        pytest.param(None, used("1", "2", "2", 200, credit=50), {"not-in-file": 200, "credit": -50}, id="only now"),
        pytest.param([row(200)], None, {"not-in-tallystick": -200}, id="only before"),
    ],
)
def test_a_difference_has_its_causes(
    rows: list[RechargeRow] | None, stated: StatedCharges | None, expected: dict[str, int]
) -> None:
    earlier = {} if rows is None else {ADUR: rows}
    known = {} if stated is None else {ADUR: stated}

    (found,) = differences(earlier, known)

    assert causes(found) == {cause: pence for cause, pence in expected.items() if pence}


def test_without_units_a_council_pays_another_share_of_another_sum() -> None:
    earlier = {ADUR: [row(4_500)], WORTHING: [row(5_500)]}
    stated = {ADUR: StatedCharges(fixed_pence=6_000), WORTHING: StatedCharges(fixed_pence=6_000)}

    adur, worthing = differences(earlier, stated)

    assert causes(adur) == {"price": 900, "share": 600}
    assert causes(worthing) == {"price": 1_100, "share": -600}


def test_a_council_that_is_in_one_only_has_no_part_in_the_shares_of_others() -> None:
    earlier = {ADUR: [row(4_500)], WORTHING: [row(5_500)], ("crawley", "payroll"): [row(90_000)]}
    stated = {ADUR: StatedCharges(fixed_pence=4_500), WORTHING: StatedCharges(fixed_pence=5_500)}

    adur, crawley, worthing = differences(earlier, stated)

    assert (causes(adur), causes(worthing)) == ({}, {})
    assert causes(crawley) == {"not-in-tallystick": -90_000}


PENCE = st.integers(-10_000_000, 10_000_000)
NUMBERS = st.fractions(-1_000, 100_000, max_denominator=1_000)
PAIRS: st.SearchStrategy[Pair] = st.tuples(st.sampled_from("abc"), st.sampled_from(["ict", "payroll"]))
ROWS = st.builds(
    RechargeRow,
    line=st.just(2),
    amount_pence=PENCE,
    quantity=st.none() | NUMBERS,
    price=st.none() | NUMBERS,
    is_credit=st.booleans(),
)
STATED = st.builds(
    StatedCharges,
    quantity=NUMBERS,
    listed=NUMBERS,
    exact=NUMBERS,
    used_pence=PENCE,
    fixed_pence=PENCE,
    credit_pence=st.integers(0, 10_000),
    counts_usage=st.booleans(),
)


@law
@given(st.dictionaries(PAIRS, st.lists(ROWS, min_size=1, max_size=3)), st.dictionaries(PAIRS, STATED))
def test_causes_sum_to_each_difference_and_differences_to_the_total(
    earlier: dict[Pair, list[RechargeRow]], stated: dict[Pair, StatedCharges]
) -> None:
    found = differences(earlier, stated)

    for each in found:
        assert sum(cause.pence for cause in each.causes) == each.difference_pence
        assert len({cause.cause for cause in each.causes}) <= len(each.causes)
    before = sum(each.amount_pence for rows in earlier.values() for each in rows)
    now = sum(each.charge_pence - each.credit_pence for each in stated.values())
    assert sum(each.difference_pence for each in found) == now - before


@law
@given(st.dictionaries(st.sampled_from("abcd"), st.tuples(st.integers(1, 10**7), st.integers(1, 10**7)), min_size=1))
def test_shares_move_pounds_between_councils_and_add_none(amounts: dict[str, tuple[int, int]]) -> None:
    earlier = {(council, "ict"): [row(before)] for council, (before, _) in amounts.items()}
    stated = {(council, "ict"): StatedCharges(fixed_pence=now) for council, (_, now) in amounts.items()}

    moved = sum(causes(each).get("share", 0) for each in differences(earlier, stated))

    assert abs(moved) <= len(amounts)  # each council's is rounded


def line(kind: str, amount_pence: int, *workings: dict[str, object], quantity: str = "0", **rest: object) -> object:
    exact = str(rest.pop("exact", None) or Fraction(amount_pence, 100))
    plain = {"charge": kind, "kind": kind, "quantity": quantity, "workings": list(workings), "counts_usage": True}
    return plain | {"amount_exact": exact, "amount_pence": amount_pence} | rest


@pytest.mark.parametrize(
    ("lines", "listed", "exact", "fixed_pence"),
    [
        ([line("unit", 200, {"type": "unit-price", "price": "2"}, quantity="1")], 2, 2, 0),
        (
            [
                line(
                    "graduated",
                    2_800,
                    {"type": "tier-step", "price": "2", "quantity": "10"},
                    {"type": "tier-step", "price": "1", "quantity": "8"},
                    quantity="18",
                )
            ],
            36,
            28,
            0,
        ),
        ([line("package", 600, {"type": "packages", "price": "6", "size": 4}, quantity="3")], Fraction(9, 2), 6, 0),
        (
            [
                line("unit", 200, {"type": "unit-price", "price": "2"}, quantity="1"),
                line("percentage-discount", -20, counts_usage=False),
                line("standing", 500, counts_usage=False),
            ],
            2,
            Fraction(9, 5),
            500,
        ),
        ([line("standing", 500, counts_usage=False), line("minimum", 20, counts_usage=False)], 0, 0, 520),
    ],
)
def test_of_a_statement_the_price_of_the_first_tier_is_told_from_the_rest(
    lines: list[object], listed: Fraction, exact: Fraction, fixed_pence: int
) -> None:
    charges = StatementCharges()

    charges.add(
        {
            "council": {"id": "adur", "name": "Adur"},
            "services": [{"id": "payroll", "name": "Payroll", "lines": lines}],
            "total_pence": 0,
            "illustrative": False,
            "status": "draft",
        }
    )

    found = charges.charges[ADUR]
    assert (found.listed, found.exact, found.fixed_pence) == (listed, exact, fixed_pence)

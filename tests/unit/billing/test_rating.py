"""Tariffs as tables: every tier edge on both sides, part months, changes in the middle of a month."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.charge_line import ChargeLine
from billing.domain.rating.graduated import TierStep, UnpricedUnits, price_by_tier
from billing.domain.rating.pipeline import rate
from billing.domain.rating.standing import ProratedMonth
from billing.domain.usage import MeteredUsage
from shared.contracts.charges import GraduatedCharge, Tier
from shared.contracts.definitions import Tariff
from shared.money import exact_text
from shared.period import Month
from tests.support.laws import law
from tests.support.recharges import ASHBY, GRADUATED, PAYABLE, metered, standing, tariff, tariff_period, unit

MAY = Month(2026, 5)
WHOLE_MAY = ("2026-05-01", "2026-06-01")


def may_lines(priced: Tariff, usage: MeteredUsage) -> tuple[ChargeLine, ...]:
    return rate(PAYABLE, usage, [tariff_period(priced, *WHOLE_MAY)], council=ASHBY.id, month=MAY)


@pytest.mark.parametrize(
    ("quantity", "exact", "pence"),
    [
        ("9", "9", 900),
        ("10", "10", 1_000),  # the upper bound belongs to its tier
        ("10.001", "10.0005", 1_000),
        ("11", "10.5", 1_050),
        ("19", "14.5", 1_450),
        ("20", "15", 1_500),
        ("21", "15.0375", 1_504),
        ("199.5", "21.73125", 2_173),  # nothing between 199 and 200 is left unpriced
        ("1000020", "37515", 3_751_500),
    ],
)
def test_a_unit_is_priced_by_the_tier_whose_upper_bound_it_does_not_pass(quantity: str, exact: str, pence: int) -> None:
    (line,) = may_lines(tariff(GRADUATED), metered(d2026_05_07=quantity))

    assert exact_text(line.amount_exact) == exact
    assert line.amount_pence == pence


def test_the_working_shows_what_each_tier_priced() -> None:
    (line,) = may_lines(tariff(GRADUATED), metered(d2026_05_07="25.5"))

    assert line.workings == (
        TierStep(Decimal(0), Decimal(10), Decimal(10), Decimal("1.00")),
        TierStep(Decimal(10), Decimal(20), Decimal(10), Decimal("0.50")),
        TierStep(Decimal(20), None, Decimal("5.5"), Decimal("0.0375")),
    )
    assert line.narrative == "25.5 in 3 tiers, priced for each supplier invoice"


def test_40_000_transactions_at_three_and_three_quarter_pence_are_1_500_pounds() -> None:
    usage = metered(**{f"d2026_05_{day:02}": "2000" for day in range(1, 21)})

    (line,) = may_lines(tariff(unit("0.0375")), usage)

    assert line.amount_pence == 150_000  # rounded for each unit it would be £1,600.00
    assert line.narrative == "40,000 at £0.0375 for each supplier invoice"


@pytest.mark.parametrize(
    ("first", "end", "monthly", "pence", "narrative"),
    [
        ("2026-05-01", "2026-06-01", "310.00", 31_000, "£310.00 for the month"),
        ("2026-05-15", "2026-06-01", "310.00", 17_000, "17 of 31 days of £310.00 a month"),  # joins on Friday 15 May
        ("2026-05-01", "2026-05-15", "310.00", 14_000, "14 of 31 days of £310.00 a month"),  # its last day is the 14th
        ("2026-05-31", "2026-06-01", "100.00", 323, "1 of 31 days of £100.00 a month"),  # 3.2258…
    ],
)
def test_a_part_month_pays_for_its_days(first: str, end: str, monthly: str, pence: int, narrative: str) -> None:
    part = tariff_period(tariff(standing(monthly)), first, end)

    (line,) = rate(PAYABLE, MeteredUsage(), [part], council=ASHBY.id, month=MAY)

    assert line.amount_pence == pence
    assert line.narrative.startswith(narrative)
    assert isinstance(line.workings[0], ProratedMonth)


def test_a_month_that_the_clocks_change_in_counts_31_dates_not_743_hours() -> None:
    march = Month(2026, 3)
    part = tariff_period(tariff(standing("310.00")), "2026-03-29", "2026-04-01")  # Sunday 29 March has 23 hours

    (line,) = rate(PAYABLE, MeteredUsage(), [part], council=ASHBY.id, month=march)

    assert line.amount_pence == 3_000


def test_a_change_of_tariff_splits_the_line_and_each_part_has_its_own_price() -> None:
    old, new = tariff(unit("1.00")), tariff(unit("2.00"), since="2026-05-08")
    parts = [tariff_period(old, "2026-05-01", "2026-05-08"), tariff_period(new, "2026-05-08", "2026-06-01", version=2)]

    before, after = rate(
        PAYABLE, metered(d2026_05_07="100", d2026_05_08="10"), parts, council=ASHBY.id, month=MAY
    )  # Thursday is the last day of the old price, Friday the first of the new

    assert (before.tariff_version, before.quantity, before.amount_pence) == (1, Decimal(100), 10_000)
    assert (after.tariff_version, after.quantity, after.amount_pence) == (2, Decimal(10), 2_000)
    assert before.ref != after.ref


@pytest.mark.parametrize(
    ("continues", "pence"),
    [
        (False, 800 + 500 * 2),  # restart: five units in the new first tier at £2
        (True, 800 + 200 * 2 + 300 * 1),  # continue: two more in the first tier, three in the second at £1
    ],
)
def test_after_a_change_tiers_restart_or_continue_as_the_new_version_says(continues: bool, pence: int) -> None:
    dearer = GraduatedCharge(name="Transactions", tiers=(Tier(up_to=10, price_gbp="2"), Tier(price_gbp="1")))
    old, new = tariff(GRADUATED), tariff(dearer, since="2026-05-08", continues=continues)
    parts = [tariff_period(old, "2026-05-01", "2026-05-08"), tariff_period(new, "2026-05-08", "2026-06-01", version=2)]

    lines = rate(PAYABLE, metered(d2026_05_01="8", d2026_05_20="5"), parts, council=ASHBY.id, month=MAY)

    assert sum(line.amount_pence for line in lines) == pence


def test_tiers_continue_over_a_gap_of_the_same_version() -> None:
    same = tariff(GRADUATED)
    parts = [tariff_period(same, "2026-05-01", "2026-05-08"), tariff_period(same, "2026-05-15", "2026-06-01")]

    lines = rate(PAYABLE, metered(d2026_05_01="8", d2026_05_20="5"), parts, council=ASHBY.id, month=MAY)

    assert sum(line.amount_pence for line in lines) == 1_000 + 150


@pytest.mark.parametrize(
    ("usage", "absence"),
    [
        (MeteredUsage(), "no_data"),
        (MeteredUsage(events_received=3), "no_usage"),
        (metered(d2026_05_07="0"), "no_usage"),
        (metered(d2026_05_07="1"), None),
    ],
)
def test_a_silent_source_is_distinguished_from_a_month_without_usage(usage: MeteredUsage, absence: str | None) -> None:
    fixed, graduated = may_lines(tariff(standing("10"), GRADUATED), usage)

    assert (fixed.absence, graduated.absence) == (None, absence)
    assert absence is None or (graduated.quantity, graduated.amount_pence) == (Decimal(0), 0)


def test_tiers_that_end_before_the_usage_are_an_error_and_not_a_discount() -> None:
    with pytest.raises(UnpricedUnits, match="11"):
        price_by_tier([Tier(up_to=10, price_gbp="1")], already=Decimal(0), quantity=Decimal(11))


def test_the_same_charge_computed_again_has_the_same_reference() -> None:
    (first,) = may_lines(tariff(unit("1.00")), metered(d2026_05_07="1"))
    (again,) = may_lines(tariff(unit("1.00")), metered(d2026_05_07="2"))

    assert first.ref == again.ref


quantities = st.integers(0, 10**9).map(lambda millionths: Decimal(millionths) / 10**6)
prices = st.integers(0, 10**8).map(lambda millionths: f"{Decimal(millionths) / 10**6:f}")


@st.composite
def tier_tables(draw: st.DrawFn) -> tuple[Tier, ...]:
    bounds = sorted(draw(st.sets(st.integers(1, 1_000), max_size=4)))
    return tuple(Tier(up_to=bound, price_gbp=draw(prices)) for bound in [*bounds, None])


@law
@given(tiers=tier_tables(), quantity=quantities, more=quantities)
def test_more_usage_never_costs_less(tiers: tuple[Tier, ...], quantity: Decimal, more: Decimal) -> None:
    charge = tariff(GraduatedCharge(name="Transactions", tiers=tiers))

    (less,) = may_lines(charge, MeteredUsage({MAY.first_day: quantity}))
    (greater,) = may_lines(charge, MeteredUsage({MAY.first_day: quantity + more}))

    assert greater.amount_pence >= less.amount_pence


@law
@given(tiers=tier_tables(), already=quantities, first=quantities, second=quantities)
def test_usage_priced_in_two_parts_costs_what_it_costs_at_once(
    tiers: tuple[Tier, ...], already: Decimal, first: Decimal, second: Decimal
) -> None:
    at_once = price_by_tier(tiers, already=already, quantity=first + second)
    in_two = price_by_tier(tiers, already=already, quantity=first) + price_by_tier(
        tiers, already=already + first, quantity=second
    )

    assert sum(step.amount for step in at_once) == sum(step.amount for step in in_two)
    assert sum(step.quantity for step in at_once) == first + second

"""Flags of a month before it is issued: on both sides of each boundary, in figures that people understand."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.anomalies import MonthFigures, ServiceFigures, figures_of, flags
from billing.domain.rating.graduated import TierStep
from billing.domain.statement import build_statement
from shared.contracts.charges import UnitCharge
from shared.period import Month
from tests.support.laws import law
from tests.support.recharges import ASHBY, GRADUATED, PAYABLE, agreement, standing, tariff, terms, usage

NOW = Month(2026, 5)
SOURCE = "/councils/ashby/systems/finance"


def service(quantity: str = "100", pence: int = 10_000, **fields: object) -> ServiceFigures:
    return ServiceFigures("Payroll", "payslip", Decimal(quantity), pence, **fields)  # type: ignore[arg-type] # by name


def month(back: int, of: ServiceFigures | None = None, **sources: int) -> MonthFigures:
    """So many months before May, with Payroll or without any service."""
    return MonthFigures(NOW.earlier(back), {} if of is None else {"payroll": of}, sources)


def past(*quantities: str) -> list[MonthFigures]:
    """The months before May, the newest last, each charged in proportion."""
    figures = [service(each, int(Decimal(each) * 100)) for each in quantities]
    return [month(back, each) for back, each in zip(range(len(figures), 0, -1), figures, strict=True)]


def kinds(now: MonthFigures, history: Sequence[MonthFigures]) -> list[str]:
    return [each.kind for each in flags(now, history)]


# The mean of six is 100, their standard deviation 10.
STEADY = ("90", "110", "90", "110", "90", "110")


@pytest.mark.parametrize(
    ("history", "quantity", "expected"),
    [
        (STEADY, "130", []),  # three deviations, not more
        (STEADY, "130.01", ["volume"]),
        (STEADY, "70", []),
        (STEADY, "69.99", ["volume"]),
        (("100",) * 6, "110", []),  # no deviation at all, and a tenth of the mean
        (("100",) * 6, "110.01", ["volume"]),
        (("100",) * 5, "150", []),  # too short for deviations: half of the mean
        (("100",) * 5, "150.01", ["volume"]),
        (("100",), "49.99", ["volume"]),
        (("2",) * 12, "6.99", []),  # less than five units away
        (("2",) * 12, "7", ["volume"]),
        (("0", "0", "0"), "0", []),
        (("10", "10", "10"), "0", ["no-volume"]),
        (("10", "10", "0"), "0", ["volume"]),  # not missed as usual, yet far from what it was
        (("0", "0", "0", "40", "0", "0", "0"), "0", []),  # once in a year
    ],
)
def test_a_volume_is_flagged_where_it_is_far_from_its_history(
    history: tuple[str, ...], quantity: str, expected: list[str]
) -> None:
    now = month(0, service(quantity, int(Decimal(quantity) * 100)))

    assert kinds(now, past(*history)) == expected


def test_a_charge_is_flagged_where_the_volume_is_as_usual() -> None:
    now = month(0, service("100", 12_000))

    (flag,) = flags(now, past(*("100",) * 6))

    assert flag.kind == "charge"
    assert flag.what == "Payroll: £120.00, against £100.00 in 6 months before (£100.00 on average)"


def test_a_charge_that_differs_by_less_than_ten_pounds_is_not_flagged() -> None:
    assert kinds(month(0, service("1", 999)), [month(1, service("1", 0))]) == []
    assert kinds(month(0, service("1", 1_000)), [month(1, service("1", 0))]) == ["charge"]


def test_a_flag_says_the_figure_and_what_it_used_to_be() -> None:
    (flag,) = flags(month(0, service("1250", 125_000)), past(*STEADY))

    assert flag.what == "Payroll: a volume of 1,250 (payslip), against 90 to 110 in 6 months before (100 on average)"
    assert flag.service == "payroll"


def test_only_the_last_twelve_months_count() -> None:
    history = past("9000", *("100",) * 12)

    assert kinds(month(0, service("9000", 900_000)), history) == ["volume"]


def test_a_first_charge_is_flagged_and_nothing_is_without_history() -> None:
    assert kinds(month(0, service()), []) == []
    (flag,) = flags(month(0, service()), [month(1), month(2)])

    assert (flag.kind, flag.what) == ("new-service", "Payroll: the first charges, £100.00; none in 2 months before")


def test_a_service_that_is_gone_from_the_statement_is_flagged() -> None:
    (flag,) = flags(month(0), past("100", "100", "100"))

    assert (flag.kind, flag.what) == ("no-volume", "Payroll: not on the statement, after £100.00 the month before")


def test_a_source_that_sent_every_month_and_is_silent_now_is_flagged() -> None:
    history = [month(back, finance=back * 10) for back in (1, 2, 3)]

    assert [each.what for each in flags(month(0), history)] == [
        "finance sent nothing, after 10 events the month before: is it connected?"
    ]
    assert kinds(month(0, finance=1), history) == []
    assert kinds(month(0), [month(1), *history[1:]]) == []  # it was silent before


def tier(above: str, up_to: str | None, quantity: str = "1") -> TierStep:
    return TierStep(Decimal(above), None if up_to is None else Decimal(up_to), Decimal(quantity), Decimal(1))


def test_a_tier_is_flagged_when_it_is_reached_for_the_first_time_under_the_same_prices() -> None:
    low, high = {("t", 1, "Each"): tier("0", "10")}, {("t", 1, "Each"): tier("10", None)}
    other = {("t", 2, "Each"): tier("10", None)}

    (flag,) = flags(month(0, service(tiers=high)), [month(1, service(tiers=low))])

    assert flag.what == "Payroll, Each: reached the tier “Above 10” for the first time in the month"
    assert kinds(month(0, service(tiers=low)), [month(1, service(tiers=high))]) == []
    assert kinds(month(0, service(tiers=high)), [month(2, service(tiers=high)), month(1, service(tiers=low))]) == []
    assert kinds(month(0, service(tiers=other)), [month(1, service(tiers=low))]) == []


def test_the_figures_of_a_statement_are_its_volume_its_charge_and_its_highest_tier() -> None:
    priced = tariff(GRADUATED, UnitCharge(name="Each", price_gbp="1"), standing("20"))
    known = terms(agreement(priced.id), tariffs=[priced])
    statement = build_statement(known, ASHBY.id, NOW, [usage(PAYABLE.id, "2026-05-07", "15", events=4)])

    figures = figures_of(statement, {SOURCE: 4})

    assert figures.sources == {SOURCE: 4}
    found = figures.services[PAYABLE.id]
    assert (found.quantity, found.pence) == (Decimal(15), statement.total_pence)
    assert [(key[0], key[2], step.above) for key, step in found.tiers.items()] == [
        (priced.id, "Transactions", Decimal(10))
    ]


amounts = st.integers(0, 1_000).map(str)


@law
@given(history=st.lists(amounts, min_size=1, max_size=12))
def test_what_happened_every_month_is_never_flagged_and_order_changes_nothing(history: list[str]) -> None:
    months = past(*history)
    again = month(0, months[-1].services["payroll"])
    steady = [MonthFigures(each.month, again.services, {}) for each in months]

    assert flags(again, steady) == ()
    assert flags(again, months[::-1]) == flags(again, months)

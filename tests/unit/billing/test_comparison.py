"""A month beside others: by service and in all, from what was issued or drafted; what is missing is none, never 0."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.comparison import MonthComparison, MonthFigures, compare, figures_of, months_compared
from billing.domain.statement import Status
from shared.period import Month
from tests.support.laws import law
from tests.unit.billing.test_credited_statement import credited_agreement, statement_of
from tests.unit.billing.test_sealed import issued

NAMES = {"ict": "ICT", "payroll": "Payroll"}


def figures(
    month: str, charges: Mapping[str, int], *, credits: int = 0, status: Status = "issued", has_usage: bool = True
) -> MonthFigures:
    names = {service: NAMES[service] for service in charges}
    return MonthFigures(Month.parse(month), status, names, charges, has_usage, -credits, 0)


def test_months_with_fixed_charges_only_are_named_where_this_one_has_usage() -> None:
    fixed = figures("2025-11", {"ict": 300}, has_usage=False)

    assert compare(figures("2026-11", {"ict": 900}), [fixed]).without_usage == (fixed.month,)
    assert compare(figures("2026-11", {"ict": 300}, has_usage=False), [fixed]).without_usage == ()


def shown(found: MonthComparison) -> dict[str, tuple[int | None, ...]]:
    return {
        row.name or row.kind: (row.this_pence, row.last_pence, row.change_pence, row.year_ago_pence, row.to_date_pence)
        for row in found.rows
    }


@pytest.mark.parametrize(
    ("month", "expected"),
    [
        ("2026-04", ["2025-04", "2026-03"]),  # a financial year begins: last month is of the year before
        ("2026-05", ["2025-05", "2026-04"]),
        ("2026-07", ["2025-07", "2026-04", "2026-05", "2026-06"]),
        ("2027-03", ["2026-03", *(f"2026-{month:02}" for month in range(4, 13)), "2027-01", "2027-02"]),
    ],
)
def test_a_month_is_compared_with_last_month_a_year_ago_and_the_year_so_far(month: str, expected: list[str]) -> None:
    assert [str(each) for each in months_compared(Month.parse(month))] == expected


def test_a_comparison_worked_by_hand() -> None:
    this = figures("2026-06", {"ict": 1_000, "payroll": 500}, credits=100)
    others = [
        figures("2025-06", {"payroll": 400}),
        figures("2026-03", {"ict": 9_999}),  # of the year before: in no column
        figures("2026-04", {"ict": 700}),
        figures("2026-05", {"ict": 800, "payroll": 450}, status="draft"),
    ]

    found = compare(this, others)

    assert shown(found) == {
        "ICT": (1_000, 800, 200, 0, 2_500),
        "Payroll": (500, 450, 50, 400, 950),
        "credits": (-100, 0, -100, 0, -100),
        "total": (1_400, 1_250, 150, 400, 3_350),
    }
    assert (str(found.to_date_from), [str(each) for each in found.drafts]) == ("2026-04", ["2026-05"])


def test_without_other_months_nothing_is_compared_and_nothing_is_0() -> None:
    found = compare(figures("2026-06", {"ict": 1_000}), [])

    assert shown(found) == {"ICT": (1_000, None, None, None, 1_000), "total": (1_000, None, None, None, 1_000)}
    assert str(found.to_date_from) == "2026-06"


def test_a_service_that_is_no_longer_charged_is_compared_too() -> None:
    found = compare(figures("2026-06", {"ict": 1_000}), [figures("2026-05", {"payroll": 450})])

    assert shown(found)["Payroll"] == (0, 450, -450, None, 450)


def test_the_figures_of_a_statement_are_those_that_it_states() -> None:
    statement = issued(statement_of(credited_agreement()))

    found = figures_of(statement)

    assert found.total_pence == statement.payable_pence
    assert (-found.credits_pence, found.corrections_pence) == (statement.credits_pence, statement.corrections_pence)


@law
@given(
    st.lists(st.dictionaries(st.sampled_from(sorted(NAMES)), st.integers(-(10**9), 10**9)), min_size=13, max_size=13),
    st.integers(0, 11),
)
def test_every_column_sums_to_its_total(charges: list[dict[str, int]], position: int) -> None:
    months = [Month(2025, 4).earlier(-index) for index in range(25)]
    known = [figures(str(months[position + index]), each) for index, each in enumerate(charges)]

    found = compare(known[-1], known[:-1])

    *parts, total = found.rows
    for name in ("this_pence", "last_pence", "year_ago_pence", "to_date_pence", "change_pence"):
        assert sum(getattr(row, name) for row in parts) == getattr(total, name)

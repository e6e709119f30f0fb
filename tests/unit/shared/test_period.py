"""Months, quarters and financial years: where they begin, what they hold, what they are called."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.period import InvalidMonth, Month, Period, PeriodLength, month_of, period_of
from tests.support.laws import law

_months = st.builds(Month, st.integers(1990, 2060), st.integers(1, 12))
_overs: st.SearchStrategy[PeriodLength] = st.sampled_from(("month", "quarter", "financial-year"))


@pytest.mark.parametrize(
    ("month", "over", "name", "first", "last"),
    [
        ("2026-03", "month", "2026-03", "2026-03", "2026-03"),
        ("2026-03", "quarter", "FY2025-Q4", "2026-01", "2026-03"),
        ("2026-04", "quarter", "FY2026-Q1", "2026-04", "2026-06"),
        ("2026-12", "quarter", "FY2026-Q3", "2026-10", "2026-12"),
        ("2026-03", "financial-year", "FY2025", "2025-04", "2026-03"),
        ("2026-04", "financial-year", "FY2026", "2026-04", "2027-03"),
    ],
)
def test_a_month_lies_in_one_quarter_and_one_financial_year(
    month: str, over: PeriodLength, name: str, first: str, last: str
) -> None:
    period = period_of(Month.parse(month), over)

    assert (str(period), str(period.months[0]), str(period.months[-1])) == (name, first, last)


@pytest.mark.parametrize(
    ("period", "hours"),
    [
        (period_of(Month(2026, 3), "month"), 743),  # R41: the clocks go forward on Sunday 29 March
        (period_of(Month(2026, 10), "month"), 745),  # and back on Sunday 25 October
        (period_of(Month(2026, 10), "financial-year"), 365 * 24),
    ],
)
def test_r41_a_period_runs_from_local_midnight_to_local_midnight(period: Period, hours: int) -> None:
    assert period.end_at - period.start_at == timedelta(hours=hours)


def test_the_financial_year_begins_an_hour_before_midnight_utc() -> None:
    assert period_of(Month(2026, 7), "financial-year").start_at == datetime(2026, 3, 31, 23, tzinfo=UTC)


@law
@given(_months, _overs)
def test_periods_of_a_kind_follow_one_another_without_gap_or_overlap(month: Month, over: PeriodLength) -> None:
    period = period_of(month, over)

    assert month in period.months
    assert period.next.start_at == period.end_at
    assert period.next.previous == period
    assert all(period_of(each, over) == period for each in period.months)
    assert month_of(period.end_at) == period.next.first


@pytest.mark.parametrize("text", ["2000-01", "2026-03", "2099-12"])
def test_a_month_of_the_years_2000_to_2099_is_read_and_written_alike(text: str) -> None:
    assert str(Month.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0000-01",
        "1999-12",
        "2100-01",
        "9999-12",
        "2026-00",
        "2026-13",
        "2026-3",
        "2026-03-01",
        "2026-03\n",
        " 2026-03",
        "٢٠٢٦-٠٣",
        "20٢٦-03",
        "２０２６-03",
    ],
)
def test_any_other_text_is_no_month(text: str) -> None:
    with pytest.raises(InvalidMonth, match="expected a month like 2026-03, from 2000-01 to 2099-12"):
        Month.parse(text)

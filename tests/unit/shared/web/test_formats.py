"""Figures are written as GOV.UK writes them, in London's time."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.period import Month
from shared.web.formats import (
    clock_time,
    counted,
    date_range,
    duration,
    instant,
    long_date,
    month_name,
    percentage,
    short_instant,
    whole_number,
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-05 17:30", "5 November 2026 at 5:30pm"),  # Thursday, GMT
        ("2026-07-01 16:30", "1 July 2026 at 5:30pm"),  # Wednesday, BST
        ("2026-03-31 23:00", "1 April 2026 at midnight"),  # the financial year begins in BST
        ("2026-10-25 00:30", "25 October 2026 at 1:30am"),  # Sunday, the first half past one
        ("2026-10-25 01:30", "25 October 2026 at 1:30am"),  # and the second
        ("2026-12-25 12:00", "25 December 2026 at midday"),
    ],
)
def test_an_instant_is_written_in_london_time(at: str, expected: str) -> None:
    assert instant(utc(at)) == expected


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("00:00:00", "midnight"),
        ("00:00:01", "12:00:01am"),
        ("00:30:00", "12:30am"),
        ("09:00:00", "9am"),
        ("11:59:59", "11:59:59am"),
        ("12:00:00", "midday"),
        ("12:01:00", "12:01pm"),
        ("23:05:00", "11:05pm"),
    ],
)
def test_a_time_has_only_the_parts_that_it_needs(time: str, expected: str) -> None:
    assert clock_time(utc(f"2026-01-05 {time}")) == expected


def test_an_instants_date_is_the_one_in_london() -> None:
    assert long_date(utc("2026-06-30 23:30")) == "1 July 2026"
    assert short_instant(utc("2026-06-30 23:30")) == "1 Jul 12:30am"


def test_a_month_is_named_with_its_year() -> None:
    assert [month_name(Month(2026, month)) for month in (1, 12)] == ["January 2026", "December 2026"]


@pytest.mark.parametrize(
    ("first", "end", "expected"),
    [
        (date(2026, 10, 1), date(2026, 11, 1), "1 October to 31 October 2026"),
        (date(2026, 12, 1), date(2027, 1, 1), "1 December to 31 December 2026"),
        (date(2026, 12, 24), date(2027, 1, 3), "24 December 2026 to 2 January 2027"),
        (date(2026, 10, 1), date(2026, 10, 2), "1 October 2026"),
    ],
)
def test_a_range_names_its_last_day_and_a_year_once(first: date, end: date, expected: str) -> None:
    assert date_range(first, end) == expected


@pytest.mark.parametrize(
    ("good", "total", "expected"),
    [(9996, 10000, "99.9%"), (10000, 10000, "100.0%"), (9496, 10000, "94.9%"), (0, 7, "0.0%"), (2, 3, "66.6%")],
)
def test_a_percentage_is_rounded_down(good: int, total: int, expected: str) -> None:
    assert percentage(good, total) == expected


@given(total=st.integers(1, 10**6), data=st.data())
def test_a_share_short_of_an_objective_never_shows_as_having_reached_it(total: int, data: st.DataObject) -> None:
    objective = data.draw(st.integers(1, 100))
    good = data.draw(st.integers(0, (objective * total - 1) // 100))

    assert float(percentage(good, total).removesuffix("%")) < objective


@pytest.mark.parametrize(
    ("seconds", "working", "expected"),
    [
        (12_000, True, "3 working hours 20 minutes"),
        (28_801, True, "8 working hours 1 second"),
        (60, True, "1 working minute"),
        (3600, False, "1 hour"),
        (90_000, False, "25 hours"),  # a day has 23 to 25 hours, so days are not used
        (0, False, "0 minutes"),
        (3_600_000, False, "1,000 hours"),
    ],
)
def test_a_duration_is_written_to_the_second(seconds: int, working: bool, expected: str) -> None:
    assert duration(seconds, working=working) == expected


@pytest.mark.parametrize(("number", "expected"), [(0, "0 new events"), (1, "1 new event"), (1_234, "1,234 new events")])
def test_a_count_of_one_is_singular(number: int, expected: str) -> None:
    assert counted(number, "new event") == expected


def test_a_duration_below_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="got -1"):
        duration(-1)


def test_large_numbers_have_commas_and_negative_ones_a_minus_sign() -> None:
    assert [whole_number(value) for value in (999, 1234, -1234567)] == ["999", "1,234", "−1,234,567"]

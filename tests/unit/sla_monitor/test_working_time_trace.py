"""The trace: why each part of a span counted or did not."""

from datetime import date

from tests.support.calendars import ROUND_THE_CLOCK, WEEKDAYS, working_time
from tests.support.instants import epoch, written

Row = tuple[str, str, bool, str]


def rows(a: str, b: str, **fields: object) -> list[Row]:
    return [
        (str(written(segment.start)), str(written(segment.end)), segment.open, segment.reason)
        for segment in working_time(**fields).segments(epoch(a), epoch(b))
    ]


def test_a_trace_over_christmas_names_hours_breaks_weekend_and_holiday() -> None:
    found = rows(
        "Thu 2026-12-24 11:10",
        "Mon 2026-12-28 10:00",
        breaks=dict.fromkeys(WEEKDAYS, ("12:00-12:30",)),
        closed={date(2026, 12, 25): "Christmas Day"},
    )

    assert found == [
        ("Thu 2026-12-24 11:10:00", "Thu 2026-12-24 12:00:00", True, "open hours"),
        ("Thu 2026-12-24 12:00:00", "Thu 2026-12-24 12:30:00", False, "break"),
        ("Thu 2026-12-24 12:30:00", "Thu 2026-12-24 17:00:00", True, "open hours"),
        ("Thu 2026-12-24 17:00:00", "Fri 2026-12-25 00:00:00", False, "outside hours"),
        ("Fri 2026-12-25 00:00:00", "Sat 2026-12-26 00:00:00", False, "25 December closed: Christmas Day"),
        ("Sat 2026-12-26 00:00:00", "Sun 2026-12-27 00:00:00", False, "closed day (Saturday)"),
        ("Sun 2026-12-27 00:00:00", "Mon 2026-12-28 00:00:00", False, "closed day (Sunday)"),
        ("Mon 2026-12-28 00:00:00", "Mon 2026-12-28 09:00:00", False, "outside hours"),
        ("Mon 2026-12-28 09:00:00", "Mon 2026-12-28 10:00:00", True, "open hours"),
    ]


def test_evening_and_early_morning_between_two_working_days_are_one_segment() -> None:
    assert rows("Mon 2026-06-01 17:00", "Tue 2026-06-02 09:00") == [
        ("Mon 2026-06-01 17:00:00", "Tue 2026-06-02 09:00:00", False, "outside hours")
    ]


def test_a_night_that_began_before_a_closed_date_is_open_on_it_and_the_rest_says_why_not() -> None:
    found = rows(
        "Fri 2026-12-25 05:00",
        "Fri 2026-12-25 07:00",
        weekly=dict.fromkeys(WEEKDAYS, ("22:00-06:00",)),
        closed={date(2026, 12, 25): "Christmas Day"},
    )

    assert found == [
        ("Fri 2026-12-25 05:00:00", "Fri 2026-12-25 06:00:00", True, "open hours"),
        ("Fri 2026-12-25 06:00:00", "Fri 2026-12-25 07:00:00", False, "25 December closed: Christmas Day"),
    ]


def test_round_the_clock_is_one_segment_through_a_change_of_the_clocks() -> None:
    assert rows("Sat 2026-10-24 00:00", "Tue 2026-10-27 00:00", weekly=ROUND_THE_CLOCK) == [
        ("Sat 2026-10-24 00:00:00", "Tue 2026-10-27 00:00:00", True, "open hours")
    ]


def test_a_closed_day_of_25_hours_is_one_segment_of_25_hours() -> None:
    (sunday,) = working_time().segments(epoch("Sun 2026-10-25 00:00"), epoch("Mon 2026-10-26 00:00"))

    assert (sunday.end - sunday.start, sunday.reason) == (25 * 3600, "closed day (Sunday)")


def test_no_span_has_no_segments() -> None:
    assert rows("Mon 2026-06-01 10:00", "Mon 2026-06-01 10:00") == []
    assert rows("Mon 2026-06-01 10:00", "Mon 2026-06-01 09:00") == []

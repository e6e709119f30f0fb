"""R13 to R18: due instants, in seconds, working days and calendar days. The weekday is part of every row."""

from collections.abc import Callable
from datetime import date

import pytest

from sla_monitor.domain.working_time.calendar import compile_versions
from tests.support.calendars import NINE_TO_FIVE, ROUND_THE_CLOCK, calendar, working_time
from tests.support.instants import epoch, written

HOUR = 3600
EASTER = {date(2026, 4, 3): "Good Friday", date(2026, 4, 6): "Easter Monday"}
WITH_LUNCH = {"breaks": dict.fromkeys(NINE_TO_FIVE, ("12:00-13:00",))}
NIGHTS = {"weekly": {"thu": ("22:00-06:00",), "fri": ("22:00-06:00",)}}


@pytest.mark.parametrize(
    ("fields", "start", "seconds", "due", "next_open"),
    [
        pytest.param({}, "Fri 2026-03-27 16:59", 120, "Mon 2026-03-30 09:01:00", "Mon 2026-03-30 09:01:00", id="R13"),
        pytest.param(
            {},
            "Fri 2026-03-27 09:00",
            8 * HOUR,
            "Fri 2026-03-27 17:00:00",
            "Mon 2026-03-30 09:00:00",
            id="R14 used up exactly at closing",
        ),
        pytest.param(
            {},
            "Fri 2026-03-27 09:00",
            8 * HOUR + 1,
            "Mon 2026-03-30 09:00:01",
            "Mon 2026-03-30 09:00:01",
            id="R14 one second more",
        ),
        pytest.param(
            {},
            "Fri 2026-03-27 09:00",
            8 * HOUR - 1,
            "Fri 2026-03-27 16:59:59",
            "Fri 2026-03-27 16:59:59",
            id="R14 one second less",
        ),
        pytest.param(
            WITH_LUNCH,
            "Fri 2026-03-27 11:00",
            HOUR,
            "Fri 2026-03-27 12:00:00",
            "Fri 2026-03-27 13:00:00",
            id="R14 used up exactly at a break",
        ),
        pytest.param(
            {}, "Sat 2026-03-28 12:00", 0, "Sat 2026-03-28 12:00:00", "Mon 2026-03-30 09:00:00", id="R15 nothing to add"
        ),
        pytest.param(
            {},
            "Sat 2026-03-28 12:00",
            1,
            "Mon 2026-03-30 09:00:01",
            "Mon 2026-03-30 09:00:01",
            id="R15 from a closed day",
        ),
        pytest.param(
            {"closed": EASTER},
            "Thu 2026-04-02 16:00",
            2 * HOUR,
            "Tue 2026-04-07 10:00:00",
            "Tue 2026-04-07 10:00:00",
            id="over Easter",
        ),
        pytest.param(
            {"weekly": ROUND_THE_CLOCK},
            "Sun 2026-03-29 00:30",
            HOUR,
            "Sun 2026-03-29 02:30:00",
            "Sun 2026-03-29 02:30:00",
            id="R8 an hour from 00:30 ends at 02:30 where 01:00 does not exist",
        ),
        pytest.param(
            {"weekly": ROUND_THE_CLOCK},
            "Sun 2026-10-25 00:30",
            2 * HOUR,
            "Sun 2026-10-25 01:30:00",
            "Sun 2026-10-25 01:30:00",
            id="R8 two hours from 00:30 end at the second 01:30",
        ),
    ],
)
def test_a_due_instant_is_the_earliest_that_uses_the_allowance_up(
    fields: dict[str, object], start: str, seconds: int, due: str, next_open: str
) -> None:
    working = working_time(**fields)

    found = working.add(epoch(start), seconds)

    assert written(found) == due
    assert found is not None
    assert written(working.next_open(found)) == next_open


@pytest.mark.parametrize(
    ("received", "days", "cut_off", "due"),
    [
        ("Wed 2026-04-01 00:00:00", 1, None, "Thu 2026-04-02 17:00:00"),
        ("Wed 2026-04-01 09:00:00", 1, None, "Thu 2026-04-02 17:00:00"),
        ("Wed 2026-04-01 17:00:00", 1, None, "Thu 2026-04-02 17:00:00"),  # at the closing instant: still today
        ("Wed 2026-04-01 17:00:01", 1, None, "Tue 2026-04-07 17:00:00"),  # counts as Thursday; then Easter
        ("Wed 2026-04-01 16:00:00", 1, "16:00", "Thu 2026-04-02 17:00:00"),
        ("Wed 2026-04-01 16:00:01", 1, "16:00", "Tue 2026-04-07 17:00:00"),
        ("Wed 2026-04-01 18:00:00", 1, "20:00", "Thu 2026-04-02 17:00:00"),  # a cut-off may be after closing
        ("Fri 2026-04-03 10:00:00", 1, None, "Wed 2026-04-08 17:00:00"),  # Good Friday counts as Tuesday
        ("Fri 2026-04-03 10:00:00", 1, "16:00", "Wed 2026-04-08 17:00:00"),
        ("Sat 2026-03-28 12:00:00", 1, None, "Tue 2026-03-31 17:00:00"),
        ("Wed 2026-04-01 10:00:00", 0, None, "Wed 2026-04-01 17:00:00"),
        ("Sat 2026-03-28 12:00:00", 0, None, "Mon 2026-03-30 17:00:00"),
        ("Mon 2026-03-23 10:00:00", 10, None, "Wed 2026-04-08 17:00:00"),  # ten working days, two of Easter left out
    ],
)
def test_a_closing_time_target_is_due_at_the_close_of_the_nth_working_day(
    received: str, days: int, cut_off: str | None, due: str
) -> None:
    working = working_time(closed=EASTER)
    cut_off_s = None if cut_off is None else int(cut_off[:2]) * HOUR

    found = working.add_working_days(epoch(received), days, rule="closing-time", cut_off_s=cut_off_s)

    assert written(found) == due


@pytest.mark.parametrize(
    ("received", "days", "due"),
    [
        ("Thu 2026-04-02 09:30:00", 1, "Tue 2026-04-07 09:30:00"),
        ("Thu 2026-04-02 08:59:59", 1, "Tue 2026-04-07 09:00:00"),  # before opening: from the opening
        ("Thu 2026-04-02 17:00:00", 1, "Wed 2026-04-08 09:00:00"),  # closed by then: from Tuesday's opening
        ("Thu 2026-04-02 16:59:59", 1, "Tue 2026-04-07 16:59:59"),
        ("Sat 2026-03-28 12:00:00", 1, "Tue 2026-03-31 09:00:00"),
        ("Fri 2026-03-27 12:15:00", 1, "Mon 2026-03-30 12:15:00"),  # the clocks change between: same wall time
        ("Thu 2026-04-02 09:30:00", 0, "Thu 2026-04-02 09:30:00"),
    ],
)
def test_a_same_time_target_is_due_at_the_same_wall_time_of_the_nth_working_day(
    received: str, days: int, due: str
) -> None:
    found = working_time(closed=EASTER).add_working_days(epoch(received), days, rule="same-time")

    assert written(found) == due


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("Wed 2026-12-23 10:30:00", "Thu 2026-12-24 10:30:00"),
        ("Wed 2026-12-23 16:00:00", "Thu 2026-12-24 12:00:00"),  # closes early
        ("Wed 2026-12-23 09:15:00", "Thu 2026-12-24 10:00:00"),  # opens late
    ],
)
def test_a_same_time_target_is_kept_within_the_hours_of_the_due_day(received: str, due: str) -> None:
    working = working_time(dates={date(2026, 12, 24): ("10:00-12:00",)})

    assert written(working.add_working_days(epoch(received), 1, rule="same-time")) == due


def test_a_break_does_not_move_a_same_time_target() -> None:
    working = working_time(breaks={"tue": ("12:00-13:00",)})

    due = working.add_working_days(epoch("Mon 2026-06-01 12:30"), 1, rule="same-time")

    assert written(due) == "Tue 2026-06-02 12:30:00"


@pytest.mark.parametrize(
    ("received", "closing_time", "same_time"),
    [
        # Friday 02:00 is Thursday's night: its next working day is Friday, whose night closes on Saturday at 06:00.
        ("Fri 2026-06-05 02:00:00", "Sat 2026-06-06 06:00:00", "Sat 2026-06-06 02:00:00"),
        ("Fri 2026-06-05 06:00:01", "Fri 2026-06-12 06:00:00", "Thu 2026-06-11 22:00:00"),
        ("Sat 2026-06-06 02:00:00", "Fri 2026-06-12 06:00:00", "Fri 2026-06-12 02:00:00"),
    ],
)
def test_work_past_midnight_is_of_the_working_day_that_began_the_evening_before(
    received: str, closing_time: str, same_time: str
) -> None:
    working = working_time(**NIGHTS)

    assert written(working.add_working_days(epoch(received), 1, rule="closing-time")) == closing_time
    assert written(working.add_working_days(epoch(received), 1, rule="same-time")) == same_time


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("Fri 2026-03-27 16:59:30", 3, "Mon 2026-03-30 16:59:30"),
        ("Sat 2026-03-28 01:30:00", 1, "Sun 2026-03-29 02:30:00"),  # R7: 01:30 does not exist that day
        ("Sat 2026-10-24 01:30:00", 1, "Sun 2026-10-25 01:30:00"),  # R8: twice that day; the first
        ("Sat 2028-02-26 10:00:00", 3, "Tue 2028-02-29 10:00:00"),
    ],
)
def test_calendar_days_keep_the_wall_time(start: str, days: int, due: str) -> None:
    working = compile_versions([calendar(weekly={})])

    found = working.add_calendar_days(epoch(start), days)

    assert written(found) == due
    assert found == epoch(due), "the first pass of a repeated hour"


@pytest.mark.parametrize(
    ("a", "b", "days"),
    [
        ("Mon 2026-03-30 09:00", "Mon 2026-03-30 17:00", 0),
        ("Fri 2026-03-27 09:00", "Mon 2026-03-30 08:00", 1),
        ("Fri 2026-03-27 23:59", "Sat 2026-03-28 00:00", 0),
        ("Thu 2026-04-02 09:00", "Tue 2026-04-07 09:00", 1),
        ("Mon 2026-03-23 10:00", "Wed 2026-04-08 17:00", 10),
        ("Tue 2026-04-07 09:00", "Thu 2026-04-02 09:00", 0),
    ],
)
def test_working_days_between_counts_dates_after_the_first_up_to_the_last(a: str, b: str, days: int) -> None:
    assert working_time(closed=EASTER).working_days_between(epoch(a), epoch(b)) == days


def test_adding_no_days_to_the_second_pass_of_a_repeated_hour_does_not_go_back_to_the_first() -> None:
    working = working_time(weekly=ROUND_THE_CLOCK)
    second = epoch("Sun 2026-10-25 01:30", second_pass=True)

    assert working.add_calendar_days(second, 0) == second
    assert working.add_working_days(second, 0, rule="same-time") == second


@pytest.mark.parametrize("unit", ["seconds", "working days", "days"])
def test_a_negative_allowance_is_refused(unit: str) -> None:
    working, a = working_time(), epoch("Mon 2026-03-30 09:00")
    ask: dict[str, Callable[[], object]] = {
        "seconds": lambda: working.add(a, -1),
        "working days": lambda: working.add_working_days(a, -1, rule="same-time"),
        "days": lambda: working.add_calendar_days(a, -1),
    }

    with pytest.raises(ValueError, match=f"0 or more {unit}, got -1"):
        ask[unit]()

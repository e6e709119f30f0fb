"""What other service desks and libraries got wrong about working time, each as the answer that is right here."""

import pytest

from tests.support.calendars import EVERY_DAY, ROUND_THE_CLOCK, working_time
from tests.support.instants import epoch, written

HOUR = 3600


def test_the_25_hour_day_is_visited_once() -> None:
    """GLPI steps by 86 400 s over local dates: from 00:30 the same Sunday comes twice."""
    working = working_time(weekly={"sun": ("09:00-17:00",)})
    start = epoch("Sun 2026-10-25 00:30")

    assert working.between(start, epoch("Mon 2026-10-26 00:30")) == 8 * HOUR
    assert working.working_days_between(epoch("Sat 2026-10-24 00:30"), epoch("Mon 2026-10-26 00:30")) == 1
    assert written(working.add_working_days(start, 1, rule="same-time")) == "Sun 2026-11-01 09:00:00"


def test_round_the_clock_loses_no_minute_at_midnight() -> None:
    """Zammad ended days at 23:59 and lost a minute of each; businesstimedelta measured 82 799 s of 82 800."""
    working = working_time(weekly=ROUND_THE_CLOCK)

    assert working.between(epoch("Mon 2026-06-01 00:00"), epoch("Mon 2026-06-08 00:00")) == 7 * 86_400
    assert working.between(epoch("Mon 2026-06-01 01:00"), epoch("Tue 2026-06-02 00:00")) == 82_800


def test_two_breaks_that_begin_in_one_minute_both_count() -> None:
    """Zammad keeps breaks by their HH:MM: the second of a minute replaces the first."""
    working = working_time(breaks={"mon": ("10:00:05-10:00:15", "10:00:25-10:00:35", "10:00:00-10:00:02")})

    assert working.between(epoch("Mon 2026-06-01 10:00"), epoch("Mon 2026-06-01 10:01")) == 60 - 10 - 10 - 2


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [("Sun 2026-03-29 00:00", "Mon 2026-03-30 00:00", 23), ("Sun 2026-10-25 00:00", "Mon 2026-10-26 00:00", 25)],
)
def test_a_day_on_which_clocks_change_does_not_have_86_400_seconds(start: str, end: str, hours: int) -> None:
    """business-duration and seatgeek's library count naive days."""
    assert working_time(weekly=ROUND_THE_CLOCK).between(epoch(start), epoch(end)) == hours * HOUR


def test_time_outside_hours_never_moves_a_due_instant() -> None:
    """ERPNext moved a due from 16:00 to 16:45 for a hold from 04:15 to 05:00."""
    working = working_time()

    assert working.between(epoch("Mon 2026-06-01 04:15"), epoch("Mon 2026-06-01 05:00")) == 0


def test_no_elapsed_time_is_0_seconds() -> None:
    """ERPNext stores it as 1."""
    at = epoch("Mon 2026-06-01 10:00")

    assert working_time().between(at, at) == 0


def test_several_hours_of_one_date_all_count() -> None:
    """osTicket keys occurrences by date and keeps the first only."""
    working = working_time(weekly={"mon": ("08:00-10:00", "12:00-13:00", "16:00-17:00")})

    assert working.between(epoch("Mon 2026-06-01 00:00"), epoch("Tue 2026-06-02 00:00")) == 4 * HOUR


def test_a_span_of_years_is_measured_whole() -> None:
    """dbt_zendesk's week series ends after 52 weeks."""
    working = working_time(weekly=dict.fromkeys(EVERY_DAY, ("00:00-00:01",)))

    assert working.between(epoch("Wed 2025-01-01 00:00"), epoch("Sat 2028-01-01 00:00")) == 1095 * 60


def test_an_allowance_of_4_h_29_min_19_s_is_kept_to_the_second() -> None:
    """OTRS truncated to minutes."""
    due = working_time().add(epoch("Mon 2026-06-01 09:00:00"), 4 * HOUR + 29 * 60 + 19)

    assert written(due) == "Mon 2026-06-01 13:29:19"

"""Cases in which other systems are known to go wrong, as documents that anybody can run against this one."""

import pytest

from tests.support.trials import ROUND_THE_CLOCK, asked, hours, local_text, tried, verdict, verdicts

FRIDAY = "Fri 2026-03-06 12:00"


def test_a_day_of_25_hours_is_walked_once() -> None:
    answer = asked(ROUND_THE_CLOCK, add={"to": "Sun 2026-10-25 00:30", "seconds": 25 * 3600})

    assert local_text(answer["at"]) == "Mon 2026-10-26 00:30"


def test_two_pauses_that_begin_in_one_minute_both_count() -> None:
    found = verdict(
        ("Mon 2026-03-02 10:00:00", "opened"),
        ("Mon 2026-03-02 10:00:05", "paused"),
        ("Mon 2026-03-02 10:00:15", "resumed"),
        ("Mon 2026-03-02 10:00:30", "paused"),
        ("Mon 2026-03-02 10:01:00", "resumed"),
        ("Mon 2026-03-02 11:00:00", "resolved"),
        as_of=FRIDAY,
    )

    assert (found["elapsed_s"], found["paused_s"]) == (3600 - 10 - 30, 40)


def test_a_pause_outside_hours_moves_no_due_date() -> None:
    found = verdict(
        ("Sun 2026-03-01 12:00", "opened"),
        ("Mon 2026-03-02 04:15", "paused"),
        ("Mon 2026-03-02 05:00", "resumed"),
        as_of=FRIDAY,
        within="7 working hours",
    )

    assert local_text(found["due_at"]) == "Mon 2026-03-02 16:00"


def test_a_pause_counts_in_working_seconds_and_not_in_minutes_of_the_wall() -> None:
    found = verdict(
        ("Mon 2026-03-02 15:00:00", "opened"),
        ("Mon 2026-03-02 16:30:20", "paused"),
        ("Tue 2026-03-03 09:10:50", "resumed"),
        as_of=FRIDAY,
    )

    assert local_text(found["due_at"]) == "Tue 2026-03-03 15:40:30"


def test_a_date_with_two_spells_of_hours_keeps_both() -> None:
    calendar = hours(dates={"2026-03-02": ["09:00-12:00", "13:00-17:00"]})

    assert asked(calendar, between=["Mon 2026-03-02 00:00", "Tue 2026-03-03 00:00"])["seconds"] == 7 * 3600


def test_a_shorter_target_that_held_before_the_item_came_does_not_win() -> None:
    now = {"measure": "resolution-time", "within": "8 working hours"}

    (found,) = verdicts(
        ("Mon 2026-03-02 09:00", "opened"),
        as_of=FRIDAY,
        targets=[now | {"within": "1 working hour"}],
        target_changes=[{"at": "Sun 2026-03-01 00:00", "targets": [now]}],
    )

    assert (local_text(found["due_at"]), found["within"]) == ("Mon 2026-03-02 17:00", "8 working hours")


def test_an_item_that_nobody_touches_is_late_all_the_same() -> None:
    found = verdict(("Mon 2026-03-02 09:00", "opened"), as_of=FRIDAY)

    assert (found["verdict"], found["overdue_s"]) == ("breached", (8 * 4 + 3 - 8) * 3600)


def test_a_stop_straight_from_a_pause_keeps_the_pause_out() -> None:
    found = verdict(
        ("Mon 2026-03-02 09:00", "opened"),
        ("Mon 2026-03-02 11:00", "paused"),
        ("Thu 2026-03-05 11:00", "resolved"),
        as_of=FRIDAY,
    )

    assert (found["verdict"], found["elapsed_s"]) == ("met", 2 * 3600)


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("Sat 2026-03-28 12:00", "Sun 2026-03-29 12:00", 23 * 3600),
        ("Sat 2026-10-24 12:00", "Sun 2026-10-25 12:00", 25 * 3600),
    ],
)
def test_days_on_which_clocks_change_have_their_true_length(start: str, end: str, seconds: int) -> None:
    assert asked(ROUND_THE_CLOCK, between=[start, end])["seconds"] == seconds


def test_a_clock_may_run_for_more_than_52_weeks() -> None:
    found = verdict(("Mon 2025-01-06 09:00", "opened"), as_of="Mon 2026-03-02 09:00")

    assert found["elapsed_s"] == 60 * 40 * 3600


def test_each_schedule_counts_for_the_time_it_was_in_force() -> None:
    schedules = [hours(), hours("08:00-20:00", effective_from="2026-03-04")]

    answer = tried(calendars=schedules, questions=[{"between": ["Tue 2026-03-03 00:00", "Thu 2026-03-05 00:00"]}])

    assert answer["answers"][0]["seconds"] == (8 + 12) * 3600


def test_closing_at_a_minute_to_midnight_is_not_the_whole_day() -> None:
    calendar = hours("00:00-23:59")

    assert asked(calendar, between=["Mon 2026-03-02 00:00", "Tue 2026-03-03 00:00"])["seconds"] == 86_340

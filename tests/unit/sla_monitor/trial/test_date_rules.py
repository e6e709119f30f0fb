"""Targets that are due by a date: pauses at the due instant, lateness, cut-offs, and days that end on a working day."""

from typing import Any

import pytest

from tests.support.trials import asked, hours, local_text, tried, verdict

UNITS: list[tuple[dict[str, Any], str]] = [
    ({"within": "8 working hours"}, "Tue 2026-06-02 11:00"),
    ({"within": "24 hours"}, "Tue 2026-06-02 11:00"),
    ({"within": "1 days"}, "Tue 2026-06-02 11:00"),
    ({"within": "1 days", "ends_on": "next-working-day"}, "Tue 2026-06-02 17:00"),
    ({"within": "1 working days"}, "Tue 2026-06-02 17:00"),
    ({"within": "1 working days", "day_rule": "same-time"}, "Tue 2026-06-02 11:00"),
    ({"within": "1 working days", "day_rule": "same-time", "pause_counts": "whole-days"}, "Tue 2026-06-02 11:00"),
]


@pytest.mark.parametrize(("target", "due"), UNITS)
@pytest.mark.parametrize(("seconds_late", "outcome"), [(0, "met"), (1, "breached")])
def test_r23_a_pause_at_the_due_instant_saves_the_item_and_one_a_second_later_does_not(
    target: dict[str, Any], due: str, seconds_late: int, outcome: str
) -> None:
    found = verdict(
        ("Mon 2026-06-01 11:00", "opened"),
        (f"{due}:{seconds_late:02}", "paused"),
        ("Wed 2026-06-03 10:00", "resolved"),
        as_of="Thu 2026-06-04 09:00",
        calendar=hours(),
        **target,
    )

    assert found["verdict"] == outcome


@pytest.mark.parametrize(("target", "due"), UNITS)
def test_nothing_is_missed_while_it_is_paused_from_its_due_instant_on(target: dict[str, Any], due: str) -> None:
    found = verdict(
        ("Mon 2026-06-01 11:00", "opened"), (due, "paused"), as_of="Fri 2026-06-05 09:00", calendar=hours(), **target
    )

    assert (found["verdict"], found["missed_at"]) == ("running", None)


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("Mon 2026-06-01 10:00", "Wed 2026-06-03 10:00"),  # Tuesday is paused whole and does not count
        ("Mon 2026-06-01 17:00", "Wed 2026-06-03 09:00"),  # at closing: begins on Tuesday, which is day 0
        ("Mon 2026-06-01 17:00:01", "Wed 2026-06-03 09:00"),
        ("Mon 2026-06-01 20:00", "Wed 2026-06-03 09:00"),
    ],
)
def test_whole_days_are_counted_from_the_day_on_which_a_same_time_clock_begins(received: str, due: str) -> None:
    found = verdict(
        (received, "opened"),
        ("Tue 2026-06-02 00:00", "paused"),
        ("Wed 2026-06-03 00:00", "resumed"),
        as_of="Wed 2026-06-03 08:00",
        within="1 working days",
        day_rule="same-time",
        pause_counts="whole-days",
    )

    assert local_text(found["due_at"]) == due


def test_an_item_paused_for_years_is_due_at_no_time_under_whole_days() -> None:
    found = verdict(
        ("Mon 2026-06-01 10:00", "opened"),
        ("Mon 2026-06-01 12:00", "paused"),
        as_of="Mon 2034-06-05 10:00",
        within="5 working days",
        pause_counts="whole-days",
    )

    assert (found["verdict"], found["reason"], found["due_at"]) == ("running", "paused", None)


@pytest.mark.parametrize(
    ("target", "due_at", "late_s"),
    [
        ({"within": "1 working days"}, None, 17 * 3600),  # due on Friday 17:00, done on Saturday 10:00
        ({"within": "1 days"}, None, 24 * 3600 - 3600),
        ({"within": "recorded due date"}, "Sat 2026-06-06 09:58", 120),
    ],
)
def test_late_by_a_date_says_by_how_many_plain_seconds(target: dict[str, Any], due_at: str | None, late_s: int) -> None:

    opened = {"at": "Thu 2026-06-04 11:00", "event": "opened"} | ({"due_at": due_at} if due_at else {})
    answer = tried(
        targets=[{"measure": "resolution-time"} | target],
        events=[opened, {"at": "Sat 2026-06-06 10:00", "event": "resolved"}],
        as_of="Mon 2026-06-08 09:00",
    )
    (found,) = answer["verdicts"]

    assert (found["verdict"], found["overdue_s"], found["margin_s"]) == ("breached", late_s, -late_s)


@pytest.mark.parametrize(
    ("received", "cut_off", "due"),
    [
        ("Tue 2026-06-02 23:59:59", "24:00", "Wed 2026-06-03 17:00"),
        ("Tue 2026-06-02 23:59:59", "23:59", "Thu 2026-06-04 17:00"),
        ("Wed 2026-06-03 00:00", "24:00", "Thu 2026-06-04 17:00"),
        ("Sat 2026-06-06 23:00", "24:00", "Tue 2026-06-09 17:00"),
    ],
)
def test_with_a_cut_off_of_24_00_any_time_of_a_working_day_counts_as_that_day(
    received: str, cut_off: str, due: str
) -> None:
    found = verdict((received, "opened"), as_of="Mon 2026-06-08 09:00", within="1 working days", cut_off=cut_off)

    assert local_text(found["due_at"]) == due


# Christmas Day 2026 is a Friday; Monday 28 December stands for Boxing Day.
@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("Wed 2026-12-23 10:00", "Thu 2026-12-24 17:00"),  # on a working day: until it closes
        ("Thu 2026-12-24 10:00", "Tue 2026-12-29 17:00"),
        ("Fri 2026-12-25 20:00", "Tue 2026-12-29 17:00"),
        ("Mon 2026-12-28 08:00", "Tue 2026-12-29 17:00"),
        ("Mon 2026-12-28 23:00", "Tue 2026-12-29 17:00"),
        ("Tue 2026-12-29 00:30", "Wed 2026-12-30 17:00"),
    ],
)
def test_r58_days_that_end_on_a_working_day_end_when_the_first_one_from_there_closes(received: str, due: str) -> None:
    found = verdict(
        (received, "opened"),
        as_of="Tue 2026-12-29 01:00",
        calendar=hours(holidays=["england-and-wales"]),
        within="1 days",
        ends_on="next-working-day",
    )

    assert local_text(found["due_at"]) == due


@pytest.mark.parametrize(
    ("paused", "resumed", "due"),
    [
        ("Sat 2026-06-06 01:00", "Sat 2026-06-06 05:00", "Mon 2026-06-08 17:00"),  # still on the weekend
        ("Sat 2026-06-06 01:00", "Sun 2026-06-07 13:00", "Tue 2026-06-09 17:00"),  # 36 hours after Sunday 12:00
        ("Mon 2026-06-08 16:00", "Mon 2026-06-08 18:00", "Mon 2026-06-08 18:00"),  # due in the pause
        ("Mon 2026-06-08 17:01", "Mon 2026-06-08 18:00", "Mon 2026-06-08 17:00"),
    ],
)
def test_a_pause_moves_the_date_before_it_is_moved_to_a_working_day(paused: str, resumed: str, due: str) -> None:
    found = verdict(
        ("Fri 2026-06-05 12:00", "opened"),
        (paused, "paused"),
        (resumed, "resumed"),
        as_of="Mon 2026-06-08 18:30",
        within="2 days",
        ends_on="next-working-day",
    )

    assert local_text(found["due_at"]) == due


@pytest.mark.parametrize(
    ("breaks", "due"),
    [
        ({}, "Wed 2026-06-03 12:00"),
        ({"tue": ["12:00-13:00"]}, "Wed 2026-06-03 13:00"),
        ({"2026-06-02": ["10:00-13:00"]}, "Wed 2026-06-03 15:00"),
        ({"tue": ["12:00-13:00"], "2026-06-02": ["10:00-13:00"]}, "Wed 2026-06-03 15:00"),  # in place of Tuesday's
        ({"tue": ["12:00-13:00"], "2026-06-02": []}, "Wed 2026-06-03 12:00"),
        ({"2026-06-09": ["10:00-13:00"]}, "Wed 2026-06-03 12:00"),
    ],
)
def test_a_break_of_a_date_stands_in_place_of_its_weekdays(breaks: dict[str, list[str]], due: str) -> None:
    found = verdict(
        ("Mon 2026-06-01 12:00", "opened"),
        as_of="Mon 2026-06-01 13:00",
        calendar=hours(breaks=breaks),
        within="16 working hours",
    )

    assert local_text(found["due_at"]) == due


def test_a_break_of_a_date_is_taken_out_of_the_night_before_and_goes_on_into_the_next_morning() -> None:

    calendar = {
        "weekly": {"mon": ["22:00-06:00"], "wed": ["00:00-08:00"]},
        "breaks": {"2026-06-02": ["02:00-03:00", "23:00-01:00"]},
    }

    night = asked(calendar, between=["Mon 2026-06-01 12:00", "Tue 2026-06-02 12:00"])
    morning = asked(calendar, between=["Tue 2026-06-02 12:00", "Wed 2026-06-03 12:00"])

    assert (night["seconds"], morning["seconds"]) == (7 * 3600, 7 * 3600)

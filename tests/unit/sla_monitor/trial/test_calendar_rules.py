"""Questions to a calendar, by the rules of service hours (R1 to R17), each answer worked by hand."""

from typing import Any

import pytest

from tests.support.trials import EVERY_DAY, ROUND_THE_CLOCK, asked, hours, local_text, tried

ENGLISH = {"holidays": ["england-and-wales"]}
SHUT = {"closed": {"2026-12-24": "Closed"}}
OFFICE = hours() | ENGLISH
NEW_YORK = hours(zone="America/New_York")
NIGHTS = hours("22:00-06:00", days=("thu", "fri"), closed={"2026-12-25": "Christmas Day"})
CHRISTMAS_EVE = hours(dates={"2026-12-24": ["09:00-15:00"]}, breaks={"thu": ["12:00-13:00"]})
HOUR = 3600
WITHOUT_LENGTH = {"weekly": {"mon": ["10:00-10:00"], "tue": ["09:00-10:00"]}}
OVERLAPPING = {"weekly": {"mon": ["09:00-13:00", "12:00-15:00"]}}
TOUCHING = {"weekly": {"mon": ["09:00-12:00", "12:00-15:00"]}}
MONDAY = ("Mon 2026-03-02 00:00", "Tue 2026-03-03 00:00")
CHRISTMAS = ("Thu 2026-12-24 00:00", "Tue 2026-12-29 00:00")
SPRING = ("Sun 2026-03-29 00:00", "Mon 2026-03-30 00:00")
AUTUMN = ("Sun 2026-10-25 00:00", "Mon 2026-10-26 00:00")
CHRISTMAS_EVE_DAY = ("Thu 2026-12-24 00:00", "Fri 2026-12-25 00:00")
SCOTTISH_HOLIDAY = ("Mon 2026-08-03 00:00", "Tue 2026-08-04 00:00")
ENGLISH_HOLIDAY = ("Mon 2026-08-31 00:00", "Tue 2026-09-01 00:00")


@pytest.mark.parametrize(
    ("rule", "calendar", "span", "seconds"),
    [
        ("R1 no gap at midnight", ROUND_THE_CLOCK, MONDAY, 86_400),
        ("R1 the end is excluded", hours(), ("Mon 2026-03-02 16:59:59", "Mon 2026-03-02 17:00:30"), 1),
        ("R1 hours to the second", hours("09:00:30-17:00"), MONDAY, 28_770),
        ("R2 into the next day", hours("22:00-06:00", days=("mon",)), MONDAY, 2 * HOUR),
        ("R2 no length", WITHOUT_LENGTH, MONDAY, 0),
        ("R3 overlapping hours merge", OVERLAPPING, MONDAY, 6 * HOUR),
        ("R3 touching hours merge", TOUCHING, MONDAY, 6 * HOUR),
        ("R4 a date's hours beat the week's, breaks last", CHRISTMAS_EVE, CHRISTMAS_EVE_DAY, 5 * HOUR),
        ("R4 a closed date beats its hours", CHRISTMAS_EVE | SHUT, CHRISTMAS_EVE_DAY, 0),
        ("R4 a night belongs to the day it starts", NIGHTS, ("Fri 2026-12-25 00:00", "Sat 2026-12-26 12:00"), 6 * HOUR),
        ("R6 round the clock over Christmas", ROUND_THE_CLOCK, CHRISTMAS, 5 * 86_400),
        ("R6 R11 bank holidays only where they close", ROUND_THE_CLOCK | ENGLISH, CHRISTMAS, 3 * 86_400),
        ("R7 hours across the gap", hours("01:30-02:15", days=("sun",)), SPRING, 900),
        ("R7 a day of 23 hours", ROUND_THE_CLOCK, SPRING, 82_800),
        ("R8 hours that come twice", hours("01:15-01:45", days=("sun",)), AUTUMN, HOUR),
        ("R8 a day of 25 hours", ROUND_THE_CLOCK, AUTUMN, 90_000),
        ("R9 offsets are instants", hours(), ("2026-03-02T10:00:00+01:00", "2026-03-02T09:30:00Z"), 1_800),
        ("R9 the calendar's zone decides", NEW_YORK, ("2026-03-02T13:00:00Z", "2026-03-02T15:00:00Z"), HOUR),
        ("R11 a Scottish holiday in England", OFFICE, SCOTTISH_HOLIDAY, 8 * HOUR),
        ("R11 any nation's holiday", hours(holidays=["england-and-wales", "scotland"]), SCOTTISH_HOLIDAY, 0),
        ("R11 a holiday that closes", OFFICE, ENGLISH_HOLIDAY, 0),
        ("R11 a holiday that is worked", OFFICE | {"worked_holidays": ["2026-08-31"]}, ENGLISH_HOLIDAY, 8 * HOUR),
        ("R12 never negative", hours(), ("Tue 2026-03-03 12:00", "Mon 2026-03-02 12:00"), 0),
        ("R13 what was added lies between", hours(), ("Fri 2026-03-06 16:30", "Mon 2026-03-09 10:00"), 5_400),
    ],
)
def test_working_seconds_between_two_instants(
    rule: str, calendar: dict[str, Any], span: tuple[str, str], seconds: int
) -> None:
    assert asked(calendar, between=list(span))["seconds"] == seconds, rule


@pytest.mark.parametrize(
    ("rule", "start", "seconds", "at", "next_open"),
    [
        ("R13", "Fri 2026-03-06 16:30", 5_400, "Mon 2026-03-09 10:00", "Mon 2026-03-09 10:00"),
        ("R14 used up at closing", "Fri 2026-03-06 09:00", 28_800, "Fri 2026-03-06 17:00", "Mon 2026-03-09 09:00"),
        ("R14 a second later", "Fri 2026-03-06 09:00:01", 28_800, "Mon 2026-03-09 09:00:01", "Mon 2026-03-09 09:00:01"),
        ("R15 nothing added", "Sat 2026-03-07 12:00", 0, "Sat 2026-03-07 12:00", "Mon 2026-03-09 09:00"),
        ("R16 to the second", "Fri 2026-03-06 16:59:30", 61, "Mon 2026-03-09 09:00:31", "Mon 2026-03-09 09:00:31"),
        ("bank holidays", "Thu 2026-04-02 16:00", 7_200, "Tue 2026-04-07 10:00", "Tue 2026-04-07 10:00"),
    ],
)
def test_an_instant_plus_seconds_by_both_conventions_at_closing(
    rule: str, start: str, seconds: int, at: str, next_open: str
) -> None:
    answer = asked(OFFICE, add={"to": start, "seconds": seconds})

    assert (local_text(answer["at"]), local_text(answer["next_open_at"])) == (at, next_open), rule


@pytest.mark.parametrize(
    ("received", "days", "setting", "due"),
    [
        ("Wed 2026-04-01 17:00:00", 1, {}, "Thu 2026-04-02 17:00"),
        ("Wed 2026-04-01 17:00:01", 1, {}, "Tue 2026-04-07 17:00"),
        ("Fri 2026-04-03 10:00", 1, {}, "Wed 2026-04-08 17:00"),
        ("Mon 2026-03-02 10:00", 0, {}, "Mon 2026-03-02 17:00"),
        ("Mon 2026-03-02 10:00", 20, {}, "Mon 2026-03-30 17:00"),  # as a freedom of information request is due
        ("Wed 2026-04-01 16:00:00", 1, {"cut_off": "16:00"}, "Thu 2026-04-02 17:00"),
        ("Wed 2026-04-01 16:00:01", 1, {"cut_off": "16:00"}, "Tue 2026-04-07 17:00"),
        ("Thu 2026-04-02 09:30", 1, {"day_rule": "same-time"}, "Tue 2026-04-07 09:30"),
        ("Thu 2026-04-02 17:00", 1, {"day_rule": "same-time"}, "Wed 2026-04-08 09:00"),
        ("Sat 2026-03-07 12:00", 2, {"day_rule": "same-time"}, "Wed 2026-03-11 09:00"),
    ],
)
def test_r17_an_instant_plus_working_days_by_either_rule(
    received: str, days: int, setting: dict[str, Any], due: str
) -> None:
    assert local_text(asked(OFFICE, add={"to": received, "working_days": days, **setting})["at"]) == due


def test_working_hours_are_seconds_in_other_words() -> None:
    in_hours = asked(OFFICE, add={"to": "Fri 2026-03-06 16:00", "working_hours": 3})
    in_seconds = asked(OFFICE, add={"to": "Fri 2026-03-06 16:00", "seconds": 10_800})

    assert in_hours == in_seconds
    assert local_text(in_hours["at"]) == "Mon 2026-03-09 11:00"


@pytest.mark.parametrize(
    ("at", "is_open", "next_open"),
    [
        ("Mon 2026-03-02 08:59:59", False, "Mon 2026-03-02 09:00"),
        ("Mon 2026-03-02 09:00", True, "Mon 2026-03-02 09:00"),
        ("Mon 2026-03-02 16:59:59", True, "Mon 2026-03-02 16:59:59"),
        ("Fri 2026-03-06 17:00", False, "Mon 2026-03-09 09:00"),
    ],
)
def test_whether_an_instant_is_open_and_when_it_next_is(at: str, is_open: bool, next_open: str) -> None:
    answer = asked(OFFICE, is_open=at)

    assert (answer["open"], local_text(answer["next_open_at"])) == (is_open, next_open)


def test_r5_a_calendar_that_never_opens_answers_never() -> None:
    answer = tried(calendar={"weekly": {}}, questions=[{"add": {"to": "2026-03-02 09:00", "seconds": 1}}])

    assert (answer["answers"][0]["at"], answer["answers"][0]["next_open_at"]) == (None, None)
    assert answer["notes"] == ["calendar calendar never opens"]


def test_r10_each_date_is_measured_by_the_version_in_force_on_it() -> None:
    versions = [hours(), hours("09:00-13:00", effective_from="2026-03-03")]

    answer = tried(calendars=versions, questions=[{"between": ["Mon 2026-03-02 09:00", "Wed 2026-03-04 00:00"]}])

    assert answer["answers"][0]["seconds"] == (8 + 4) * HOUR


def test_working_days_are_counted_beside_the_seconds() -> None:
    answer = asked(OFFICE, between=["Thu 2026-04-02 09:00", "Wed 2026-04-08 09:00"])

    assert (answer["working_days"], answer["seconds"]) == (2, 16 * HOUR)


def test_each_question_names_its_calendar_where_there_are_several() -> None:
    calendars = [hours(id="office"), hours("00:00-24:00", days=EVERY_DAY, id="always")]
    saturday = ["Sat 2026-03-07 00:00", "Sun 2026-03-08 00:00"]
    asked_of = [{"id": name, "calendar": name, "between": saturday} for name in ("office", "always")]

    answers = tried(calendars=calendars, questions=asked_of)["answers"]

    assert [(answer["id"], answer["seconds"]) for answer in answers] == [("office", 0), ("always", 86_400)]


@pytest.mark.parametrize(
    ("written", "utc", "note"),
    [
        ("2026-03-29 01:30", "2026-03-29T01:30:00Z", "does not exist"),
        ("2026-10-25 01:30", "2026-10-25T00:30:00Z", "comes twice"),
        ("2026-10-25 01:30Z", "2026-10-25T01:30:00Z", None),
        ("2026-10-25 03:30", "2026-10-25T03:30:00Z", None),
    ],
)
def test_a_wall_time_that_is_no_one_instant_is_read_by_rule_and_noted(written: str, utc: str, note: str | None) -> None:
    answer = tried(questions=[{"is_open": written}])

    assert answer["answers"][0]["at"] == utc
    assert [note in each for each in answer["notes"]] == ([] if note is None else [True])


def test_a_document_of_years_without_known_bank_holidays_is_noted() -> None:
    notes = tried(calendar=OFFICE, questions=[{"is_open": "2010-12-28 12:00"}])["notes"]

    assert len(notes) == 1
    assert "bank holidays of england-and-wales are known from 2012" in notes[0]

"""R1 to R9: which seconds a calendar opens. Each row: the calendar, a span on the wall clock, its open time."""

from datetime import date

import pytest

from sla_monitor.domain.working_time.calendar import UnreadableHours, compile_versions
from sla_monitor.domain.working_time.compiled import BeyondHorizon
from sla_monitor.domain.working_time.local_time import UnknownZone
from tests.support.calendars import EVERY_DAY, NINE_TO_FIVE, ROUND_THE_CLOCK, calendar, working_time
from tests.support.instants import epoch, written

MINUTE, HOUR = 60, 3600
CHRISTMAS = {date(2026, 12, 25): "Christmas Day"}
NIGHTS = dict.fromkeys(("thu", "fri"), ("22:00-06:00",))


def every_day(*hours: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(EVERY_DAY, hours)


@pytest.mark.parametrize(
    ("fields", "start", "end", "open_s"),
    [
        pytest.param({}, "Fri 2026-03-27 08:59:59", "Fri 2026-03-27 09:00:00", 0, id="R1 the second before opening"),
        pytest.param({}, "Fri 2026-03-27 09:00:00", "Fri 2026-03-27 09:00:01", 1, id="R1 the first second"),
        pytest.param({}, "Fri 2026-03-27 16:59:59", "Fri 2026-03-27 17:00:00", 1, id="R1 the last second"),
        pytest.param({}, "Fri 2026-03-27 17:00:00", "Fri 2026-03-27 17:00:01", 0, id="R1 the end is excluded"),
        pytest.param(
            {"weekly": ROUND_THE_CLOCK},
            "Mon 2026-06-01 23:59:00",
            "Tue 2026-06-02 00:01:00",
            2 * MINUTE,
            id="R1 24:00 leaves no gap at midnight",
        ),
        pytest.param(
            {"weekly": NIGHTS},
            "Sat 2026-06-06 00:00:00",
            "Sat 2026-06-06 12:00:00",
            6 * HOUR,
            id="R2 Friday's night runs into a Saturday without hours",
        ),
        pytest.param(
            {"weekly": every_day("09:00-09:00")},
            "Mon 2026-06-01 00:00:00",
            "Mon 2026-06-08 00:00:00",
            0,
            id="R2 hours that end where they start are empty, not a whole day",
        ),
        pytest.param(
            {"weekly": {"mon": ("09:00-13:00", "12:00-15:00")}},
            "Mon 2026-06-01 00:00:00",
            "Tue 2026-06-02 00:00:00",
            6 * HOUR,
            id="R3 overlapping hours count once",
        ),
        pytest.param(
            {"weekly": {"mon": ("15:00-17:00", "09:00-15:00")}},
            "Mon 2026-06-01 00:00:00",
            "Tue 2026-06-02 00:00:00",
            8 * HOUR,
            id="R3 touching hours leave no gap, in whatever order they are written",
        ),
        pytest.param(
            {"weekly": every_day("20:00-10:00", "09:00-21:00")},
            "Mon 2026-06-01 00:00:00",
            "Tue 2026-06-02 00:00:00",
            24 * HOUR,
            id="R3 a night that overlaps the next day's hours counts once",
        ),
        pytest.param(
            {"closed": CHRISTMAS, "dates": {date(2026, 12, 25): ("10:00-12:00",)}},
            "Fri 2026-12-25 00:00:00",
            "Sat 2026-12-26 00:00:00",
            0,
            id="R4 a closed date beats its own hours",
        ),
        pytest.param(
            {"dates": {date(2026, 12, 24): ("09:00-12:00",)}},
            "Thu 2026-12-24 00:00:00",
            "Fri 2026-12-25 00:00:00",
            3 * HOUR,
            id="R4 a date's hours beat the week's",
        ),
        pytest.param(
            {"dates": {date(2026, 12, 24): ()}},
            "Thu 2026-12-24 00:00:00",
            "Fri 2026-12-25 00:00:00",
            0,
            id="R4 a date may have no hours",
        ),
        pytest.param(
            {"dates": {date(2026, 12, 24): ("09:00-15:00",)}, "breaks": {"thu": ("12:00-13:00",)}},
            "Thu 2026-12-24 00:00:00",
            "Fri 2026-12-25 00:00:00",
            5 * HOUR,
            id="R4 breaks come out last, of a date's hours too",
        ),
        pytest.param(
            {"breaks": {"thu": ("12:00-13:00", "12:30-13:15")}},
            "Thu 2026-12-24 00:00:00",
            "Fri 2026-12-25 00:00:00",
            6 * HOUR + 45 * MINUTE,
            id="R4 overlapping breaks come out once",
        ),
        pytest.param(
            {"weekly": NIGHTS, "closed": CHRISTMAS},
            "Fri 2026-12-25 00:00:00",
            "Sat 2026-12-26 12:00:00",
            6 * HOUR,
            id="R4 Thursday's night is kept whole on Christmas Day, Friday's does not begin",
        ),
        pytest.param(
            {"weekly": NIGHTS, "breaks": {"fri": ("02:00-02:30",)}},
            "Thu 2026-06-04 22:00:00",
            "Fri 2026-06-05 06:00:00",
            7 * HOUR + 30 * MINUTE,
            id="R4 a break of Friday 02:00 is taken out of Thursday's night",
        ),
        pytest.param(
            {"weekly": ROUND_THE_CLOCK},
            "Wed 2026-12-23 15:00:00",
            "Tue 2026-12-29 23:59:59",
            (9 + 6 * 24) * HOUR - 1,
            id="R6 round the clock without holidays works on them",
        ),
        pytest.param(
            {
                "weekly": ROUND_THE_CLOCK,
                "closed": dict.fromkeys((date(2026, 12, day) for day in (24, 25, 26, 28)), "Closed"),
            },
            "Wed 2026-12-23 15:00:00",
            "Tue 2026-12-29 23:59:59",
            205_199,
            id="R6 with four of them: 9 h of Wednesday, Sunday, and Tuesday but its last second",
        ),
        pytest.param(
            {"weekly": every_day("00:30-01:30")},
            "Sun 2026-03-29 00:00:00",
            "Mon 2026-03-30 00:00:00",
            30 * MINUTE,
            id="R7 half the hours are in the hour that is skipped",
        ),
        pytest.param(
            {"weekly": every_day("01:30-02:15")},
            "Sun 2026-03-29 00:00:00",
            "Mon 2026-03-30 00:00:00",
            15 * MINUTE,
            id="R7 hours that begin in the gap keep what is after it",
        ),
        pytest.param(
            {"weekly": every_day("01:00-01:45")},
            "Sun 2026-03-29 00:00:00",
            "Mon 2026-03-30 00:00:00",
            0,
            id="R7 hours within the gap are empty",
        ),
        pytest.param(
            {"weekly": every_day("01:15-01:45")},
            "Sun 2026-10-25 00:00:00",
            "Mon 2026-10-26 00:00:00",
            2 * 30 * MINUTE,
            id="R8 both passes of the repeated hour count",
        ),
        pytest.param(
            {"weekly": ROUND_THE_CLOCK},
            "Sun 2026-03-29 00:00:00",
            "Mon 2026-03-30 00:00:00",
            23 * HOUR,
            id="R8 23 hours",
        ),
        pytest.param(
            {"weekly": ROUND_THE_CLOCK},
            "Sat 2026-03-28 00:00:00",
            "Sun 2026-03-29 00:00:00",
            24 * HOUR,
            id="R8 24 hours",
        ),
        pytest.param(
            {"weekly": ROUND_THE_CLOCK},
            "Sun 2026-10-25 00:00:00",
            "Mon 2026-10-26 00:00:00",
            25 * HOUR,
            id="R8 25 hours",
        ),
        pytest.param(
            {"zone": "America/New_York"},
            "Fri 2026-03-27 13:00:00",
            "Fri 2026-03-27 21:00:00",
            8 * HOUR,
            id="R9 the calendar's zone decides: 09:00 in New York is 13:00 in London that week",
        ),
        pytest.param({}, "Fri 2026-03-27 16:59:00", "Mon 2026-03-30 09:01:00", 2 * MINUTE, id="R12 over a weekend"),
        pytest.param({}, "Sat 2026-03-28 12:00:00", "Mon 2026-03-30 09:00:00", 0, id="R12 closed throughout"),
        pytest.param({}, "Mon 2026-03-30 10:00:00", "Mon 2026-03-30 10:00:00", 0, id="R12 no time"),
        pytest.param({}, "Mon 2026-03-30 12:00:00", "Mon 2026-03-30 10:00:00", 0, id="R12 never negative"),
        pytest.param({}, "Mon 2026-03-30 10:00:07", "Mon 2026-03-30 10:02:09", 122, id="R16 seconds, not minutes"),
        pytest.param(
            {"weekly": {"mon": ("09:00:15-09:00:45",)}},
            "Mon 2026-03-30 00:00:00",
            "Tue 2026-03-31 00:00:00",
            30,
            id="R16 hours may name seconds",
        ),
    ],
)
def test_the_open_seconds_of_a_span_are(fields: dict[str, object], start: str, end: str, open_s: int) -> None:
    assert working_time(**fields).between(epoch(start), epoch(end)) == open_s


def test_a_bank_holiday_that_is_worked_is_open_because_no_closed_date_names_it() -> None:
    boxing_day = date(2026, 12, 28)
    working = working_time(holidays=("england-and-wales",), worked_holidays=(boxing_day,), closed=CHRISTMAS)

    assert working.is_open(epoch("Mon 2026-12-28 10:00"))
    assert not working.is_open(epoch("Fri 2026-12-25 10:00"))


@pytest.mark.parametrize("weekly", [{}, {"mon": ()}, {"mon": ("09:00-09:00",)}])
def test_a_calendar_that_never_opens_is_unmeasurable_and_ends_no_search(weekly: dict[str, tuple[str, ...]]) -> None:
    working = working_time(weekly=weekly)
    a = epoch("Mon 2026-06-01 09:00")

    assert not working.opens_ever
    assert working.add(a, 1) is None
    assert working.next_open(a) is None
    assert working.add_working_days(a, 0, rule="closing-time") is None
    assert working.add_working_days(a, 0, rule="same-time") is None


def test_a_due_beyond_the_compiled_years_is_refused_rather_than_guessed() -> None:
    working = compile_versions([calendar()], first_year=2026, last_year=2026)
    last_day = epoch("Thu 2026-12-31 16:00")

    assert written(working.add(last_day, 1 * HOUR)) == "Thu 2026-12-31 17:00:00"
    assert working.add(last_day, 1 * HOUR + 1) is None
    assert working.next_open(epoch("Thu 2026-12-31 17:00")) is None
    assert working.add_working_days(last_day, 1, rule="closing-time") is None
    assert working.add_working_days(last_day, 1, rule="same-time") is None


def test_a_question_about_a_year_that_was_not_compiled_is_an_error() -> None:
    working = compile_versions([calendar()], first_year=2026, last_year=2026)
    first, end = epoch("Thu 2026-01-01 00:00"), epoch("Fri 2027-01-01 00:00")

    assert working.between(first, end) == 261 * 8 * HOUR  # 261 Mondays to Fridays, by any wall calendar of 2026
    for outside in (first - 1, end + 1):
        for ask in (working.next_open, working.is_open, lambda at: working.add(at, 0)):
            with pytest.raises(BeyondHorizon):
                ask(outside)
        with pytest.raises(BeyondHorizon):
            working.between(min(first, outside), max(end, outside))
    with pytest.raises(BeyondHorizon):
        working.add_calendar_days(first, 366)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "../etc/passwd", "Europe"])
def test_a_calendar_in_a_zone_that_does_not_exist_is_refused(zone: str) -> None:
    with pytest.raises(UnknownZone):
        working_time(zone=zone)


@pytest.mark.parametrize("text", ["9-17", "09:00", "24:00-25:00", "09:00-17:00\n", "09:60-17:00"])
def test_hours_that_are_not_hours_are_refused(text: str) -> None:
    with pytest.raises(UnreadableHours):
        working_time(weekly={"mon": (text,)})


def test_the_ordinary_week_is_forty_hours() -> None:
    working = compile_versions([calendar(weekly=NINE_TO_FIVE)])

    assert working.between(epoch("Mon 2026-06-01 00:00"), epoch("Mon 2026-06-08 00:00")) == 40 * HOUR
    assert str(working.zone) == "Europe/London"

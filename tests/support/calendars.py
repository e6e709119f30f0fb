"""Calendars for tests: the ordinary ones by name, and any that a council could write, for Hypothesis."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.contracts.definitions import Calendar
from sla_monitor.domain.calendar import compile_calendar
from sla_monitor.domain.working_time import WorkingTime

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
EVERY_DAY = (*WEEKDAYS, "sat", "sun")
NINE_TO_FIVE = dict.fromkeys(WEEKDAYS, ("09:00-17:00",))
ROUND_THE_CLOCK = dict.fromkeys(EVERY_DAY, ("00:00-24:00",))
YEAR = 2026

# Noon UTC of days on which clocks change, forward and back; Lord Howe moves by half an hour, Kolkata never does.
CLOCK_CHANGES = {
    "Europe/London": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),
    "Asia/Kolkata": ("2026-06-17",),
}


def calendar(**fields: Any) -> Calendar:
    """A calendar in London, Monday to Friday 09:00 to 17:00, but for `fields`."""
    return Calendar(**{"id": "office", "name": "Office hours", "weekly": NINE_TO_FIVE, **fields})


def compiled(definition: Calendar) -> WorkingTime:
    """`definition` compiled for `YEAR` alone."""
    return compile_calendar(definition, first_year=YEAR, last_year=YEAR)


def working_time(**fields: Any) -> WorkingTime:
    """`calendar(**fields)`, compiled for the years that rule tables use, 2025 to 2027."""
    return compile_calendar(calendar(**fields), first_year=YEAR - 1, last_year=YEAR + 1)


@st.composite
def spans(draw: st.DrawFn) -> tuple[Calendar, int, int]:
    """A calendar and a span of up to two days about a change of its clocks, where it is hardest."""
    zone = draw(st.sampled_from(sorted(CLOCK_CHANGES)))
    on = date.fromisoformat(draw(st.sampled_from(CLOCK_CHANGES[zone])))
    noon = int(datetime(on.year, on.month, on.day, 12, tzinfo=UTC).timestamp())
    a = noon + draw(st.integers(-36 * 3600, 24 * 3600))
    near = st.sampled_from([on + timedelta(days=shift) for shift in range(-2, 3)])
    some_hours = st.lists(_hours(), max_size=3).map(tuple)
    definition = calendar(
        zone=zone,
        weekly=draw(st.dictionaries(st.sampled_from(EVERY_DAY), some_hours, min_size=1)),
        dates=draw(st.dictionaries(near, some_hours, max_size=2)),
        breaks=draw(st.dictionaries(st.sampled_from(EVERY_DAY), st.lists(_hours(), max_size=2).map(tuple), max_size=3)),
        closed=draw(st.dictionaries(near, st.just("Local day"), max_size=2)),
    )
    return definition, a, a + draw(st.integers(0, 48 * 3600))


def _hours() -> st.SearchStrategy[str]:
    """Any two times of day in either order (so past midnight too), or up to midnight."""
    moments = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from((0, 15, 30, 59)))
    return st.builds("{}-{}".format, moments, moments | st.just("24:00"))

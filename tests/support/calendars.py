"""Calendars for tests: the ordinary ones by name, and any that a council could write, for Hypothesis."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from shared.contracts.definitions import Calendar
from sla_monitor.domain.working_time.calendar import compile_versions
from sla_monitor.domain.working_time.compiled import WorkingTime

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
    return compile_versions([definition], first_year=YEAR, last_year=YEAR)


def working_time(**fields: Any) -> WorkingTime:
    """`calendar(**fields)`, compiled for the years that rule tables use, 2025 to 2027."""
    return compile_versions([calendar(**fields)], first_year=YEAR - 1, last_year=YEAR + 1)


def spans() -> st.SearchStrategy[tuple[Calendar, int, int]]:
    """A calendar and a span of up to two days about a change of its clocks, where it is hardest.

    Chosen by a number: drawing each part by itself took Hypothesis ten times as long as all that is tested with it.
    """
    return st.integers(0, 2**32).map(_span)


def _span(seed: int) -> tuple[Calendar, int, int]:
    chance = Random(seed)  # noqa: S311 (nothing is kept secret by it)
    zone = chance.choice(sorted(CLOCK_CHANGES))
    on = date.fromisoformat(chance.choice(CLOCK_CHANGES[zone]))
    noon = int(datetime(on.year, on.month, on.day, 12, tzinfo=UTC).timestamp())
    a = noon + chance.randint(-36 * 3600, 24 * 3600)
    near = [on + timedelta(days=shift) for shift in range(-2, 3)]
    definition = calendar(
        zone=zone,
        weekly={day: _hours(chance, most=3) for day in chance.sample(EVERY_DAY, chance.randint(1, 7))},
        dates={day: _hours(chance, most=3) for day in chance.sample(near, chance.randint(0, 2))},
        breaks={day: _hours(chance, most=2) for day in chance.sample(EVERY_DAY, chance.randint(0, 3))},
        closed=dict.fromkeys(chance.sample(near, chance.randint(0, 2)), "Local day"),
    )
    return definition, a, a + chance.randint(0, 48 * 3600)


def _hours(chance: Random, *, most: int) -> tuple[str, ...]:
    """Hours between any two times of day in either order (so past midnight too), or up to midnight."""
    return tuple(
        f"{_moment(chance)}-{chance.choice([_moment(chance), '24:00'])}" for _ in range(chance.randint(0, most))
    )


def _moment(chance: Random) -> str:
    return f"{chance.randint(0, 23):02}:{chance.choice((0, 15, 30, 59)):02}"

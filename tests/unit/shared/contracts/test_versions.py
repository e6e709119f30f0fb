"""Which version of a definition is in force on a day."""

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.definitions import Council
from shared.contracts.versions import DefinitionVersion, in_force, version_on

days = st.dates(date(2026, 1, 1), date(2026, 1, 20))


def version(number: int, effective_from: date) -> DefinitionVersion[Council]:
    return DefinitionVersion(number, Council(id="adur", name=f"Version {number}", effective_from=effective_from))


@pytest.mark.parametrize(("day", "number"), [(8, None), (9, 1), (11, 1), (12, 3), (13, 3), (14, 4)])
def test_the_latest_to_begin_is_in_force_and_of_equal_ones_the_highest_number(day: int, number: int | None) -> None:
    # Thursday 1 to Wednesday 14 January 2026; the second and the third version begin on one day.
    versions = [version(4, date(2026, 1, 14)), *(version(n, date(2026, 1, d)) for n, d in ((1, 9), (2, 12), (3, 12)))]

    found = version_on(versions, date(2026, 1, day))

    assert (None if found is None else found.number) == number


@given(st.lists(days, max_size=8), days)
def test_both_ways_of_asking_agree(starts: list[date], day: date) -> None:
    versions = [version(number, start) for number, start in enumerate(starts, start=1)]

    periods = in_force(reversed(versions))

    holding = [
        each.version for each in periods if each.first_day <= day and (each.end_day is None or day < each.end_day)
    ]
    assert holding == [found for found in [version_on(versions, day)] if found is not None]
    assert all(one.end_day == other.first_day for one, other in itertools.pairwise(periods))
    assert all(each.end_day is None or each.end_day - each.first_day >= timedelta(days=1) for each in periods)

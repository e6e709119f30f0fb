"""Instants and times of day as integers."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.instants import epoch_us, instant_at, seconds_of_day

instants = st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 (the strategy adds the zone)


@given(instants)
def test_an_instant_is_its_microseconds_and_nothing_is_lost(instant: datetime) -> None:
    assert instant_at(epoch_us(instant)) == instant
    assert epoch_us(instant) // 1_000_000 == (instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() // 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00", 0), ("16:00", 57_600), ("16:00:30", 57_630), ("23:59:59", 86_399), ("24:00", 86_400)],
)
def test_a_time_of_day_is_its_seconds_after_midnight(text: str, seconds: int) -> None:
    assert seconds_of_day(text) == seconds

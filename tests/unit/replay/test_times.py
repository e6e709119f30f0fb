"""Cells that hold times. In 2026 the clocks of London go forward on Sun 29 March and back on Sun 25 October."""

from collections import Counter
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.instants import epoch_us
from tallystick.replay.table import InvalidRow
from tallystick.replay.times import DATE_ONLY, FOLD, GAP, Times

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("text", "form", "utc", "notes"),
    [
        ("2026-03-27T16:59:00", None, "2026-03-27T16:59:00", {}),  # Fri, in winter
        ("2026-03-30 09:01", None, "2026-03-30T08:01:00", {}),  # Mon, in summer
        ("2026-03-29T00:59:59", None, "2026-03-29T00:59:59", {}),
        ("2026-03-29T01:30:00", None, "2026-03-29T01:30:00", {GAP: 1}),  # read as 02:30 BST
        ("2026-03-29T02:00:00", None, "2026-03-29T01:00:00", {}),
        ("2026-10-25T00:59:59", None, "2026-10-24T23:59:59", {}),
        ("2026-10-25T01:30:00", None, "2026-10-25T00:30:00", {FOLD: 1}),  # 01:30 BST, not GMT
        ("2026-10-25T02:00:00", None, "2026-10-25T02:00:00", {}),
        ("2026-10-25T01:30:00+00:00", None, "2026-10-25T01:30:00", {}),  # says itself which
        ("2026-07-01T12:00:00.250+02:00", None, "2026-07-01T10:00:00.250", {}),
        ("2026-07-01", None, "2026-06-30T23:00:00", {DATE_ONLY: 1}),
        ("01/07/2026 09:00", "%d/%m/%Y %H:%M", "2026-07-01T08:00:00", {}),
        ("01/07/2026", "%d/%m/%Y", "2026-06-30T23:00:00", {DATE_ONLY: 1}),
        ("01/Jul/26 12:30 AM", "%d/%b/%y %I:%M %p", "2026-06-30T23:30:00", {}),
        ("2026-07-01T09:00:00+00:00", "%Y-%m-%dT%H:%M:%S+00:00", "2026-07-01T08:00:00", {}),  # an offset disbelieved
    ],
)
def test_a_time_is_read_as_the_instant_that_was_meant(
    text: str, form: str | None, utc: str, notes: dict[str, int]
) -> None:
    noted: Counter[str] = Counter()

    at = Times(LONDON, form, noted).instant(text, column="opened")

    assert at == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert noted == notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "opened: '' is not a time in ISO 8601"),
        ("31/02/2026", "is not a time"),
        ("2026-02-30T10:00:00", "is not a time"),
        ("2026-06-30T23:59:60", "is not a time"),
        ("1900-01-01T00:00:00", "outside the years 2000 to 2099"),
        ("9999-12-31T23:59:59-14:00", "outside the years 2000 to 2099"),
        ("0001-01-01T00:00:00+14:00", "outside the years 2000 to 2099"),
    ],
)
def test_what_is_no_time_is_refused_with_its_column(text: str, message: str) -> None:
    with pytest.raises(InvalidRow, match=message):
        Times(LONDON, None, Counter()).instant(text, column="opened")


def test_a_day_begins_at_local_midnight() -> None:
    assert Times(LONDON, None, Counter()).start_of(date(2026, 7, 1)) == datetime(2026, 6, 30, 23, tzinfo=UTC)


@given(st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001 (bounds are naive by its contract)
def test_microseconds_of_the_epoch_are_exact(at: datetime) -> None:
    assert datetime.fromtimestamp(0, UTC) + (at - datetime.fromtimestamp(0, UTC)) == at
    assert epoch_us(at) == int(at.timestamp()) * 1_000_000 + at.microsecond

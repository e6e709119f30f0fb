"""Cells that hold times. In 2026 the clocks of London go forward on Sun 29 March and back on Sun 25 October."""

import time
from collections import Counter
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.instants import epoch_us
from tallystick.replay.durations import DurationUnit, duration
from tallystick.replay.table import InvalidRow
from tallystick.replay.times import DATE_ONLY, FOLD, GAP, Times, contradictions

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
    ("text", "form", "utc"),
    [
        ("1782734400", "epoch-seconds", "2026-06-29T12:00:00"),
        ("1782734400.5", "epoch-seconds", "2026-06-29T12:00:00.500"),
        ("1782734400250", "epoch-milliseconds", "2026-06-29T12:00:00.250"),
        ("46202.375", "excel-serial", "2026-06-29T08:00:00"),  # 09:00 in London's summer
        ("46202.37499999", "excel-serial", "2026-06-29T08:00:00"),  # what floating point makes of it
        ("29/06/2026 9:00 a.m.", "%d/%m/%Y %I:%M %p", "2026-06-29T08:00:00"),
        ("29/06/2026 12:00 PM", "%d/%m/%Y %I:%M %p", "2026-06-29T11:00:00"),
        ("29/06/2026 09:00 BST", "%d/%m/%Y %H:%M %Z", "2026-06-29T08:00:00"),
        ("29/01/2026 09:00 GMT", "%d/%m/%Y %H:%M %Z", "2026-01-29T09:00:00"),
        ("29/06/2026 09:00 UTC", "%d/%m/%Y %H:%M %Z", "2026-06-29T09:00:00"),
        ("29/06/2026 09:00 (Europe/Paris)", "%d/%m/%Y %H:%M %Z", "2026-06-29T07:00:00"),
        ("25/10/2026 01:30 GMT", "%d/%m/%Y %H:%M %Z", "2026-10-25T01:30:00"),  # the second of the two
        ("25/10/2026 01:30 BST", "%d/%m/%Y %H:%M %Z", "2026-10-25T00:30:00"),
        ("29/06/2026 09:00 +02:00", "%d/%m/%Y %H:%M %Z", "2026-06-29T07:00:00"),
        ("29/06/2026 09:00 +0200", "%d/%m/%Y %H:%M %z", "2026-06-29T07:00:00"),
    ],
)
@pytest.mark.parametrize("machine", ["Asia/Tokyo", "America/New_York"])
def test_a_zone_in_the_text_is_honoured_wherever_the_machine_is(
    text: str, form: str, utc: str, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", machine)
    time.tzset()

    at = Times(LONDON, form, Counter()).instant(text, column="opened")

    assert at == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("29/06/2026 09:00 PDT", "PDT"),  # no zone of the file's
        ("29/01/2026 09:00 BST", "BST"),  # not in winter
        ("29/06/2026 09:00 Mars/Olympus", "Mars/Olympus"),
        ("29/06/2026 09:00 +26:00", r"\+26:00"),
    ],
)
def test_a_zone_that_cannot_be_honoured_is_refused(text: str, zone: str) -> None:
    with pytest.raises(InvalidRow, match=f"opened: .*'{zone}'"):
        Times(LONDON, "%d/%m/%Y %H:%M %Z", Counter()).instant(text, column="opened")


def test_of_several_forms_the_first_that_fits_is_read() -> None:
    noted: Counter[str] = Counter()
    times = Times(LONDON, ("%d/%m/%Y %H:%M", "%d-%b-%y", "iso"), noted)

    read = [times.instant(text, column="x") for text in ("01/07/2026 09:00", "01-Jul-26", "2026-07-01", "20260701")]

    assert [at.isoformat()[:16] for at in read] == ["2026-07-01T08:00", *["2026-06-30T23:00"] * 3]
    assert noted == {DATE_ONLY: 3}
    with pytest.raises(
        InvalidRow, match="is not a time of the form %d/%m/%Y %H:%M, or of the form %d-%b-%y, or in ISO"
    ):
        times.instant("1 July", column="x")


@pytest.mark.parametrize(
    ("text", "zone", "accepted"),
    [
        ("2099-12-31T23:59:00", "America/New_York", True),  # 2100 in UTC
        ("2100-01-01T00:00:00", "Asia/Tokyo", False),  # 2099 in UTC
        ("2000-01-01T00:00:00", "Asia/Tokyo", True),  # 1999 in UTC
        ("1999-12-31T23:59:00", "America/New_York", False),
    ],
)
def test_years_are_those_of_the_mappings_zone(text: str, zone: str, accepted: bool) -> None:
    times = Times(ZoneInfo(zone), None, Counter())

    if accepted:
        assert times.instant(text, column="x").tzinfo is UTC
    else:
        with pytest.raises(InvalidRow, match="outside the years"):
            times.instant(text, column="x")


@pytest.mark.parametrize(
    ("forms", "contradict"),
    [
        (("%d/%m/%Y", "%m/%d/%Y"), True),
        (("%d/%m/%Y %H:%M", "%d/%m/%Y"), False),
        (("%d/%m/%y", "%d/%m/%Y"), False),
        (("%y-%m-%d", "%d-%m-%y"), True),
        (("%d/%m/%Y", "iso", "epoch-seconds", "%d %b %Y %Z"), False),
    ],
)
def test_forms_that_read_one_text_as_two_dates_contradict_each_other(forms: tuple[str, ...], contradict: bool) -> None:
    assert bool(list(contradictions(forms))) == contradict


@pytest.mark.parametrize(
    ("text", "unit", "seconds"),
    [
        ("4h 10m", "text", 15_000),
        ("1d 2h", "text", 93_600),
        ("1 day, 2 hours", "text", 93_600),
        ("PT4H10M", "text", 15_000),
        ("04:10:00", "text", 15_000),
        ("100:30", "text", 361_800),
        ("90", "minutes", 5_400),
        ("1.5", "hours", 5_400),
        ("2", "days", 172_800),
        ("30s", "minutes", 30),  # says its own unit
    ],
)
def test_a_length_of_time_is_read_as_it_was_meant(text: str, unit: DurationUnit, seconds: int) -> None:
    assert duration(text, unit, column="spent").total_seconds() == seconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-1h 5m", "spent: '-1h 5m' is negative"),
        ("90", "no length of time like '1d 2h'"),
        ("4h 4h", "no length of time"),
        ("4 fortnights", "no length of time"),
        ("4h and a bit", "no length of time"),
        ("", "no length of time"),
    ],
)
def test_what_is_no_length_of_time_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidRow, match=reason):
        duration(text, "text", column="spent")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "opened: the cell is blank"),
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

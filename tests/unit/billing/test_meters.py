"""Meters that a service writes out: each aggregate worked by hand, and the laws of all of them."""

import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.meters import MeteredEvent, left_out, rounding_of, units_by_day, value_of
from billing.domain.usage import MeteredUsage
from shared.contracts.meters import NAMED_METERS, Meter, meter_faults
from shared.instants import epoch_us
from shared.period import Month
from tests.support.laws import law

RECORDED = "tallystick.usage.recorded.v1"
MAY = Month(2026, 5)  # 31 days of British Summer Time: local midnight is 23:00 UTC
GAUGE = {"event": RECORDED, "aggregate": "time-weighted-average"}


def utc(text: str) -> datetime:
    """An instant without its zone, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def meter(**fields: Any) -> Meter:
    """A meter of readings unless the fields say otherwise."""
    return msgspec.convert({"event": RECORDED, "aggregate": "sum"} | fields, Meter)


def reading(at: str, quantity: str, *, id: str = "", item: str = "r", **attributes: str) -> MeteredEvent:
    """A reading of a time in UTC."""
    at_us = epoch_us(utc(at))
    return MeteredEvent(
        (utc(at) + timedelta(hours=1)).date(), at_us, "/s", id or at, item, Decimal(quantity), attributes
    )


def units(of: Meter, *events: MeteredEvent, first: int = 1, end: int = 32) -> Decimal:
    """The units of the days `[first, end)` of May, rounded as the meter says."""
    usage = MeteredUsage(units_by_day(of, events, MAY), rounding=rounding_of(of))
    return usage.between(date(2026, 5, first), date(2026, 5, 1) + timedelta(days=end - 1))


THREE = (
    reading("2026-05-03T09:00:00", "10", grade="a", seats="4"),
    reading("2026-05-10T09:00:00", "30", grade="b", seats="2.5"),
    reading("2026-05-20T09:00:00", "20", grade="a"),
)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"aggregate": "count"}, "3"),
        ({"aggregate": "sum"}, "60"),
        ({"aggregate": "sum", "of": "seats"}, "6.5"),
        ({"aggregate": "max"}, "30"),
        ({"aggregate": "latest"}, "20"),
        ({"aggregate": "unique", "of": "grade"}, "2"),
        ({"aggregate": "unique", "of": "item"}, "1"),
        # 10 from the 3rd, 30 from the 10th, 20 from the 20th, all at 10:00 local time:
        # (10 × 7 days + 30 × 10 days + 20 × 11 days 14 hours) ÷ 31 days
        ({"aggregate": "time-weighted-average"}, "19.408602"),
        ({"aggregate": "sum", "divide_by": "60"}, "1"),
        ({"aggregate": "sum", "divide_by": "7"}, "8.571429"),
        ({"aggregate": "sum", "divide_by": "7", "rounding": "up"}, "9"),
        ({"aggregate": "sum", "divide_by": "7", "rounding": "down"}, "8"),
        ({"aggregate": "sum", "divide_by": "8", "rounding": "half-up"}, "8"),  # 7.5
        ({"aggregate": "sum", "multiply_by": "1.25", "divide_by": "7", "rounding": "half-up", "places": 2}, "10.71"),
    ],
)
def test_each_aggregate_of_three_readings(fields: Mapping[str, Any], expected: str) -> None:
    assert units(meter(**fields), *THREE) == Decimal(expected)


def test_the_level_of_the_month_before_holds_until_the_first_reading() -> None:
    before, halfway = reading("2026-04-20T09:00:00", "8"), reading("2026-05-16T11:00:00", "4")  # noon of the 16th

    assert units(meter(**GAUGE), before, halfway) == 6
    assert units(meter(**GAUGE), before) == 8
    assert units(meter(aggregate="latest"), before) == 0


def test_a_reading_for_a_day_holds_from_the_beginning_of_that_day() -> None:
    for_the_first = dated(reading("2026-05-31T20:00:00", "5"), date(2026, 5, 1))

    assert units(meter(**GAUGE), for_the_first) == 5


def dated(event: MeteredEvent, day: date) -> MeteredEvent:
    """The event with a business date."""
    return MeteredEvent(day, event.at_us, event.source, event.id, event.item, event.quantity)


def test_a_part_of_a_month_has_its_days_share_of_a_level() -> None:
    assert units(meter(aggregate="max"), reading("2026-05-03T09:00:00", "62"), first=1, end=16) == 30


def test_of_readings_of_one_instant_the_last_by_source_and_id_is_the_latest() -> None:
    same = [reading("2026-05-03T09:00:00", quantity, id=id_) for id_, quantity in (("b", "2"), ("a", "1"), ("c", "3"))]

    assert units(meter(aggregate="latest"), *same) == units(meter(aggregate="latest"), *reversed(same)) == 3


@pytest.mark.parametrize(
    ("fields", "event", "reason"),
    [
        ({"when": {"grade": ["b"]}}, THREE[0], "not-metered"),
        ({"when": {"grade": ["a", "b"]}}, THREE[0], None),
        ({"of": "seats"}, THREE[2], "no-number"),
        ({"of": "grade"}, THREE[0], "no-number"),
        ({"aggregate": "unique", "of": "seats"}, THREE[2], "no-number"),
        ({"aggregate": "count"}, THREE[2], None),
    ],
)
def test_what_a_meter_leaves_out_has_a_reason(
    fields: Mapping[str, Any], event: MeteredEvent, reason: str | None
) -> None:
    assert left_out(meter(**fields), event, unit="seat") == reason


def test_a_reading_is_in_the_unit_before_the_conversion() -> None:
    minutes = MeteredEvent(date(2026, 5, 3), 0, "/s", "1", "r", Decimal(90), unit="minute")

    assert left_out(meter(reading_unit="minute", divide_by="60"), minutes, unit="hour") is None
    assert left_out(meter(), minutes, unit="hour") == "wrong-unit"


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ({"aggregate": "count", "of": "seats"}, {"of"}),
        ({"aggregate": "unique"}, {"of"}),
        ({"event": "tallystick.ticket.opened.v1"}, {"of"}),
        ({"event": "tallystick.ticket.opened.v1", "aggregate": "time-weighted-average", "of": "seats"}, {"event"}),
        ({"once_per_item": True, "aggregate": "max"}, {"once_per_item"}),
        ({"event": "tallystick.work.completed.v1", "reading_unit": "minute"}, {"reading_unit"}),
        ({"multiply_by": "0", "divide_by": "0.0", "places": 2}, {"multiply_by", "divide_by", "places"}),
        ({"when": {"grade": []}}, {"when"}),
        ({}, set()),
    ],
)
def test_every_fault_of_a_meter_is_found(fields: Mapping[str, Any], places: set[str]) -> None:
    assert {str(fault.path[0]) for fault in meter_faults(meter(**fields))} == places


def test_the_named_meters_have_no_fault() -> None:
    assert [list(meter_faults(each)) for each in NAMED_METERS.values()] == [[], [], []]


moments = st.integers(0, 62 * 24 - 1).map(lambda hours: hours - 31 * 24)
events = st.lists(
    st.builds(
        lambda hours, quantity, number, grade: MeteredEvent(
            date(2026, 5, 1) + timedelta(days=hours // 24),
            epoch_us(utc("2026-04-30T23:00:00") + timedelta(hours=hours)),
            "/s",
            str(number),
            f"i{number % 3}",
            Decimal(quantity) / 4,
            {"grade": grade},
        ),
        moments,
        st.integers(0, 400),
        st.integers(0, 99),
        st.sampled_from("ab"),
    ),
    max_size=8,
    unique_by=lambda event: event.id,
)
meters = st.builds(
    lambda aggregate, divide_by, rounding: meter(
        aggregate=aggregate,
        divide_by=divide_by,
        rounding=rounding,
        **({"of": "grade"} if aggregate == "unique" else {}),
    ),
    st.sampled_from(["count", "sum", "max", "latest", "unique", "time-weighted-average"]),
    st.sampled_from(["1", "3", "60"]),
    st.sampled_from(["none", "up", "down", "half-up"]),
)


@law
@given(meters, events, st.integers(1, 31), st.integers(1, 31), st.randoms(use_true_random=False))
def test_parts_sum_to_the_month_and_no_order_changes_anything(
    of: Meter, known: list[MeteredEvent], one: int, other: int, chance: random.Random
) -> None:
    cuts = sorted((one, other))
    whole = units(of, *known)
    shuffled = list(known)
    chance.shuffle(shuffled)

    parts = [units(of, *shuffled, first=first, end=end) for first, end in zip([1, *cuts], [*cuts, 32], strict=True)]

    assert sum(parts, Decimal(0)) == whole == units(of, *shuffled)


@law
@given(events)
def test_a_sum_is_the_sum_of_the_values(known: list[MeteredEvent]) -> None:
    of_month = [event for event in known if event.day.month == 5]

    assert units(meter(), *known) == sum((value_of(meter(), event) or Decimal(0) for event in of_month), Decimal(0))

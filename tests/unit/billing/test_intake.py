"""What becomes of a record, and which fact an event leaves behind."""

from datetime import date

import msgspec
import pytest

from billing.domain.intake import MOST_BYTES, Kept, Passed, Refused, content_digest, take_in
from billing.domain.metering import ItemAccepted, ItemDone, ReadingTaken, fact_of, london_day, quantity_micro
from shared.bus.port import Record
from shared.contracts.codec import encode_event
from shared.contracts.envelope import Event
from shared.contracts.items import Nothing, WorkStarted
from shared.contracts.topics import CATALOGUE, TICKETS, USAGE, WORK
from tests.support.recharges import (
    ASHBY,
    PAYROLL,
    catalogue_events,
    completed,
    opened,
    received,
    recorded,
    records,
    resolved,
)

NOON = "2026-05-07T12:00:00+00:00"


def only(event: Event) -> Record:
    (record,) = records([event])
    return record


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-03-31T22:59:59+00:00", "2026-03-31"),  # Tuesday, a minute before midnight in London
        ("2026-03-31T23:30:00+00:00", "2026-04-01"),  # Wednesday half past midnight: April, and another financial year
        ("2026-10-25T00:30:00+00:00", "2026-10-25"),  # Sunday 01:30, the first time
        ("2026-10-25T01:30:00+00:00", "2026-10-25"),  # Sunday 01:30, the second time
        ("2026-10-31T23:59:59+00:00", "2026-10-31"),  # Saturday, in winter time again
        ("2026-11-01T00:00:00+00:00", "2026-11-01"),
        ("2026-06-30T23:00:00-01:00", "2026-07-01"),  # an offset other than London's
    ],
)
def test_a_fact_belongs_to_its_london_day(at: str, day: str) -> None:
    fact = fact_of(completed("inv-1", at))

    assert isinstance(fact, ItemDone)
    assert fact.day == date.fromisoformat(day)


def test_a_business_date_and_not_the_time_of_sending_places_a_reading() -> None:
    fact = fact_of(recorded("may", "2026-06-02T09:00:00+00:00", "1200", day="2026-05-31"))

    assert isinstance(fact, ReadingTaken)
    assert fact.day == date(2026, 5, 31)


def test_a_ticket_is_one_unit_whatever_units_its_resolution_names() -> None:
    fact = fact_of(resolved("t-1", NOON))  # the event says 7

    assert isinstance(fact, ItemDone)
    assert fact.quantity_micro == 1_000_000


@pytest.mark.parametrize(
    ("quantity", "micro"),
    [("0", 0), ("1", 1_000_000), ("0.000001", 1), ("12.5", 12_500_000), ("999999999999.999999", 10**18 - 1)],
)
def test_a_quantity_is_kept_to_its_millionth(quantity: str, micro: int) -> None:
    assert quantity_micro(quantity) == micro


def test_receiving_and_opening_say_which_service_an_item_is_of() -> None:
    facts = [fact_of(received("inv-1", NOON)), fact_of(opened("t-1", NOON))]

    assert [(fact.meter, fact.service) for fact in facts if isinstance(fact, ItemAccepted)] == [
        ("work-completed", "accounts-payable"),
        ("tickets-resolved", "ict"),
    ]


def test_an_event_without_bearing_on_a_recharge_is_passed_over() -> None:
    event = completed("inv-1", NOON)
    started = WorkStarted(
        id="s", source=event.source, time=event.time, subject="inv-1", council="ashby", data=Nothing()
    )

    assert isinstance(take_in(WORK.name, only(started)), Passed)


def value(raw: bytes | None) -> Record:
    return Record(0, b"ashby:may", raw, (), 0)


GOOD = encode_event(recorded("may", NOON, "1"))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (value(None), "no-value"),
        (value(b""), "undecodable"),
        (value(b"{"), "undecodable"),
        (value(b"[]"), "undecodable"),
        (value(b"\xff\xfe"), "undecodable"),
        (value(b"[" * 100_000), "undecodable"),
        (value(b" " * (MOST_BYTES + 1)), "too-large"),
        (value(GOOD.replace(b"recorded.v1", b"recorded.v2")), "undecodable"),
        (value(GOOD.replace(b'"quantity":"1"', b'"quantity":"-5"')), "undecodable"),
        (value(GOOD.replace(b'"quantity":"1"', b'"quantity":"1e3"')), "undecodable"),
        (value(GOOD.replace(b'"quantity":"1"', b'"quantity":1')), "undecodable"),
        (value(GOOD.replace(b"+00:00", b"").replace(b"00Z", b"00")), "undecodable"),  # a naive time
        (value(GOOD.replace(b"2026-05-07", b"0001-01-01").replace(b"00Z", b"00+14:00")), "time-out-of-range"),
        (value(GOOD.replace(b"2026-05-07", b"1999-12-31")), "time-out-of-range"),
        (Record(0, b"bexhill:may", GOOD, (), 0), "wrong-key"),
        (Record(0, None, GOOD, (), 0), "wrong-key"),
        (only(completed("inv-1", NOON)), "wrong-topic"),
    ],
)
def test_a_bad_record_is_refused_for_a_reason_and_never_raises(record: Record, reason: str) -> None:
    judged = take_in(USAGE.name, record)

    assert isinstance(judged, Refused)
    assert judged.reason == reason
    assert judged.record is record


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    judged = take_in(USAGE.name, value(GOOD.replace(b'"quantity":"1"', b'"quantity":"secret"')))

    assert isinstance(judged, Refused)
    assert "secret" not in judged.detail


def test_a_fact_about_a_council_nobody_knows_is_kept() -> None:
    assert isinstance(take_in(USAGE.name, value(GOOD)), Kept)


def test_the_catalogues_definitions_are_kept() -> None:
    (council, service) = (take_in(CATALOGUE.name, record) for record in records(catalogue_events(ASHBY, PAYROLL)))

    assert isinstance(council, Kept)
    assert isinstance(service, Kept)


def test_resending_with_other_tracing_or_layout_is_the_same_content() -> None:
    event = recorded("may", NOON, "1")
    resent = msgspec.structs.replace(event, traceparent="00-1", partitionkey="ashby", time=event.time.astimezone())

    assert content_digest(resent) == content_digest(event)


@pytest.mark.parametrize(
    "other",
    [
        recorded("may", NOON, "2"),
        recorded("may", "2026-05-07T12:00:01+00:00", "1"),
        recorded("may", NOON, "1", day="2026-05-07"),
        recorded("june", NOON, "1"),
    ],
)
def test_another_quantity_time_date_or_subject_is_another_content(other: Event) -> None:
    assert content_digest(other) != content_digest(recorded("may", NOON, "1"))


def test_the_year_that_a_day_is_reckoned_in_is_londons() -> None:
    assert london_day(1_767_225_600_000_000 - 1) == date(2025, 12, 31)
    assert london_day(1_767_225_600_000_000) == date(2026, 1, 1)


def test_tickets_are_no_work() -> None:
    judged = take_in(TICKETS.name, only(completed("inv-1", NOON)))

    assert isinstance(judged, Refused)
    assert judged.reason == "wrong-topic"

"""Ingest: what becomes of a record, and which fact billing keeps of an event."""

from datetime import date, datetime, timedelta

import msgspec
import pytest

from billing.domain.ingest import AcceptedEvent, ingest_record
from billing.domain.metering import EventReceived, fact_of, london_day, quantity_micro
from shared.contracts.codec import AnyEvent
from shared.contracts.envelope import Event, TimeAdvanced, TimeAdvancedData
from shared.contracts.items import NoData, WorkStarted
from shared.contracts.topics import CATALOGUE, TICKETS, USAGE, VERDICTS, WORK, Topic
from shared.log.content import content_digest
from shared.log.validation import InvalidRecord
from tests.support.credits import corrected
from tests.support.recharges import (
    ASHBY,
    PAYROLL,
    by_shard,
    catalogue_events,
    completed,
    opened,
    received,
    recorded,
    records,
    withdrawn,
)

NOON = "2026-05-07T12:00:00+00:00"


def fact(event: AnyEvent) -> EventReceived:
    """The row that billing keeps of the event."""
    kept = fact_of(event, partition=3, offset=7)
    assert isinstance(kept, EventReceived)
    return kept


def ingested(topic: Topic, event: Event) -> AcceptedEvent | InvalidRecord | None:
    """What becomes of the event in the shard that it belongs to."""
    ((shard, events),) = by_shard(topic, [event]).items()
    (record,) = records(events)
    return ingest_record(shard, record)


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
def test_a_fact_counts_on_its_london_day(at: str, day: str) -> None:
    assert fact(completed("inv-1", at)).day == date.fromisoformat(day)


def test_a_reading_counts_on_its_business_date_and_not_when_it_was_sent() -> None:
    assert fact(recorded("may", "2026-06-02T09:00:00+00:00", "1200", day="2026-05-31")).day == date(2026, 5, 31)


@pytest.mark.parametrize(
    ("quantity", "micro"),
    [
        ("0", 0),
        ("1", 1_000_000),
        ("0.000001", 1),
        ("12.5", 12_500_000),
        ("999999999999.999999", 10**18 - 1),
        ("-1.5", -1_500_000),
        ("-0.000001", -1),
    ],
)
def test_a_quantity_is_stored_to_its_millionth(quantity: str, micro: int) -> None:
    assert quantity_micro(quantity) == micro


def test_receiving_and_opening_name_the_service_of_an_item() -> None:
    facts = [fact(received("inv-1", NOON)), fact(opened("t-1", NOON))]

    assert [(each.type, each.service) for each in facts] == [
        ("work.received.v1", "accounts-payable"),
        ("ticket.opened.v1", "ict"),
    ]


def test_an_event_that_no_named_meter_counts_is_kept_all_the_same() -> None:
    event = completed("inv-1", NOON)
    started = WorkStarted(
        id="s", source=event.source, time=event.time, subject=event.subject, council=event.council, data=NoData()
    )
    kept = ingested(WORK, started)

    assert isinstance(kept, AcceptedEvent)
    assert isinstance(kept.fact, EventReceived)
    assert (kept.fact.type, kept.fact.service, kept.fact.attributes) == ("work.started.v1", None, None)


def test_a_mark_of_time_is_ignored() -> None:
    mark = TimeAdvanced(
        id="m",
        source="/replay",
        time=datetime.fromisoformat(NOON),
        subject="0",
        data=TimeAdvancedData(to=datetime.fromisoformat(NOON)),
    )

    assert fact_of(mark, partition=0, offset=0) is None


def test_what_has_no_column_is_kept_as_canonical_json() -> None:
    reading = recorded("may", NOON, "1", unit="payslip", attributes={"site": "hub", "grade": "7"})
    taken_back = withdrawn(completed("inv-1", NOON), NOON)

    assert fact(reading).attributes == '{"attributes":{"grade":"7","site":"hub"}}'
    assert fact(completed("inv-1", NOON)).attributes == '{"outcome":"done"}'
    assert fact(recorded("may", NOON, "1")).attributes is None
    assert (fact(taken_back).stream, fact(taken_back).target_id) == ("work", "inv-1-completed")
    assert (fact(reading).partition, fact(reading).offset) == (3, 7)


def test_an_event_about_an_unknown_council_is_accepted() -> None:
    assert isinstance(ingested(USAGE, recorded("may", NOON, "1")), AcceptedEvent)


def test_the_catalogues_definitions_are_accepted() -> None:
    (council, service) = (ingested(CATALOGUE, event) for event in catalogue_events(ASHBY, PAYROLL))

    assert isinstance(council, AcceptedEvent)
    assert isinstance(service, AcceptedEvent)


def test_resending_with_other_tracing_layout_or_sequence_is_the_same_content() -> None:
    event = recorded("may", NOON, "1")
    layout = {"partitionkey": "ashby", "time": event.time.astimezone(), "sequence": "7"}
    resent = msgspec.structs.replace(event, traceparent="00-1", **layout)

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
def test_another_quantity_time_date_or_subject_is_another_content(other: AnyEvent) -> None:
    assert content_digest(other) != content_digest(recorded("may", NOON, "1"))


def test_a_correction_published_again_for_another_trigger_is_no_conflict() -> None:
    first = corrected("T-1", "met")
    again = msgspec.structs.replace(
        first,
        time=first.time + timedelta(hours=1),
        data=msgspec.structs.replace(first.data, cause="T-1-9", agreement_version=2),
    )

    assert accepted_digest(again) == accepted_digest(first)
    assert accepted_digest(corrected("T-1", "breached")) != accepted_digest(first)


def accepted_digest(event: Event) -> bytes:
    result = ingested(VERDICTS, event)
    assert isinstance(result, AcceptedEvent)
    return result.digest


def test_the_year_of_a_day_is_that_in_london() -> None:
    assert london_day(1_767_225_600_000_000 - 1) == date(2025, 12, 31)
    assert london_day(1_767_225_600_000_000) == date(2026, 1, 1)


def test_a_work_event_in_the_topic_of_tickets_is_invalid() -> None:
    result = ingested(TICKETS, completed("inv-1", NOON))

    assert isinstance(result, InvalidRecord)
    assert result.reason == "FOREIGN_TYPE"

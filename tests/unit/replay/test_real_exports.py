"""Real exports, where they are at hand: each row is accounted for, and what is known of them comes out."""

import csv
import gzip
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from shared.contracts.definitions import Agreement
from shared.contracts.items import TicketOpened, TicketResolved, WorkCompleted, WorkReceived
from tallystick.replay.mapping import read_mapping
from tallystick.replay.rows import BEFORE_OPENING, RejectedRow, RowCounts
from tallystick.replay.scratch import Scratch
from tallystick.replay.translate import translate
from tallystick.replay.trial import trial_definitions
from tests.support.replays import Replayed, replay_file

DATA = Path(__file__).parents[4] / "shared/data"
EXPORTS = {
    "boston-311": "boston_311/boston_311_2015.csv.gz",
    "coselog-receipt": "coselog_wabo_receipt/receipt_cases.csv.gz",
    "helpdesk-italy": "helpdesk_italy/helpdesk_events.csv.gz",
    "request-for-payment": "bpic2020_request_for_payment/rfp_events.csv.gz",
}
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here"),
]


@cache
def replayed(name: str) -> Replayed:
    return replay_file(read_mapping(name, lookups={}), DATA / EXPORTS[name])


@pytest.mark.parametrize(
    ("name", "rows", "unused", "events"),
    [
        ("boston-311", 121_145, 0, {"ticket.opened": 121_145, "ticket.resolved": 101_272}),
        ("coselog-receipt", 1_434, 0, {"work.received": 1_434, "work.completed": 1_329}),
        ("request-for-payment", 36_796, 23_675, {"work.received": 6_814, "work.completed": 6_307}),
        (
            "helpdesk-italy",
            21_348,
            5_405,
            {
                "ticket.opened": 4_580,
                "ticket.paused": 1_350,
                "ticket.resumed": 569,
                "ticket.resolved": 4_729,
                "ticket.reopened": 161,
                "ticket.closed": 4_560,
            },
        ),
    ],
)
def test_every_row_is_translated_or_carries_no_event(name: str, rows: int, unused: int, events: dict[str, int]) -> None:
    counts = replayed(name).counts

    assert (counts.rows, counts.refused, counts.unused.total(), counts.unaccounted) == (rows, 0, unused, 0)
    assert {kind.removeprefix("tallystick.").removesuffix(".v1"): n for kind, n in counts.events.items()} == events


def test_the_verdicts_are_those_that_the_city_recorded() -> None:
    as_of = datetime(2016, 1, 12, 23, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
    due: dict[str, datetime | None] = {}
    resolved: dict[str, datetime] = {}
    for event in replayed("boston-311").events:
        if isinstance(event, TicketOpened):
            due[event.subject] = event.data.due_at
        elif isinstance(event, TicketResolved):
            resolved[event.subject] = event.time
    with gzip.open(DATA / EXPORTS["boston-311"], "rt", encoding="utf-8", newline="") as text:
        recorded = {row["case_enquiry_id"]: row["on_time"] for row in csv.DictReader(text)}

    verdicts = Counter(
        (recorded[item], "OVERDUE" if (resolved.get(item) or as_of) > at else "ONTIME")
        for item, at in due.items()
        if at is not None and recorded[item] and item in resolved
    )

    assert verdicts == {("ONTIME", "ONTIME"): 60_054, ("OVERDUE", "OVERDUE"): 19_072}
    assert sum(at is None for at in due.values()) == 26_991
    assert replayed("boston-311").counts.notes[BEFORE_OPENING] == 197


def test_each_type_of_request_with_a_rule_has_its_target() -> None:
    mapping = read_mapping("boston-311-rules", lookups={"rules": DATA / "boston_311/derived_sla_rules_2015.csv"})

    found = trial_definitions(mapping, DATA / EXPORTS["boston-311"])

    agreements = [definition for definition in found if isinstance(definition, Agreement)]
    within = {target.id: target.within for target in agreements[0].targets}
    assert len(agreements) == 17
    assert len(within) == 122 - 10  # ten rules of 0 days or fewer are no promise
    assert (within["street-light-outages"], within["rodent-activity"]) == ("10 working days", "30 days")


def test_of_the_requests_for_payment_that_were_paid_94_4_percent_took_at_most_30_days() -> None:
    received: dict[str, datetime] = {}
    on_time = finished = 0
    for event in replayed("request-for-payment").events:
        if isinstance(event, WorkReceived):
            received[event.subject] = event.time
        elif isinstance(event, WorkCompleted):
            finished += 1
            on_time += event.time - received[event.subject] <= timedelta(days=30)

    assert finished == 6_307
    assert round(100 * on_time / finished, 1) == 94.4


def test_the_payments_of_eleven_councils_are_readings_of_twelve_months() -> None:
    counts, rejected = RowCounts(), list[RejectedRow]()
    path = DATA / "uk_council_payments_2018_19/payment_lines_2018_19.csv.gz"
    months: Counter[tuple[str, date]] = Counter()

    mapping = read_mapping("uk-council-payments", lookups={})
    with closing(Scratch()) as scratch:
        for timed in translate(mapping, path, counts=counts, rejects=rejected.append, scratch=scratch):
            at = timed.value.index(b'"business_date":"') + len(b'"business_date":"')
            months[timed.key.split(":")[0], date.fromisoformat(timed.value[at : at + 10].decode()).replace(day=1)] += 1

    assert (counts.rows, counts.translated, counts.unaccounted, rejected) == (933_986, 933_986, 0, [])
    assert len(months) == 132
    by_council = Counter({council: 0 for council, _ in months})
    for (council, _), lines in months.items():
        by_council[council] += lines
    assert (by_council["leeds"], by_council["salford"]) == (285_967, 16_420)

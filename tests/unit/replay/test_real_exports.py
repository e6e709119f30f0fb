"""Real exports, where they are at hand: each row is accounted for, and what is known of them comes out."""

import csv
import gzip
from collections import Counter
from contextlib import closing
from datetime import date, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

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


# Whole files take minutes: `make check-all` reads them, other runs their first rows.
FIRST = 2_000


@cache
def replayed(name: str, rows: int | None = None) -> Replayed:
    """What the export comes to, or its first rows."""
    mapping, path = read_mapping(name, lookups={}), DATA / EXPORTS[name]
    if rows is None:
        return replay_file(mapping, path)
    with TemporaryDirectory() as folder:
        return replay_file(mapping, first_rows(path, rows, Path(folder)))


def first_rows(path: Path, rows: int, folder: Path) -> Path:
    """The header and the first rows of a file of which no cell has a line end, as far as they go."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        lines = list(islice(text, 1 + rows))
    (folder / "first.csv").write_text("".join(lines), encoding="utf-8", newline="")
    return folder / "first.csv"


@pytest.mark.parametrize(
    ("name", "rows", "unused", "events"),
    [
        ("coselog-receipt", 1_434, 0, {"work.received": 1_434, "work.completed": 1_329}),
        pytest.param(
            "boston-311", 121_145, 0, {"ticket.opened": 121_145, "ticket.resolved": 101_272}, marks=pytest.mark.long
        ),
        pytest.param(
            "request-for-payment",
            36_796,
            23_675,
            {"work.received": 6_814, "work.completed": 6_307},
            marks=pytest.mark.long,
        ),
        pytest.param(
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
            marks=pytest.mark.long,
        ),
    ],
)
def test_every_row_is_translated_or_carries_no_event(name: str, rows: int, unused: int, events: dict[str, int]) -> None:
    counts = replayed(name).counts

    assert (counts.rows, counts.refused, counts.unused.total(), counts.unaccounted) == (rows, 0, unused, 0)
    assert {kind.removeprefix("tallystick.").removesuffix(".v1"): n for kind, n in counts.events.items()} == events


@pytest.mark.parametrize("name", ["boston-311", "request-for-payment", "helpdesk-italy"])
def test_every_one_of_the_first_rows_is_translated_or_carries_no_event(name: str) -> None:
    counts = replayed(name, FIRST).counts

    assert (counts.rows, counts.refused, counts.unaccounted) == (FIRST, 0, 0)
    assert counts.events.total() > FIRST / 3


Verdicts = Counter[tuple[str, str]]


def recorded_and_found(name: str, rows: int | None = None) -> Verdicts:
    """How often the city recorded the first for a request that it resolved, and its times give the second."""
    due: dict[str, datetime | None] = {}
    resolved: dict[str, datetime] = {}
    for event in replayed(name, rows).events:
        if isinstance(event, TicketOpened):
            due[event.subject] = event.data.due_at
        elif isinstance(event, TicketResolved):
            resolved[event.subject] = event.time
    with gzip.open(DATA / EXPORTS[name], "rt", encoding="utf-8", newline="") as text:
        recorded = {row["case_enquiry_id"]: row["on_time"] for row in islice(csv.DictReader(text), rows)}
    assert due.keys() == recorded.keys()
    return Counter(
        (recorded[item], "OVERDUE" if resolved[item] > at else "ONTIME")
        for item, at in due.items()
        if at is not None and recorded[item] and item in resolved
    )


@pytest.mark.long
def test_the_verdicts_are_those_that_the_city_recorded() -> None:
    assert recorded_and_found("boston-311") == {("ONTIME", "ONTIME"): 60_054, ("OVERDUE", "OVERDUE"): 19_072}
    opened = [event for event in replayed("boston-311").events if isinstance(event, TicketOpened)]
    assert sum(event.data.due_at is None for event in opened) == 26_991
    assert replayed("boston-311").counts.notes[BEFORE_OPENING] == 197


def test_the_verdicts_on_the_first_requests_are_those_that_the_city_recorded() -> None:
    found = recorded_and_found("boston-311", FIRST)

    assert all(recorded == by_its_times for recorded, by_its_times in found)
    assert found.total() > FIRST / 2
    assert len(found) == 2


@pytest.mark.long
def test_each_type_of_request_with_a_rule_has_its_target() -> None:
    mapping = read_mapping("boston-311-rules", lookups={"rules": DATA / "boston_311/derived_sla_rules_2015.csv"})

    found = trial_definitions(mapping, DATA / EXPORTS["boston-311"])

    agreements = [definition for definition in found if isinstance(definition, Agreement)]
    within = {target.id: target.within for target in agreements[0].targets}
    assert len(agreements) == 17
    assert len(within) == 122 - 10  # ten rules of 0 days or fewer are no promise
    assert (within["street-light-outages"], within["rodent-activity"]) == ("10 working days", "30 days")


@pytest.mark.long
def test_of_the_requests_for_payment_that_were_paid_94_4_percent_took_at_most_30_days() -> None:
    share, finished = paid_in_time()

    assert finished == 6_307
    assert round(share, 1) == 94.4


def paid_in_time(rows: int | None = None) -> tuple[float, int]:
    """How many percent of the requests that were paid took at most 30 days, and how many were paid."""
    received: dict[str, datetime] = {}
    on_time = finished = 0
    for event in replayed("request-for-payment", rows).events:
        if isinstance(event, WorkReceived):
            received[event.subject] = event.time
        elif isinstance(event, WorkCompleted):
            finished += 1
            on_time += event.time - received[event.subject] <= timedelta(days=30)
    return 100 * on_time / finished, finished


def test_the_first_requests_for_payment_that_were_paid_took_as_long_as_their_times_say() -> None:
    share, finished = paid_in_time(FIRST)

    assert finished > 300
    assert 80 < share < 100


def test_the_first_payments_of_councils_are_readings() -> None:
    with TemporaryDirectory() as folder:
        path = first_rows(DATA / "uk_council_payments_2018_19/payment_lines_2018_19.csv.gz", FIRST, Path(folder))
        counts = replay_file(read_mapping("uk-council-payments", lookups={}), path).counts

    assert (counts.rows, counts.translated, counts.refused, counts.unaccounted) == (FIRST, FIRST, 0, 0)


@pytest.mark.long
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

"""Billing on a real database: one effect for each event, in whatever order, however often, whoever else writes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields
from datetime import date
from decimal import Decimal

import msgspec
import pytest

from billing.consumer import ingest
from billing.domain.canonical import canonical_json
from billing.ports import CountedEvent
from billing.statements.drafts import Statements
from billing.store.sql import SqlStore
from shared.clock import WallClock
from shared.contracts.topics import CATALOGUE, TICKETS, USAGE, WORK, Topic
from shared.log.partitioner import partition_of
from shared.log.port import Fenced, Record, Shard
from shared.period import Month
from shared.scope import Scope
from shared.sql.progress import Counts
from shared.units import EpochMillis, Offset
from tests.support.billing_feed import CATALOGUED, MAY, feed, quantities, statement_of
from tests.support.recharges import (
    ASHBY,
    completed,
    opened,
    received,
    reclassified,
    recorded,
    records,
    resolved,
    reversed_,
)

SHARD = Shard(USAGE.name, partition_of(b"ashby:r-1", USAGE.partitions))


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as store:
        yield store


def counted(store: SqlStore, topic: Topic) -> Counts:
    """What became of the records of `topic`, in all its shards together."""
    found = [each for each in store.progress() if each.shard.topic == topic.name]
    assert not [each for each in found if each.unaccounted]
    return Counts(**{field.name: sum(getattr(each.counts, field.name) for each in found) for field in fields(Counts)})


def test_an_item_is_metered_once_by_its_first_completion_in_event_time(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)
    again = completed("inv-1", "2026-05-20T12:00:00+00:00", units="50", id="again")
    first = completed("inv-1", "2026-05-19T12:00:00+00:00", units="3")

    feed(store, WORK, [again, received("inv-1", "2026-05-01T12:00:00+00:00"), first])

    assert quantities(store)["accounts-payable"] == 3


def test_a_completion_counts_once_its_receipt_names_the_service(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)
    feed(store, WORK, [completed("inv-1", "2026-05-19T12:00:00+00:00")])
    before = statement_of(store, MAY)

    feed(store, WORK, [received("inv-1", "2026-04-01T12:00:00+00:00")])

    assert [usage.reason for usage in before.evidence.unbilled] == ["item-not-opened"]
    assert quantities(store)["accounts-payable"] == 1


def test_an_item_counts_for_the_service_that_it_was_of_when_it_was_completed(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)
    feed(store, WORK, [completed("W-1", "2026-05-20T10:00:00+01:00"), received("W-1", "2026-05-18T10:00:00+01:00")])
    before = quantities(store)

    # Late, in the second of the completion, and after it: only the first one changes what is counted.
    late = reclassified("W-1", "2026-05-19T10:00:00+01:00", service="payroll", id="moved")
    feed(store, WORK, [reclassified("W-1", "2026-05-20T10:00:00+01:00", service="ict", id="at-once")])
    feed(store, WORK, [reclassified("W-1", "2026-05-21T10:00:00+01:00", service="ict", id="afterwards")])
    unmoved = quantities(store)
    feed(store, WORK, [late])

    assert before["accounts-payable"] == unmoved["accounts-payable"] == 1
    assert quantities(store)["accounts-payable"] == 0
    assert [(each.reason, each.service, each.events) for each in statement_of(store).evidence.unbilled] == [
        ("wrong-meter", "payroll", 1)
    ]


def test_a_reopened_ticket_is_one_unit_of_the_month_it_was_first_resolved_in(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)

    feed(
        store,
        TICKETS,
        [
            opened("t-1", "2026-05-29T12:00:00+00:00"),
            resolved("t-1", "2026-05-31T22:30:00+00:00"),  # Sunday 23:30 in London
            resolved("t-1", "2026-06-02T12:00:00+00:00", id="again"),
        ],
    )

    assert [quantities(store, month)["ict"] for month in (MAY, MAY.next)] == [1, 0]


def test_half_past_eleven_at_night_utc_on_31_march_is_april(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)

    feed(store, USAGE, [recorded("r-1", "2026-03-31T23:30:00+00:00", "10")])

    assert quantities(store, Month(2026, 3))["payroll"] == 0
    assert quantities(store, Month(2026, 4))["payroll"] == 10


def test_a_reversal_may_come_before_its_reading(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)

    feed(store, USAGE, [reversed_("r-1", "2026-05-09T12:00:00+00:00")])
    feed(store, USAGE, [recorded("r-1", "2026-05-07T12:00:00+00:00", "10")])

    assert quantities(store)["payroll"] == 0


def test_a_reading_is_not_reversed_by_another_service(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)

    feed(
        store,
        USAGE,
        [
            recorded("r-1", "2026-05-07T12:00:00+00:00", "10"),
            reversed_("r-1", "2026-05-09T12:00:00+00:00", service="ict"),
        ],
    )

    assert quantities(store)["payroll"] == 10


def test_usage_waits_for_the_catalogue_and_then_counts(store: SqlStore) -> None:
    feed(store, USAGE, [recorded("r-1", "2026-05-07T12:00:00+00:00", "10")])
    before = Statements(store, WallClock()).statements(MAY, scope=Scope.all())

    feed(store, CATALOGUE, CATALOGUED)

    assert before.statements == ()
    assert [(each.council, each.unbilled[0].reason) for each in before.without_statement] == [
        ("ashby", "unknown-council")
    ]
    assert quantities(store)["payroll"] == 10


def test_the_same_id_with_other_content_is_quarantined_and_the_first_stays(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)
    first, other = (recorded("r-1", "2026-05-07T12:00:00+00:00", amount) for amount in ("10", "11"))

    feed(store, USAGE, [first, other, first])
    feed(store, USAGE, [other])

    conflicts = store.quarantine.read(SHARD, after_offset=-1, limit=10)
    assert [(each.offset, each.reason) for each in conflicts] == [(1, "ID_REUSE_CONFLICT"), (3, "ID_REUSE_CONFLICT")]
    assert conflicts[0].value == records([other])[0].value
    assert quantities(store)["payroll"] == 10
    counts = counted(store, USAGE)
    assert (counts.applied, counts.duplicate, counts.quarantined) == (1, 1, 2)


def test_an_invalid_record_stops_nothing_and_keeps_its_bytes(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)
    good = records([recorded("r-1", "2026-05-07T12:00:00+00:00", "10")], first=1)
    bad = Record(Offset(0), b"k", b"\x00not json", (), EpochMillis(0))

    ingest(store, SHARD, [bad, *good], expected=None)

    assert [
        (each.reason, each.key, each.value) for each in store.quarantine.read(SHARD, after_offset=-1, limit=10)
    ] == [("UNREADABLE", b"k", b"\x00not json")]
    assert quantities(store)["payroll"] == 10


def test_offsets_that_the_log_no_longer_held_are_accounted_for(store: SqlStore) -> None:
    ingest(store, SHARD, records([recorded("r-1", "2026-05-07T12:00:00+00:00", "1")]), expected=None)

    ingest(store, SHARD, records([recorded("r-1", "2026-05-07T12:00:00+00:00", "1", id="again")], first=5), expected=1)

    (progress,) = store.progress()
    assert (progress.next_offset, progress.counts.applied, progress.counts.absent) == (6, 2, 4)
    assert progress.unaccounted == 0


def test_reading_the_whole_log_again_changes_nothing(store: SqlStore) -> None:
    log = [recorded(f"r-{n}", "2026-05-07T12:00:00+00:00", str(n)) for n in range(20)]
    feed(store, CATALOGUE, CATALOGUED)
    feed(store, USAGE, log)
    before = canonical_json(statement_of(store, MAY))

    feed(store, USAGE, log)
    feed(store, CATALOGUE, CATALOGUED)

    assert canonical_json(statement_of(store, MAY)) == before
    counts = counted(store, USAGE)
    assert (counts.applied, counts.duplicate) == (20, 20)


def test_of_two_workers_on_the_same_records_one_is_fenced_and_stores_nothing(store: SqlStore) -> None:
    batch = records([recorded("r-1", "2026-05-07T12:00:00+00:00", "1")])
    outcomes: list[str] = []
    together = threading.Barrier(4)

    def worker() -> None:
        together.wait()
        try:
            ingest(store, SHARD, batch, expected=None)
            outcomes.append("stored")
        except Fenced:
            outcomes.append("fenced")

    workers = [threading.Thread(target=worker) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()

    assert sorted(outcomes) == ["fenced", "fenced", "fenced", "stored"]
    (progress,) = store.progress()
    assert (progress.counts.applied, progress.unaccounted) == (1, 0)


def test_a_quantity_too_large_for_one_sum_of_64_bits_is_still_added_exactly(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)

    feed(
        store,
        USAGE,
        [recorded(f"r-{n}", "2026-05-07T12:00:00+00:00", "999999999999.999999") for n in range(20)],
    )

    assert quantities(store)["payroll"] == Decimal("19999999999999.99998")


def test_a_line_is_explained_down_to_its_source_events_page_by_page(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)
    feed(
        store,
        USAGE,
        [
            *(recorded(f"r-{n}", f"2026-05-{n:02}T12:00:00+00:00", str(n)) for n in range(1, 8)),
            reversed_("r-3", "2026-05-20T12:00:00+00:00"),
            recorded("other", "2026-05-07T12:00:00+00:00", "9", unit="assignment"),
        ],
    )
    (line,) = next(charges.lines for charges in statement_of(store, MAY).services if charges.service.id == "payroll")

    found: list[CountedEvent] = []
    after, pages = None, 0
    while pages == 0 or after is not None:
        page = Statements(store, WallClock()).explain(ASHBY.id, MAY, line.ref, after=after, limit=4, scope=Scope.all())
        found += page.counted
        after, pages = page.next_cursor, pages + 1

    assert pages == 2
    assert [each.id for each in found] == [f"r-{n}-recorded" for n in (1, 2, 4, 5, 6, 7)]
    assert sum(each.quantity for each in found) == line.quantity


def test_an_items_line_is_explained_by_its_completions(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)
    feed(
        store,
        WORK,
        [received("inv-1", "2026-05-01T12:00:00+00:00"), completed("inv-1", "2026-05-19T12:00:00+00:00", units="3")],
    )
    (line,) = statement_of(store, MAY).services[0].lines

    (counted,) = (
        Statements(store, WallClock()).explain(ASHBY.id, MAY, line.ref, after=None, limit=10, scope=Scope.all()).counted
    )

    assert (counted.item, counted.day, counted.quantity) == ("inv-1", date(2026, 5, 19), Decimal(3))


def test_of_two_sendings_of_one_event_the_smaller_sequence_counts_whichever_came_first(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)
    at = "2026-05-19T10:00:00+01:00"
    away = msgspec.structs.replace(reclassified("W-1", at, service="ict", id="away"), sequence="10")
    back = msgspec.structs.replace(reclassified("W-1", at, service="accounts-payable", id="back"), sequence="9")
    feed(store, WORK, [received("W-1", "2026-05-18T10:00:00+01:00"), completed("W-1", "2026-05-20T10:00:00+01:00")])
    feed(store, WORK, [away, back])
    moved = quantities(store)["accounts-payable"]

    feed(store, WORK, [msgspec.structs.replace(away, sequence="8")])

    assert (moved, quantities(store)["accounts-payable"]) == (Decimal(0), Decimal(1))
    assert counted(store, WORK).duplicate == 1

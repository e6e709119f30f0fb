"""What keeps a month from being issued: whom it blocks, in words; a decision covers nothing that came later."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.blockers import (
    DECIDED_AFTER,
    WAITING,
    Blocker,
    BlockerDecision,
    JudgedShard,
    UnjudgedItems,
    differs,
    halted,
    not_computed,
    not_judged,
    open_at_the_monitor,
    parked,
    quarantined,
    unbilled,
    unread,
    with_decisions,
)
from billing.domain.differences import FigureDifference
from billing.domain.open_records import OpenRecord, open_record
from billing.domain.usage import UnbilledReason, UnbilledUsage
from shared.contracts.scalars import ID_PATTERN
from shared.contracts.topics import CATALOGUE, STATEMENTS, TICKETS, USAGE, VERDICTS, WORK
from shared.contracts.verdicts import TargetMet
from shared.log.port import Bounds, Quarantined, Shard, every_shard
from shared.period import Month
from shared.units import EpochMillis, Offset
from tests.support.laws import law

APRIL, MAY, JUNE = Month(2026, 4), Month(2026, 5), Month(2026, 6)
SHARD = Shard(USAGE.name, 3)
SEVEN = Decimal(7)
AGREED: tuple[UnbilledReason, ...] = ("no-tariff", "wrong-meter", "not-metered", "failed")
DECIDED = BlockerDecision("ann", "a test system sent it")


def quarantined_record(
    value: dict[str, Any] | bytes | None,
    *,
    key: bytes | None = b"ashby:r-1",
    offset: int = 7,
    reason: str = "UNREADABLE",
) -> Quarantined:
    bytes_ = json.dumps(value).encode() if isinstance(value, dict) else value
    return Quarantined(Offset(7), reason, "detail", key, bytes_, EpochMillis(0))


def event(type_: str, at: str = "2026-05-31T23:30:00+00:00", **fields: Any) -> dict[str, Any]:
    return {"type": f"tallystick.{type_}.v1", "council": "ashby", "time": at, "data": {}} | fields


def concerned(found: OpenRecord) -> list[str]:
    """Which of the three months it may change."""
    return [str(month) for month in (APRIL, MAY, JUNE) if found.concerns(month)]


@pytest.mark.parametrize(
    ("content", "months"),
    [
        (event("usage.recorded"), ["2026-06"]),  # half past midnight of 1 June in London
        (event("usage.recorded", data={"business_date": "2026-05-31"}), ["2026-05"]),
        (event("work.completed", "2026-05-31T22:59:59+00:00"), ["2026-05"]),
        (event("work.received", "2026-05-07T12:00:00Z"), ["2026-05", "2026-06"]),  # decides what is completed later
        (event("usage.reversed", "2026-05-07T12:00:00Z"), ["2026-04", "2026-05"]),  # takes back what was before
        (event("item.fact-withdrawn", "2026-05-07T12:00:00Z"), ["2026-04", "2026-05"]),
        (event("usage.recorded", "2026-05-07T12:00:00"), ["2026-04", "2026-05", "2026-06"]),  # a time without a zone
        (event("usage.recorded", "soon"), ["2026-04", "2026-05", "2026-06"]),
        (event("usage.recorded", "9999-12-31T23:59:59Z"), ["2026-04", "2026-05", "2026-06"]),
    ],
)
def test_a_record_concerns_the_months_that_it_can_change(content: dict[str, Any], months: list[str]) -> None:
    found = open_record(SHARD, quarantined_record(content))

    assert found.council == "ashby"
    assert concerned(found) == months


def test_a_verdict_concerns_the_month_that_it_names() -> None:
    content = event("x", type=str(TargetMet.__struct_config__.tag), data={"month": "2026-05"})

    assert concerned(open_record(Shard(VERDICTS.name, 0), quarantined_record(content))) == ["2026-05"]


@pytest.mark.parametrize("reason", ["FUTURE_TIME", "TIME_OUT_OF_RANGE"])
def test_a_time_that_is_what_is_wrong_names_no_month(reason: str) -> None:
    content = event("usage.recorded", "2026-06-07T12:00:00Z")

    assert concerned(open_record(SHARD, quarantined_record(content, reason=reason))) == [
        "2026-04",
        "2026-05",
        "2026-06",
    ]


@pytest.mark.parametrize(
    ("key", "value", "council"),
    [
        (b"ashby:r-1", b"{", "ashby"),
        (b"ashby:r-1", None, "ashby"),
        (None, b'{"council": "ashby"}', "ashby"),
        (b"ashby:r-1", b'{"council": "bexhill"}', None),  # of which of them is it?
        (b"ashby", b"{}", None),
        (b"\xff:r", b"\xff", None),
        (b"two words:r", b'{"council": ["ashby"]}', None),
        (None, b"[" * 100_000, None),
        (None, b"[1]", None),
    ],
)
def test_a_record_names_a_council_only_where_its_bytes_are_clear(
    key: bytes | None, value: bytes | None, council: str | None
) -> None:
    assert open_record(SHARD, quarantined_record(value, key=key)).council == council


def test_a_record_of_the_catalogue_names_no_council_and_concerns_every_month() -> None:
    found = open_record(Shard(CATALOGUE.name, 0), quarantined_record(event("x"), key=b"council:ashby:1"))

    assert (found.council, concerned(found)) == (None, ["2026-04", "2026-05", "2026-06"])


@law
@given(value=st.binary(max_size=200), key=st.binary(max_size=20), topic=st.sampled_from([USAGE, VERDICTS, STATEMENTS]))
def test_whatever_the_bytes_are_a_record_is_listed(value: bytes, key: bytes, topic: Any) -> None:
    found = open_record(Shard(topic.name, 0), quarantined_record(value, key=key))

    assert found.concerns(MAY)


def record(offset: int, council: str | None = "ashby", reason: str = "UNREADABLE", shard: Shard = SHARD) -> OpenRecord:
    return OpenRecord(shard, offset, reason, council, MAY, MAY)


def listed(*records: OpenRecord, **decided: BlockerDecision) -> list[Blocker]:
    return list(quarantined(records, MAY, decided))


def test_records_are_listed_by_council_kind_and_partition_with_where_to_look() -> None:
    found = listed(record(3), record(5), record(6, "bexhill"), record(7, None), record(8, "ashby", "FAILED"))

    assert {(each.kind, each.council, each.count) for each in found} == {
        ("quarantined", "ashby", 2),
        ("quarantined", "bexhill", 1),
        ("quarantined", None, 1),
        ("failed", "ashby", 1),
    }
    assert len({each.id for each in found}) == 4
    of_ashby = next(each for each in found if each.count == 2)
    assert of_ashby.what == "2 records of ashby in quarantine, the first at provider.usage.v1/3@3 (UNREADABLE)"
    assert of_ashby.href == "/v1/quarantine"


def test_a_decision_covers_what_was_there_and_not_what_came_later() -> None:
    (before,) = listed(record(3), record(5))

    first, later = listed(record(3), record(5), record(9), **{before.id: DECIDED})

    assert (first.id, first.decided, first.blocks, first.count) == (before.id, DECIDED, False, 2)
    assert (later.decided, later.blocks, later.count) == (None, True, 1)


def test_a_decision_still_covers_the_rest_where_one_of_its_records_was_redriven() -> None:
    (before,) = listed(record(3), record(5))

    (left,) = listed(record(3), **{before.id: DECIDED})

    assert (left.id, left.blocks, left.count) == (before.id, False, 1)


def test_a_decision_about_one_council_or_partition_covers_no_other() -> None:
    (before,) = listed(record(5))
    decided = {before.id: DECIDED}

    others = listed(record(5, "bexhill"), record(5, None), record(5, shard=Shard(USAGE.name, 4)), **decided)

    assert [each.blocks for each in others] == [True, True, True]


@law
@given(
    offsets=st.lists(st.integers(0, 50), min_size=1, max_size=8, unique=True),
    more=st.lists(st.integers(51, 90), max_size=5, unique=True),
)
def test_after_a_decision_exactly_the_later_records_block(offsets: list[int], more: list[int]) -> None:
    (before,) = listed(*map(record, sorted(offsets)))

    found = listed(*map(record, sorted([*offsets, *more])), **{before.id: DECIDED})

    assert sum(each.count for each in found if each.blocks) == len(more)
    assert sum(each.count for each in found if not each.blocks) == len(offsets)


def test_a_record_of_another_month_is_not_listed() -> None:
    assert list(quarantined([record(3)], JUNE, {})) == []


def test_unread_records_block_all_and_those_of_the_statements_topic_are_named_apart() -> None:
    held = {
        Shard(USAGE.name, 0): Bounds(Offset(0), Offset(5)),
        Shard(USAGE.name, 1): Bounds(Offset(2), Offset(9)),  # never read
        Shard(WORK.name, 0): Bounds(Offset(0), Offset(4)),
        Shard(STATEMENTS.name, 0): Bounds(Offset(0), Offset(1)),
    }
    positions = {Shard(USAGE.name, 0): 4, Shard(WORK.name, 0): 6}  # past the end: it was appended to since

    found = list(unread(positions, held))

    assert [(each.kind, each.council, each.count, each.is_decidable) for each in found] == [
        ("statements-unread", None, 1, False),
        ("unread", None, 8, False),
    ]
    assert found[0].what == "1 record of billing.statements.v1 sent by the cut-off is not read yet"


def test_nothing_is_unread_where_all_was_read() -> None:
    assert (
        list(
            unread({SHARD: 5}, {SHARD: Bounds(Offset(0), Offset(5)), Shard(WORK.name, 1): Bounds(Offset(3), Offset(3))})
        )
        == []
    )


JUDGED = [JudgedShard(shard, MAY.end_at + DECIDED_AFTER) for shard in every_shard((TICKETS, WORK))]


def test_a_month_is_judged_once_every_partition_is_judged_to_its_end() -> None:
    second_before = JudgedShard(JUDGED[0].shard, MAY.end_at + DECIDED_AFTER - timedelta(seconds=1))

    assert list(not_judged(JUDGED, MAY, "ashby")) == []
    (late,) = not_judged([second_before, *JUDGED[1:]], MAY, "ashby")
    (missing,) = not_judged(JUDGED[1:], MAY, "ashby")

    assert (
        late.what
        == missing.what
        == "service credits of May 2026 are not final: the monitor judges until the end of 5 June 2026 what falls due "
        "in it, and has so far done so for 23 of 24 partitions of tickets and work"
    )
    assert (late.council, late.is_decidable) == ("ashby", False)


def test_the_end_of_may_is_that_of_london() -> None:
    assert MAY.end_at == datetime(2026, 5, 31, 23, tzinfo=UTC)


def test_what_the_monitor_could_not_judge_blocks_councils_with_credits_and_what_names_none_blocks_all() -> None:
    open_ = (UnjudgedItems("ashby", 0, 2), UnjudgedItems("bexhill", 1, 1), UnjudgedItems(None, 3, 0))
    judged = [JudgedShard(SHARD, MAY.end_at, open_)]

    found = list(open_at_the_monitor(judged, ["ashby"]))

    assert [(each.kind, each.council, each.count) for each in found] == [("parked", None, 3), ("failed", "ashby", 2)]
    more = [JudgedShard(SHARD, MAY.end_at, (UnjudgedItems("ashby", 0, 3),))]
    (grown,) = open_at_the_monitor(more, ["ashby"])
    assert grown.id != found[1].id


def test_unbilled_usage_blocks_only_where_something_that_is_missing_would_charge_it() -> None:
    usage = [UnbilledUsage(reason, "payroll", 2, SEVEN) for reason in AGREED]
    waiting = [UnbilledUsage(reason, None, 1, SEVEN) for reason in WAITING]

    assert list(unbilled("ashby", MAY, usage)) == []
    found = list(unbilled("ashby", MAY, waiting))

    assert len({each.id for each in found}) == len(WAITING) == 5
    assert {each.href for each in found} == {"/v1/statements/ashby/2026-05"}
    assert found[0].what == "1 event of no known service not billed: counts once the catalogue knows the service"


def test_every_blocker_has_an_id_that_a_path_and_an_event_can_hold() -> None:
    difference = FigureDifference("ref", "payroll, Each", "amount", "£1.00", "£0.99", -1)
    found = [
        *listed(record(2**62)),
        *unread({}, {SHARD: Bounds(Offset(0), Offset(1))}),
        *halted({SHARD: "halted: too many invalid records"}),
        *not_judged([], MAY, "a" * 64),
        *open_at_the_monitor([JudgedShard(SHARD, MAY.end_at, (UnjudgedItems(None, 1, 1),))], ()),
        parked("nowhere", "unknown-council", 3),
        *unbilled("ashby", MAY, [UnbilledUsage("no-number", "payroll", 1, SEVEN)]),
        not_computed("ashby", MAY, "a bug in Tallystick"),
        *differs("ashby", MAY, [difference] * 5),
    ]

    assert [each.id for each in found if re.match(ID_PATTERN, each.id) is None] == []
    assert len({each.id for each in found}) == len(found)
    assert found[-1].what.endswith("payroll, Each, amount: stated £1.00, recomputed £0.99; and 2 more")


def test_what_only_needs_time_or_shows_a_fault_cannot_be_decided_away() -> None:
    (one,) = unread({}, {SHARD: Bounds(Offset(0), Offset(1))})
    other = parked("nowhere", "unknown-council", 3)

    found = with_decisions([one, other], {one.id: DECIDED, other.id: DECIDED})

    assert [each.blocks for each in found] == [True, False]
    assert with_decisions([parked("nowhere", "unknown-council", 4)], {other.id: DECIDED})[0].blocks

"""How far everything is judged, from the marks of single partitions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.judged import JudgedMark, judged_through, open_by_council
from shared.contracts.judged import OpenWork
from shared.contracts.topics import TICKETS, USAGE, WORK
from shared.log.port import Shard, every_shard

SHARDS = every_shard((TICKETS, WORK))
MIDNIGHT = datetime(2026, 3, 31, 23, 0, tzinfo=UTC)
ALL = [JudgedMark(shard, 5, MIDNIGHT) for shard in SHARDS]


@given(st.lists(st.integers(0, 10_000), min_size=len(SHARDS), max_size=len(SHARDS)))
def test_everything_is_judged_through_the_earliest_of_all_partitions(seconds: list[int]) -> None:
    marks = [replace(mark, through=MIDNIGHT + timedelta(seconds=by)) for mark, by in zip(ALL, seconds, strict=True)]

    assert judged_through(marks) == MIDNIGHT + timedelta(seconds=min(seconds))


@pytest.mark.parametrize("lacking", SHARDS, ids=str)
def test_nothing_is_known_while_one_partition_has_no_mark(lacking: Shard) -> None:
    assert judged_through(mark for mark in ALL if mark.shard != lacking) is None


def test_a_mark_of_what_the_monitor_does_not_judge_stands_for_no_partition() -> None:
    assert judged_through([*ALL[1:], JudgedMark(Shard(USAGE.name, 0), 5, MIDNIGHT)]) is None


def test_what_is_open_is_summed_by_council_over_all_partitions() -> None:
    first = replace(ALL[0], open=(OpenWork(quarantined=1), OpenWork(council="adur", parked=2, failed=1)))
    second = replace(ALL[1], open=(OpenWork(quarantined=2), OpenWork(council="worthing", quarantined=1)))

    assert open_by_council([first, second, *ALL[2:]]) == {
        None: OpenWork(quarantined=3),
        "adur": OpenWork(council="adur", parked=2, failed=1),
        "worthing": OpenWork(council="worthing", quarantined=1),
    }

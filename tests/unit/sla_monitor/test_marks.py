"""When a shard is marked as judged, and that no mark says more than is so."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.codec import decode_event
from shared.contracts.judged import JudgedThrough, OpenWork
from shared.contracts.topics import PARTITIONS, TICKETS, VERDICTS, WORK
from shared.log.partitioner import partition_of
from shared.log.port import Quarantined, Shard, every_shard
from shared.state.embedded import EmbeddedStateStore
from shared.state.port import Change, Head, Marked
from shared.units import EpochMillis, EpochSeconds, Offset
from sla_monitor.domain.marks import (
    AT_REST_S,
    LEAST_APART_S,
    council_named,
    is_mark_due,
    mark_key,
    mark_of,
    open_text,
    open_work,
)
from sla_monitor.judging.marking import ShardMarker, with_mark
from tests.support.instants import epoch

SHARD = Shard(TICKETS.name, 3)
NOON = "Wed 2026-06-10 12:00"
NOTHING = open_text(())


def ms(text: str) -> EpochMillis:
    return EpochMillis(epoch(text) * 1000)


def marked(text: str, **values: Any) -> Head:
    """The head of a shard that was marked then, with everything read below offset 5."""
    through = ms(text)
    mark = Marked(Offset(5), through, through, Offset(0), NOTHING)
    return replace(Head(revision=1, next_offset=Offset(5), clock_ms=through, marked=mark), **values)


MOVED = {"next_offset": Offset(6)}


@pytest.mark.parametrize(
    ("before", "values", "now", "due"),
    [
        (NOON, {}, "Wed 2026-06-10 12:59", False),
        (NOON, {}, "Wed 2026-06-10 13:00", True),
        (NOON, MOVED, "Wed 2026-06-10 12:00", False),
        (NOON, MOVED, "Wed 2026-06-10 12:01", True),
        ("Wed 2026-06-10 23:59", {}, "Wed 2026-06-10 23:59", False),
        ("Wed 2026-06-10 23:59", {}, "Thu 2026-06-11 00:00", True),
        (NOON, MOVED, "Wed 2026-06-10 11:00", False),
    ],
)
def test_a_mark_is_due_a_minute_after_a_change_an_hour_at_rest_and_when_a_london_day_ends(
    before: str, values: dict[str, Any], now: str, due: bool
) -> None:
    assert is_mark_due(marked(before, **values), ms(now)) is due


def test_a_shard_that_was_never_marked_is_due_at_once() -> None:
    assert is_mark_due(Head(revision=1), ms(NOON))


def test_at_rest_all_shards_make_no_more_than_1500_marks_a_day() -> None:
    shards = len(every_shard((TICKETS, WORK)))

    assert shards * (86_400 // AT_REST_S + 1) <= 1_500


@pytest.mark.parametrize("shard", every_shard((TICKETS, WORK)), ids=str)
def test_a_mark_is_in_the_partition_where_the_verdicts_on_its_shards_items_are(shard: Shard) -> None:
    """An item's key chooses its partition in each topic alike: they have equally many."""
    assert {topic.partitions for topic in (TICKETS, WORK, VERDICTS)} == {PARTITIONS}
    assert partition_of(mark_key(shard).encode(), VERDICTS.partitions) == shard.partition


marks = st.builds(
    Marked,
    next_offset=st.integers(0, 9).map(Offset),
    through_ms=st.integers(0, 9_000).map(EpochMillis),
    clock_ms=st.just(EpochMillis(0)),
    since=st.integers(0, 3).map(Offset),
    open=st.sampled_from([NOTHING, open_text((OpenWork(quarantined=1),)), open_text((OpenWork(council="a"),))]),
)


@given(st.lists(marks, min_size=2, max_size=2))
def test_marks_have_one_id_where_they_say_one_thing_and_else_two(two: list[Marked]) -> None:
    one, other = (mark_of(SHARD, each) for each in two)

    assert (one.id == other.id) == (one == other)


def test_what_is_open_is_counted_by_council_and_what_names_none_comes_first() -> None:
    head = Head(parked={"adur": 2}, failed=("!adur:outage", "worthing:T1"))

    assert open_work(head, {None: 3, "adur": 1}) == (
        OpenWork(quarantined=3),
        OpenWork(council="adur", parked=2, quarantined=1, failed=1),
        OpenWork(council="worthing", failed=1),
    )


@pytest.mark.parametrize(
    ("key", "value", "council"),
    [
        (b"adur:T1", b"no JSON", "adur"),
        (b"adur:T1", b'{"council": "worthing"}', "worthing"),
        (b"adur:T1", b'{"council": 5}', "adur"),
        (b"adur:T1", b'{"council": "no id!"}', "adur"),
        (b"adur", b"{}", None),
        (b"\xff:T1", b"[]", None),
        (None, None, None),
    ],
)
def test_an_invalid_record_is_of_the_council_that_its_event_names_or_else_its_key(
    key: bytes | None, value: bytes | None, council: str | None
) -> None:
    assert council_named(Quarantined(Offset(0), "UNREADABLE", "", key, value, EpochMillis(0))) == council


async def stored(states: EmbeddedStateStore, head: Head, **values: Any) -> None:
    await states.commit(SHARD, None, Change(replace(head, revision=1), **values))


def on_states(folder: Path, work: Callable[[EmbeddedStateStore], Awaitable[Any]]) -> Any:
    """What `work` finds on a live state of its own."""

    async def run() -> Any:
        states = EmbeddedStateStore(folder / "state.db")
        try:
            return await work(states)
        finally:
            await states.close()

    return asyncio.run(run())


def test_no_mark_is_made_while_anything_is_due(tmp_path: Path) -> None:
    head, now = marked(NOON), ms("Wed 2026-06-10 14:00")
    due_s = EpochSeconds(now // 1000)

    async def work(states: EmbeddedStateStore) -> list[Marked | None]:
        await stored(states, head, due={"adur:T1": due_s})
        marker = ShardMarker(states)
        return [await marker.mark(SHARD, head, through_ms=at_ms, since=0) for at_ms in (now - 1_000, now, now + 60_000)]

    before, *after = on_states(tmp_path, work)

    assert before is not None
    assert after == [None, None]


def test_what_people_decide_about_a_quarantined_record_is_marked_a_minute_later(tmp_path: Path) -> None:
    decided: set[int] = set()
    head = marked(NOON, counts={"quarantined": 1})
    record = Quarantined(Offset(4), "UNREADABLE", "", b"adur:T1", b"?", EpochMillis(0))

    async def decisions(_: Shard) -> Collection[int]:
        return decided

    async def work(states: EmbeddedStateStore) -> list[str | None]:
        await stored(states, head, quarantined=[record])
        marker, found, held = ShardMarker(states, decisions), [], head
        for minute in range(1, 6):
            if minute == 3:
                decided.add(4)
            through = EpochMillis(ms(NOON) + minute * LEAST_APART_S * 1_000)
            now = await marker.mark(SHARD, held, through_ms=through, since=0)
            held = held if now is None else replace(held, marked=now)
            found.append(None if now is None else now.open)
        return found

    assert on_states(tmp_path, work) == ['[{"council":"adur","quarantined":1}]', None, "[]", None, None]


def test_a_mark_waits_in_the_outbox_behind_what_its_change_announces_and_moves_no_clock() -> None:
    head = marked(NOON)
    mark = replace(head.marked, through_ms=ms("Wed 2026-06-10 13:00"))

    change = with_mark(Change(head), SHARD, mark)

    (sent,) = change.outbox
    event = decode_event(sent.value)
    assert isinstance(event, JudgedThrough)
    assert (sent.topic, sent.key, sent.id) == (VERDICTS.name, mark_key(SHARD), event.id)
    assert event.data.through == datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
    assert change.head == replace(head, marked=mark)

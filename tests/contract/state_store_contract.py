"""What every store of live state promises. A store passes by giving a `url`."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.log.port import Fenced, Outgoing, Quarantined, Shard
from shared.state.connect import connect
from shared.state.port import Change, Head, Marked, StateStore
from shared.units import EpochMillis, EpochSeconds, Offset
from tests.support.committer import IDENTITIES, KEYS, change_of

ROOT = Path(__file__).parents[2]
EVERYTHING = 10_000
FIRST = Change(
    head=Head(
        revision=1,
        first_offset=Offset(7),
        next_offset=Offset(9),
        clock_ms=EpochMillis(5),
        catalogue_position=Offset(3),
        counts={"applied": 2},
        decisions_position=Offset(4),
        published_through=Offset(6),
        failed=("adur:ticket-1", "ü"),
        held=("adur",),
        archived=8,
        parked={"adur": 2, "ü": 1},
        marked=Marked(Offset(9), EpochMillis(6), EpochMillis(5), Offset(6), '[{"council":"adur","parked":2}]'),
    )
)

# Any bytes: also such as are no text.
DIGESTS = [bytes(16), b"\xff" * 16, b"adur:ticket-1", b'\x00{"\xfe']
keys = st.sampled_from(["adur:ticket-1", "adur:ticket-2", "worthing:ticket-1", "ü"])
changes = st.lists(
    st.tuples(
        st.dictionaries(keys, st.none() | st.binary(max_size=9)),
        st.dictionaries(keys, st.none() | st.integers(0, 2**40).map(EpochSeconds)),
    ),
    max_size=8,
)


def outgoing(id_: str) -> Outgoing:
    return Outgoing(id_, "sla.verdicts.v1", "adur:ticket-1", id_.encode(), EpochMillis(1_700_000_000_000))


class StateStoreContract:
    """Run by a subclass for each store; `url` is a fixture of the subclass."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    async def states(self, url: str) -> AsyncIterator[StateStore]:
        states = connect(url)
        yield states
        await states.close()

    @pytest.fixture
    def shard(self) -> Shard:
        """A shard that no other test knows."""
        return Shard(f"test-{uuid4()}.v1", 3)

    async def test_which_log_the_offsets_are_of_is_kept_for_each_topic_also_for_another_process(
        self, states: StateStore, url: str
    ) -> None:
        topic, other = (f"test-{uuid4()}.v1" for _ in range(2))

        assert await states.known_log(topic) is None
        await states.save_known_log(topic, "one")
        await states.save_known_log(other, "two")
        await states.save_known_log(topic, "three")

        again = connect(url)
        assert [await again.known_log(name) for name in (topic, other)] == ["three", "two"]
        await again.close()

    # Heads and fencing

    async def test_a_shard_never_written_has_no_head(self, states: StateStore, shard: Shard) -> None:
        assert await states.head(shard) is None

    async def test_the_head_comes_back_as_it_was_stored_also_to_another_process(
        self, states: StateStore, shard: Shard, url: str
    ) -> None:
        await states.commit(shard, None, FIRST)
        other = connect(url)

        assert await states.head(shard) == FIRST.head
        assert await other.head(shard) == FIRST.head
        await other.close()

    async def test_a_writer_who_saw_an_older_head_is_refused_and_changes_nothing(
        self, states: StateStore, shard: Shard
    ) -> None:
        await states.commit(shard, None, FIRST)
        second = Change(replace(FIRST.head, revision=2), items={"a": b"second"})
        await states.commit(shard, FIRST.head, second)

        late = Change(
            replace(FIRST.head, revision=2, next_offset=Offset(99)),
            items={"a": b"late", "b": b"late"},
            due={"a": EpochSeconds(1)},
            identities={b"late": True},
            outbox=[outgoing("late")],
            quarantined=[Quarantined(Offset(9), "reason", "detail", None, None, EpochMillis(0))],
        )
        with pytest.raises(Fenced):
            await states.commit(shard, FIRST.head, late)

        assert await states.head(shard) == second.head
        assert await states.items(shard, ["a", "b"]) == {"a": b"second"}
        assert await states.due(shard, until_s=EpochSeconds(EVERYTHING), limit=9) == []
        assert await states.identities_known(shard, [b"late"]) == set()
        assert await states.outbox(shard, limit=9) == []
        assert await states.quarantine(shard, after_offset=-1, limit=9) == []

    async def test_a_writer_who_saw_no_head_is_refused_once_there_is_one(
        self, states: StateStore, shard: Shard
    ) -> None:
        await states.commit(shard, None, FIRST)

        with pytest.raises(Fenced):
            await states.commit(shard, None, FIRST)

    async def test_a_writer_who_saw_a_head_is_refused_when_the_state_was_lost(
        self, states: StateStore, shard: Shard
    ) -> None:
        with pytest.raises(Fenced):
            await states.commit(shard, FIRST.head, Change(replace(FIRST.head, revision=2)))

    @pytest.mark.parametrize("next_offset", [9, 10])
    async def test_of_writers_who_saw_the_same_head_exactly_one_wins_also_when_the_offset_stands(
        self, states: StateStore, shard: Shard, url: str, next_offset: int
    ) -> None:
        await states.commit(shard, None, FIRST)
        others = [states, *(connect(url) for _ in range(3))]
        head = replace(FIRST.head, revision=2, next_offset=Offset(next_offset))

        results = await asyncio.gather(
            *(
                other.commit(shard, FIRST.head, Change(head, items={"by": str(n).encode()}))
                for n, other in enumerate(others)
            ),
            return_exceptions=True,
        )

        winners = [number for number, result in enumerate(results) if result is None]
        assert len(winners) == 1
        assert sum(isinstance(result, Fenced) for result in results) == 3
        assert await states.items(shard, ["by"]) == {"by": str(winners[0]).encode()}
        for other in others:
            await other.close()

    @pytest.mark.parametrize("revision", [0, 1, 3])
    async def test_a_revision_that_does_not_follow_is_a_mistake(
        self, states: StateStore, shard: Shard, revision: int
    ) -> None:
        await states.commit(shard, None, FIRST)

        with pytest.raises(ValueError, match="expected revision 2"):
            await states.commit(shard, FIRST.head, Change(replace(FIRST.head, revision=revision)))

    async def test_shards_do_not_see_each_other(self, states: StateStore, shard: Shard) -> None:
        everything = replace(
            FIRST,
            items={"a": b"1"},
            due={"a": EpochSeconds(1)},
            identities={b"one": True},
            outbox=[outgoing("one")],
        )
        await states.commit(shard, None, everything)

        for other in (Shard(shard.topic, 4), Shard(shard.topic + "3", 3)):
            assert await states.head(other) is None
            assert await states.items(other, ["a"]) == {}
            assert await states.scan(other, after="", limit=9) == []
            assert await states.due(other, until_s=EpochSeconds(EVERYTHING), limit=9) == []
            assert await states.identities_known(other, [b"one"]) == set()
            assert await states.outbox(other, limit=9) == []

    # Items and what is due

    @given(history=changes)
    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    async def test_whatever_was_committed_the_shard_holds_what_a_dictionary_would(
        self, states: StateStore, history: list[tuple[dict[str, bytes | None], dict[str, EpochSeconds | None]]]
    ) -> None:
        shard, seen = Shard(f"test-{uuid4()}.v1", 0), None
        items: dict[str, bytes | None] = {}
        due: dict[str, EpochSeconds | None] = {}
        for revision, (new_items, new_due) in enumerate(history, start=1):
            head = Head(revision=revision)
            await states.commit(shard, seen, Change(head, items=new_items, due=new_due))
            seen, items, due = head, items | new_items, due | new_due

        held = {key: value for key, value in items.items() if value is not None}
        assert await states.items(shard, list(items)) == held
        assert dict(await states.scan(shard, after="", limit=9)) == held
        assert dict(await states.due(shard, until_s=EpochSeconds(2**40), limit=9)) == {
            k: v for k, v in due.items() if v is not None
        }

    async def test_what_is_due_comes_earliest_first_ties_by_key_up_to_and_with_the_instant_asked_for(
        self, states: StateStore, shard: Shard
    ) -> None:
        at_s = {"late": 31, "b": 20, "a": 20, "on-time": 30, "first": 10}
        due = {key: EpochSeconds(at) for key, at in at_s.items()}
        await states.commit(shard, None, replace(FIRST, due=due))

        assert await states.due(shard, until_s=EpochSeconds(30), limit=9) == [
            ("first", 10),
            ("a", 20),
            ("b", 20),
            ("on-time", 30),
        ]
        assert await states.due(shard, until_s=EpochSeconds(30), limit=2) == [("first", 10), ("a", 20)]
        assert await states.due(shard, until_s=EpochSeconds(9), limit=9) == []

    @pytest.mark.parametrize(("count", "page"), [(0, 10), (1, 1), (10, 10), (11, 10), (1234, 100)])
    async def test_scanning_in_pages_gives_every_item_once_in_order_of_key(
        self, states: StateStore, shard: Shard, count: int, page: int
    ) -> None:
        items = {f"adur:ticket-{number}": str(number).encode() for number in Random(1).sample(range(9999), count)}  # noqa: S311 (any order will do)
        await states.commit(shard, None, replace(FIRST, items=items))

        scanned: list[tuple[str, bytes]] = []
        while found := await states.scan(shard, after=scanned[-1][0] if scanned else "", limit=page):
            scanned += found

        assert scanned == sorted(items.items())

    async def test_any_number_of_items_can_be_asked_for_at_once(self, states: StateStore, shard: Shard) -> None:
        items = {f"item-{number}": b"" for number in range(5000)}
        await states.commit(shard, None, replace(FIRST, items=items))

        assert await states.items(shard, [*items, "unknown"]) == items
        assert await states.items(shard, []) == {}

    # Identities

    @given(history=st.lists(st.dictionaries(st.sampled_from(DIGESTS), st.booleans()), max_size=8))
    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    async def test_whatever_was_committed_those_identities_are_known_that_were_held_last(
        self, states: StateStore, history: list[dict[bytes, bool]]
    ) -> None:
        shard, seen = Shard(f"test-{uuid4()}.v1", 0), None
        held: dict[bytes, bool] = {}
        for revision, identities in enumerate(history, start=1):
            head = Head(revision=revision)
            await states.commit(shard, seen, Change(head, identities=identities))
            seen, held = head, held | identities

        assert await states.identities_known(shard, DIGESTS) == {digest for digest, is_held in held.items() if is_held}

    async def test_any_number_of_identities_can_be_stored_and_asked_for_at_once(
        self, states: StateStore, shard: Shard
    ) -> None:
        digests = [number.to_bytes(16) for number in range(5000)]
        await states.commit(shard, None, replace(FIRST, identities=dict.fromkeys(digests, True)))

        assert await states.identities_known(shard, [*digests, b"unknown"]) == set(digests)
        assert await states.identities_known(shard, []) == set()

        dropped = Change(replace(FIRST.head, revision=2), identities=dict.fromkeys(digests[1:], False))
        await states.commit(shard, FIRST.head, dropped)
        assert await states.identities_known(shard, digests) == {digests[0]}

    # Outbox and quarantine

    async def test_the_outbox_keeps_the_order_of_writing_until_published(
        self, states: StateStore, shard: Shard
    ) -> None:
        head = replace(FIRST.head, revision=2)
        await states.commit(shard, None, replace(FIRST, outbox=[outgoing("z"), outgoing("a")]))
        await states.commit(shard, FIRST.head, Change(head, outbox=[outgoing("m")]))

        assert await states.outbox(shard, limit=9) == [outgoing("z"), outgoing("a"), outgoing("m")]
        assert await states.outbox(shard, limit=2) == [outgoing("z"), outgoing("a")]
        await states.published(shard, ["z"])
        await states.published(shard, ["z", "never written"])
        assert await states.outbox(shard, limit=9) == [outgoing("a"), outgoing("m")]

    async def test_publishing_the_same_thing_again_keeps_one_message_in_its_first_place(
        self, states: StateStore, shard: Shard
    ) -> None:
        head = replace(FIRST.head, revision=2)
        await states.commit(shard, None, replace(FIRST, outbox=[outgoing("a"), outgoing("b")]))
        await states.commit(shard, FIRST.head, Change(head, outbox=[outgoing("c"), outgoing("a")]))

        assert await states.outbox(shard, limit=9) == [outgoing("a"), outgoing("b"), outgoing("c")]

    async def test_quarantined_records_are_kept_byte_for_byte_in_order_of_offset(
        self, states: StateStore, shard: Shard
    ) -> None:
        quarantined = [
            Quarantined(Offset(n), "unreadable", "expected `str`", b"\xff", b"\x00{", EpochMillis(n))
            for n in (12, 7, 9)
        ]
        quarantined.append(Quarantined(Offset(8), "empty", "", None, None, EpochMillis(8), redriven=True))
        await states.commit(shard, None, replace(FIRST, quarantined=quarantined))

        in_order = sorted(quarantined, key=lambda record: record.offset)
        assert await states.quarantine(shard, after_offset=-1, limit=9) == in_order
        assert await states.quarantine(shard, after_offset=7, limit=2) == in_order[1:3]

    async def test_of_an_erased_quarantined_record_its_place_and_reason_stay_and_others_stay_whole(
        self, states: StateStore, shard: Shard
    ) -> None:
        first, second = (
            Quarantined(Offset(n), "unreadable", "expected `str`", b"key", b"{", EpochMillis(n)) for n in (7, 9)
        )
        await states.commit(shard, None, replace(FIRST, quarantined=[first, second]))

        for _ in range(2):
            await states.erase_quarantined(shard, [7])

            found = await states.quarantine(shard, after_offset=-1, limit=9)
            assert found == [msgspec.structs.replace(first, key=None, value=None), second]

    # Forgetting

    async def test_of_a_forgotten_shard_nothing_is_left_and_other_shards_keep_all(
        self, states: StateStore, shard: Shard
    ) -> None:
        quarantined = [Quarantined(Offset(8), "empty", "", None, None, EpochMillis(8))]
        everything = replace(
            FIRST,
            items={"a": b"1"},
            due={"a": EpochSeconds(1)},
            identities=dict.fromkeys(DIGESTS, True),
            outbox=[outgoing("a")],
            quarantined=quarantined,
        )
        other = Shard(shard.topic, 4)
        for each in (shard, other):
            await states.commit(each, None, everything)

        await states.forget(shard)
        await states.forget(shard)

        assert await self.held(states, shard) == (None, [], [], set(), [], [])
        assert await self.held(states, other) == (
            *(FIRST.head, [("a", b"1")], [("a", 1)], set(DIGESTS)),
            *([outgoing("a")], quarantined),
        )
        await states.commit(shard, None, FIRST)

    async def held(self, states: StateStore, shard: Shard) -> tuple[object, ...]:
        """All that is stored of a small shard."""
        return (
            await states.head(shard),
            await states.scan(shard, after="", limit=9),
            await states.due(shard, until_s=EpochSeconds(EVERYTHING), limit=9),
            await states.identities_known(shard, DIGESTS),
            await states.outbox(shard, limit=9),
            await states.quarantine(shard, after_offset=-1, limit=9),
        )

    # Crashes

    async def test_a_process_killed_in_the_middle_of_committing_leaves_whole_commits_only(
        self, shard: Shard, url: str
    ) -> None:
        for acknowledge in (1, 7, 30):
            acknowledged = self.kill_committer(url, shard, after=acknowledge)
            states = connect(url)

            head = await states.head(shard)

            assert head is not None
            assert head.revision >= acknowledged
            assert head == change_of(head.revision).head
            assert dict(await states.scan(shard, after="", limit=99)) == change_of(head.revision).items
            assert dict(await states.due(shard, until_s=EpochSeconds(EVERYTHING), limit=99)) == dict.fromkeys(
                KEYS, head.revision
            )
            assert await states.identities_known(shard, IDENTITIES) == {IDENTITIES[head.revision % 2]}
            published = [message.id for message in await states.outbox(shard, limit=EVERYTHING)]
            assert published == [f"id-{revision}" for revision in range(1, head.revision + 1)]
            await states.close()

    async def test_closing_twice_is_harmless(self, states: StateStore) -> None:
        await states.close()
        await states.close()

    def kill_committer(self, url: str, shard: Shard, *, after: int) -> int:
        """The newest revision that a process had committed, as it said itself, before it was killed."""
        command = [sys.executable, "-m", "tests.support.committer", url, shard.topic, str(shard.partition)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            acknowledged = [int(process.stdout.readline()) for _ in range(after)][-1]
            process.send_signal(signal.SIGKILL)
        return acknowledged

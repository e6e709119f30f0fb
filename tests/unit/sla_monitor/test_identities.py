"""One source and id is one event's within a partition: whichever is first in the log has it, in any batches."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import FixedClock
from shared.contracts.topics import PARTITIONS, WORK
from shared.log.partitioner import partition_of
from shared.log.port import Record, Shard
from shared.state.port import Change, Head
from shared.units import EpochMillis, Offset
from sla_monitor.domain.archive import ArchivedItem, recalled
from sla_monitor.domain.decisions import Decisions
from sla_monitor.domain.item import OUTAGE_MARK, Item, digests_of, dump_item, load_item
from sla_monitor.judging.archiving import without
from sla_monitor.judging.batch import ShardBatch
from sla_monitor.judging.item_cache import ItemCache
from sla_monitor.ports import EvaluationContext
from tests.support.histories import agreement_index

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
SHARD = Shard(WORK.name, 0)
COUNCIL = "council-00"
IN_SHARD = [partition_of(f"{COUNCIL}:AP-{number}".encode(), PARTITIONS) == 0 for number in range(200)]
NAMES = [f"AP-{number}" for number, is_in_shard in enumerate(IN_SHARD) if is_in_shard]
ONE, OTHER, THIRD = NAMES[:3]
STARTED, RECEIVED, OUTAGE = "work.started", "work.received", "service.outage-started"
SERVICE = {RECEIVED: {"service": "ict"}, OUTAGE: {"service": "ict"}}

# Which item, what happened, under which id.
Sent = tuple[str, str, str]


def record(offset: int, sent: Sent, *, source: str = "desk", sequence: str = "") -> Record:
    name, kind, id_ = sent
    event = {
        "specversion": "1.0",
        "type": f"tallystick.{kind}.v1",
        "id": id_,
        "source": f"/councils/{COUNCIL}/systems/{source}",
        "time": AT.isoformat(),
        "subject": name,
        "council": COUNCIL,
        "data": SERVICE.get(kind, {}),
    }
    content = event | ({"sequence": sequence} if sequence else {})
    return Record(
        Offset(offset),
        f"{COUNCIL}:{name}".encode(),
        msgspec.json.encode(content),
        (),
        EpochMillis(int(AT.timestamp() * 1000)),
    )


class Judging:
    """One shard over dictionaries, with the cache of a process."""

    def __init__(self) -> None:
        self.head, self.items, self.known, self.cache = Head(), dict[str, bytes](), set[bytes](), ItemCache()
        self.quarantined: list[tuple[int, str]] = []

    def judge(self, records: Sequence[Record], *, archive: dict[str, bytes] | None = None) -> Change:
        batch = self.batch()
        batch.add(records)
        asked = set(batch.digests)
        keys = list(batch.keys)
        batch.judge(keys, (archive or {}) | self.items, known=self.known & asked, not_due=keys)
        return self.store(batch.change())

    def batch(self) -> ShardBatch:
        decisions: Any = SimpleNamespace(current=Decisions())
        catalogue: Any = SimpleNamespace(
            position=1, agreement_index_known_to=lambda _: agreement_index(council=COUNCIL)
        )
        clock = FixedClock(AT + timedelta(minutes=1))
        return ShardBatch(SHARD, self.head, self.cache, EvaluationContext(catalogue, decisions, clock, 0))

    def store(self, change: Change) -> Change:
        self.head = change.head
        for key, blob in change.items.items():
            if blob is None:
                self.items.pop(key, None)
            else:
                self.items[key] = blob
        for digest, held in change.identities.items():
            (self.known.add if held else self.known.discard)(digest)
        self.quarantined += [(each.offset, each.reason) for each in change.quarantined]
        return change

    def item(self, name: str) -> Item:
        return load_item(self.items[f"{COUNCIL}:{name}"])

    def ids(self) -> dict[str, list[str]]:
        """The ids of each stored item's facts."""
        return {key: sorted(fact.id for fact in load_item(blob).facts) for key, blob in self.items.items()}

    def held(self) -> set[bytes]:
        return set(digests_of(map(load_item, self.items.values())))


def records(*sent: Sent) -> list[Record]:
    return [record(offset, each) for offset, each in enumerate(sent)]


@pytest.mark.parametrize("batches", [1, 2])
def test_the_first_item_in_the_log_has_the_id_also_where_the_second_is_looked_at_first(batches: int) -> None:
    judging = Judging()
    # In the order of items the other one's second event would come first.
    log = records((OTHER, RECEIVED, "a"), (ONE, STARTED, "x"), (OTHER, STARTED, "x"))

    for page in [log] if batches == 1 else [log[:2], log[2:]]:
        judging.judge(page)

    assert judging.ids() == {f"{COUNCIL}:{OTHER}": ["a"], f"{COUNCIL}:{ONE}": ["x"]}
    assert judging.quarantined == [(2, "ID_REUSE_CONFLICT")]
    assert judging.known == judging.held()


def test_an_item_without_any_other_event_is_not_made_by_a_conflict() -> None:
    judging = Judging()

    judging.judge(records((ONE, RECEIVED, "x"), (OTHER, RECEIVED, "x")))

    assert judging.ids() == {f"{COUNCIL}:{ONE}": ["x"]}
    assert judging.head.counts["quarantined"] == 1


def test_the_same_id_of_another_source_is_another_event() -> None:
    judging = Judging()

    judging.judge([record(0, (ONE, RECEIVED, "x")), record(1, (OTHER, RECEIVED, "x"), source="portal")])

    assert judging.quarantined == []
    assert len(judging.known) == 2


def test_an_outage_and_a_piece_of_work_share_no_id() -> None:
    judging = Judging()

    judging.judge(records((ONE, RECEIVED, "x"), (OTHER, OUTAGE, "x"), (THIRD, OUTAGE, "y"), (THIRD, RECEIVED, "y")))

    assert judging.ids() == {f"{COUNCIL}:{ONE}": ["x"], f"{OUTAGE_MARK}{COUNCIL}:{THIRD}": ["y"]}
    assert judging.quarantined == [(1, "ID_REUSE_CONFLICT"), (3, "ID_REUSE_CONFLICT")]


def test_the_same_event_again_and_with_a_smaller_sequence_are_no_conflict() -> None:
    judging = Judging()
    sent = (ONE, RECEIVED, "x")

    for offset, sequence in enumerate(("5", "5", "3", "9")):
        judging.judge([record(offset, sent, sequence=sequence)])

    assert judging.quarantined == []
    assert [fact.sequence for fact in judging.item(ONE).facts] == ["3"]
    assert judging.known == judging.held()


def test_what_was_quarantined_takes_no_id() -> None:
    judging = Judging()
    invalid = msgspec.structs.replace(record(0, (ONE, RECEIVED, "x")), key=b"another")

    judging.judge([invalid, record(1, (OTHER, RECEIVED, "x"))])

    assert judging.ids() == {f"{COUNCIL}:{OTHER}": ["x"]}
    assert [offset for offset, _ in judging.quarantined] == [0]


def test_an_item_whose_write_was_cut_short_before_its_identities_is_judged_with_the_repetition() -> None:
    """Its second may be missing too, and the head has not counted the record."""
    judging = Judging()
    due = judging.judge(records((ONE, RECEIVED, "x"), (ONE, STARTED, "y"))).due
    judging.known.clear()

    repeated = [(RECEIVED, "x"), (STARTED, "y"), (STARTED, "y")]
    again = judging.judge([record(2 + at, (ONE, *sent)) for at, sent in enumerate(repeated)])

    assert judging.known == judging.held() != set()
    assert again.due == due != {}
    assert (again.head.counts["applied"], again.head.counts["duplicate"]) == (4, 1)


def test_identities_leave_with_the_item_and_come_back_with_it() -> None:
    judging = Judging()
    judging.judge(records((ONE, RECEIVED, "x"), (OTHER, RECEIVED, "y")))
    key, item = f"{COUNCIL}:{ONE}", judging.item(ONE)
    copy = recalled(ArchivedItem(item, [2]), next_offset=2)

    judging.store(without(Change(judging.head), {key: item}))
    judging.cache = ItemCache()
    assert judging.known == judging.held() == set(digests_of([judging.item(OTHER)]))

    # Only a repetition: the item stays where it is, and what is not in live state has no identities there.
    judging.judge([record(2, (ONE, RECEIVED, "x"))], archive={key: dump_item(copy)})
    assert key not in judging.items
    assert judging.known == judging.held()

    # It is cached; with a new fact it comes back whole, and from then on its id is taken, also in the same batch.
    judging.judge([record(3, (ONE, STARTED, "z")), record(4, (THIRD, RECEIVED, "x"))])
    assert judging.ids()[key] == ["x", "z"]
    assert not judging.item(ONE).recalled
    assert judging.quarantined == [(4, "ID_REUSE_CONFLICT")]
    assert judging.known == judging.held()


def test_what_comes_back_and_must_be_read_again_has_its_identities_at_once() -> None:
    judging = Judging()
    judging.judge(records((ONE, RECEIVED, "x"), (ONE, STARTED, "y")))
    key = f"{COUNCIL}:{ONE}"
    copy = recalled(ArchivedItem(judging.item(ONE), [2, 2]), next_offset=0)

    lost = Judging()
    lost.judge(records((ONE, RECEIVED, "x"), (OTHER, STARTED, "y")), archive={key: dump_item(copy)})

    assert lost.quarantined == [(1, "ID_REUSE_CONFLICT")]
    assert lost.known == lost.held() == set(digests_of([judging.item(ONE)]))


SENT = st.tuples(st.sampled_from(NAMES[:4]), st.sampled_from([RECEIVED, STARTED, OUTAGE]), st.sampled_from("abcdef"))


def expected(sent: Sequence[Sent]) -> tuple[dict[str, list[str]], list[int]]:
    """The ids that each item has, and the offsets of the conflicts: the first of each id has it."""
    first: dict[str, Sent] = {}
    conflicts = [offset for offset, each in enumerate(sent) if first.setdefault(each[2], each) != each]
    ids: dict[str, list[str]] = {}
    for name, kind, id_ in first.values():
        key = f"{OUTAGE_MARK if kind == OUTAGE else ''}{COUNCIL}:{name}"
        ids[key] = sorted([*ids.get(key, []), id_])
    return ids, conflicts


@given(sent=st.lists(SENT, max_size=30), ends=st.sets(st.integers(1, 29)), restarts=st.sets(st.integers(1, 29)))
def test_whatever_the_batches_the_first_in_the_log_of_each_identity_is_applied(
    sent: list[Sent], ends: set[int], restarts: set[int]
) -> None:
    judging, log = Judging(), records(*sent)
    bounds = sorted({0, *(end for end in ends | restarts if end < len(log)), len(log)})

    for start, end in pairwise(bounds):
        if start in restarts:
            judging.cache = ItemCache()
        judging.judge(log[start:end])

    ids, conflicts = expected(sent)
    assert judging.ids() == ids
    assert [offset for offset, _ in judging.quarantined] == conflicts
    assert judging.known == judging.held()

"""An invalid record is quarantined by every service, whole and for the same reason, and harms nothing else."""

import asyncio
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from billing.consumer import ingest
from billing.dry_run import DryRun
from billing.store.sql import SqlStore
from shared.bus.embedded import EmbeddedBus
from shared.clock import FixedClock
from shared.contracts.topics import TOPICS, WORK
from shared.log.partitioner import partition_of
from shared.log.port import Quarantined, Record, Shard
from shared.sql.engine import connect
from shared.sql.inbox import InsertResult
from shared.state.embedded import EmbeddedStateStore
from shared.units import EpochMillis, Offset
from sla_monitor.domain.item import FactResult
from sla_monitor.judging.archiving import ArchiveReader
from sla_monitor.judging.dry_run import JudgingDryRun
from sla_monitor.judging.processor import JudgingProcessor
from sla_monitor.ports import EvaluationContext
from sla_monitor.settings import DryRunSettings
from sla_monitor.store.archive import SqlArchive
from sla_monitor.store.views import CatalogueView, DecisionsView
from tests.support.poison import AT, COMPLETED, GOOD, ITEM, POISON, SHARD, Poison
from tests.support.recharges import ASHBY, completed, received, records

AS_KINDS = pytest.mark.parametrize("poison", POISON, ids=lambda poison: poison.kind)
HARMLESS = {
    "an attribute that we do not know": GOOD[:-1] + b',"tenant":"x"}',
    "a field that a later minor version adds": GOOD.replace(b'"units":"3"', b'"units":"3","colour":"blue"'),
    "the same with spaces and line ends": GOOD.replace(b",", b" ,\r\n "),
    "an offset of a day less a minute": GOOD.replace(b"2026-05-07T12:00:00Z", b"2026-05-08T11:59:00+23:59"),
    "null attributes": GOOD[:-1] + b',"dataschema":null,"sequence":null,"colour":null}',
    "a type of data with parameters": GOOD.replace(b'"application/json"', b'"Application/JSON; charset=utf-8"'),
    "a type of data that is JSON": GOOD.replace(b'"application/json"', b'"application/vnd.tallystick+json"'),
    "data in Base64": GOOD.replace(b'"data":{"units":"3"}', b'"data_base64":"eyJ1bml0cyI6IjMifQ=="'),
    "an escaped backslash before u0000": GOOD[:-1] + rb',"note":"C:\\u0000"}',
    "letters written as numbers": GOOD.replace(b'"inv-1-completed"', rb'"\u0069nv-1-completed"'),
}


def surrounded(record: Record) -> list[Record]:
    """The item's receipt before the record at offset 1, its completion after it."""
    return [*records([received(ITEM, AT)]), record, *records([COMPLETED], first=2)]


async def judged(folder: Path, sent: Sequence[Record]) -> tuple[list[Quarantined], dict[str, int]]:
    """What a monitor quarantined of `sent`, and its counts."""
    bus, states = EmbeddedBus(folder / "log.db"), EmbeddedStateStore(folder / "state.db")
    await bus.ensure_topics(TOPICS)
    clock = FixedClock(datetime.fromisoformat(AT))
    # Nothing is archived, and so it is never asked.
    archive = ArchiveReader(SqlArchive(connect(f"sqlite:///{folder / 'unused.db'}")))
    context = EvaluationContext(CatalogueView(bus), DecisionsView(bus), clock, 0)
    judging = JudgingProcessor(states, bus, context, archive)
    try:
        assert await judging.apply(SHARD, sent) == sent[-1].offset + 1
        head = await states.head(SHARD)
        assert head is not None
        return await states.quarantine(SHARD, after_offset=-1, limit=9), dict(head.counts)
    finally:
        await states.close()
        await bus.close()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Billing's database without rows, to be copied: migrating takes long."""
    path = tmp_path_factory.mktemp("billing") / "billing.db"
    SqlStore.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def store(migrated: Path, tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore.open(f"sqlite:///{shutil.copy(migrated, tmp_path)}")) as store:
        yield store


@AS_KINDS
def test_the_monitor_sets_it_aside_and_takes_in_what_is_around_it(poison: Poison, tmp_path: Path) -> None:
    record = poison.record(1)

    quarantined, counts = asyncio.run(judged(tmp_path, surrounded(record)))

    assert [(each.offset, each.reason, each.key, each.value) for each in quarantined] == [
        (1, poison.reason, record.key, record.value)
    ]
    assert {kind: count for kind, count in counts.items() if count} == {"parked": 2, "quarantined": 1}


@AS_KINDS
def test_billing_sets_it_aside_for_the_same_reason_and_meters_what_is_around_it(
    poison: Poison, store: SqlStore
) -> None:
    record = poison.record(1)

    reached = ingest(store, SHARD, surrounded(record), expected=None)

    (progress,) = store.progress()
    assert reached == progress.next_offset == 3
    assert (progress.counts.applied, progress.counts.quarantined, progress.unaccounted) == (2, 1, 0)
    quarantined = store.quarantine.read(SHARD, after_offset=-1, limit=9)
    assert [(each.offset, each.reason, each.key, each.value) for each in quarantined] == [
        (1, poison.reason, record.key, record.value)
    ]


@AS_KINDS
def test_why_it_was_set_aside_repeats_nothing_of_it(poison: Poison, tmp_path: Path) -> None:
    quarantined, _ = asyncio.run(judged(tmp_path, surrounded(poison.record(1))))

    for value in (ITEM, "ashby", "work.finished", "work.completed.v2"):
        assert value not in quarantined[0].detail


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_only_looks_odd_is_taken_in_by_both(kind: str, tmp_path: Path, store: SqlStore) -> None:
    sent = [Record(Offset(0), b"ashby:inv-1", HARMLESS[kind], (), EpochMillis(int(COMPLETED.time.timestamp() * 1000)))]

    quarantined, counts = asyncio.run(judged(tmp_path / "monitor", sent))
    ingest(store, SHARD, sent, expected=None)

    assert (quarantined, counts["applied"]) == ([], 1)
    assert [each.counts.applied for each in store.progress()] == [1]


def test_a_record_in_kafkas_binary_mode_is_taken_in_by_both(tmp_path: Path, store: SqlStore) -> None:
    plain = json.loads(GOOD)
    headers = tuple((f"ce_{name}", text.encode()) for name, text in plain.items() if name != "data")
    sent_ms = EpochMillis(int(COMPLETED.time.timestamp() * 1000))
    sent = [Record(Offset(0), b"ashby:inv-1", json.dumps(plain["data"]).encode(), headers, sent_ms)]
    again = [Record(Offset(1), b"ashby:inv-1", GOOD, (), sent_ms)]

    quarantined, counts = asyncio.run(judged(tmp_path / "monitor", [*sent, *again]))
    ingest(store, SHARD, [*sent, *again], expected=None)

    assert (quarantined, counts["applied"], counts["duplicate"]) == ([], 1, 1)
    assert [(each.counts.applied, each.counts.duplicate) for each in store.progress()] == [(1, 1)]


async def dry_run(folder: Path, records: Sequence[Record]) -> list[FactResult]:
    """What a dry run says of `records`, whose shard has what a monitor judged in the folder."""
    bus = EmbeddedBus(folder / "log.db")
    settings = DryRunSettings(TALLYSTICK_VAR=folder, STATE_URL=f"sqlite:///{folder}/state.db")
    checking = JudgingDryRun(settings, bus=bus, clock=FixedClock(datetime.fromisoformat(AT)))
    try:
        return await checking.insert_results(SHARD, records)
    finally:
        await checking.close()
        await bus.close()


def test_an_id_that_is_used_again_for_another_item_is_quarantined_by_both(tmp_path: Path, store: SqlStore) -> None:
    another = next(name for name in map("inv-{}".format, range(2, 99)) if shard_of(name) == SHARD)
    first, reused = completed(ITEM, AT, id="used"), completed(another, AT, id="used")
    late = records([completed(another, AT, units="5"), reused, first], first=4)
    sent = records([received(another, AT), received(ITEM, AT), first, reused])

    quarantined, counts = asyncio.run(judged(tmp_path / "monitor", sent))
    ingest(store, SHARD, sent, expected=None)

    by_billing = store.quarantine.read(SHARD, after_offset=-1, limit=9)
    assert [(each.offset, each.reason) for each in quarantined] == [(3, "ID_REUSE_CONFLICT")]
    assert [(each.offset, each.reason) for each in by_billing] == [(3, "ID_REUSE_CONFLICT")]
    assert (counts["parked"], counts["quarantined"]) == (3, 1)
    assert [each.counts.applied for each in store.progress()] == [3]

    judging = asyncio.run(dry_run(tmp_path / "monitor", late))
    assert judging == [FactResult.NEW, FactResult.CONFLICT, FactResult.DUPLICATE]
    accepted = DryRun(store, FixedClock(datetime.fromisoformat(AT))).insert_results(SHARD, late)
    assert accepted == [InsertResult.NEW, InsertResult.CONFLICT, InsertResult.DUPLICATE]


def shard_of(name: str) -> Shard:
    return Shard(WORK.name, partition_of(f"{ASHBY.id}:{name}".encode(), WORK.partitions))

"""What a folder of state holds, read by the services' own readers and compared as plain values."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from billing.domain.canonical import canonical_json
from billing.domain.ingest import TOPICS as METERED
from billing.domain.statement import Statement
from billing.settings import BillingSettings
from billing.statements.drafts import Statements
from billing.store.sql import SqlStore
from shared.bus.connect import connect as connect_bus
from shared.clock import FixedClock, WallClock
from shared.contracts.topics import TICKETS, VERDICTS, WORK, Topic
from shared.log.port import Shard, every_shard
from shared.period import Month
from shared.scope import Scope
from shared.sql.engine import connect as connect_database
from shared.sql.engine import read_transaction
from shared.sql.migrate import migrate
from shared.sql.progress import Progress, ShardProgress
from shared.state.connect import connect as connect_states
from shared.state.port import Head
from sla_monitor.reports.item_report import ItemAnswer
from sla_monitor.reports.items import every_item
from sla_monitor.settings import MonitorSettings
from sla_monitor.store.tables import PROGRESS, VERDICT
from tallystick.stack import open_stack

JUDGING, RECORDING, METERING = "judging", "recording", "metering"
_READ_BY: dict[str, Sequence[Topic]] = {JUDGING: (TICKETS, WORK), RECORDING: (VERDICTS,), METERING: METERED}


@dataclass(frozen=True, slots=True)
class ShardRead:
    """How far one reader is in one shard, and what became of the offsets that it has passed."""

    reader: str
    shard: Shard
    first_offset: int
    next_offset: int
    results: Counter[str]

    @property
    def unaccounted(self) -> int:
        """Offsets passed over without a result: 0, or records were lost or counted twice."""
        return self.next_offset - self.first_offset - self.results.total()


@dataclass(frozen=True, slots=True)
class FolderContent:
    """All that councils and operators see of a folder: equal for two folders only if every verdict and pound is."""

    statements: dict[str, bytes]
    verdicts: list[tuple[Any, ...]]


def content_of(folder: Path, months: list[str]) -> FolderContent:
    """The statements of `months` in canonical bytes, and the verdicts of the read model, which attainment counts."""
    with _read_model(folder) as engine, read_transaction(engine) as connection:
        rows = connection.execute(select(VERDICT).order_by(*VERDICT.primary_key)).all()
    sealed = {
        f"{statement.council.id} {statement.month}": canonical_json(statement)
        for statement in statements(folder, months)
    }
    return FolderContent(sealed, [tuple(row) for row in rows])


def statements(folder: Path, months: list[str]) -> list[Statement]:
    """Every statement of `months`, by month and council. Nothing that was heard is without one."""
    with closing(SqlStore.open(BillingSettings(TALLYSTICK_VAR=folder).database)) as store:
        stated = [Statements(store, WallClock()).statements(Month.parse(month), scope=Scope.all()) for month in months]
    assert not [council for month in stated for council in month.without_statement]
    return [statement for month in stated for statement in month.statements]


def shards_read(folder: Path) -> list[ShardRead]:
    """Every shard that judging, recording or metering has begun to read."""
    return [*asyncio.run(_judged(folder)), *_recorded(folder), *_metered(folder)]


def unread(folder: Path) -> dict[str, int]:
    """How many records of the log each of the three has still to read."""
    reads = shards_read(folder)
    passed = {reader: sum(read.next_offset for read in reads if read.reader == reader) for reader in _READ_BY}
    return {reader: asyncio.run(_end(folder, topics)) - passed[reader] for reader, topics in _READ_BY.items()}


def answers(folder: Path, as_of: str) -> list[ItemAnswer]:
    """Every item with its verdicts and their trace, as they stand at the instant `as_of`."""
    return asyncio.run(_answers(folder, FixedClock(datetime.fromisoformat(as_of))))


async def _answers(folder: Path, clock: FixedClock) -> list[ItemAnswer]:
    async with open_stack(folder, clock=clock) as stack:
        await stack.monitor.catch_up()
        return [answer async for answer in every_item(stack.monitor.sources, Scope.all())]


async def _end(folder: Path, topics: Sequence[Topic]) -> int:
    bus = connect_bus(f"sqlite:///{folder}/log.db")
    try:
        return sum([(await bus.bounds(shard)).end for shard in _shards(topics)])
    finally:
        await bus.close()


async def _judged(folder: Path) -> list[ShardRead]:
    states = connect_states(MonitorSettings(TALLYSTICK_VAR=folder).state)
    try:
        heads = [(shard, await states.head(shard)) for shard in _shards(_READ_BY[JUDGING])]
    finally:
        await states.close()
    return [_of_head(shard, head) for shard, head in heads if head is not None]


def _of_head(shard: Shard, head: Head) -> ShardRead:
    return ShardRead(JUDGING, shard, head.first_offset, head.next_offset, Counter(head.counts))


def _recorded(folder: Path) -> list[ShardRead]:
    with _read_model(folder) as engine, read_transaction(engine) as connection:
        progress = Progress(PROGRESS, "sla-monitor-read-model").shards(connection)
    return [_of_progress(RECORDING, shard) for shard in progress]


def _metered(folder: Path) -> list[ShardRead]:
    with closing(SqlStore.open(BillingSettings(TALLYSTICK_VAR=folder).database)) as store:
        return [_of_progress(METERING, shard) for shard in store.progress()]


def _of_progress(reader: str, read: ShardProgress) -> ShardRead:
    return ShardRead(reader, read.shard, read.first_offset, read.next_offset, Counter(asdict(read.counts)))


@contextmanager
def _read_model(folder: Path) -> Iterator[Engine]:
    engine = connect_database(MonitorSettings(TALLYSTICK_VAR=folder).database)
    migrate(engine, "sla_monitor")  # a process killed early may not have come to it
    try:
        yield engine
    finally:
        engine.dispose()


def _shards(topics: Sequence[Topic]) -> list[Shard]:
    return every_shard(topics)

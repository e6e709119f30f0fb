"""What the services stored and announced, read from their stores and the log."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from billing.domain.statement import ServiceCharges, UnknownCouncil
from billing.statements.drafts import Statements
from billing.store.sql import SqlStore
from shared.clock import WallClock
from shared.contracts.codec import decode_event
from shared.contracts.topics import CATALOGUE
from shared.contracts.verdicts import VerdictEvent
from shared.log.port import Shard
from shared.period import Month
from shared.scope import Scope
from sla_monitor.domain.item import load_item
from sla_monitor.store.archive import SqlArchive
from sla_monitor.store.items import STREAMS
from tests.simulation import oracle
from tests.simulation.partnership import ANNOUNCED, COUNCILS, JUDGED
from tests.simulation.world import World

_MONTHS = (Month(2026, 2), Month(2026, 3))


def verdicts(world: World) -> dict[oracle.Key, oracle.DecidedVerdict]:
    with world.servers.read_model.engine.connect() as connection:
        key = ", ".join(oracle.Key._fields)
        rows = connection.execute(text(f"SELECT {key}, outcome, due_at, elapsed_s FROM verdict"))  # noqa: S608 (our own names)
        return {
            oracle.Key(*row[:-3]): oracle.DecidedVerdict(row.outcome, _utc(row.due_at), row.elapsed_s) for row in rows
        }


def live_verdicts(world: World) -> dict[oracle.Key, oracle.DecidedVerdict]:
    """What the monitor published last, by its live state, and by the archive where an item has left that."""
    found: dict[oracle.Key, oracle.DecidedVerdict] = {}
    archive = SqlArchive(world.servers.archive.engine)
    for shard in _judged_shards(world):
        copies = archive.page(shard, Scope.all(), after="", limit=1_000).items
        held = {key: copy.item for key, copy in copies.items()}
        held |= {key: load_item(blob) for key, blob in world.servers.states.of(shard).items.items()}
        for key, stored in held.items():
            council, _, item = key.partition(":")
            for name, announced in stored.announced.items():
                if (verdict := announced.verdict) is not None and verdict.due_at is not None:
                    agreement, target, _ = name.split("/")
                    found[oracle.Key(council, agreement, target, STREAMS[shard.topic], item)] = oracle.DecidedVerdict(
                        verdict.outcome, verdict.due_at, verdict.elapsed_s
                    )
    return found


def failed(world: World) -> set[tuple[str, str, str]]:
    """Stream, council and item of each that is failed by its own state; raises where a shard's head says otherwise."""
    found: set[tuple[str, str, str]] = set()
    for shard in _judged_shards(world):
        state = world.servers.states.of(shard)
        keys = {key for key, blob in state.items.items() if load_item(blob).failed is not None}
        assert keys == set(() if state.head is None else state.head.failed)
        found |= {(STREAMS[shard.topic], council, item) for council, _, item in (key.partition(":") for key in keys)}
    return found


def _judged_shards(world: World) -> list[Shard]:
    return [shard for topic in JUDGED for shard in world.servers.log.shards_of(topic.name)]


def _utc(stored: Any) -> datetime:
    return datetime.fromisoformat(str(stored)).replace(tzinfo=UTC)


def recharges(world: World) -> dict[tuple[str, str], dict[str, tuple[Decimal, int]]]:
    billing = Statements(SqlStore(world.servers.billing.engine), WallClock())
    statements = [(council, month, _statement(billing, council, month)) for council in COUNCILS for month in _MONTHS]
    return {
        (council, str(month)): {line.service: (line.quantity, line.amount_pence) for line in lines}
        for council, month, statement in statements
        if (lines := [line for charges in statement for line in charges.lines if line.quantity])
    }


def _statement(billing: Statements, council: str, month: Month) -> Sequence[ServiceCharges]:
    """The charges by service; none where billing does not know the council."""
    try:
        return billing.statement(council, month, scope=Scope.all()).services
    except UnknownCouncil:
        return ()


def judged(world: World) -> dict[str, int]:
    """What became of the records of items at the monitor."""
    counts: Counter[str] = Counter()
    for shard in _judged_shards(world):
        head = world.servers.states.of(shard).head
        counts.update({} if head is None else head.counts)
    return {kind: count for kind, count in counts.items() if count and kind != "applied"} | {
        "applied": counts["applied"]
    }


def billed(world: World) -> dict[str, int]:
    """What became of all records at billing that were sent: not of the catalogue's, and not of the monitor's."""
    progress = SqlStore(world.servers.billing.engine).progress()
    counts: Counter[str] = Counter()
    for shard in progress:
        if shard.shard.topic not in (CATALOGUE.name, ANNOUNCED.name):
            counts.update(asdict(shard.counts))
            counts["unaccounted"] += abs(shard.unaccounted)
    return {kind: count for kind, count in counts.items() if count and kind != "applied"} | {
        "applied": counts["applied"]
    }


def announced(world: World) -> list[VerdictEvent]:
    log = world.servers.log
    events = [decode_event(r.value or b"") for shard in log.shards_of(ANNOUNCED.name) for r in log.records[shard]]
    return [event for event in events if isinstance(event, VerdictEvent)]

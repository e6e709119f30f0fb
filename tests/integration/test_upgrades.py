"""What an older release stored is still there, and means the same, after an upgrade on either database.

Rows are written as that release wrote them, into the tables that it made.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Engine, MetaData, Table, insert

from billing.store.sql import SqlStore
from shared.contracts.topics import USAGE, VERDICTS, WORK
from shared.log.port import Shard
from shared.period import Month
from shared.sql.columns import UtcDateTime
from shared.sql.engine import connect
from shared.sql.migrate import migrate, upgrade_to
from shared.sql.progress import Counts, ShardProgress
from sla_monitor.ports import VerdictCounts
from sla_monitor.store.read_model import SqlReadModel
from tests.support.databases import empty_database

GOLDEN = Path(__file__).parents[1] / "unit/shared/contracts/golden"
MET_AT = datetime(2026, 11, 6, 16, 20, tzinfo=UTC)
DUE_AT = datetime(2026, 11, 6, 16, 52, tzinfo=UTC)
TOLD = {"council": "adur", "item": "T-1042", "target": "ict-resolution", "cycle": 1}
SEEN = {"group_name": "sla-monitor-read-model", "topic": VERDICTS.name, "partition": 3}
READ = {"group_name": "billing", "partition": 0}
FROM_DESK = {"source": "/desk", "at_us": 1_778_155_200_000_000, "day": date(2026, 5, 7), "council": "ashby"}


@pytest.fixture
def engine(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database, as whoever may make tables in it."""
    if dialect == "sqlite":
        engine = connect(f"sqlite:///{tmp_path}/service.db")
        yield engine
        engine.dispose()
        return
    with empty_database(request.getfixturevalue("postgres_server")) as url:
        engine = connect(url)
        yield engine
        engine.dispose()


def put(connection: Connection, table: str, *rows: dict[str, Any]) -> None:
    """`rows` are in a table of the older release, whose instants are what that release's were."""
    instants = [name for name, value in rows[0].items() if isinstance(value, datetime)]
    older = Table(table, MetaData(), *(Column(name, UtcDateTime) for name in instants), autoload_with=connection)
    connection.execute(insert(older), list(rows))


def verdicts(connection: Connection) -> None:
    met = json.loads((GOLDEN / "tallystick.sla.met.v1.json").read_text())["sent"]
    event = json.dumps(met).encode()
    service = {"service": "ict", "measure": "resolution-time", "month": "2026-11", "outcome": "met"}
    put(connection, "verdict_progress", SEEN | {"first_offset": 0, "next_offset": 1, "applied": 1})
    put(
        connection,
        "announcement",
        TOLD | {"id": met["id"], "kind": "met", "at": MET_AT, "partition": 3, "position": 0, "event": event},
    )
    put(connection, "verdict", TOLD | service | {"due_at": DUE_AT, "value_pence": 90_000})


@pytest.mark.parametrize("since", ["0001", "0002", "0003"])
def test_verdicts_of_an_older_release_are_counted_and_told(engine: Engine, since: str) -> None:
    with engine.begin() as connection:
        upgrade_to(since, connection, "sla_monitor")
        verdicts(connection)

    migrate(engine, "sla_monitor")
    model = SqlReadModel(engine, freeze_days=14)

    counted = VerdictCounts("adur", "ict", "ict-resolution", "resolution-time", "2026-11", 1, 1, 90_000, 90_000)
    assert model.attainment(months=["2026-11"]) == [counted]
    assert [(said.kind, said.at, said.event.id) for said in model.announced("adur", "T-1042")] == [
        ("met", MET_AT, "c5013b61-d674-58b7-94c7-6da10be9cc57")
    ]
    assert model.due_within(DUE_AT, datetime(2026, 11, 7, tzinfo=UTC))[0].total == 1
    assert model.position(Shard(VERDICTS.name, 3)) == 1
    assert model.nth_elapsed(counted, months=["2026-11"], nth=1) is None  # nobody had written it down


def usage(connection: Connection, *, unreadable: str) -> None:
    item = FROM_DESK | {"meter": "work-completed", "item": "inv-1"}
    reading = FROM_DESK | {"service": "payroll", "unit": None, "quantity_micro": 12_500_000}
    put(connection, "inbox", *({"source": "/desk", "id": f"e{n}", "digest": bytes(32)} for n in range(5)))
    put(connection, "progress", READ | {"topic": USAGE.name, "first_offset": 5, "next_offset": 9, "applied": 4})
    put(connection, "reading", *(reading | {"event_id": f"e{n}"} for n in range(2)))
    put(
        connection,
        "reversal",
        {"reversed_source": "/desk", "reversed_id": "e1", "source": "/desk", "event_id": "e2", "at_us": 1}
        | {"council": "ashby", "service": "payroll"},
    )
    put(connection, "item_opened", item | {"event_id": "e3", "service": "accounts-payable"})
    put(connection, "item_completed", item | {"event_id": "e4", "quantity_micro": 3_000_000})
    put(
        connection,
        "quarantine",
        {"topic": WORK.name, "partition": 0, "offset": 7, "reason": unreadable, "detail": "no JSON"}
        | {"timestamp_ms": 1, "key": None, "value": b"{"},
    )


@pytest.mark.parametrize(("since", "unreadable"), [("0001", "undecodable"), ("0002", "UNREADABLE")])
def test_usage_of_an_older_release_is_metered_as_it_was(engine: Engine, since: str, unreadable: str) -> None:
    with engine.begin() as connection:
        upgrade_to(since, connection, "billing")
        usage(connection, unreadable=unreadable)

    migrate(engine, "billing")
    store = SqlStore(engine)

    metered = {
        (row.service, row.state): (row.quantity, row.facts) for row in store.usage(Month(2026, 5), council="ashby")
    }
    assert metered == {
        ("payroll", "counted"): (Decimal("12.5"), 1),
        ("payroll", "reversed"): (Decimal("12.5"), 1),
        ("accounts-payable", "counted"): (Decimal(3), 1),
        ("accounts-payable", "accepted"): (Decimal(0), 1),
    }
    assert store.progress() == [ShardProgress(Shard(USAGE.name, 0), 5, 9, Counts(applied=4))]
    (poison,) = store.quarantine(Shard(WORK.name, 0), after_offset=-1, limit=10)
    assert (poison.offset, poison.reason, poison.value) == (7, "UNREADABLE", b"{")

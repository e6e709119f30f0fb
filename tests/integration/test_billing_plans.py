"""A council's statement reads the rows of its own days: it costs the same however many other councils there are."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from billing.store.sql import SqlStore
from shared.contracts.charges import CostPlusCharge
from shared.contracts.definitions import Service
from shared.contracts.meters import Meter
from shared.contracts.topics import CATALOGUE, USAGE
from shared.sql.engine import connect
from tests.support.billing_feed import feed, statement_of
from tests.support.recharges import (
    ASHBY,
    ICT,
    PAYROLL,
    PROVIDER,
    adjusted,
    agreement,
    catalogue_events,
    recorded,
    tariff,
)

STORAGE = Service(
    id="storage",
    name="Storage",
    group="ICT",
    unit="gb",
    unit_name="gigabyte",
    counted_by=Meter(event="tallystick.usage.recorded.v1", aggregate="time-weighted-average", of="quantity"),
)
COST = CostPlusCharge(name="Cost", markup_percent="5")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """One service for each way in which events become usage, and an adjustment, without which some are not read."""
    services = (ICT, PAYROLL, STORAGE)
    priced = [tariff(COST, service=service.id) for service in services]
    with closing(SqlStore.open(f"sqlite:///{tmp_path}/billing.db")) as store:
        feed(
            store, CATALOGUE, catalogue_events(ASHBY, PROVIDER, *services, *priced, agreement(*(t.id for t in priced)))
        )
        feed(store, USAGE, [recorded("M-1", "2026-05-04T09:00Z", "5"), adjusted("M-1", "2026-05-05T09:00Z", "-1")])
        yield store


def test_a_statement_reads_the_days_of_its_council_alone(store: SqlStore, tmp_path: Path) -> None:
    sent: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, values: Any, *___: object) -> None:
        sent.append((statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    statement_of(store)
    event.remove(Engine, "before_cursor_execute", note)

    steps = plan(f"sqlite:///{tmp_path}/billing.db", sent)
    by_day = [step for step in steps if "PRIMARY KEY (day" in step]
    by_item = [step for step in steps if "event_by_item" in step]
    assert len(by_day) >= len(("readings", "completed", "opened", "withdrawn", "details", "items", "levels"))
    assert [step for step in by_day if "(day=? AND council=?" not in step] == []
    assert by_item
    assert [step for step in by_item if "(council=? AND item=?" not in step] == []


def plan(url: str, sent: list[tuple[str, Any]]) -> list[str]:
    """How SQLite goes about each query, step by step."""
    engine = connect(url)
    with engine.connect() as connection:
        steps = [
            str(step[-1])
            for statement, values in sent
            if statement.startswith("SELECT")
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    engine.dispose()
    return steps

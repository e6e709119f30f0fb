"""A bug that one event or one line brings about stops neither billing nor other councils, and no total is silent."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from fastapi.testclient import TestClient

from billing import api, consumer
from billing.consumer import ingest
from billing.documents.shown import ShownStatement
from billing.documents.view import statement_view
from billing.domain.canonical import canonical_json
from billing.domain.ingest import ingest_record
from billing.domain.rating import pipeline, unit
from billing.domain.statement import Statement
from billing.statements.compared import ComparedStatements
from billing.statements.drafts import Statements
from billing.statements.months import StatementFailed
from billing.store import tables
from billing.store.sql import SqlStore
from shared.clock import FixedClock
from shared.contracts.charges import UnitCharge
from shared.contracts.definitions import Agreement, Council
from shared.contracts.topics import CATALOGUE, PARTITIONS
from shared.http import create_app
from shared.log.partitioner import partition_of
from shared.log.port import Fenced, Record, Shard
from shared.period import Month
from shared.quarantine.decisions import Decision, QuarantineDecisions
from shared.scope import Scope
from tests.support.callers import MAY_ALL
from tests.support.poison import AT, SHARD
from tests.support.recharges import (
    ASHBY,
    PAYABLE,
    PROVIDER,
    agreement,
    catalogue_events,
    completed,
    received,
    records,
    tariff,
)
from tests.support.recharges import unit as unit_charge

MAY = Month(2026, 5)
NOW = FixedClock(datetime(2026, 6, 3, tzinfo=UTC))
WESTON = Council(id="weston", name="Weston", gss="E07000998", nation="england")
PRICED = tariff(unit_charge("2.00"))


class PlantedError(Exception):
    """The bug."""


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("billing") / "billing.db"
    SqlStore.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def store(migrated: Path, tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore.open(f"sqlite:///{shutil.copy(migrated, tmp_path)}")) as store:
        of_ashby = agreement(PRICED.id)
        known = catalogue_events(ASHBY, WESTON, PROVIDER, PAYABLE, PRICED, of_ashby, _of_weston(of_ashby))
        ingest(store, Shard(CATALOGUE.name, 0), records(known), expected=None)
        yield store


def _of_weston(of_ashby: Agreement) -> Agreement:
    return msgspec.structs.replace(of_ashby, id="weston-1", council="weston")


# Another of the same partition.
OTHER = next(
    name
    for name in (f"inv-{number}" for number in range(2, 999))
    if partition_of(f"ashby:{name}".encode(), PARTITIONS) == SHARD.partition
)
SENT = records([received("inv-1", AT), completed("inv-1", AT, units="3"), received(OTHER, AT)])
EXTRA = records([completed(OTHER, AT, units="5")], first=3)


def bug(item: str) -> Any:
    """Metering a completion of the item raises."""

    def planted(shard: Shard, record: Record) -> Any:
        if item.encode() in (record.value or b"") and b"completed" in (record.value or b""):
            raise PlantedError("secret")
        return ingest_record(shard, record)

    return patch.object(consumer, "ingest_record", planted)


def may(store: SqlStore) -> Statement:
    return Statements(store, NOW).statement("ashby", MAY, scope=Scope.all())


def test_an_event_that_cannot_be_metered_is_quarantined_alone_and_named_by_the_statement(store: SqlStore) -> None:
    with bug(OTHER):
        ingest(store, SHARD, [*SENT, *EXTRA], expected=None)

    (kept,) = store.quarantine.read(SHARD, after_offset=-1, limit=9)
    assert (kept.reason, kept.value) == ("FAILED", EXTRA[0].value)
    assert "PlantedError" in kept.detail
    assert "secret" not in kept.detail
    (progress,) = [each for each in store.progress() if each.shard == SHARD]
    assert (progress.counts.applied, progress.counts.quarantined, progress.unaccounted) == (3, 1, 0)
    statement = may(store)
    assert statement.total_pence == 600
    (unbilled,) = statement.evidence.unbilled
    assert (unbilled.reason, unbilled.item, unbilled.events) == ("failed", OTHER, 1)
    assert statement.evidence.received == 4
    assert [row[0] for row in statement_view(ShownStatement(statement)).unbilled] == [
        f"{OTHER}: Could not be metered because of a fault in Tallystick, and is not in the total"
    ]
    assert f'"{OTHER}"'.encode() in canonical_json(statement)


def test_it_is_named_until_somebody_has_decided_about_it_and_in_no_other_month(store: SqlStore) -> None:
    with bug(OTHER):
        ingest(store, SHARD, [*SENT, *EXTRA], expected=None)
    with store.snapshot(Scope.all()) as snapshot:
        assert snapshot.usage.failed_items(MAY, "ashby") == [OTHER]
        assert snapshot.usage.failed_items(MAY.next, "ashby") == []
        assert snapshot.usage.failed_items(MAY, "ash") == []
    with store.snapshot(Scope.of("weston")) as snapshot:
        assert snapshot.usage.failed_items(MAY, "ashby") == []

    QuarantineDecisions(store._engine, tables.decisions).add(Decision(SHARD, 3, "re-driven", "ada", "x", NOW.now()))

    with store.snapshot(Scope.all()) as snapshot:
        assert snapshot.usage.failed_items(MAY, "ashby") == []


def test_what_is_the_stores_is_no_failure_of_a_record(store: SqlStore) -> None:
    with patch.object(consumer, "ingest_record", side_effect=Fenced("x")), pytest.raises(Fenced):
        ingest(store, SHARD, SENT, expected=None)


def failing_price(real: Callable[..., Any]) -> Callable[..., Any]:
    """The price of the first council's charge raises."""

    def price(charge: UnitCharge, usage: Any) -> Any:
        if usage.quantity:
            raise PlantedError("secret")
        return real(charge, usage)

    return price


def test_a_line_that_fails_takes_its_statement_and_no_other(store: SqlStore) -> None:
    ingest(store, SHARD, SENT, expected=None)
    kinds = {**pipeline.KINDS, UnitCharge: failing_price(unit.price)}

    with patch.object(pipeline, "KINDS", kinds):
        with pytest.raises(StatementFailed, match=r"the line '.*' of Accounts payable failed: .* PlantedError in"):
            may(store)
        statements = Statements(store, NOW)
        found = statements.statements(MAY, scope=Scope.all())
        routes = api.router(statements, ComparedStatements(store, statements, NOW))
        client = TestClient(create_app("Billing", [routes], types=api.TYPES, authentication=MAY_ALL))
        month, one = client.get("/v1/statements?month=2026-05"), client.get("/v1/statements/ashby/2026-05")

    assert [each.council.id for each in found.statements] == ["weston"]
    assert [each.council for each in found.failed] == ["ashby"]
    assert "secret" not in found.failed[0].why
    assert [each["council"] for each in month.json()["failed"]] == ["ashby"]
    assert one.status_code == 500
    assert "PlantedError" in one.text
    assert may(store).total_pence == 600

"""Who may see which quarantined records, and what was decided about them."""

import asyncio
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import MetaData

from shared.bus.connect import connect as connect_bus
from shared.clock import FixedClock
from shared.contracts.topics import WORK
from shared.http import create_app
from shared.log.port import Quarantined, Shard
from shared.quarantine.api import TYPES, router
from shared.quarantine.decisions import QuarantineDecisions, quarantine_decision_table
from shared.quarantine.service import NotQuarantined, QuarantineService
from shared.scope import Scope
from shared.sql.engine import connect
from shared.units import EpochMillis, Offset
from tests.support.callers import MAY_ALL

SHARD = Shard(WORK.name, 0)
KEYS = (b"adur:a1", b"worthing:w1", b"adur:a2", None, b"\xff", b"adurish:x")


class FixedRecords:
    """Six records in the first partition."""

    async def quarantine(self, shard: Shard, *, after_offset: int, limit: int) -> list[Quarantined]:
        records = [
            Quarantined(Offset(n), "UNREADABLE", "expected JSON", key, b"{", EpochMillis(0))
            for n, key in enumerate(KEYS)
        ]
        return [record for record in records if shard == SHARD and record.offset > after_offset][:limit]

    async def erase_quarantined(self, shard: Shard, offsets: Collection[int]) -> None:
        raise AssertionError(f"nothing of {shard} is gone from the log, so nothing is erased at {offsets}")


@pytest.fixture(name="quarantine")
def _quarantine(tmp_path: Path) -> Iterator[QuarantineService]:
    engine, metadata = connect(f"sqlite:///{tmp_path}/service.db"), MetaData()
    decisions = QuarantineDecisions(engine, quarantine_decision_table(metadata))
    metadata.create_all(engine)
    bus = connect_bus(f"sqlite:///{tmp_path}/log.db")
    clock = FixedClock(datetime(2026, 4, 10, 12, tzinfo=UTC))
    yield QuarantineService("billing", [WORK], store=FixedRecords(), decisions=decisions, bus=bus, clock=clock)
    asyncio.run(bus.close())
    engine.dispose()


@pytest.mark.parametrize(
    ("scope", "offsets"),
    [
        (Scope.all(), [0, 1, 2, 3, 4, 5]),
        (Scope.of("adur"), [0, 2]),
        (Scope.of("adur", "worthing"), [0, 1, 2]),
        (Scope.of(), []),
    ],
)
def test_a_caller_sees_the_records_of_its_councils_and_only_who_sees_all_those_without_a_council(
    quarantine: QuarantineService, scope: Scope, offsets: list[int]
) -> None:
    async def seen() -> list[int]:
        return [entry.record.offset async for entry in quarantine.entries(scope)]

    assert asyncio.run(seen()) == offsets


def test_an_entry_outside_the_scope_is_not_found(quarantine: QuarantineService) -> None:
    assert asyncio.run(quarantine.entry(Scope.of("worthing"), SHARD, 1)).place == "provider.work.v1/0@1"
    with pytest.raises(NotQuarantined):
        asyncio.run(quarantine.entry(Scope.of("worthing"), SHARD, 0))


def test_http_lists_pages_with_each_decision_and_without_the_records(quarantine: QuarantineService) -> None:
    entry = asyncio.run(quarantine.entry(Scope.all(), SHARD, 1))
    asyncio.run(quarantine.discard(entry, actor="ada", reason="a test record"))
    client = TestClient(create_app("quarantine", [router(quarantine)], types=TYPES, authentication=MAY_ALL))

    open_ones = client.get("/v1/quarantine")
    first = client.get("/v1/quarantine?decided=true&limit=2")
    rest = client.get(first.links["next"]["url"])

    assert [record["offset"] for record in open_ones.json()["items"]] == [0, 2, 3, 4, 5]
    assert [record["offset"] for record in first.json()["items"]] == [0, 1]
    assert [record["offset"] for record in rest.json()["items"]] == [2, 3]
    decision = first.json()["items"][1]["decision"]
    assert (decision["action"], decision["actor"], decision["reason"]) == ("discarded", "ada", "a test record")
    assert first.json()["items"][0].keys() == {
        "topic", "partition", "offset", "reason", "detail", "timestamp_ms", "size", "decision"
    }  # fmt: skip
    assert client.get("/v1/quarantine?cursor=W10=").status_code == 400
    assert "QuarantinedRecord" in client.get("/openapi.json").json()["components"]["schemas"]

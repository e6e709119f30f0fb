"""A bug that one item brings about stops nobody: not at once, not after a restart, and every report says so."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2
import msgspec
import pytest
from prometheus_client import CollectorRegistry

from shared.contracts.topics import PARTITIONS, TICKETS
from shared.contracts.verdicts import WarningReached
from shared.http import create_app
from shared.log.failures import CodeFailure
from shared.log.partitioner import partition_of
from shared.log.port import Shard
from shared.period import Month
from shared.scope import Scope
from shared.state.embedded import EmbeddedStateStore
from shared.state.port import Change, Head
from shared.units import CouncilId, ItemId
from sla_monitor.domain.clock.verdict import evaluate
from sla_monitor.domain.verification import verify
from sla_monitor.judging.failed_items import MOST_FAILED
from sla_monitor.metrics import MonitorMetrics
from sla_monitor.reports.evidence import evidence
from sla_monitor.store import items
from tests.support.callers import MAY_ALL
from tests.support.histories import calendar
from tests.support.monitor_client import MonitorClient, agreement
from tests.support.monitoring import Monitor, idle_monitor, monitor, ticket

pytestmark = pytest.mark.anyio

NOW = "Wed 2026-03-04 12:00"
LATE = (("Mon 2026-03-02 12:00", "opened"), ("Tue 2026-03-03 15:00", "resolved"))
OPEN = LATE[:1]
MARCH = Month(2026, 3)


class PlantedError(Exception):
    """The bug."""


@contextmanager
def bug(*names: str) -> Iterator[None]:
    """Judging an item of one of these names raises."""

    def planted(facts: Any, *, item: str, **about: Any) -> Any:
        if item in names:
            raise PlantedError("Jane Doe")
        return evaluate(facts, item=item, **about)

    with patch.object(items, "evaluate", planted):
        yield


async def known(on: Monitor) -> None:
    await on.publish_catalogue(calendar(), agreement(), agreement("worthing"))
    await on.wait_until_idle()


async def failed_of(on: Monitor) -> list[tuple[str, str]]:
    return [(each.council, each.name) for each in (await on.app.sources.items.failures(Scope.all())).items]


def in_one_shard(count: int) -> list[str]:
    names = [f"T-{number}" for number in range(40 * count)]
    return [name for name in names if partition_of(f"adur:{name}".encode(), PARTITIONS) == 0][:count]


async def decided(on: Monitor) -> list[tuple[str, str]]:
    """What was announced beside warnings, by item."""
    await on.wait_until_idle()
    events = [event for event in await on.announced() if not isinstance(event, WarningReached)]
    return sorted((event.subject, type(event).__name__) for event in events)


async def none_failed(on: Monitor) -> None:
    """Whatever had failed has been judged; gives up after half a minute."""
    async with asyncio.timeout(30):
        while await failed_of(on):  # noqa: ASYNC110 (what it does is stored, not signalled)
            await asyncio.sleep(0.05)


def client(on: Monitor) -> MonitorClient:
    app = create_app(
        "Monitor", [on.app.router, on.app.pages(illustrative=True)], types=on.app.types, authentication=MAY_ALL
    )
    return MonitorClient(on, httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://monitor"))


async def test_the_monitor_goes_on_and_restarts_with_an_item_that_cannot_be_judged(tmp_path: Path) -> None:
    with bug("T-bad"):
        async with monitor(tmp_path, now=NOW) as on:
            await known(on)
            await on.send(*ticket(*OPEN, item="T-bad"), *ticket(*LATE, item="T1"), *ticket(*LATE, item="T2"))
            assert await decided(on) == [("T1", "TargetBreached"), ("T2", "TargetBreached")]
        async with monitor(tmp_path, now=NOW) as on:
            await on.send(*ticket(*LATE, item="T3", council="worthing"), *ticket(LATE[1], item="T-bad"))
            assert [item for item, _ in await decided(on)] == ["T1", "T2", "T3"]
            assert await failed_of(on) == [("adur", "T-bad")]
            for head in (await on.heads()).values():
                assert sum(head.counts.values()) == head.next_offset - head.first_offset


async def test_a_failed_item_is_judged_again_when_people_request_it(tmp_path: Path) -> None:
    async with monitor(tmp_path, now=NOW) as on:
        await known(on)
        with bug("T-bad"):
            await on.send(*ticket(*LATE, item="T-bad"))
            assert await decided(on) == []
        asked = {"id": "R1", "council": "adur", "item": "T-bad"}
        api = client(on)

        await api.post("/v1/item-retries", asked | {"item": "T-other"}, expect=404)
        await api.post("/v1/item-retries", asked, expect=202)

        assert await decided(on) == [("T-bad", "TargetBreached")]
        assert await failed_of(on) == []
        await api.post("/v1/item-retries", asked, expect=202)
        await api.post("/v1/item-retries", asked | {"item": "T-other"}, expect=409)


async def test_a_failed_item_is_judged_again_when_the_terms_change(tmp_path: Path) -> None:
    async with monitor(tmp_path, now=NOW) as on:
        await known(on)
        with bug("T-bad"):
            await on.send(*ticket(*LATE, item="T-bad"))
            await on.wait_until_idle()

        await on.publish_catalogue(agreement("worthing"), version=2)

        assert await decided(on) == [("T-bad", "TargetBreached")]


async def test_a_failed_item_is_judged_again_by_another_release_and_not_by_the_same(tmp_path: Path) -> None:
    with bug("T-bad"):
        async with monitor(tmp_path, now=NOW) as on:
            await known(on)
            await on.send(*ticket(*LATE, item="T-bad"))
            await on.wait_until_idle()
    async with monitor(tmp_path, now=NOW) as on:
        assert await decided(on) == []
    with patch("sla_monitor.app.PRODUCT_VERSION", "9.9.9"):
        async with monitor(tmp_path, now=NOW) as on:
            await none_failed(on)

            assert await decided(on) == [("T-bad", "TargetBreached")]


async def test_a_held_council_holds_no_other_and_is_released_by_one_retry(tmp_path: Path) -> None:
    *bad, late = in_one_shard(MOST_FAILED + 2)
    async with monitor(tmp_path, now=NOW) as on:
        await known(on)
        with bug(*bad):
            await on.send(*(event for name in bad for event in ticket(*LATE, item=name)))
            await on.wait_until_idle()
            await on.send(*ticket(*LATE, item=late), *ticket(*LATE, item=late, council="worthing"))
            assert [item for item, _ in await decided(on)] == [late]
            assert (await on.app.sources.items.failures(Scope.all())).held == ["adur"]

        asked = {"id": "R1", "council": "adur", "item": bad[0]}
        await client(on).post("/v1/item-retries", asked, expect=202)

        assert sorted(item for item, _ in await decided(on)) == sorted([bad[0], late, late])
        found = await on.app.sources.items.failures(Scope.all())
        assert (len(found.items), list(found.held)) == (MOST_FAILED, [])


async def test_every_report_is_complete_but_for_the_failed_item_and_says_so(tmp_path: Path) -> None:
    async with monitor(tmp_path, now=NOW) as on:
        await known(on)
        with bug("T-bad"):
            await on.send(*ticket(*OPEN, item="T-bad"), *ticket(*LATE, item="T1"))
            await on.send(*ticket(("Wed 2026-03-04 11:00", "opened"), item="T2"))
            await on.wait_until_idle()
        api = client(on)

        at_risk = await api.get("/v1/at-risk")
        assert ([each["item"] for each in at_risk["targets"]], at_risk["failed_items"]) == (["T2"], 1)
        (row,) = await api.listed("/v1/attainment")
        assert (row["council"], row["good"], row["total"], row["failed_items"]) == ("adur", 0, 1, 1)
        assert b"1 item failed and is not counted." in await api.read("/attainment")
        item = await api.get("/v1/items/T-bad")
        assert item["state"].startswith("failed: a bug in Tallystick, PlantedError in ")
        assert b"PlantedError" in await api.read("/items/T-bad")
        assert (await api.get("/v1/fairness"))["findings"] == []
        listed = await api.get("/v1/failed-items")
        assert [(each["item"], each["error"], each["events"]) for each in listed["items"]] == [
            ("T-bad", "PlantedError", 1)
        ]
        assert b"Jane Doe" not in msgspec.json.encode(listed)
        assert (await api.get("/v1/failed-items?council=worthing"))["items"] == []

        file = await evidence(on.app.sources, Scope.all(), council="adur", month=MARCH)
        checked = verify(file)
        assert (checked.faults, checked.items, checked.failed_items) == ([], 1, ["T-bad"])


async def test_reports_survive_an_item_that_fails_only_there(tmp_path: Path) -> None:
    async with monitor(tmp_path, now=NOW) as on:
        await known(on)
        await on.send(*ticket(("Wed 2026-03-04 11:00", "opened"), item="T1"))
        await on.send(*ticket(("Wed 2026-03-04 11:30", "opened"), item="T2"))
        await on.wait_until_idle()
        with bug("T1"):
            found = await on.app.sources.open_targets(Scope.all())

            assert ([each.item for each in found.targets], list(found.failed)) == (["T2"], ["adur"])
            stored, (council, name) = on.app.sources.items, (CouncilId("adur"), ItemId("T1"))
            (item,) = await stored.find(council, name)
            assert isinstance(stored.evaluate(item, item.load(), as_of=on.app.sources.now_s), CodeFailure)


async def test_a_rebuild_and_its_dry_run_survive_an_item_that_fails(tmp_path: Path) -> None:
    async with monitor(tmp_path, now=NOW) as on:
        await known(on)
        await on.send(*ticket(*LATE, item="T-bad"), *ticket(*LATE, item="T1"))
        before = await decided(on)
        with bug("T-bad"):
            assert await on.app.rebuild.dry_run() == []
    async with idle_monitor(tmp_path, now=NOW) as on:
        with bug("T-bad"):
            result = await on.app.rebuild.run()
        assert (result.items, result.missing) == (2, 0)
        assert await failed_of(on) == [("adur", "T-bad")]
        (failed,) = (await on.app.sources.items.failures(Scope.all())).items
        assert list(failed.item.announced) == ["adur-2026/resolve/1"]
    with patch("sla_monitor.app.PRODUCT_VERSION", "9.9.9"):
        async with monitor(tmp_path, now=NOW) as on:
            await none_failed(on)
            assert await decided(on) == before


async def test_the_gauges_are_there_at_0_and_count_by_council(tmp_path: Path) -> None:
    states, registry = EmbeddedStateStore(tmp_path / "state.db"), CollectorRegistry()
    metrics = MonitorMetrics(registry)
    shards = [Shard(TICKETS.name, 0), Shard(TICKETS.name, 1)]

    def shown(name: str) -> dict[str, float | None]:
        return {each: registry.get_sample_value(name, {"council": each}) for each in ("adur", "worthing", "gone")}

    await metrics.sample(states, shards, ["adur", "worthing"], now_s=0)
    assert (
        shown("tallystick_failed_items") == shown("tallystick_held_shards") == {"adur": 0, "worthing": 0, "gone": None}
    )
    failed = ("!adur:O1", "adur:T1", "gone:T1")
    await states.commit(shards[0], None, Change(Head(revision=1, failed=failed, held=("adur",))))
    await states.commit(shards[1], None, Change(Head(revision=1, failed=("adur:T1",))))
    await metrics.sample(states, shards, ["adur", "worthing"], now_s=0)
    assert shown("tallystick_failed_items") == {"adur": 3, "worthing": 0, "gone": 1}
    assert shown("tallystick_held_shards") == {"adur": 1, "worthing": 0, "gone": None}
    await states.close()

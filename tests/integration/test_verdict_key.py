"""A verdict is of one agreement and one stream: what shares an id with it is judged, counted and proved apart."""

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from shared.contracts.definitions import Agreement
from shared.contracts.items import CompletedData, NewItemData, WorkCompleted, WorkEvent, WorkReceived
from shared.contracts.topics import WORK
from shared.http import create_app
from shared.units import CouncilId, ItemId
from shared.web.pages import site_routes
from sla_monitor.domain.verification import verify
from tallystick.command import app
from tests.support.callers import MAY_ALL
from tests.support.monitor_client import COUNCIL, MonitorClient, monitor_client
from tests.support.monitoring import local, ticket

RESOLUTION: dict[str, Any] = {"id": "resolution", "service": "*", "measure": "resolution-time", "calendar": "office"}
# Opened on Monday: done within the hour, and on Wednesday.
QUICK = [("Mon 2026-03-02 09:00", "opened"), ("Mon 2026-03-02 10:00", "resolved")]
SLOW = [("Mon 2026-03-02 09:00", "opened"), ("Wed 2026-03-04 11:00", "resolved")]


def agreement(id: str, percent: str, within: str = "8 working hours", service: str = "*") -> Agreement:
    objective = {"percent": percent, "over": "month"}
    target = RESOLUTION | {"within": within, "service": service, "objective": objective}
    held = {"id": id, "council": "adur", "provider": "joint", "title": id.title(), "targets": [target]}
    return msgspec.convert(held, Agreement)


def work(item: str, received: str, completed: str) -> list[WorkEvent]:
    about: dict[str, Any] = {"source": "/work", "subject": ItemId(item), "council": CouncilId("adur")}
    return [
        WorkReceived(id=f"{item}-in", time=local(received), data=NewItemData(service="payroll"), **about),
        WorkCompleted(id=f"{item}-out", time=local(completed), data=CompletedData(), **about),
    ]


def of_agreement(rows: Any, *names: str) -> dict[str, tuple[Any, ...]]:
    return {row["agreement"]: tuple(row[name] for name in names) for row in rows if row["council"] == "adur"}


async def two_agreements(at: MonitorClient) -> None:
    """The core service promises 99% within eight hours, the evening one 40% within two days of eight."""
    await at.on.publish_catalogue(agreement("core", "99"), agreement("evening", "40", "16 working hours"))
    await at.on.wait_until_idle()
    await at.on.send(*ticket(*QUICK, item="quick"), *ticket(*SLOW, item="slow"))
    await at.on.wait_until_idle()


def test_two_agreements_with_a_target_of_one_id_are_judged_by_an_objective_each(tmp_path: Path) -> None:
    async def scenario() -> tuple[Any, ...]:
        async with monitor_client(tmp_path) as at:
            await two_agreements(at)
            csv_text = (await at.read("/v1/attainment.csv?month=2026-03")).decode()
            pages = TestClient(
                create_app("test", [at.on.app.pages(illustrative=True), site_routes()], authentication=MAY_ALL)
            )
            page = await asyncio.to_thread(pages.get, "/attainment?month=2026-03")
            return (
                await at.listed("/v1/attainment?month=2026-03"),
                (await at.get("/v1/budget?month=2026-03"))["budgets"],
                await at.listed("/v1/percentiles?month=2026-03"),
                list(csv.DictReader(io.StringIO(csv_text))),
                page.text,
            )

    attained, budgets, percentiles, rows, page = asyncio.run(scenario())

    judged = of_agreement(attained, "good", "total", "objective_percent", "judgement")
    assert judged["core"] == (1, 2, "99", "missed")
    assert judged["evening"] == (1, 2, "40", "met")
    assert of_agreement(rows, "judgement") == {name: (found[3],) for name, found in judged.items()}
    allowed = of_agreement(budgets, "objective_percent", "met", "missed", "allowed")
    assert allowed == {"core": ("99", 1, 1, 0), "evening": ("40", 1, 1, 1)}
    assert of_agreement(percentiles, "percent", "rank", "elapsed_s") == {
        "core": ("99", 2, None),
        "evening": ("40", 1, 3600),
    }
    assert page.count("Core") == page.count("Evening") == 1  # rows that would read alike name their agreement


def test_open_items_are_at_risk_by_each_agreements_own_clock(tmp_path: Path) -> None:
    async def scenario() -> Any:
        async with monitor_client(tmp_path) as at:
            await at.on.publish_catalogue(agreement("core", "99"), agreement("evening", "40", "20 working hours"))
            await at.on.wait_until_idle()
            await at.on.send(*ticket(("Wed 2026-03-04 09:00", "opened"), item="open"))
            await at.on.wait_until_idle()
            return await at.get("/v1/at-risk?council=adur")

    report = asyncio.run(scenario())

    left = {each["agreement"]: (each["target"], each["stream"], each["left_s"]) for each in report["targets"]}
    assert left["core"] == ("resolution", "ticket", 5 * 3600)
    assert left["evening"] == ("resolution", "ticket", 17 * 3600)


def test_an_exclusion_of_one_agreements_target_or_one_streams_item_is_of_no_other(tmp_path: Path) -> None:
    async def scenario() -> tuple[Any, ...]:
        async with monitor_client(tmp_path) as at:
            await two_agreements(at)
            about: dict[str, Any] = {
                "start_at": "2026-03-02T10:30:00Z",
                "end_at": "2026-03-04T10:30:00Z",
                "target": "resolution",
            }
            unclear = about | {"council": "adur", "category": "agreed", "reason": "minute-7", "item": "slow"}
            body = {"id": "X0", "exclusion": unclear}
            refused = await at.post("/v1/exclusions", body, expect=422)
            await at.propose(**about, agreement="core", item="slow", stream="ticket")
            await at.post("/v1/exclusions/X1/approve", expect=200, by=COUNCIL)
            await at.on.wait_until_idle()
            return refused, await at.listed("/v1/attainment?month=2026-03")

    refused, attained = asyncio.run(scenario())

    assert [fault["pointer"] for fault in refused["errors"]] == ["#/exclusion/agreement", "#/exclusion/stream"]
    assert of_agreement(attained, "good", "total") == {"core": (2, 2), "evening": (1, 2), "adur-2026": (1, 2)}


@pytest.fixture(scope="module")
def shared_id(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A ticket and a work item of one id: the ticket is met, the work item is late. What the monitor says of them."""
    folder = tmp_path_factory.mktemp("shared-id")

    async def scenario() -> dict[str, Any]:
        async with monitor_client(folder) as at:
            await at.on.publish_catalogue(agreement("core", "99"))
            await at.on.wait_until_idle()
            await at.on.send(*ticket(*QUICK, item="T-1"))
            await at.on.send(*work("T-1", "Mon 2026-03-02 09:00", "Wed 2026-03-04 11:00"), topic=WORK)
            await at.on.wait_until_idle()
            routes = [at.on.app.pages(illustrative=True), site_routes()]
            pages = TestClient(create_app("test", routes, authentication=MAY_ALL), follow_redirects=False)
            return {
                "attained": await at.listed("/v1/attainment?month=2026-03"),
                "evidence": await at.read("/v1/evidence/adur/2026-03"),
                "ambiguous": await at.status("/v1/items/T-1?council=adur"),
                "ticket": await at.get("/v1/items/T-1?council=adur&stream=ticket"),
                "work": await at.get("/v1/items/T-1?stream=work"),
                "choice": (await asyncio.to_thread(pages.get, "/items/T-1")).text,
                "page": (await asyncio.to_thread(pages.get, "/items/T-1?council=adur&stream=work")).text,
            }

    return folder, asyncio.run(scenario())


def test_a_ticket_and_a_work_item_of_one_id_both_count(shared_id: tuple[Path, dict[str, Any]]) -> None:
    _, found = shared_id

    counted = [
        (row["agreement"], row["service"], row["good"], row["total"])
        for row in found["attained"]
        if row["agreement"] == "core"
    ]
    assert counted == [("core", "ict", 1, 1), ("core", "payroll", 0, 1)]


def test_their_evidence_proves_both(shared_id: tuple[Path, dict[str, Any]]) -> None:
    verified = verify(shared_id[1]["evidence"])

    assert verified.faults == []
    assert (verified.items, verified.verdicts) == (2, 4)  # each by two agreements


def test_each_has_a_page_and_a_reader_of_the_id_alone_is_asked_which(shared_id: tuple[Path, dict[str, Any]]) -> None:
    _, found = shared_id

    assert found["ambiguous"] == 409
    for stream, kinds in (("ticket", {"met"}), ("work", {"breached"})):
        item = found[stream]
        assert (item["stream"], {each["verdict"] for each in item["verdicts"]}) == (stream, kinds)
        assert {each["kind"] for each in item["announced"]} - {"warning"} == kinds
        assert f'href="/items/T-1?council=adur&amp;stream={stream}"' in found["choice"]
    assert "work item" in found["page"]
    assert "core, resolution" in found["page"]  # its history names the agreement: it was judged by two


def test_explain_asks_which_and_explains_that_one(
    shared_id: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYSTICK_VAR", str(shared_id[0]))

    asked = CliRunner().invoke(app, ["explain", "T-1"])
    explained = CliRunner().invoke(app, ["explain", "T-1", "--stream", "work"])

    assert asked.exit_code == 2
    assert "a ticket of adur, a work item of adur" in " ".join(asked.output.split())
    assert explained.exit_code == 0, explained.output
    assert "BREACHED" in explained.output
    assert "core, resolution: breached" in explained.output


def test_a_rebuild_gives_each_its_own_announcements_back(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, int]:
        async with monitor_client(tmp_path) as at:
            await at.on.publish_catalogue(agreement("core", "99"))
            await at.on.wait_until_idle()
            await at.on.send(*ticket(*QUICK, item="T-1"))
            await at.on.send(*work("T-1", "Mon 2026-03-02 09:00", "Wed 2026-03-04 11:00"), topic=WORK)
            await at.on.wait_until_idle()
            return len(await at.on.announced()), len(await at.on.app.rebuild.dry_run())

    announced, missing = asyncio.run(scenario())

    assert (announced > 0, missing) == (True, 0)

"""Exclusions, correction runs and frozen months on the running monitor, over HTTP."""

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.verdicts import VerdictCorrected
from tests.support.histories import calendar
from tests.support.monitor_client import COUNCIL, LATE, NIGHT, NOW, PROVIDER, monitor_client
from tests.support.monitoring import ticket

MARCH = {"from_date": "2026-03-01", "to_date": "2026-04-01"}


@pytest.fixture(autouse=True)
def _on_each_database(database_of: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_of("sla_monitor"))


def test_an_approved_exclusion_corrects_what_has_ended_and_names_itself_as_the_cause(tmp_path: Path) -> None:
    async def scenario() -> tuple[Any, ...]:
        async with monitor_client(tmp_path) as at:
            await at.on.send(*ticket(*LATE), *ticket(*LATE, council="worthing", item="T2"))
            await at.on.wait_until_idle()
            await at.propose()
            proposed = await at.corrections()
            standing = await at.post("/v1/exclusions/X1/approve", COUNCIL, expect=200)
            return proposed, standing["status"], await at.corrections(), await at.attained()

    proposed, status, corrected, attained = asyncio.run(scenario())
    assert (proposed, status) == ([], "approved")
    assert corrected == [("T1", "breached", "met", "X1")]
    assert attained == [("adur", "2026-03", 1, 1), ("worthing", "2026-03", 0, 1)]


def test_what_is_open_or_still_to_come_is_judged_by_the_exclusion_at_once(tmp_path: Path) -> None:
    async def scenario() -> list[tuple[str, str]]:
        async with monitor_client(tmp_path) as at:
            await at.on.send(ticket(*LATE, item="open")[0])
            await at.on.wait_until_idle()
            await at.propose(by=COUNCIL)
            await at.post("/v1/exclusions/X1/approve", PROVIDER, expect=200)
            await at.on.send(*ticket(*LATE, item="open")[1:], *ticket(*LATE, item="to-come"))
            await at.on.wait_until_idle()
            verdicts = [(await at.get(f"/v1/items/{item}"))["verdicts"][0] for item in ("open", "to-come")]
            return [(verdict["due_at"], verdict["verdict"]) for verdict in verdicts]

    assert asyncio.run(scenario()) == [("2026-03-03T15:00:00Z", "met")] * 2


def test_no_side_approves_its_own_exclusion_and_every_fault_is_listed(tmp_path: Path) -> None:
    async def scenario() -> list[Any]:
        async with monitor_client(tmp_path) as at:
            await at.propose()
            same = await at.post("/v1/exclusions/X1/approve", PROVIDER, expect=409)
            unknown = await at.post("/v1/exclusions/X2/approve", COUNCIL, expect=404)
            body = {"id": "X3", "exclusion": NIGHT | {"end_at": "1999-01-01T00:00:00Z"}, "proposed": PROVIDER}
            backwards = await at.post("/v1/exclusions", body, expect=422)
            shapeless = await at.post("/v1/exclusions", {"id": "!", "proposed": {"side": "x"}}, expect=422)
            listed = await at.get("/v1/exclusions?council=adur")
            return [same["detail"], unknown["title"], len(backwards["errors"]), len(shapeless["errors"]), listed]

    same, unknown, backwards, shapeless, listed = asyncio.run(scenario())
    assert same == "only the other side can have it approved; the provider proposed it"
    assert (unknown, backwards, shapeless) == ("Not found", 2, 4)
    assert [(each["id"], each["status"]) for each in listed] == [("X1", "proposed")]  # seen before it is decided


@pytest.mark.parametrize("council", [None, "worthing"])
def test_a_holiday_proclaimed_late_changes_ended_items_only_by_a_correction_run(
    tmp_path: Path, council: str | None
) -> None:
    async def scenario() -> tuple[Any, ...]:
        async with monitor_client(tmp_path) as at:
            await at.on.send(*ticket(*LATE), *ticket(*LATE, council="worthing"))
            await at.on.wait_until_idle()
            await at.on.publish_catalogue(calendar(closed={date(2026, 3, 3): "Proclaimed"}), version=2)
            untouched = await at.corrections()
            kept = (await at.get("/v1/items/T1?council=adur"))["verdicts"][0]
            scope = MARCH if council is None else MARCH | {"council": council}
            reports = []
            for name in ("first", "second"):
                await at.post(
                    "/v1/correction-runs", {"id": name, "scope": scope, "requested_by": "operations"}, expect=202
                )
                await at.on.wait_until_idle()
                reports.append(await at.get(f"/v1/correction-runs/{name}"))
            return untouched, (kept["verdict"], kept["calendar_version"]), await at.corrections(), reports

    untouched, kept, corrected, (first, second) = asyncio.run(scenario())
    councils = ["adur", "worthing"] if council is None else [council]
    assert (untouched, kept) == ([], ("breached", 1))
    assert corrected == [("T1", "breached", "met", "first")] * len(councils)
    assert first["shards_done"] == first["shards"] == 24
    assert [(each["council"], each["kind"], each["count"]) for each in first["caused"]] == [
        (name, "corrected", 1) for name in councils
    ]
    assert second["caused"] == []  # what was corrected once is right


def test_a_late_fact_of_an_ended_item_is_judged_by_the_catalogue_of_its_time(tmp_path: Path) -> None:
    async def scenario() -> list[VerdictCorrected]:
        async with monitor_client(tmp_path) as at:
            await at.on.send(*ticket(*LATE))
            await at.on.wait_until_idle()
            await at.on.publish_catalogue(calendar(closed={date(2026, 3, 3): "Proclaimed"}), version=2)
            await at.on.wait_until_idle()
            pause = ticket(("Mon 2026-03-02 13:00", "paused"), ("Mon 2026-03-02 13:30", "resumed"))
            await at.on.send(*pause, at=NOW)
            await at.on.wait_until_idle()
            return [event for event in await at.on.announced() if isinstance(event, VerdictCorrected)]

    last = asyncio.run(scenario())[-1]
    assert (last.data.outcome, last.data.calendar_version) == ("breached", 1)


def test_a_correction_of_a_frozen_month_is_an_adjustment_of_the_month_it_is_made_in(tmp_path: Path) -> None:
    async def scenario() -> tuple[Any, ...]:
        async with monitor_client(tmp_path) as at:
            await at.on.send(*ticket(*LATE))
            await at.on.wait_until_idle()
            at.on.clock.move("Mon 2026-06-01 12:00")
            await at.on.wait_until_idle()
            await at.propose()
            await at.post("/v1/exclusions/X1/approve", COUNCIL, expect=200)
            return await at.corrections(), await at.attained(), await at.get("/v1/adjustments?posted=2026-06")

    corrected, attained, adjustments = asyncio.run(scenario())
    assert corrected == [("T1", "breached", "met", "X1")]
    assert attained == [("adur", "2026-03", 0, 1)]
    assert [(each["was_month"], each["was"], each["now"], each["cause"]) for each in adjustments] == [
        ("2026-03", "breached", "met", "X1")
    ]

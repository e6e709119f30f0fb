"""Exclusions, correction runs and frozen months on the running monitor, over HTTP."""

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.topics import DECISIONS
from shared.contracts.verdicts import VerdictCorrected
from shared.log.port import Shard
from tests.support.histories import calendar
from tests.support.monitor_client import COUNCIL, LATE, NIGHT, NOW, PROVIDER, SECOND, monitor_client
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
            standing = await at.post("/v1/exclusions/X1/approve", expect=200, by=COUNCIL)
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
            await at.post("/v1/exclusions/X1/approve", expect=200, by=PROVIDER)
            await at.on.send(*ticket(*LATE, item="open")[1:], *ticket(*LATE, item="to-come"))
            await at.on.wait_until_idle()
            verdicts = [(await at.get(f"/v1/items/{item}"))["verdicts"][0] for item in ("open", "to-come")]
            return [(verdict["due_at"], verdict["verdict"]) for verdict in verdicts]

    assert asyncio.run(scenario()) == [("2026-03-03T15:00:00Z", "met")] * 2


def test_no_side_approves_its_own_exclusion_and_every_fault_is_listed(tmp_path: Path) -> None:
    async def scenario() -> list[Any]:
        async with monitor_client(tmp_path) as at:
            await at.propose()
            person = await at.post("/v1/exclusions/X1/approve", expect=403, by=PROVIDER)
            same = await at.post("/v1/exclusions/X1/approve", expect=409, by=SECOND)
            unknown = await at.post("/v1/exclusions/X2/approve", expect=404, by=COUNCIL)
            body = {"id": "X3", "exclusion": NIGHT | {"end_at": "1999-01-01T00:00:00Z"}}
            backwards = await at.post("/v1/exclusions", body, expect=422, by=PROVIDER)
            shapeless = await at.post("/v1/exclusions", {"id": "!", "proposed": {"side": "x"}}, expect=422, by=PROVIDER)
            listed = await at.listed("/v1/exclusions?council=adur")
            return [
                person["detail"],
                same["detail"],
                unknown["title"],
                len(backwards["errors"]),
                len(shapeless["errors"]),
                listed,
            ]

    person, same, unknown, backwards, shapeless, listed = asyncio.run(scenario())
    assert person == "who proposed it cannot decide about it: somebody else has to"
    assert same == "only the other side can have it approved; the provider proposed it"
    assert (unknown, backwards, shapeless) == ("Not found", 2, 3)
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
                await at.post("/v1/correction-runs", {"id": name, "scope": scope}, expect=202)
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


def test_a_correction_run_changes_nothing_until_somebody_else_approves_it(tmp_path: Path) -> None:
    async def scenario() -> tuple[Any, ...]:
        async with monitor_client(tmp_path) as at:
            await at.on.send(*ticket(*LATE))
            await at.on.wait_until_idle()
            await at.on.publish_catalogue(calendar(closed={date(2026, 3, 3): "Proclaimed"}), version=2)
            body = {"id": "R1", "scope": MARCH}
            proposed = await at.post("/v1/correction-runs", body, expect=202, by=PROVIDER)
            before = await at.corrections(), await at.get("/v1/correction-runs/R1")
            own = await at.post("/v1/correction-runs/R1/approve", expect=403, by=PROVIDER)
            council = await at.post("/v1/correction-runs/R1/approve", expect=403, by=COUNCIL)
            approved = await at.post("/v1/correction-runs/R1/approve", expect=200, by=SECOND)
            late = await at.post("/v1/correction-runs/R1/reject", expect=409, by=SECOND)
            return proposed, before, (own, council, late), approved, await at.corrections()

    proposed, (corrected, report), refused, approved, after = asyncio.run(scenario())
    assert (proposed["status"], proposed["requested_by"], corrected) == ("proposed", PROVIDER, [])
    assert (report["run"]["status"], report["shards_done"]) == ("proposed", 0)
    assert [each["detail"] for each in refused] == [
        "who proposed it cannot decide about it: somebody else has to",
        "you may not approve correction runs",
        "it is approved already",
    ]
    assert (approved["status"], approved["decided_by"], approved["requested_by"]) == ("approved", SECOND, PROVIDER)
    assert after == [("T1", "breached", "met", "R1")]


def test_a_rejected_run_is_never_made(tmp_path: Path) -> None:
    async def scenario() -> tuple[Any, ...]:
        async with monitor_client(tmp_path) as at:
            body = {"id": "R1", "scope": MARCH}
            await at.post("/v1/correction-runs", body, expect=202, by=PROVIDER)
            await at.post("/v1/correction-runs/R1/reject", expect=200, by=SECOND)
            late = await at.post("/v1/correction-runs/R1/approve", expect=409, by=SECOND)
            return late["detail"], await at.post("/v1/correction-runs", body, expect=202, by=PROVIDER)

    detail, again = asyncio.run(scenario())
    assert (detail, again["status"]) == ("it is rejected already", "rejected")


def test_every_step_of_a_decision_is_kept_by_compaction(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        async with monitor_client(tmp_path) as at:
            await at.propose()
            await at.post("/v1/exclusions/X1/approve", expect=200, by=COUNCIL)
            await at.post("/v1/correction-runs", {"id": "R1", "scope": MARCH}, expect=202)
            held = await at.on.bus.read(Shard(DECISIONS.name, 0), 0, limit=100)
            return [(record.key or b"").decode() for record in held]

    assert asyncio.run(scenario()) == [
        "exclusion:adur:X1:proposed",
        "exclusion:adur:X1:approved",
        "correction::R1:proposed",
        "correction::R1:requested",
    ]


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
            await at.post("/v1/exclusions/X1/approve", expect=200, by=COUNCIL)
            return await at.corrections(), await at.attained(), await at.listed("/v1/adjustments?posted=2026-06")

    corrected, attained, adjustments = asyncio.run(scenario())
    assert corrected == [("T1", "breached", "met", "X1")]
    assert attained == [("adur", "2026-03", 0, 1)]
    assert [(each["was_month"], each["was"], each["now"], each["cause"]) for each in adjustments] == [
        ("2026-03", "breached", "met", "X1")
    ]

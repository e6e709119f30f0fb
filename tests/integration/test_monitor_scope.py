"""No read of the monitor answers with anything about a council outside its scope."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert

from shared.auth.principal import Principal
from shared.contracts.decisions import CorrectionScope
from shared.period import Month
from shared.scope import Scope
from shared.units import CouncilId, ItemId
from sla_monitor.app import MonitorApp
from sla_monitor.decisions import UnknownDecision
from sla_monitor.decisions.corrections import CorrectionRequest
from sla_monitor.decisions.exclusions import ExclusionProposal
from sla_monitor.domain.evidence import NoSuchCouncil
from sla_monitor.reports.budget import budgets
from sla_monitor.reports.evidence import evidence
from sla_monitor.reports.items import every_item, find_items
from sla_monitor.reports.openslo import openslo_documents
from sla_monitor.reports.periods import attainments
from tests.support.monitor_client import COUNCIL, LATE, NIGHT, PROVIDER, SECOND, MonitorClient, monitor_client
from tests.support.monitoring import ticket

MARCH = Month(2026, 3)
SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
ADUR, BOTH = ["adur"], ["adur", "worthing"]

OF_ADUR = Principal.of("ada", "person", ["council-finance"], Scope.of("adur"))


@pytest.fixture(autouse=True)
def _on_each_database(database_of: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_of("sla_monitor"))


async def busy_march(at: MonitorClient) -> None:
    """Each council has a late ticket, an open one, one that missed, an approved exclusion, and a run's correction."""
    for council in BOTH:
        await at.on.send(*ticket(*LATE, item="T1", council=council))
        await at.on.send(ticket(("Tue 2026-03-03 16:00", "opened"), item="T2", council=council)[0])
        await at.on.send(ticket(("Mon 2026-03-02 09:00", "opened"), item="T3", council=council)[0])
    await at.on.wait_until_idle()
    for council in BOTH:
        exclusion = {"id": f"X-{council}", "exclusion": NIGHT | {"council": council}}
        await at.post("/v1/exclusions", exclusion, expect=201, by=PROVIDER)
        await at.post(f"/v1/exclusions/X-{council}/approve", expect=200, by=COUNCIL)
        days = CorrectionScope(from_date=MARCH.first_day, to_date=MARCH.next.first_day, council=council)
        await at.on.app.corrections.request(Principal.local("tester"), CorrectionRequest(f"run-{council}", days))
    await at.on.wait_until_idle()


async def councils_read(app: MonitorApp, scope: Scope) -> dict[str, list[str]]:
    """Of each read, the councils that it answers about."""
    sources, model, items = app.sources, app.sources.read_model, app.sources.items
    months = [str(MARCH)]
    causes = [f"{decision}-{council}" for decision in ("X", "run") for council in BOTH]  # whichever was judged by first
    rows: dict[str, Iterable[str]] = {
        "attainment": [row.council for row in model.attainment(scope, months=months)],
        "due": [row.council for row in model.due_within(scope, SINCE, UNTIL)],
        "missed": [each.council for each in model.newest_missed(scope, limit=10)],
        "causes": [row.council for cause in causes for row in model.caused(scope, cause)],
        "announced": [
            council for council in BOTH if model.announced(scope, CouncilId(council), "ticket", ItemId("T1"))
        ],
        "versions": [
            known.definition.council for known in sources.catalogue.known(scope) if hasattr(known.definition, "council")
        ],
        "agreements": [each.council for each in sources.catalogue.agreements(scope)],
        "periods": [row.counts.council for row in attainments(sources, scope, month=MARCH)],
        "budgets": [row.council for row in (await budgets(sources, scope, month=MARCH, service=None)).budgets],
        "open": [each.council for each in (await sources.open_targets(scope)).targets],
        "item": [found.council for found in await find_items(sources, scope, "T1")],
        "items": [found.council async for found in every_item(sources, scope)],
        "stored": [stored.council async for page in items.pages(scope) for stored in page],
        "openslo": [each["metadata"]["labels"]["council"] for each in openslo_documents(sources, scope)],
        "exclusions": [state.exclusion.council for state in app.exclusions.all(scope)],
        "decisions": [council for council in BOTH if await can_read_decisions(app, scope, council)],
        "evidence": [council for council in BOTH if await has_evidence(app, scope, council)],
    }
    return {name: sorted(set(councils)) for name, councils in rows.items()}


async def can_read_decisions(app: MonitorApp, scope: Scope, council: str) -> bool:
    try:
        app.exclusions.one(scope, f"X-{council}")
        await app.corrections.report(scope, f"run-{council}")
    except UnknownDecision:
        return False
    return True


async def has_evidence(app: MonitorApp, scope: Scope, council: str) -> bool:
    try:
        return bool(await evidence(app.sources, scope, council=council, month=MARCH))
    except NoSuchCouncil:
        return False


def test_every_read_answers_about_the_councils_in_scope_and_no_other(tmp_path: Path) -> None:
    async def scenario() -> list[dict[str, list[str]]]:
        async with monitor_client(tmp_path) as at:
            await busy_march(at)
            scopes = Scope.all(), Scope.of("adur"), Scope.of()
            return [await councils_read(at.on.app, scope) for scope in scopes]

    everything, adur, nothing = asyncio.run(scenario())

    # No target has an objective here, so nothing has a budget or is an OpenSLO document.
    assert {name: councils for name, councils in everything.items() if councils != BOTH} == {
        "budgets": [],
        "openslo": [],
    }
    assert {name: councils for name, councils in adur.items() if councils != ADUR} == {"budgets": [], "openslo": []}
    assert {name: councils for name, councils in nothing.items() if councils} == {}


def test_a_route_shows_one_council_where_one_is_asked_for(tmp_path: Path) -> None:
    async def scenario() -> list[set[str]]:
        async with monitor_client(tmp_path) as at:
            await busy_march(at)
            rows = [await at.listed(f"/v1/{path}?council=adur") for path in ("attainment", "exclusions")]
            at_risk = await at.get("/v1/at-risk?council=adur")
            return [
                {row["council"] for row in rows[0]},
                {state["exclusion"]["council"] for state in rows[1]},
                {row["council"] for row in at_risk["targets"]},
            ]

    assert asyncio.run(scenario()) == [{"adur"}, {"adur"}, {"adur"}]


@pytest.mark.parametrize("council", ["worthing", None])
def test_nobody_proposes_or_requests_for_a_council_out_of_scope(council: str | None, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitor_client(tmp_path) as at:
            days = CorrectionScope(from_date=MARCH.first_day, to_date=MARCH.next.first_day, council=council)
            with pytest.raises(UnknownDecision):
                await at.on.app.corrections.request(OF_ADUR, CorrectionRequest("run", days))
            document = {"id": "X", "exclusion": NIGHT | {"council": "worthing"}}
            with pytest.raises(UnknownDecision):
                await at.on.app.exclusions.propose(OF_ADUR, convert(document, ExclusionProposal))

            assert at.on.app.exclusions.all(Scope.all()) == []

    asyncio.run(scenario())


def test_an_id_that_another_council_uses_is_free_and_tells_nothing(tmp_path: Path) -> None:
    """Whoever sees both councils says which is meant."""

    async def scenario() -> None:
        async with monitor_client(tmp_path) as at:
            for council in BOTH:
                body = {"id": "X", "exclusion": NIGHT | {"council": council}}
                made = await at.post("/v1/exclusions", body, expect=201, by=PROVIDER)
                assert made["exclusion"]["council"] == council
            assert await at.status("/v1/exclusions/X") == 409
            await at.post("/v1/exclusions/X/approve", expect=409, by=COUNCIL)
            await at.post("/v1/exclusions/X/approve?council=worthing", expect=200, by=COUNCIL)

            states = {council: await at.get(f"/v1/exclusions/X?council={council}") for council in BOTH}
            assert [states[council]["status"] for council in BOTH] == ["proposed", "approved"]
            assert await at.status("/v1/exclusions/X?council=nobody") == 404

    asyncio.run(scenario())


def test_a_run_of_every_council_takes_its_id_and_that_of_one_council_its_own_alone(tmp_path: Path) -> None:
    def run(id_: str, council: str | None) -> dict[str, Any]:
        days = {"from_date": "2026-03-01", "to_date": "2026-04-01"}
        return {"id": id_, "scope": days | ({} if council is None else {"council": council})}

    async def scenario() -> None:
        async with monitor_client(tmp_path) as at:
            for council in BOTH:
                await at.post("/v1/correction-runs", run("R", council), expect=202, by=PROVIDER)
            await at.post("/v1/correction-runs", run("all", None), expect=202, by=PROVIDER)
            await at.post("/v1/correction-runs", run("all", "adur"), expect=409, by=PROVIDER)
            await at.post("/v1/correction-runs/R/approve", expect=409, by=SECOND)
            await at.post("/v1/correction-runs/R/reject?council=adur", expect=200, by=SECOND)

            statuses = {each["scope"].get("council"): each["status"] for each in await at.listed("/v1/correction-runs")}
            assert statuses == {"adur": "rejected", "worthing": "proposed", None: "proposed"}

    asyncio.run(scenario())

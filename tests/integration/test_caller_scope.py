"""What a caller may see is asked for by every route that reads a council's data, and bounds what it answers."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from catalogue.adapters.partnership_files import load
from shared.clock import FixedClock
from shared.contracts.codec import encode_event
from shared.contracts.topics import TICKETS
from shared.http import create_app
from shared.http.access import PUBLIC, known_caller
from shared.http.queries import caller_scope
from shared.log.port import Message
from shared.scope import Scope
from shared.units import EpochMillis
from tallystick.stack import Stack, open_stack
from tests.support.callers import MAY_ALL
from tests.support.monitoring import ticket

# These read nothing that belongs to a council: they write, or answer from what the request holds.
READ_NO_COUNCIL = {
    ("POST", "/try/target"),
    ("GET", "/try/target/schema"),
    ("POST", "/try/tariff"),
    ("GET", "/try/tariff/schema"),
    ("GET", "/closings"),  # leads to the page of the last month
    ("GET", "/payments"),  # a form
    *(("GET", f"/audit/{service}/verification") for service in ("catalogue", "sla-monitor", "billing")),
}
NOW = FixedClock(datetime(2026, 4, 10, 12, tzinfo=UTC))
LATE = ticket(("Mon 2026-03-02 09:00", "opened"), ("Fri 2026-03-20 16:00", "resolved"))
ADDRESSES = (
    "/v1/councils/adur",
    "/v1/agreements",
    "/v1/items/T1",
    "/v1/attainment?month=2026-03",
    "/v1/today",
    "/v1/evidence/adur/2026-03",
    "/v1/statements?month=2026-03",
    "/v1/statements/adur/2026-03",
    "/v1/statements/adur/2026-03.csv",
)


def routers(stack: Stack) -> Sequence[APIRouter]:
    quarantines = [*stack.monitor.operator_routes(), *stack.billing.operator_routes()]
    return [stack.catalogue.router, stack.monitor.router, stack.billing.router, *quarantines]


def routes_of(router: Any) -> Iterator[APIRoute]:
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        else:
            yield from routes_of(route.original_router)


def asks_for_the_scope(dependant: Dependant) -> bool:
    return dependant.call in {caller_scope, known_caller} or any(map(asks_for_the_scope, dependant.dependencies))


def test_every_route_that_reads_councils_data_asks_what_the_caller_may_see(tmp_path: Path) -> None:
    async def routes_without() -> set[tuple[str, str]]:
        async with open_stack(tmp_path, clock=NOW) as stack:
            return {
                (method, route.path.removeprefix("/v1"))
                for router in routers(stack)
                for route in routes_of(router)
                for method in route.methods or ()
                if route.path not in PUBLIC and not asks_for_the_scope(route.dependant)
            }

    assert asyncio.run(routes_without()) == READ_NO_COUNCIL


@pytest.fixture(scope="module", name="answers")
def _answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, tuple[int, str]]]:
    """Status and text of each address, for a caller who may see Adur and for one who may see Worthing only."""

    async def ask() -> dict[str, dict[str, tuple[int, str]]]:
        async with open_stack(tmp_path_factory.mktemp("scope"), clock=NOW) as stack:
            await stack.record([each.definition for each in load("adur-worthing").entries])
            for event in LATE:
                sent_ms = int(event.time.timestamp() * 1000)
                await stack.bus.publish(
                    TICKETS.name, [Message(event.key, encode_event(event), timestamp_ms=EpochMillis(sent_ms))]
                )
            await stack.drain()
            return {council: await asyncio.to_thread(_seen_by, stack, council) for council in ("adur", "worthing")}

    return asyncio.run(ask())


def _seen_by(stack: Stack, council: str) -> dict[str, tuple[int, str]]:
    types = [*stack.catalogue.types, *stack.monitor.types, *stack.billing.types]
    app = create_app("services", routers(stack), types=types, authentication=MAY_ALL)
    app.dependency_overrides[caller_scope] = lambda: Scope.of(council)
    client = TestClient(app)
    answers = {address: client.get(address) for address in ADDRESSES}
    return {address: (answer.status_code, answer.text) for address, answer in answers.items()}


@pytest.mark.parametrize("address", ADDRESSES)
def test_who_may_see_one_council_learns_nothing_of_another(
    answers: dict[str, dict[str, tuple[int, str]]], address: str
) -> None:
    status, own = answers["adur"][address]
    other_status, other = answers["worthing"][address]

    assert (status, "adur" in own.lower()) == (200, True)
    assert "adur" not in other.lower().replace("adur-worthing", "").replace("adur and worthing", "")
    assert other_status == (404 if "/adur" in address or "/items/" in address else 200)

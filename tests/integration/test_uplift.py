"""A tariff that follows an index, from its clause to the version to propose: over HTTP, on a real database."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient

from catalogue.app import CatalogueApp, build
from catalogue.handlers import RecordResult
from catalogue.settings import CatalogueSettings
from shared.bus.connect import connect
from shared.clock import WallClock
from shared.contracts.definitions import Tariff
from shared.http import create_app
from tests.support.callers import MAY_ALL, SIGNING_KEY
from tests.support.definitions import index, service

BASE, REFERENCE = (("2024-09", "133.5"), ("2025-09", "138.6"))
DAYS = "2026-03-31", "2026-04-01"
NOON = datetime(2025, 11, 3, 12, tzinfo=UTC)
PAYROLL = msgspec.convert(
    {
        "id": "payroll",
        "service": "payroll",
        "name": "Payroll",
        "effective_from": "2025-04-01",
        "charges": [{"kind": "unit", "name": "Payslips", "price_gbp": "4.42"}],
        "uplift": {
            "index": "prices",
            "base": "2024-09",
            "reference": "2025-09",
            "applies_from": "2026-04-01",
            "percent_places": 1,
            "price_places": 2,
        },
    },
    Tariff,
)


@pytest.fixture
def app(tmp_path: Path, database_of: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[CatalogueApp]:
    monkeypatch.setenv("DATABASE_URL", database_of("catalogue"))
    monkeypatch.setenv("SIGNING_KEY", SIGNING_KEY)
    bus = connect(f"sqlite:///{tmp_path}/log.db")
    app = build(CatalogueSettings(TALLYSTICK_VAR=tmp_path), bus=bus, clock=WallClock())
    yield app
    asyncio.run(app.close())
    asyncio.run(bus.close())


@pytest.fixture
def client(app: CatalogueApp) -> TestClient:
    return TestClient(create_app("Catalogue", [app.router], types=app.types, authentication=MAY_ALL))


def record(app: CatalogueApp, *definitions: Any) -> RecordResult:
    return app.handlers.record(definitions, at=NOON, actor="test")


def test_the_working_is_answered_once_the_figure_is_published(app: CatalogueApp, client: TestClient) -> None:
    record(app, service(), index(BASE), PAYROLL)
    early = client.get("/v1/tariffs/payroll/uplift")
    record(app, index(BASE, REFERENCE))

    answer = client.get("/v1/tariffs/payroll/uplift").json()

    assert (early.status_code, early.json()["detail"]) == (409, "the index prices has no figure for 2025-09 yet.")
    assert (answer["tariff_version"], answer["index_version"]) == (1, 2)
    assert answer["change"] == {"exact": "3.820224719101", "rounded": "3.8", "percent": "3.8", "limit": None}
    assert answer["prices"] == [{"at": "#/charges/0/price_gbp", "before": "4.42", "exact": "4.58796", "after": "4.59"}]


def test_the_next_version_can_be_recorded_as_it_is_answered(app: CatalogueApp, client: TestClient) -> None:
    record(app, service(), index(BASE, REFERENCE), PAYROLL)
    answered = client.get("/v1/tariffs/payroll/uplift").json()["next"]

    record(app, msgspec.convert(answered, Tariff))

    before, after = (client.get("/v1/tariffs/payroll", params={"as_of": day}).json() for day in DAYS)
    assert before["definition"]["charges"][0]["price_gbp"] == "4.42"
    assert after["definition"]["charges"][0]["price_gbp"] == "4.59"
    assert client.get("/v1/tariffs/payroll/uplift").status_code == 409  # the figure of September 2026 is to come


def test_a_tariff_that_follows_nothing_says_so_and_an_unknown_one_is_not_there(
    app: CatalogueApp, client: TestClient
) -> None:
    record(app, service(), msgspec.structs.replace(PAYROLL, uplift=None))

    assert client.get("/v1/tariffs/payroll/uplift").json()["detail"] == "the tariff payroll follows no index."
    assert client.get("/v1/tariffs/pensions/uplift").status_code == 404

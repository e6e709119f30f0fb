"""Availability from the outages that a provider reports."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from markupsafe import Markup

from shared.contracts.items import OutageData, OutageEnded, OutageStarted
from shared.contracts.topics import WORK
from shared.http import create_app
from shared.scope import Scope
from shared.web.pages import site_routes
from sla_monitor.reports.items import every_item
from tests.integration.test_monitor_judging import OPENED, agreement
from tests.support.callers import MAY_ALL
from tests.support.histories import calendar
from tests.support.monitoring import Monitor, local, monitor, ticket

TARGET = {
    "id": "ict-up",
    "service": "ict",
    "measure": "availability",
    "within": "4 working hours",
    "calendar": "office",
    "objective": {"percent": "99"},
}
# March 2026 has 22 working days of 8 hours.
MARCH_S = 22 * 8 * 3600


def outage(start: str, end: str | None, *, name: str = "out-1", service: str = "ict") -> list[Any]:
    """The events of one outage."""
    about: dict[str, Any] = {
        "source": "/test",
        "subject": name,
        "council": "adur",
        "data": OutageData(service=service),
    }
    events: list[Any] = [OutageStarted(id=f"{name}:start", time=local(start), **about)]
    if end is not None:
        events.append(OutageEnded(id=f"{name}:end", time=local(end), **about))
    return events


def test_outages_inside_service_hours_count_once_and_others_not_at_all(tmp_path: Path) -> None:
    events = [
        *outage("Mon 2026-03-02 16:00", "Tue 2026-03-03 10:00"),
        *outage("Tue 2026-03-03 09:30", "Tue 2026-03-03 11:00", name="out-2"),
        *outage("Sat 2026-03-07 09:00", "Sat 2026-03-07 17:00", name="weekend"),
        *outage("Wed 2026-03-04 09:00", "Wed 2026-03-04 17:00", name="other", service="payroll"),
    ]

    (row,) = _availability(tmp_path, events, now="Wed 2026-04-01 09:00")

    assert (row["service_s"], row["outage_s"], row["judgement"]) == (MARCH_S, 3 * 3600, "missed")
    assert (row["attained_percent"], row["period"]) == ("98.2", "2026-03")
    assert [each["id"] for each in row["outages"]] == ["out-1", "out-2", "weekend"]


def test_an_outage_that_goes_on_counts_up_to_the_present(tmp_path: Path) -> None:
    (row,) = _availability(tmp_path, outage("Mon 2026-03-02 09:00", None), now="Mon 2026-03-02 12:00")

    assert (row["service_s"], row["outage_s"], row["outages"][0]["end_at"]) == (3 * 3600, 3 * 3600, None)


def test_the_attainment_page_shows_availability_beside_the_other_targets(tmp_path: Path) -> None:
    resolve = {"id": "resolve", "service": "*", "measure": "resolution-time", "within": "2 days"}

    async def scenario() -> str:
        async with monitor(tmp_path, now="Wed 2026-04-01 09:00") as on:
            await on.publish_catalogue(calendar(), agreement(targets=[TARGET, resolve]))
            await on.send(*outage("Mon 2026-03-02 16:00", "Tue 2026-03-03 10:00"), topic=WORK)
            await on.send(*ticket(OPENED, ("Mon 2026-03-02 12:00", "resolved")))
            await on.wait_until_idle()
            client = TestClient(
                create_app("test", [on.app.pages(illustrative=True), site_routes()], authentication=MAY_ALL)
            )
            return (await asyncio.to_thread(client.get, "/attainment?month=2026-03")).text

    words = " ".join(Markup(asyncio.run(scenario())).striptags().split())  # noqa: S704 (only read, never shown)

    assert "0 of 1 target met." in words  # the other has no objective
    assert "out-1: 2 Mar 4pm to 3 Mar 10am 174 hours 2 hours 98.8% 99% missed" in words


@pytest.mark.parametrize(
    "address",
    [
        "/v1/availability?month={month}",
        "/v1/attainment?month={month}",
        "/v1/attainment?month={month}&period=quarter",
        "/v1/attainment.csv?month={month}",
        "/v1/budget?month={month}",
        "/v1/percentiles?month={month}",
        "/v1/fairness?month={month}",
        "/v1/verdicts?month={month}",
        "/v1/evidence/adur/{month}",
    ],
)
def test_a_month_that_has_not_begun_has_no_figures(tmp_path: Path, address: str) -> None:
    async def scenario() -> list[tuple[int, str]]:
        async with monitor(tmp_path, now="Tue 2026-03-31 23:30") as on:
            await _ready(on, outage("Mon 2026-03-02 16:00", "Tue 2026-03-03 10:00"))
            client = TestClient(create_app("test", [on.app.router], types=on.app.types, authentication=MAY_ALL))
            early = [
                await asyncio.to_thread(client.get, address.format(month=month)) for month in ("2026-04", "2099-12")
            ]
            begun = await asyncio.to_thread(client.get, address.format(month="2026-03"))
            return [(each.status_code, each.json()["title"]) for each in early] + [(begun.status_code, "")]

    assert asyncio.run(scenario()) == [(404, "Month not begun"), (404, "Month not begun"), (200, "")]


def test_outages_are_no_items(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with monitor(tmp_path, now="Wed 2026-04-01 09:00") as on:
            await _ready(on, outage("Mon 2026-03-02 09:00", "Mon 2026-03-02 10:00"))
            return len([answer async for answer in every_item(on.app.sources, Scope.all())])

    assert asyncio.run(scenario()) == 0


def _availability(folder: Path, events: list[Any], *, now: str) -> list[dict[str, Any]]:
    async def scenario() -> list[dict[str, Any]]:
        async with monitor(folder, now=now) as on:
            await _ready(on, events)
            client = TestClient(create_app("test", [on.app.router], types=on.app.types, authentication=MAY_ALL))
            answer = await asyncio.to_thread(client.get, "/v1/availability", params={"month": "2026-03"})
            rows: list[dict[str, Any]] = answer.json()["items"]
            return rows

    return asyncio.run(scenario())


async def _ready(on: Monitor, events: list[Any]) -> None:
    await on.publish_catalogue(calendar(), agreement(targets=[TARGET]))
    await on.send(*events, topic=WORK)
    await on.wait_until_idle()

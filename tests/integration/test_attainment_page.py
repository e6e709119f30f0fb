"""The attainment page of the monitor."""

import asyncio
import re
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from markupsafe import Markup

from shared.http import create_app
from shared.scope import Scope
from shared.web.pages import site_routes
from sla_monitor.reports.attainment import months_decided
from tests.integration.test_monitor_judging import OPENED, agreement
from tests.support.callers import MAY_ALL
from tests.support.histories import calendar
from tests.support.monitoring import monitor, ticket


def test_early_work_that_counts_in_a_later_month_shows_no_month_before_it_begins(tmp_path: Path) -> None:
    slow = {"id": "slow", "service": "*", "measure": "resolution-time", "within": "40 days"}
    quick = slow | {"id": "quick", "within": "2 days"}

    async def scenario() -> tuple[list[str], str]:
        async with monitor(tmp_path, now="Mon 2026-03-02 18:00") as on:
            await on.publish_catalogue(calendar(), agreement(targets=[quick, slow]))
            await on.send(*ticket(OPENED, ("Mon 2026-03-02 12:00", "resolved")))
            await on.wait_until_idle()
            client = TestClient(
                create_app("test", [on.app.pages(illustrative=True), site_routes()], authentication=MAY_ALL)
            )
            page = await asyncio.to_thread(client.get, "/attainment")
            months = await asyncio.to_thread(months_decided, on.app.sources, Scope.all())
            return [str(month) for month in months], page.text

    months, page = asyncio.run(scenario())

    assert months == ["2026-03"]
    assert "So far. The month goes on until 31 March 2026" in " ".join(Markup(page).striptags().split())  # noqa: S704 (only read)
    assert '<h1 class="govuk-heading-l">Attainment in March 2026</h1>' in page


def test_a_target_that_is_met_below_its_objective_says_by_what(tmp_path: Path) -> None:
    lenient: dict[str, Any] = {
        "id": "lenient",
        "service": "*",
        "measure": "resolution-time",
        "within": "2 hours",
        "calendar": "office",
    }
    lenient |= {"objective": {"percent": "90", "over": "month", "misses_always_allowed": 1}}
    strict = lenient | {"id": "strict", "within": "3 hours", "objective": {"percent": "50", "over": "month"}}

    async def scenario() -> str:
        async with monitor(tmp_path, now="Mon 2026-03-02 18:00") as on:
            await on.publish_catalogue(calendar(), agreement(targets=[lenient, strict]))
            await on.send(*ticket(OPENED, ("Mon 2026-03-02 09:30", "resolved"), item="quick"))
            await on.send(*ticket(OPENED, ("Mon 2026-03-02 16:00", "resolved"), item="slow"))
            await on.wait_until_idle()
            client = TestClient(
                create_app("test", [on.app.pages(illustrative=True), site_routes()], authentication=MAY_ALL)
            )
            return (await asyncio.to_thread(client.get, "/attainment")).text

    page = asyncio.run(scenario())

    rows = [re.sub(r"<[^>]+>|\s+", " ", row) for row in page.split("<tr")[2:]]
    assert [" 1 of 2 " in row and " met " in row for row in rows] == [True, True]
    assert ["1 miss always allowed" in row for row in rows] == [True, False]


def test_a_count_leads_to_its_items_and_each_of_them_to_its_page(tmp_path: Path) -> None:
    target = {"id": "t", "service": "*", "measure": "resolution-time", "within": "2 hours", "calendar": "office"}

    async def scenario() -> tuple[str, list[str], list[str], list[int]]:
        async with monitor(tmp_path, now="Mon 2026-03-02 18:00") as on:
            await on.publish_catalogue(calendar(), agreement(targets=[target]))
            await on.send(*ticket(OPENED, ("Mon 2026-03-02 09:30", "resolved"), item="quick"))
            for name in ("slow-1", "slow-2", "slow-3"):
                await on.send(*ticket(OPENED, ("Mon 2026-03-02 16:00", "resolved"), item=name))
            await on.wait_until_idle()
            app = create_app(
                "test",
                [on.app.router, on.app.pages(illustrative=True), site_routes()],
                types=on.app.types,
                authentication=MAY_ALL,
            )
            client = TestClient(app)
            page = (await asyncio.to_thread(client.get, "/attainment")).text
            (address,) = [each.replace("&amp;", "&") for each in re.findall(r'href="(/verdicts[^"]*breached)"', page)]
            listed = (await asyncio.to_thread(client.get, address)).text
            items = [each.replace("&amp;", "&") for each in re.findall(r'href="(/items/[^"]*)"', listed)]
            found: list[str] = []
            following: str | None = f"/v1{address}&limit=2"
            while following is not None:
                answer = await asyncio.to_thread(client.get, following)
                found += [f"{each['item']} {each['outcome']}" for each in answer.json()["items"]]
                following = answer.links["next"]["url"] if "next" in answer.links else None
            codes = [(await asyncio.to_thread(client.get, each)).status_code for each in items]
            refused = await asyncio.to_thread(client.get, f"/v1{address}&cursor=WyJhIl0=")
            early = await asyncio.to_thread(client.get, "/v1/verdicts?month=2026-04")
            other = await asyncio.to_thread(client.get, "/v1/verdicts?month=2026-03&council=worthing")
            assert other.status_code == 404  # nobody knows that council here
            return page, items, found, [*codes, refused.status_code, early.status_code]

    page, items, found, codes = asyncio.run(scenario())

    assert ">3</a>" in page
    assert items == [f"/items/slow-{number}?council=adur&stream=ticket" for number in (1, 2, 3)]
    assert found == ["slow-1 breached", "slow-2 breached", "slow-3 breached"]
    assert codes == [200, 200, 200, 400, 404]

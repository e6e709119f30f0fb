"""The live board: councils by risk, the alerts that its figures make true, what breaches next, and its stream.

Open 09:00 to 17:00; 8 working hours to resolve, 90% of them. It is Tuesday 16 June 2026 at noon.
"""

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import msgspec
import pytest
import yaml
from fastapi import FastAPI
from starlette.types import Message

from shared.auth.principal import Principal
from shared.contracts.definitions import Agreement
from shared.contracts.items import NewItemData, TicketOpened
from shared.http import Authentication, create_app
from shared.http.queries import caller_scope
from shared.scope import Scope
from shared.web.pages import site_routes
from sla_monitor.reports import today
from tests.support.callers import MAY_ALL
from tests.support.histories import calendar
from tests.support.monitoring import Monitor, idle_monitor, local, monitor, ticket
from tests.support.service_process import PATIENCE_S

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.anyio

NOW = "Tue 2026-06-16 12:00"
RULES = ROOT / "deploy" / "prometheus" / "rules"


def agreement(council: str) -> Agreement:
    """Eight working hours for the tickets of one service; one in ten may miss."""
    resolve = {"id": "resolve", "service": "ict", "measure": "resolution-time", "within": "8 working hours"}
    target = resolve | {"calendar": "office", "objective": {"percent": "90"}}
    held = {"id": f"{council}-2026", "council": council, "provider": "joint", "title": "Illustrative"}
    return msgspec.convert(held | {"targets": [target], "effective_from": date(2026, 6, 1)}, Agreement)


class Site(NamedTuple):
    """A running monitor, its application, and a client of both its API and its pages."""

    on: Monitor
    app: FastAPI
    client: httpx2.AsyncClient

    async def board(self, query: str = "") -> Any:
        answer = await self.client.get(f"/v1/today{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def page(self, query: str = "") -> str:
        answer = await self.client.get(f"/today{query}")
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with monitor(tmp_path, now=NOW) as on:
        await on.publish_catalogue(calendar(), agreement("adur"), agreement("worthing"))
        await on.wait_until_idle()
        routers = [on.app.router, on.app.pages(illustrative=True, runbooks="/docs/runbooks/"), site_routes()]
        app = create_app("test", routers, types=on.app.types, authentication=MAY_ALL)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
            yield Site(on, app, client)


def opened(item: str, at: str, *, priority: str = "normal", council: str = "adur") -> TicketOpened:
    about: dict[str, Any] = {"id": item, "source": f"/test/{council}", "subject": item, "council": council}
    return TicketOpened(**about, time=local(at), data=NewItemData(service="ict", priority=priority))


async def missed(on: Monitor, count: int, *, council: str) -> None:
    """So many tickets of the council fell due this morning, and ten times as many were done in time last week."""
    for number in range(count):
        await on.send(opened(f"late-{number}", "Mon 2026-06-15 10:00", council=council), at=NOW)
    for number in range(10 * count - count):
        lines = ("Mon 2026-06-08 10:00", "opened"), ("Mon 2026-06-08 11:00", "resolved")
        await on.send(*ticket(*lines, item=f"kept-{number}", council=council))


async def alerts(site: Site, *, council: str = "adur") -> list[str]:
    """The rules that alert of the council, without those about its allowance."""
    await site.on.wait_until_idle()
    board = await site.board()
    return [each["rule"] for each in board["alerts"] if each["council"] == council]


async def test_the_council_that_is_worst_off_comes_first_with_its_tightest_objective(site: Site) -> None:
    await site.on.send(opened("fresh", "Tue 2026-06-16 11:00"))
    await missed(site.on, 3, council="worthing")
    await site.on.wait_until_idle()

    board = await site.board()

    first, second = board["councils"]
    assert (first["council"], second["council"]) == ("worthing", "adur")
    assert (first["tightest"]["target"], first["tightest"]["used"], first["tightest"]["remaining"]) == ("resolve", 3, 0)
    assert (second["tightest"]["used"], second["open"], second["at_risk"]) == (0, 1, 0)
    assert (second["next_breach"]["item"], second["next_breach"]["left_s"]) == ("fresh", 7 * 3600)
    assert second["next_breach"]["working_time"] is True
    assert [(each["item"], each["due_at"]) for each in board["missed"]] == [
        (f"late-{number}", "2026-06-16T09:00:00Z") for number in range(3)
    ]
    assert [each["item"] for each in board["next_breaches"]] == ["fresh"]


async def test_figures_that_a_rule_would_alert_on_are_alerts_of_the_board(site: Site) -> None:
    await missed(site.on, 3, council="worthing")
    await site.on.send(opened("fresh", "Tue 2026-06-16 11:00", council="worthing"))

    # Nothing was sent of Adur since its agreement began; of Worthing three of thirty missed, as many as may.
    assert await alerts(site, council="worthing") == ["FewMissesRemaining", "AllowanceConsumed", "HighBurnRate"]
    assert await alerts(site) == ["CouncilSilent"]


async def test_more_misses_than_allowed_exhaust_the_allowance_and_nothing_remains_to_be_few(site: Site) -> None:
    await missed(site.on, 1, council="adur")
    await site.on.send(opened("late-too", "Mon 2026-06-15 10:00"), opened("fresh", "Tue 2026-06-16 11:00"), at=NOW)

    assert await alerts(site) == ["AllowanceExhausted"]


@pytest.mark.parametrize(
    ("at", "now", "priority", "alerted"),
    [
        ("Mon 2026-06-15 12:14:59", NOW, "urgent", True),
        ("Mon 2026-06-15 12:15", NOW, "urgent", False),  # a quarter of an hour is left
        ("Mon 2026-06-15 12:14:59", NOW, "normal", False),
        ("Tue 2026-06-16 09:05", "Tue 2026-06-16 18:00", "urgent", False),  # closed: the clock stands still
    ],
)
async def test_an_urgent_item_whose_last_quarter_of_an_hour_runs_is_about_to_breach(
    site: Site, at: str, now: str, priority: str, *, alerted: bool
) -> None:
    site.on.clock.move(now)
    await site.on.send(opened("T1", at, priority=priority))

    assert ("ItemAboutToBreach" in await alerts(site)) is alerted


async def test_invalid_records_and_records_that_wait_are_alerts_of_the_pipeline(site: Site) -> None:
    await site.on.send_raw("adur:T1", b"no event", at=NOW)
    await site.on.send(opened("T2", "Tue 2026-06-16 11:00", council="unknown"))
    await site.on.wait_until_idle()

    board = await site.board()

    pipeline = [(each["rule"], each["severity"]) for each in board["alerts"] if each["council"] is None]
    assert pipeline == [("RecordsQuarantined", "ticket"), ("RecordsParked", "ticket")]
    assert (board["pipeline"]["quarantine_open"], board["pipeline"]["parked_records"]) == (1, 1)
    assert [(each["group"], each["lag_records"]) for each in board["pipeline"]["groups"]] == [
        ("sla-monitor", 0),
        ("sla-monitor-read-model", 0),
    ]


async def test_who_may_see_one_council_sees_its_part_of_the_board_and_nothing_of_the_pipeline(site: Site) -> None:
    for council in ("adur", "worthing"):
        await missed(site.on, 2, council=council)
        await site.on.send(opened(f"{council}-open", "Tue 2026-06-16 11:00", council=council))
    await site.on.wait_until_idle()
    site.app.dependency_overrides[caller_scope] = lambda: Scope.of("adur")

    board, page = await site.board(), await site.page()

    assert [each["council"] for each in board["councils"]] == ["adur"]
    assert len(board["missed"]) == 2
    assert "worthing" not in str(board).lower() + page.lower()
    assert board["pipeline"] is None


@pytest.mark.parametrize("address", ["/v1/today", "/today", "/v1/at-risk", "/v1/attainment.csv", "/v1/failed-items"])
async def test_a_council_that_nobody_knows_is_not_found_and_one_out_of_scope_in_the_same_words(
    address: str, site: Site
) -> None:
    query = {"month": "2026-06"} if "attainment" in address else {}

    async def refusal(council: str) -> tuple[int, Any]:
        answer = await site.client.get(address, params={"council": council} | query)
        return answer.status_code, answer.json()["errors"]

    unknown, misspelt = await refusal("nobody"), await refusal("worthin")
    site.app.dependency_overrides[caller_scope] = lambda: Scope.of("adur")
    others = [await refusal(council) for council in ("worthing", "worthin", "nobody")]

    assert unknown == (404, [{"detail": "no such council is known", "parameter": "council"}])
    assert misspelt[1][0]["detail"] == "no such council is known: did you mean worthing?"
    assert others == [unknown] * 3


async def test_a_council_that_the_catalogue_does_not_have_is_known_by_its_items(site: Site) -> None:
    await site.on.send(opened("fresh", "Tue 2026-06-16 11:00", council="elsewhere"))
    await site.on.wait_until_idle()

    assert (await site.board("?council=elsewhere"))["councils"] == []


async def test_each_alert_links_to_its_runbook_which_exists(site: Site) -> None:
    await missed(site.on, 3, council="worthing")

    page = await site.page()

    linked = re.findall(r'href="/docs/(runbooks/\w+\.md)"', page)
    assert linked
    assert all((ROOT / "docs" / each).is_file() for each in linked)


async def test_every_parameter_that_a_path_does_not_have_is_named(site: Site) -> None:
    answer = await site.client.get("/v1/today?x=1&council=adur&y=2")

    assert (answer.status_code, answer.json()["detail"]) == (400, "expected only council")
    assert [each["parameter"] for each in answer.json()["errors"]] == ["x", "y"]


async def test_the_page_has_every_figure_without_a_script_and_no_refresh_by_itself(site: Site) -> None:
    await missed(site.on, 3, council="worthing")
    await site.on.send(opened("fresh", "Tue 2026-06-16 11:00"))
    await site.on.wait_until_idle()

    page = await site.page()

    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "Open items 0 At risk" not in words
    assert 'href="/items/fresh?council=adur&amp;stream=ticket"' in page
    assert "7 working hours" in words
    assert "FewMissesRemaining" in words
    assert 'http-equiv="refresh"' not in page
    assert re.search(r'<script src="/assets/live\.[0-9a-f]{12}\.js" defer></script>', page)
    assert 'data-stream="/today/stream?council=adur"' in await site.page("?council=adur")


async def test_csv_has_the_rows_of_the_api_and_for_spreadsheets_says_that_it_is_utf_8(site: Site) -> None:
    await site.on.send(opened("T1", "Tue 2026-06-16 11:00"))
    await missed(site.on, 1, council="worthing")
    await site.on.wait_until_idle()

    at_risk = (await site.client.get("/v1/at-risk")).json()
    rows = list(csv.DictReader(io.StringIO((await site.client.get("/v1/at-risk.csv")).text)))
    api = await site.client.get("/v1/attainment.csv?month=2026-06")
    page = await site.client.get("/attainment.csv?month=2026-06")

    assert [(row["item"], row["left_s"], row["due_at"]) for row in rows] == [
        (each["item"], str(each["left_s"]), each["due_at"]) for each in at_risk["targets"]
    ]
    assert len(rows) == 1
    assert page.content == b"\xef\xbb\xbf" + api.content
    assert page.headers["content-disposition"] == 'attachment; filename="attainment-2026-06.csv"'


async def test_what_the_board_calls_an_alert_is_a_rule_of_prometheus_with_the_same_severity_and_bound() -> None:
    rules = {
        rule["alert"]: rule
        for path in RULES.rglob("*.yml")
        for group in yaml.safe_load(path.read_text(encoding="utf-8")).get("groups", ())
        for rule in group["rules"]
        if "alert" in rule
    }

    assert {name: rules[name]["labels"]["severity"] for name in today.SEVERITIES} == today.SEVERITIES
    bounds = {
        "ItemAboutToBreach": f'{{priority=~"{"|".join(today.URGENT)}"}} < {today.ABOUT_TO_BREACH_S}',
        "FewMissesRemaining": f"<= {today.FEW_MISSES}",
        "AllowanceConsumed": f">= {today.CONSUMED_PERCENT / 100}",
        "AllowanceExhausted": "< 0",
        "CouncilSilent": f"/ 3600 > {today.SILENT_S // 3600}",
        "TimersLate": f"> {today.OVERDUE_S}",
    }
    assert {name: bound in rules[name]["expr"] for name, bound in bounds.items()} == dict.fromkeys(bounds, True)
    others = ("ItemsFailed", "CouncilHeld", "PartitionHalted", "RecordsQuarantined", "RecordsParked")
    assert {name: rules[name]["expr"].endswith("> 0") for name in others} == dict.fromkeys(others, True)


async def test_what_is_watched_is_sent_again_when_it_changed_and_ends_with_the_service(site: Site) -> None:
    await site.on.send(opened("T1", "Mon 2026-06-15 12:00:30"))
    await site.on.wait_until_idle()

    async def look() -> str:
        return str([each.item for each in (await site.on.app.board.today(Scope.all())).missed])

    sent = aiter((await site.on.app.streams.answer(look)).body_iterator)
    first = await anext(sent)
    site.on.clock.move("Tue 2026-06-16 12:01")
    second = await anext(sent)
    site.on.app.streams.close()

    assert (first, second) == ("retry: 2000\ndata: []\n\n", "data: ['T1']\n\n")
    assert [each async for each in sent] == []
    assert (await site.client.get("/today/stream")).status_code == 503


async def test_a_stream_ends_for_whoever_is_not_known_any_more(site: Site) -> None:
    known = [Principal.local("tester")]
    way = Authentication(lambda _: known[0] if known else None)
    app = create_app("Test", [site.on.app.pages(illustrative=True)], authentication=way)
    headers = [(b"host", b"localhost")]
    request = {"type": "http", "method": "GET", "path": "/today/stream", "query_string": b"", "headers": headers}
    sent: asyncio.Queue[Message] = asyncio.Queue()

    async def stay() -> Message:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    answering = asyncio.create_task(app(request, stay, sent.put))
    assert (await sent.get())["status"] == 200
    assert b"data: " in (await sent.get())["body"]
    known.clear()
    await asyncio.wait_for(answering, PATIENCE_S)

    last = [sent.get_nowait() for _ in range(sent.qsize())][-1]
    assert last["more_body"] is False


async def test_a_monitor_is_closed_under_no_query_that_somebody_gave_up(tmp_path: Path) -> None:
    begun, free = asyncio.Event(), asyncio.Event()
    async with idle_monitor(tmp_path, now=NOW) as on:

        async def read_late() -> int:
            begun.set()
            await free.wait()
            return len(await on.app.heads())

        query = on.app.sources.cached(read_late)
        impatient = asyncio.create_task(query.get())
        await begun.wait()
        impatient.cancel()
        asyncio.get_running_loop().call_later(0.1, free.set)

    assert await query.get() == 0

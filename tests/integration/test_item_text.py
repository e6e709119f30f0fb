"""One item as JSON, in words and as a picture: the same figures in each."""

import asyncio
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from fastapi.testclient import TestClient

from shared.http import create_app
from tests.integration.test_monitor_judging import OPENED, agreement
from tests.support.callers import MAY_ALL
from tests.support.histories import calendar
from tests.support.monitoring import monitor, ticket

TARGET = {
    "id": "resolve",
    "service": "*",
    "measure": "resolution-time",
    "within": "8 working hours",
    "calendar": "office",
    "warn_at": [50, "3 working hours before"],
}
PAUSED, RESUMED = ("Mon 2026-03-02 11:10", "paused"), ("Mon 2026-03-02 14:02", "resumed")


def test_an_item_says_why_in_json_in_words_and_in_a_picture(tmp_path: Path) -> None:
    async def scenario() -> tuple[dict[str, Any], str, str, str, int]:
        async with monitor(tmp_path, now="Tue 2026-03-03 09:30") as on:
            await on.publish_catalogue(calendar(), agreement(targets=[TARGET]))
            await on.send(*ticket(OPENED, PAUSED, RESUMED, ("Tue 2026-03-03 09:30", "resolved")))
            await on.wait_until_idle()
            client = TestClient(create_app("test", [on.app.router], types=on.app.types, authentication=MAY_ALL))
            return await asyncio.to_thread(_ask, client)

    item, words, every_segment, svg, missing = asyncio.run(scenario())

    (verdict,) = item["verdicts"]
    assert (verdict["verdict"], verdict["counted_s"], verdict["paused_s"]) == ("met", 20_280, 10_320)
    assert "opened Mon 02 Mar 2026 09:00:00, as of Tue 03 Mar 2026 09:30:00; times of Europe/London" in words
    assert "stopped Tue 03 Mar 2026 09:30:00" in words
    assert (
        "Mon 02 Mar 2026                 counted 5:08:00, paused 2:52:00  (paused, awaiting council: waiting)" in words
    )
    assert "Tue 03 Mar 2026                 counted 0:30:00" in words
    assert "resolve: warning, 50% used up" in words
    assert "resolve: warning, 3 working hours before due" in words
    assert "Mon 02 Mar 2026 11:10:00 to Mon 02 Mar 2026 14:02:00  paused     2:52:00" in every_segment
    assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 (our own answer)
    assert missing == 404


def _ask(client: TestClient) -> tuple[dict[str, Any], str, str, str, int]:
    words = client.get("/v1/items/T1", headers={"accept": "text/plain"})
    svg = client.get("/v1/items/T1/verdicts/adur-2026/resolve/1.svg")
    return (
        client.get("/v1/items/T1").json(),
        words.text,
        client.get("/v1/items/T1?long=true", headers={"accept": "text/plain"}).text,
        svg.text,
        client.get("/v1/items/T1/verdicts/adur-2026/resolve/2.svg").status_code,
    )

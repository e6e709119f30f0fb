"""What-if on the running monitor: HTTP and the command answer the same, and nothing is stored or published."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tallystick.command import app
from tests.support.monitor_client import LATE, monitor_client
from tests.support.monitoring import ticket

GENTLE = {
    "targets": [
        {
            "id": "resolve",
            "service": "*",
            "measure": "resolution-time",
            "within": "11 working hours",
            "calendar": "office",
        }
    ]
}


def request_body(draft: dict[str, Any], first: str = "2026-03", last: str = "2026-03") -> dict[str, Any]:
    return {"draft": draft, "first_month": first, "last_month": last}


def test_a_gentler_target_would_have_been_met_and_nothing_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> tuple[Any, int, int]:
        async with monitor_client(tmp_path) as at:
            await at.on.send(*ticket(*LATE), *ticket(*LATE, council="worthing"))
            await at.on.wait_until_idle()
            before = len(await at.on.announced())
            answer = await at.post("/v1/what-if/targets", request_body(GENTLE), expect=200)
            await at.on.wait_until_idle()
            return answer, before, len(await at.on.announced())

    answer, before, after = asyncio.run(scenario())
    monkeypatch.setenv("TALLYSTICK_VAR", str(tmp_path))
    draft = tmp_path / "gentle.yaml"
    draft.write_text(json.dumps(GENTLE), encoding="utf-8")  # JSON is YAML
    printed = CliRunner().invoke(app, ["what-if", str(draft), "--from", "2026-03", "--to", "2026-03", "--json"])

    assert before == after
    assert [(row["council"], row["misses"], row["draft_misses"]) for row in answer["targets"]] == [
        ("adur", 1, 0),
        ("worthing", 1, 0),
    ]
    assert (answer["items"], answer["changed"], len(answer["listed"])) == (2, 2, 2)
    assert printed.exit_code == 0, printed.output
    assert json.loads(printed.stdout) == answer


def test_a_draft_with_faults_is_refused_with_all_of_them(tmp_path: Path) -> None:
    async def scenario() -> list[list[str]]:
        async with monitor_client(tmp_path) as at:
            broken = GENTLE["targets"][0] | {"id": "unknown", "calendar": "nowhere"}
            answers = [
                await at.post("/v1/what-if/targets", body, expect=422)
                for body in (
                    request_body({"targets": [broken]}),
                    request_body({}),
                    request_body(GENTLE, last="2026-02"),
                )
            ]
            return [[fault["pointer"] for fault in answer["errors"]] for answer in answers]

    assert asyncio.run(scenario()) == [
        ["#/draft/targets/0/id", "#/draft/targets/0/calendar"],
        ["#/draft"],
        ["#/last_month"],
    ]

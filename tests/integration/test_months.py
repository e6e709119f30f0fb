"""A month is one of 2000-01 to 2099-12, written in ASCII digits, in every route and command of the services."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from shared.clock import WallClock
from shared.http import create_app
from shared.period import MONTH_PATTERN
from tallystick.command import app as command
from tallystick.stack import open_stack
from tests.support.callers import MAY_ALL

ROOT = Path(__file__).parents[2]
NO_MONTHS = ("0000-01", "1999-12", "2100-01", "9999-12", "2026-13", "2026-3", "٢٠٢٦-٠٣", "2026-03-01")
EXPECTED = "expected a month like 2026-03, from 2000-01 to 2099-12"
IDS = {"council": "adur", "partnership": "adur-worthing", "suffix": "json", "line": "none"}


def routes_with_a_month(client: TestClient) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each path that takes a month, and the schema of that parameter."""
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", ()):
            if parameter["name"] in {"month", "posted"}:
                schema = parameter["schema"]
                yield path, {"name": parameter["name"]} | schema.get("anyOf", [schema])[0]


@pytest.fixture(name="clients", scope="module")
def _clients(tmp_path_factory: pytest.TempPathFactory) -> list[TestClient]:
    async def made() -> list[TestClient]:
        async with open_stack(tmp_path_factory.mktemp("months"), clock=WallClock()) as stack:
            services = (stack.monitor, stack.billing)
            return [
                TestClient(
                    create_app(
                        each.title, each.public_routes(illustrative=False), types=each.types, authentication=MAY_ALL
                    )
                )
                for each in services
            ]

    return asyncio.run(made())


def test_every_route_describes_a_month_by_the_one_pattern(clients: list[TestClient]) -> None:
    found = [(path, schema["pattern"]) for client in clients for path, schema in routes_with_a_month(client)]

    assert {pattern for _, pattern in found} == {f"^{MONTH_PATTERN}$"}
    assert {path for path, _ in found} >= {
        "/v1/adjustments",
        "/v1/attainment",
        "/v1/availability",
        "/v1/budget",
        "/v1/evidence/{council}/{month}",
        "/v1/fairness",
        "/v1/percentiles",
        "/v1/statements",
        "/v1/statements/{council}/{month}",
    }


@pytest.mark.parametrize("text", NO_MONTHS)
def test_every_route_refuses_what_is_no_month(clients: list[TestClient], text: str) -> None:
    asked = [(client, path, schema["name"]) for client in clients for path, schema in routes_with_a_month(client)]
    page = (clients[0], "/attainment", "month")
    for client, path, name in [*asked, page]:
        if "{month}" in path:
            assert client.get(path.format(month=text, **IDS)).status_code == 404, path
        else:
            answer = client.get(path, params={name: text})
            assert (answer.status_code, EXPECTED in answer.text) == (400, True), path


@pytest.mark.parametrize("text", NO_MONTHS)
@pytest.mark.parametrize(
    "arguments",
    [
        ["statement", "adur", "{month}"],
        ["export", "evidence", "adur", "{month}"],
        ["what-if", "{draft}", "--from", "{month}", "--to", "2026-03"],
        ["what-if", "{draft}", "--from", "2026-03", "--to", "{month}"],
    ],
    ids=" ".join,
)
def test_every_command_refuses_what_is_no_month(arguments: list[str], text: str, tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_text("{}")
    words = [each.format(month=text, draft=draft) for each in arguments]

    result = CliRunner(env={"TALLYSTICK_VAR": str(tmp_path / "var"), "COLUMNS": "200"}).invoke(command, words)

    assert (result.exit_code, EXPECTED in re.sub(r"[│\s]+", " ", result.output)) == (2, True), result.output
    assert not (tmp_path / "var").exists()


def test_no_other_file_says_what_a_month_is() -> None:
    product = [path for part in ("shared", "services", "deploy") for path in (ROOT / part).rglob("*.py")]

    assert [path.name for path in product if "0[1-9]|1[0-2]" in path.read_text(encoding="utf-8")] == ["period.py"]

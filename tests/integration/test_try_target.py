"""Trying a target as its callers meet it: over HTTP, and as a command."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from shared.documents import MAX_DOCUMENT_BYTES
from shared.http import create_app
from sla_monitor.trial import route
from tests.support.callers import MAY_ALL

YAML = {"Content-Type": "application/yaml"}
JSON = {"Content-Type": "application/json"}
DOCUMENT = """\
calendar:
  weekly: {fri: ["09:00-17:00"], mon: ["09:00-17:00"]}
targets:
  - {measure: resolution-time, within: 8 working hours}
events:
  - {at: Fri 2026-03-06 12:00, event: opened}
  - {at: Mon 2026-03-09 12:00:01, event: resolved}
as_of: Mon 2026-03-09 13:00
questions:
  - is_open: Sat 2026-03-07 12:00
"""
BROKEN = DOCUMENT.replace("8 working hours", "soon").replace("Sat 2026", "Sun 2026")


@pytest.fixture
def client() -> Iterator[TestClient]:
    routes = APIRouter(prefix="/v1")
    routes.include_router(route.router())
    with TestClient(create_app("Try", [routes], types=route.TYPES, authentication=MAY_ALL)) as client:
        yield client


def command(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tallystick", "try", "target", "--json", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_and_the_api_give_the_same_answer_to_yaml(client: TestClient, tmp_path: Path) -> None:
    file = tmp_path / "clause.yaml"
    file.write_text(DOCUMENT, encoding="utf-8")

    answer = client.post("/v1/try/target", content=DOCUMENT, headers=YAML)
    printed = command(file)

    assert (answer.status_code, printed.returncode) == (200, 0)
    assert answer.json() == json.loads(printed.stdout)
    assert [each["verdict"] for each in answer.json()["verdicts"]] == ["breached"]
    assert list(tmp_path.iterdir()) == [file]


def test_the_command_and_the_api_give_the_same_answer_to_json(client: TestClient, tmp_path: Path) -> None:
    file = tmp_path / "clause.json"
    file.write_text(json.dumps({"calendar": {"weekly": {}}, "questions": [{"is_open": "2026-03-07 12:00"}]}))

    answer = client.post("/v1/try/target", content=file.read_bytes(), headers=JSON)

    assert answer.json() == json.loads(command(file).stdout)
    assert answer.json()["answers"][0]["open"] is False


def test_a_broken_document_is_a_problem_with_every_fault(client: TestClient) -> None:
    answer = client.post("/v1/try/target", content=BROKEN, headers=YAML)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [(each["pointer"], each["detail"].split(": ")[0]) for each in answer.json()["errors"]] == [
        ("#/targets/0/within", "line 4, column 32"),
        ("#/questions/0/is_open", "line 10, column 5"),
    ]


def test_the_command_lists_every_fault_and_ends_with_status_2(tmp_path: Path) -> None:
    file = tmp_path / "clause.yaml"
    file.write_text(BROKEN, encoding="utf-8")

    printed = command(file)

    assert (printed.returncode, printed.stdout) == (2, "")
    assert "line 4, column 32: #/targets/0/within" in printed.stderr
    assert "line 10, column 5: #/questions/0/is_open" in printed.stderr


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"a: [", "application/yaml", 422),
        (b"", "application/yaml", 422),
        (b"{}", "text/plain", 415),
        (b"#" * (MAX_DOCUMENT_BYTES + 1), "application/yaml", 413),
        (b'{"a":' * 50_000, "application/json", 400),
        (b"[" * 50_000, "application/yaml", 422),
    ],
)
def test_what_cannot_be_read_is_refused_as_what_it_is(client: TestClient, body: bytes, kind: str, status: int) -> None:
    assert client.post("/v1/try/target", content=body, headers={"Content-Type": kind}).status_code == status


def test_the_api_publishes_the_schema_that_its_documents_fit(client: TestClient) -> None:
    schema = client.get("/v1/try/target/schema").json()

    assert jsonschema_rs.validator_for(schema).is_valid({"calendar": {"weekly": {}}, "questions": []})
    assert not jsonschema_rs.validator_for(schema).is_valid({"calender": {}})


def test_openapi_describes_the_document_and_the_answer(client: TestClient) -> None:
    described = client.get("/openapi.json").json()

    assert {"TrialDocument", "TrialAnswer", "TrialTarget"} <= described["components"]["schemas"].keys()


def test_a_pipe_gets_json_without_asking(tmp_path: Path) -> None:
    file = tmp_path / "clause.yaml"
    file.write_text(DOCUMENT, encoding="utf-8")

    piped = subprocess.run(
        [sys.executable, "-m", "tallystick", "try", "target", str(file)], capture_output=True, check=True
    )

    assert piped.stdout == command(file).stdout.encode()
    assert json.loads(piped.stdout)["verdicts"]

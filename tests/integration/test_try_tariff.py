"""Trying a tariff as its callers meet it: over HTTP, and as a command, one document or many."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest
from fastapi.testclient import TestClient

from billing.trial import route
from shared.documents import MAX_DOCUMENT_BYTES
from shared.http import create_app
from tests.support.callers import MAY_ALL

YAML = {"Content-Type": "application/yaml"}
JSON = {"Content-Type": "application/json"}
DOCUMENT = """\
month: 2026-05
tariff: {charges: [{kind: unit, name: Invoices, price_gbp: "0.0375"}]}
usage: {quantity: "40000"}
questions: [{id: tie, round: {gbp: "2.675"}}]
"""
BROKEN = DOCUMENT.replace('"0.0375"', "0.0375").replace("2.675", "two")


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app("Try", [route.router()], types=route.TYPES, authentication=MAY_ALL)) as client:
        yield client


def command(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tallystick", "try", "tariff", str(file)], capture_output=True, text=True, check=False
    )


def test_the_command_and_the_api_give_the_same_answer(client: TestClient, tmp_path: Path) -> None:
    file = tmp_path / "clause.yaml"
    file.write_text(DOCUMENT, encoding="utf-8")

    answer = client.post("/v1/try/tariff", content=DOCUMENT, headers=YAML)
    printed = command(file)

    assert (answer.status_code, printed.returncode) == (200, 0)
    assert answer.json() == json.loads(printed.stdout)
    assert answer.json()["charges_pence"] == 150_000


def test_every_fault_of_a_document_is_named_with_its_line(client: TestClient, tmp_path: Path) -> None:
    file = tmp_path / "clause.yaml"
    file.write_text(BROKEN, encoding="utf-8")

    answer = client.post("/v1/try/tariff", content=BROKEN, headers=YAML)
    printed = command(file)

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [
        "#/tariff/charges/0/price_gbp",
        "#/questions/0/round/gbp",
    ]
    assert printed.returncode == 2
    assert "line 2, column" in printed.stderr
    assert "line 4, column" in printed.stderr


def test_a_file_of_documents_is_answered_line_by_line(tmp_path: Path) -> None:
    good = {"month": "2026-05", "tariff": {"charges": [{"kind": "standing", "name": "S", "monthly_gbp": "3.10"}]}}
    file = tmp_path / "many.ndjson"
    file.write_text("\n".join(map(json.dumps, [good, {"month": "May"}, good | {"starts": "2026-05-31"}])))

    printed = command(file)

    answers = [json.loads(line) for line in printed.stdout.splitlines()]
    assert printed.returncode == 0
    assert [answer.get("charges_pence") for answer in answers] == [310, None, 10]
    assert answers[1]["line"] == 2
    assert answers[1]["faults"][0].startswith("#/month: ")


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", JSON, 400),
        (b"[]", JSON, 422),
        (b'{"month": "2026-05", "month": "2026-06"}', JSON, 400),
        (b"month: &a 2026-05", YAML, 422),
        (b" " * (MAX_DOCUMENT_BYTES + 1), JSON, 413),
        (b"{}", {"Content-Type": "text/plain"}, 415),
    ],
)
def test_what_is_no_document_is_refused(
    client: TestClient, content: bytes, headers: dict[str, str], status: int
) -> None:
    assert client.post("/v1/try/tariff", content=content, headers=headers).status_code == status


def test_the_api_serves_the_schema_of_the_document(client: TestClient) -> None:
    schema = client.get("/v1/try/tariff/schema").json()

    assert jsonschema_rs.validator_for(schema).is_valid({"questions": [{"round": {"gbp": "1"}}]})

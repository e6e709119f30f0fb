"""References for integrators, which anybody reads: the page of events, schemas by URL, the AsyncAPI description."""

import json
import re
import shutil
import subprocess
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient
from jsonschema_rs import Draft202012Validator

from catalogue.pages.event_reference import REASONS, router
from shared.contracts.schema import event_types, examples
from shared.contracts.topics import TICKETS, USAGE, VERDICTS, WORK
from shared.http import Authentication, create_app
from shared.log.provided import PROVIDED
from shared.log.validation import Reason
from shared.web.pages import site_routes

SENT = sorted(str(each.__struct_config__.tag) for each in PROVIDED)


@pytest.fixture(scope="module", name="client")
def _client() -> TestClient:
    return TestClient(create_app("catalogue", [router(), site_routes()], authentication=Authentication()))


@pytest.fixture(scope="module", name="document")
def _document(client: TestClient) -> Any:
    return client.get("/asyncapi.json").json()


def test_every_schema_is_at_the_address_that_it_names_and_accepts_its_example(client: TestClient) -> None:
    for name in event_types():
        answer = client.get(f"/schemas/{name}.json")
        assert answer.headers["content-type"] == "application/schema+json"
        assert answer.json()["$id"] == f"/schemas/{name}.json"
        assert Draft202012Validator(answer.json()).is_valid(examples()[name])


@pytest.mark.parametrize("name", ["nothing.json", "..%2fcodec.py", "tallystick.ticket.opened.v1", "%00"])
def test_there_is_no_other_schema(client: TestClient, name: str) -> None:
    assert client.get(f"/schemas/{name}").status_code == 404


def test_the_page_has_an_example_and_a_command_for_every_type_that_is_sent_and_every_reason(client: TestClient) -> None:
    page = client.get("/events").text

    assert re.findall(r'<h2 [^>]*id="(tallystick[^"]+)"', page) == SENT
    assert page.count("curl -i ") == len(SENT)
    assert set(REASONS) == {*get_args(Reason), "NOT_YOURS"}
    assert all(f'id="{reason}"' in page for reason in REASONS)


def test_asyncapi_names_every_topic_and_type_and_each_example_fits_its_payload(document: Any) -> None:
    assert document["asyncapi"] == "3.1.0"
    topics = {each["address"]: each["bindings"]["kafka"]["partitions"] for each in document["channels"].values()}
    assert topics == {topic.name: topic.partitions for topic in (TICKETS, WORK, USAGE, VERDICTS)}
    names = {each["name"] for each in document["components"]["messages"].values()}
    assert set(SENT) <= names
    for message in document["components"]["messages"].values():
        payload = {**message["payload"], "components": document["components"]}
        assert Draft202012Validator(payload).is_valid(message["examples"][0]["payload"])


def test_operations_are_from_our_side_and_titled_in_the_words_of_integrators(document: Any) -> None:
    titles = {each["title"]: each["action"] for each in document["operations"].values()}

    assert titles["Send events of provider.tickets.v1"] == "receive"
    assert titles["Read events of sla.verdicts.v1"] == "send"


PARSE = """
import { Parser } from "@asyncapi/parser";
let text = "";
for await (const part of process.stdin) text += part;
const { document, diagnostics } = await new Parser().parse(text);
console.log(JSON.stringify([document !== undefined, diagnostics.map((each) => each.message)]));
"""


@pytest.mark.long
@pytest.mark.host
def test_the_reference_parser_finds_nothing(document: Any, tmp_path: Any) -> None:
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    installed = subprocess.run(["npm", "install", "--silent", "@asyncapi/parser@3.6"], cwd=tmp_path, check=False)
    if installed.returncode != 0:
        pytest.skip("npm reaches no registry")
    (tmp_path / "parse.mjs").write_text(PARSE)
    ended = subprocess.run(
        ["node", "parse.mjs"], cwd=tmp_path, input=json.dumps(document), capture_output=True, text=True, check=True
    )

    assert json.loads(ended.stdout) == [True, []]

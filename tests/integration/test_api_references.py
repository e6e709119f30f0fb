"""The reference of each service's HTTP API: a page and a document that anybody may read."""

import json
import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.support.described_apis import SERVICES, opened_applications


@pytest.fixture(scope="module", name="apps")
def _apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, FastAPI]]:
    with opened_applications(tmp_path_factory.mktemp("references")) as found:
        yield found


def operation_ids(app: FastAPI) -> list[str]:
    return [each["operationId"] for methods in app.openapi()["paths"].values() for each in methods.values()]


@pytest.mark.parametrize("name", SERVICES)
def test_the_document_is_that_of_the_service_and_operations_have_short_ids(apps: dict[str, FastAPI], name: str) -> None:
    document = TestClient(apps[name]).get(f"/api/{name}.json").json()

    assert document == json.loads(json.dumps(apps[name].openapi()))
    assert document["openapi"] == "3.1.0"
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", each) for each in operation_ids(apps[name]))


def test_no_two_services_share_the_id_of_an_operation(apps: dict[str, FastAPI]) -> None:
    ids = [each for app in apps.values() for each in operation_ids(app)]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", SERVICES)
def test_every_list_is_an_object_with_items(apps: dict[str, FastAPI], name: str) -> None:
    for path, methods in apps[name].openapi()["paths"].items():
        for operation in methods.values():
            for answer in operation["responses"].values():
                for content in answer.get("content", {}).values():
                    assert content.get("schema", {}).get("type") != "array", path


@pytest.mark.parametrize("name", SERVICES)
def test_the_page_names_every_operation_and_each_of_its_links_leads_somewhere(
    apps: dict[str, FastAPI], name: str
) -> None:
    page = TestClient(apps[name]).get(f"/api/{name}").text
    ids = set(re.findall(r'\bid="([^"]+)"', page))

    assert {
        each["operationId"] for methods in apps[name].openapi()["paths"].values() for each in methods.values()
    } <= ids
    assert set(re.findall(r'href="#([^"]+)"', page)) <= ids
    assert "<script" not in page

"""The demo serves the runbooks to which its board links, and nothing that is not a page of docs/."""

import pytest
from fastapi.testclient import TestClient

from shared.http import create_app
from tallystick.demo.home_page import DOCS, documents_router
from tests.support.callers import MAY_ALL


@pytest.fixture(scope="module")
def site() -> TestClient:
    return TestClient(create_app("Test", [documents_router()], authentication=MAY_ALL))


def test_a_runbook_is_there_as_it_is_written(site: TestClient) -> None:
    answer = site.get("/docs/runbooks/TimersLate.md")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == (DOCS / "runbooks" / "TimersLate.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["runbooks/Nothing.md", "runbooks/", "../README.md", "%2e%2e/README.md", "images"])
def test_what_is_no_page_of_docs_is_not_found(page: str, site: TestClient) -> None:
    assert site.get(f"/docs/{page}").status_code == 404

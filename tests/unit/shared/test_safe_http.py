"""What every answer says to browsers, to whom a service answers, and which methods every path has."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from starlette.responses import HTMLResponse, Response, StreamingResponse

from shared.auth.roles import Action
from shared.http import Json, JsonBody, PathId, Problem, create_app, read_as, requires
from shared.http.problem_pages import prefers_page
from shared.http.problem_types import CONFLICT
from shared.http.problems import PROBLEM_JSON
from shared.http.safe_responses import host_name
from shared.web.assets import asset_url
from shared.web.pages import problem_page, site_routes
from tests.support.callers import MAY_ALL

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
ALWAYS = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
router = APIRouter(dependencies=[requires(Action.READ_FIGURES)])


@router.get("/figures/{council}")
def figures(council: PathId) -> Json:
    return Json({"council": council})


@router.put("/figures/{council}")
def put_figures(council: PathId, body: JsonBody) -> Json:
    return Json({council: read_as(body, dict[str, int])})


@router.get("/page")
def page() -> HTMLResponse:
    return HTMLResponse("<p>page</p>")


@router.get("/file")
def file() -> Response:
    return Response(b"%PDF", media_type="application/pdf")


@router.post("/only-post")
def only_post() -> None:
    raise Problem(CONFLICT, "<script>alert(1)</script>")


@router.get("/fails")
def fails() -> None:
    raise RuntimeError("a secret")


@router.get("/endless")
def endless() -> StreamingResponse:
    async def parts() -> Any:
        while True:
            yield "more"

    return StreamingResponse(parts(), media_type="text/event-stream")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = create_app(
        "Figures",
        [router, site_routes()],
        authentication=MAY_ALL,
        hosts={"figures.example", "testserver"},
        problem_page=problem_page,
    )
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as made:
        yield made


def policy(headers: Mapping[str, str]) -> dict[str, str]:
    parts = (part.partition(" ") for part in headers["content-security-policy"].split("; "))
    return {name: sources for name, _, sources in parts}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/figures/adur"),
        ("HEAD", "/figures/adur"),
        ("OPTIONS", "/figures/adur"),
        ("PUT", "/figures/adur"),
        ("GET", "/page"),
        ("GET", "/file"),
        ("GET", "/nowhere"),
        ("GET", "/fails"),
        ("DELETE", "/page"),
        ("GET", "/page/"),
        ("GET", "/figures/adur?unknown=1"),
    ],
)
def test_every_answer_has_the_headers_that_keep_browsers_safe(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path)

    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert answer.headers["cache-control"] == "no-store"
    assert policy(answer.headers)["default-src"] == "'none'"
    assert policy(answer.headers)["frame-ancestors"] == "'none'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "camera=()" in answer.headers["permissions-policy"]
    assert "server" not in answer.headers


def test_a_page_loads_what_the_service_serves_and_a_file_loads_nothing(client: TestClient) -> None:
    of_page, of_file = policy(client.get("/page").headers), policy(client.get("/file").headers)

    assert {of_page[name] for name in ("script-src", "style-src", "img-src", "connect-src", "form-action")} == {
        "'self'"
    }
    assert set(of_file.values()) == {"'none'"}


def test_an_asset_that_is_named_by_its_hash_is_kept_for_ever(client: TestClient) -> None:
    assert client.get(asset_url("tallystick.css")).headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("host", ["figures.example", "FIGURES.example:8080", "figures.example.", "testserver"])
def test_a_service_answers_under_its_own_names(client: TestClient, host: str) -> None:
    assert client.get("/page", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "figures.example.evil.example", "127.0.0.1", "xfigures.example"])
def test_another_name_is_refused_before_anything_is_read(client: TestClient, host: str) -> None:
    answer = client.get("/fails", headers={"Host": host})

    assert (answer.status_code, answer.json()["type"]) == (421, "/problems/misdirected-request")
    assert host not in answer.text


@pytest.mark.parametrize("host", ["", "a b", "figures.example/x", "user@figures.example", "figures.example:port", "ü"])
def test_what_is_no_host_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/page", headers={b"Host": host.encode("latin-1")})

    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid-host")


def test_two_hosts_are_refused(client: TestClient) -> None:
    answer = client.get("/page", headers=[("Host", "figures.example"), ("Host", "evil.example")])

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("header", "name"), [("[::1]:80", "[::1]"), ("A.B.", "a.b"), ("a..b", None), ("a:", None), ("[x]", None)]
)
def test_a_host_is_read_as_its_name(header: str, name: str | None) -> None:
    assert host_name(header) == name


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/figures/adur", "GET, HEAD, OPTIONS, PUT"),
        ("/page", "GET, HEAD, OPTIONS"),
        ("/only-post", "OPTIONS, POST"),
    ],
)
def test_a_path_names_all_its_methods(client: TestClient, path: str, allowed: str) -> None:
    refused = client.request("TRACE", path)
    options = client.options(path)

    assert (refused.status_code, refused.headers["allow"]) == (405, allowed)
    assert (options.status_code, options.headers["allow"], options.content) == (204, allowed, b"")
    assert client.options("/nowhere").status_code == 404


@pytest.mark.parametrize("path", ["/figures/adur", "/page", "/nowhere", "/fails", "/page?x=1", "/only-post"])
def test_head_answers_as_get_does_without_the_content(client: TestClient, path: str) -> None:
    head, get = client.head(path), client.get(path)

    assert (head.status_code, head.content) == (get.status_code, b"")
    # The id of a refusal differs, its length does not.
    assert dict(head.headers) == dict(get.headers)


def test_head_of_what_never_ends_ends(client: TestClient) -> None:
    assert client.head("/endless").status_code == 200


def test_a_method_is_not_overridden_by_a_header(client: TestClient) -> None:
    answer = client.post("/figures/adur", json={}, headers={"X-HTTP-Method-Override": "PUT"})

    assert answer.status_code == 405


@pytest.mark.parametrize(
    ("path", "location"),
    [("/page/", "/page"), ("/page//?a=1&b=%2F", "/page?a=1&b=%2F"), ("/figures/a%2Eb/", "/figures/a%2Eb")],
)
def test_a_slash_too_many_leads_to_the_path_without_it_on_the_same_server(
    client: TestClient, path: str, location: str
) -> None:
    answer = client.put(path, headers={"Host": "figures.example"})

    assert (answer.status_code, answer.headers["location"]) == (307, location)


@pytest.mark.parametrize("path", ["//evil.example/page/", "//page/", "/nowhere/", "//"])
def test_no_path_leads_to_another_server(client: TestClient, path: str) -> None:
    answer = client.request("GET", f"http://figures.example{path}")

    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/page?x=1", 400), ("GET", "/fails", 500), ("POST", "/only-post", 409)],
)
def test_a_browser_reads_a_refusal_as_a_page(client: TestClient, method: str, path: str, status: int) -> None:
    answer = client.request(method, path, headers={"Accept": BROWSER})

    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert '<main class="govuk-main-wrapper"' in answer.text
    assert re.search(r"urn:uuid:[0-9a-f-]{36}", answer.text)
    assert "<script>" not in answer.text
    assert "a secret" not in answer.text
    assert policy(answer.headers)["style-src"] == "'self'"
    assert "Accept" in answer.headers["vary"]


def test_a_page_keeps_the_headers_of_the_refusal(client: TestClient) -> None:
    assert client.delete("/page", headers={"Accept": BROWSER}).headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html", "text/csv", "", "q=;,"])
def test_a_program_reads_it_as_problem_details(client: TestClient, accept: str) -> None:
    answer = client.get("/nowhere", headers={"Accept": accept})

    assert answer.headers["content-type"] == PROBLEM_JSON
    assert not prefers_page(accept)


@pytest.mark.parametrize("accept", [BROWSER, "text/html", "text/html, application/json;q=0.9"])
def test_whoever_prefers_pages_gets_pages(accept: str) -> None:
    assert prefers_page(accept)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/figures/adur?" + "&".join(f"p{number}=1" for number in range(5_000)), None),
        ("/" + "a" * 20_000, None),
        ("/figures/adur", "{" + ",".join(f'"{number}{"k" * 1_000}": "x"' for number in range(900)) + "}"),
        ("/figures/adur", '{"' + "k" * 1_000_000 + '": "x"}'),
        ("/figures/adur", '{"a": "' + "v" * 1_000_000 + '"}'),
        ("/figures/adur", "[" * 100_000),
    ],
)
def test_an_answer_to_a_fault_is_short_and_does_not_repeat_what_was_sent(
    client: TestClient, path: str, body: str | None
) -> None:
    sent = {"content": body, "headers": {"Content-Type": "application/json"}} if body else {}
    answer = client.request("PUT" if body else "GET", path, **sent)  # type: ignore[arg-type]  # by the method's keywords

    assert 400 <= answer.status_code < 500
    assert len(answer.content) < 50_000
    assert "k" * 300 not in answer.text
    assert "v" * 300 not in answer.text

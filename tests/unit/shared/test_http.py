"""What an HTTP face of Tallystick accepts, and how it refuses the rest."""

import asyncio
import json
from typing import Annotated, Any

import msgspec
import pytest
from fastapi import APIRouter, Request
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException
from starlette.types import Message

from shared.http import (
    Cursor,
    DateParameter,
    Json,
    JsonBody,
    Limit,
    Page,
    PathId,
    Problem,
    bodies,
    create_app,
    json_request_body,
    next_link,
    read_as,
    read_cursor,
    schema_ref,
)
from shared.http.bodies import MAX_BODY_BYTES


class Reading(msgspec.Struct, forbid_unknown_fields=True):
    """A body for these tests."""

    meter: Annotated[str, msgspec.Meta(pattern="^[a-z]+$", description="lower-case letters")]
    units: int
    note: str = ""


router = APIRouter()
NAMES = ("ann", "ben", "cat", "dan", "eve")


@router.put(
    "/readings/{id}",
    openapi_extra=json_request_body(Reading),
    responses={200: {"content": {"application/json": {"schema": schema_ref(Reading)}}}},
)
def put_reading(id: PathId, body: JsonBody) -> Json:
    return Json(read_as(body, Reading))


@router.get("/names")
def list_names(
    request: Request, limit: Limit = 2, cursor: Cursor | None = None, as_of: DateParameter | None = None
) -> Json:
    after = read_cursor(cursor)
    rest = [name for name in NAMES if after is None or name > after[0]]
    page = Page(rest[:limit], (rest[limit - 1],) if len(rest) > limit else None)
    return Json({"items": page.items}, headers=next_link(request, page))


@router.get("/fails")
def fail() -> None:
    raise RuntimeError("a secret of ours")


@router.get("/busy")
def busy() -> None:
    raise HTTPException(503, headers={"Retry-After": "7"})


@router.get("/away")
def be_away() -> None:
    raise OperationalError("SELECT 1", None, ConnectionResetError("no answer"))


@router.get("/all-in-use")
def be_in_use() -> None:
    raise NoConnectionFree("every connection is in use")


@router.get("/mistaken")
def be_mistaken() -> None:
    raise ProgrammingError("SELECT nothing", None, ValueError("no such column"))


@router.get("/private")
def private() -> None:
    raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})


@pytest.fixture(name="client")
def _client() -> TestClient:
    return TestClient(create_app("Readings", [router], types=[Reading]), raise_server_exceptions=False)


def put(client: TestClient, body: bytes, content_type: str = "application/json", **headers: str) -> Any:
    return client.put("/readings/r1", content=body, headers={"Content-Type": content_type, **headers})


def test_a_right_body_comes_through(client: TestClient) -> None:
    assert put(client, b'{"meter": "gas", "units": 3}').json() == {"meter": "gas", "units": 3, "note": ""}


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        (b"", 400, "bad-json"),
        (b"{", 400, "bad-json"),
        (b'\xef\xbb\xbf{"meter": "gas", "units": 3}', 400, "bad-json"),
        (b'{"meter": "g\xff", "units": 3}', 400, "bad-json"),
        (b'{"meter": "gas", "units": 3, "units": 4}', 400, "bad-json"),
        (b'{"meter": "gas", "units": NaN}', 400, "bad-json"),
        (b"[" * 100_000, 400, "bad-json"),
        (b'{"meter": "gas", "units": ' + b"9" * 5000 + b"}", 400, "bad-json"),
        (b'{"meter": "gas", "units": 1e999}', 422, "invalid"),
        (b'{"meter": "gas", "units": true}', 422, "invalid"),
        (b'{"meter": "gas", "units": "1"}', 422, "invalid"),
        (b'{"meter": "gas", "units": 1.5}', 422, "invalid"),
        (b'{"meter": "gas", "units": 1, "note": "\\u0000"}', 422, "invalid"),
        (b'{"meter": "gas", "units": 1, "note": "\\ud800"}', 422, "invalid"),
        (b'{"meter": "gas", "units": 1, "is_admin": 1}', 422, "invalid"),
        (b"[]", 422, "invalid"),
        (b'"' + b"x" * MAX_BODY_BYTES + b'"', 413, "too-large"),
    ],
)
def test_a_body_that_could_be_misread_is_refused(client: TestClient, body: bytes, status: int, slug: str) -> None:
    refused = put(client, body)

    assert (refused.status_code, refused.json()["type"]) == (status, f"/problems/{slug}")
    assert refused.headers["content-type"] == "application/problem+json"


def test_a_body_without_a_length_is_cut_off_at_the_limit() -> None:
    async def endless() -> Message:
        return {"type": "http.request", "body": b" " * 65_536, "more_body": True}

    with pytest.raises(Problem) as refused:
        asyncio.run(bodies.read_body(Request({"type": "http", "headers": []}, endless)))

    assert refused.value.kind.status == 413
    assert refused.value.headers == {"Connection": "close"}


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_BODY_WAIT_S", 0.01)

    async def never() -> Message:
        found: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await found

    with pytest.raises(Problem) as refused:
        asyncio.run(bodies.read_body(Request({"type": "http", "headers": []}, never)))

    assert refused.value.kind.status == 408


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        ("text/plain", {}),
        ("application/json; charset=utf-16", {}),
        ("application/json", {"Content-Encoding": "gzip"}),
    ],
)
def test_a_body_of_another_type_is_refused(client: TestClient, content_type: str, headers: dict[str, str]) -> None:
    assert put(client, b'{"meter": "gas", "units": 3}', content_type, **headers).status_code == 415


def test_every_fault_of_a_body_is_listed_with_its_pointer_and_no_value(client: TestClient) -> None:
    refused = put(client, b'{"meter": "SECRET", "note": 5, "unit": 3}')

    assert {fault["pointer"]: fault["detail"] for fault in refused.json()["errors"]} == {
        "#/meter": "expected lower-case letters",
        "#/note": "expected str, got int (text: put it in quotes)",
        "#/unit": "is not a known field: did you mean units?",
        "#/units": "is missing",
    }
    assert "SECRET" not in refused.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=200", 200),
        ("limit=201", 422),
        ("limit=-1", 422),
        ("limit=1&limit=1", 400),
        ("limits=1", 400),
        ("cursor=rubbish!", 400),
        ("cursor=é", 400),
        ("as_of=2026-04-01", 200),
        ("as_of=1775001600", 422),
        ("as_of=2026-02-30", 422),
        ("as_of=２０２６-04-01", 422),
    ],
)
def test_only_documented_parameters_are_taken_once_and_in_range(client: TestClient, query: str, status: int) -> None:
    assert client.get(f"/names?{query}").status_code == status


def test_a_refused_parameter_is_named(client: TestClient) -> None:
    assert client.get("/names?limit=0").json()["errors"][0]["parameter"] == "limit"


def test_following_the_links_gives_every_name_once(client: TestClient) -> None:
    seen: list[str] = []
    url: str | None = "/names?limit=2&as_of=2026-04-01"
    while url is not None:
        answer = client.get(url)
        seen += answer.json()["items"]
        url = answer.links["next"]["url"] if "next" in answer.links else None

    assert tuple(seen) == NAMES


@pytest.mark.parametrize(
    ("method", "path", "status", "header"),
    [
        ("GET", "/nowhere", 404, None),
        ("PUT", "/readings/a%00b", 404, None),
        ("PUT", "/readings/..%2fetc", 404, None),
        ("DELETE", "/names", 405, ("Allow", "GET")),
        ("GET", "/private", 401, ("WWW-Authenticate", "Bearer")),
        ("GET", "/busy", 503, ("Retry-After", "7")),
        ("GET", "/away", 503, ("Retry-After", "5")),
        ("GET", "/all-in-use", 503, ("Retry-After", "5")),
        ("GET", "/mistaken", 500, None),
        ("GET", "/fails", 500, None),
    ],
)
def test_every_refusal_is_a_problem_and_keeps_its_header(
    client: TestClient, method: str, path: str, status: int, header: tuple[str, str] | None
) -> None:
    refused = client.request(method, path, json={"meter": "gas", "units": 1} if method == "PUT" else None)

    assert refused.status_code == refused.json()["status"] == status
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["instance"].startswith("urn:uuid:")
    assert header is None or refused.headers[header[0]] == header[1]


def test_a_failure_of_ours_tells_nothing_about_us(client: TestClient) -> None:
    assert "secret" not in client.get("/fails").text


def test_the_type_of_a_problem_can_be_read(client: TestClient) -> None:
    kind = client.get("/nowhere").json()["type"]

    assert "Check the path" in client.get(kind).text


def test_openapi_documents_refusals_and_contract_types(client: TestClient) -> None:
    document = client.get("/openapi.json").json()

    put_operation = document["paths"]["/readings/{id}"]["put"]
    assert {"Reading", "ProblemDetails", "ProblemError"} <= document["components"]["schemas"].keys()
    assert put_operation["requestBody"]["content"]["application/json"]["schema"] == schema_ref(Reading)
    assert put_operation["responses"].keys() == {"200", "4XX", "5XX"}
    assert _broken_references(document) == []


def _broken_references(document: dict[str, Any]) -> list[str]:
    text = json.dumps(document)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    return sorted(named - document["components"]["schemas"].keys())

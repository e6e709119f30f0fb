"""What an HTTP server of Tallystick accepts, and how it refuses the rest."""

import asyncio
import contextlib
import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import pytest
from fastapi import APIRouter, Request
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse
from starlette.types import Message
from structlog.testing import capture_logs

from shared.auth.roles import Action
from shared.http import (
    DateParameter,
    InstantParameter,
    Json,
    JsonBody,
    Limit,
    MonthParameter,
    Page,
    PathId,
    Problem,
    ProblemType,
    RequestedPage,
    bodies,
    create_app,
    json_request_body,
    preferred_media_type,
    read_as,
    schema_ref,
)
from shared.http.access import requires
from shared.http.bodies import MAX_BODY_BYTES
from shared.http.problem_types import (
    CONTENT_TOO_LARGE,
    FORM_NOT_CONFIRMED,
    INTERNAL_ERROR,
    INVALID_CURSOR,
    INVALID_FORM,
    INVALID_HEAD,
    INVALID_HOST,
    INVALID_JSON,
    INVALID_QUERY,
    INVALID_REQUEST,
    MONTH_NOT_BEGUN,
    PROBLEM_TYPES,
    problem_type_of_status,
)
from tests.support.callers import MAY_ALL


class Reading(msgspec.Struct, forbid_unknown_fields=True):
    """A body for these tests."""

    meter: Annotated[str, msgspec.Meta(pattern="^[a-z]+$", description="lower-case letters")]
    units: int
    note: str = ""


router = APIRouter(dependencies=[requires(Action.READ_FIGURES)])
NAMES = ("ann", "ben", "cat", "dan", "eve")


@router.put(
    "/readings/{id}",
    openapi_extra=json_request_body(Reading),
    responses={200: {"content": {"application/json": {"schema": schema_ref(Reading)}}}},
)
def put_reading(id: PathId, body: JsonBody) -> Json:
    return Json(read_as(body, Reading))


@router.get("/names")
def list_names(paging: RequestedPage, limit: Limit = 2, as_of: DateParameter | None = None) -> Json:
    after = paging.after
    rest = [name for name in NAMES if after is None or name > after[0]]
    page = Page(rest[:limit], (rest[limit - 1],) if len(rest) > limit else None)
    return Json({"items": page.items}, headers=paging.next_link(page))


@router.get("/costs")
def costs(month: MonthParameter, known_at: InstantParameter | None = None) -> Json:
    return Json({"month": str(month), "known_at": known_at})


@router.get("/costs/{month}")
def costs_of(month: MonthParameter) -> Json:
    return Json({"month": str(month)})


@router.get("/fails")
def fail() -> None:
    raise RuntimeError("a secret")


@router.get("/fails-deep/{rest}")
def fail_deep(rest: str) -> None:
    variable = "local-value"
    raise ValueError(rest if variable else "")


@router.get("/cut-off")
def cut_off() -> StreamingResponse:
    def parts() -> Iterator[str]:
        yield "begun"
        raise RuntimeError("the connection is cut")

    return StreamingResponse(parts())


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
    return TestClient(
        create_app("Readings", [router], types=[Reading], authentication=MAY_ALL), raise_server_exceptions=False
    )


def put(client: TestClient, body: bytes, content_type: str = "application/json", **headers: str) -> Any:
    return client.put("/readings/r1", content=body, headers={"Content-Type": content_type, **headers})


def test_a_right_body_comes_through(client: TestClient) -> None:
    assert put(client, b'{"meter": "gas", "units": 3}').json() == {"meter": "gas", "units": 3, "note": ""}


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        (b"", 400, "invalid-json"),
        (b"{", 400, "invalid-json"),
        (b'\xef\xbb\xbf{"meter": "gas", "units": 3}', 400, "invalid-json"),
        (b'{"meter": "g\xff", "units": 3}', 400, "invalid-json"),
        (b'{"meter": "gas", "units": 3, "units": 4}', 400, "invalid-json"),
        (b'{"meter": "gas", "units": NaN}', 400, "invalid-json"),
        (b"[" * 100_000, 400, "invalid-json"),
        (b'{"meter": "gas", "units": ' + b"9" * 5000 + b"}", 400, "invalid-json"),
        (b'{"meter": "gas", "units": 1e999}', 422, "invalid-request"),
        (b'{"meter": "gas", "units": true}', 422, "invalid-request"),
        (b'{"meter": "gas", "units": "1"}', 422, "invalid-request"),
        (b'{"meter": "gas", "units": 1.5}', 422, "invalid-request"),
        (b'{"meter": "gas", "units": 1, "note": "\\u0000"}', 422, "invalid-request"),
        (b'{"meter": "gas", "units": 1, "note": "\\ud800"}', 422, "invalid-request"),
        (b'{"meter": "gas", "units": 1, "is_admin": 1}', 422, "invalid-request"),
        (b"[]", 422, "invalid-request"),
        (b'"' + b"x" * MAX_BODY_BYTES + b'"', 413, "content-too-large"),
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

    assert refused.value.details.status == 413
    assert refused.value.headers == {"Connection": "close"}


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_BODY_WAIT_S", 0.01)

    async def never() -> Message:
        found: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await found

    with pytest.raises(Problem) as refused:
        asyncio.run(bodies.read_body(Request({"type": "http", "headers": []}, never)))

    assert refused.value.details.status == 408


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
        ("limit=201", 400),
        ("limit=-1", 400),
        ("limit=1&limit=1", 400),
        ("limits=1", 400),
        ("cursor=rubbish!", 400),
        ("cursor=é", 400),
        ("as_of=2026-04-01", 200),
        ("as_of=1775001600", 400),
        ("as_of=2026-02-30", 400),
        ("as_of=1999-12-31", 400),
        ("as_of=２０２６-04-01", 400),
    ],
)
def test_only_documented_parameters_are_taken_once_and_in_range(client: TestClient, query: str, status: int) -> None:
    assert client.get(f"/names?{query}").status_code == status


@pytest.mark.parametrize("month", ["2000-01", "2026-03", "2099-12"])
def test_months_of_this_century_are_read(client: TestClient, month: str) -> None:
    assert client.get(f"/costs?month={month}").json()["month"] == month
    assert client.get(f"/costs/{month}").json()["month"] == month


@pytest.mark.parametrize(
    "month", ["0000-01", "1999-12", "2100-01", "9999-12", "2026-00", "2026-13", "2026-3", "٢٠٢٦-٠٣", "2026-03 ", "x"]
)
def test_any_other_month_is_refused_in_one_sentence_that_does_not_repeat_it(client: TestClient, month: str) -> None:
    in_query, in_path = client.get("/costs", params={"month": month}), client.get(f"/costs/{quote(month)}")

    expected = [{"parameter": "month", "detail": "expected a month like 2026-03, from 2000-01 to 2099-12"}]
    assert (in_query.status_code, in_query.json()["errors"]) == (400, expected)
    assert (in_path.status_code, in_path.json()["errors"]) == (404, expected)
    assert month not in in_path.json()["detail"]


@pytest.mark.parametrize(
    ("known_at", "status"),
    [
        ("2026-04-01T09:00:00Z", 200),
        ("2026-04-01T10:00:00+01:00", 200),
        ("2026-04-01T09:00:00", 400),
        ("1999-12-31T23:59:59Z", 400),
        ("9999-12-31T23:59:59-01:00", 400),
        ("1775001600", 400),
    ],
)
def test_an_instant_needs_a_zone_and_a_year_of_this_century(client: TestClient, known_at: str, status: int) -> None:
    assert client.get("/costs", params={"month": "2026-03", "known_at": known_at}).status_code == status


def test_each_invalid_parameter_is_named_with_what_was_expected(client: TestClient) -> None:
    refused = client.get("/names?limit=0&as_of=tomorrow").json()

    assert refused["type"] == "/problems/invalid-query"
    assert {error["parameter"]: error["detail"] for error in refused["errors"]} == {
        "limit": "Input should be greater than or equal to 1",
        "as_of": "expected a date like 2026-04-01, of 2000 to 2099",
    }


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
        ("DELETE", "/names", 405, ("Allow", "GET, HEAD, OPTIONS")),
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


def test_an_internal_error_gives_no_detail_away_and_its_instance_is_in_the_log(client: TestClient) -> None:
    with capture_logs() as logged:
        failed = client.get("/fails", headers={"Authorization": "Bearer token-of-a-council"})

    (event,) = [event for event in logged if event["event"] == "http.failed"]
    assert "a secret" not in failed.text
    assert (event["instance"], event["method"], event["path"]) == (failed.json()["instance"], "GET", "/fails")
    assert event["error"] == "RuntimeError"
    assert "in fail" in event["traceback"]


def test_the_log_of_a_failure_is_bounded_and_holds_no_headers_or_local_variables(client: TestClient) -> None:
    with capture_logs() as logged:
        client.get("/fails-deep/" + "x" * 5_000, headers={"Authorization": "Bearer token-of-a-council"})

    (event,) = [event for event in logged if event["event"] == "http.failed"]
    assert len(str(event)) < 5_000
    assert "token-of-a-council" not in str(event)
    assert "local-value" not in str(event)


def test_a_failure_after_the_answer_began_is_not_answered_twice(client: TestClient) -> None:
    with capture_logs() as logged:
        begun = client.get("/cut-off")

    assert (begun.status_code, begun.text) == (200, "begun")
    assert [event["error"] for event in logged if event["event"] == "http.failed"] == ["RuntimeError"]


def test_the_type_of_a_problem_can_be_read(client: TestClient) -> None:
    address = client.get("/nowhere").json()["type"]

    assert "Check the path" in client.get(address).text


@pytest.mark.parametrize("problem_type", PROBLEM_TYPES, ids=lambda each: each.slug)
def test_a_problem_type_is_named_as_http_names_it_and_says_what_to_do(problem_type: ProblemType) -> None:
    specific = {INVALID_JSON, INVALID_QUERY, INVALID_CURSOR, INVALID_REQUEST, INTERNAL_ERROR, MONTH_NOT_BEGUN}
    specific |= {INVALID_FORM, FORM_NOT_CONFIRMED}
    specific |= {INVALID_HOST, INVALID_HEAD}
    specific |= {CONTENT_TOO_LARGE}  # Python 3.11 still gives it the older name

    assert problem_type in specific or problem_type.title == HTTPStatus(problem_type.status).phrase.capitalize()
    assert re.fullmatch(r"[A-Z][^.]+\. [A-Z].+\.", problem_type.help)


def test_no_two_problem_types_share_a_name() -> None:
    assert len({each.slug for each in PROBLEM_TYPES}) == len(PROBLEM_TYPES)


def test_a_status_without_a_problem_type_is_called_by_its_own_name() -> None:
    assert problem_type_of_status(410) == ProblemType(410, "Gone")
    assert problem_type_of_status(410).uri == "about:blank"


JSON, CSV, PDF = "application/json", "text/csv", "application/pdf"


def asking(*accept: str) -> Request:
    return Request({"type": "http", "headers": [(b"accept", header.encode()) for header in accept]})


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ([], JSON),
        ([""], JSON),
        (["*/*"], JSON),
        (["text/csv"], CSV),
        (["TEXT/CSV"], CSV),
        (["text/csv;charset=utf-8"], CSV),
        (["text/*"], CSV),
        (["*/*, text/csv"], CSV),
        (["text/csv;q=0.5, application/pdf"], PDF),
        (["text/csv;q=0.5, */*"], JSON),
        (["application/json;q=0, */*"], CSV),
        (["application/*;q=0, */*;q=0.1"], CSV),
        (["application/*;q=0.2, application/json;q=0"], PDF),
        (["text/csv;q=0.001, image/png"], CSV),
        (["application/json;q=0", "*/*;q=0.5"], CSV),
        (["application/pdf;q=many, text/csv"], CSV),
        (["text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8"], JSON),
    ],
)
def test_the_acceptable_type_of_the_highest_quality_is_chosen(accept: list[str], chosen: str) -> None:
    assert preferred_media_type(asking(*accept), (JSON, CSV, PDF)) == chosen


@pytest.mark.parametrize(
    "accept", ["image/png", "application/json;q=0", "*/*;q=0", "application/json;q=many", "nonsense", "*/csv", ",;q=1"]
)
def test_an_accept_header_that_excludes_every_type_is_refused(accept: str) -> None:
    with pytest.raises(Problem) as refused:
        preferred_media_type(asking(accept), (JSON,))

    assert refused.value.details.status == 406
    assert refused.value.details.detail == "expected one of application/json in the Accept header"


@given(st.text(st.characters(max_codepoint=255)))
def test_any_accept_header_is_answered_or_refused(accept: str) -> None:
    request = Request({"type": "http", "headers": [(b"accept", accept.encode("latin-1"))]})

    with contextlib.suppress(Problem):
        assert preferred_media_type(request, (JSON, CSV)) in {JSON, CSV}


def test_openapi_documents_refusals_and_contract_types(client: TestClient) -> None:
    document = client.get("/openapi.json").json()

    put_operation = document["paths"]["/readings/{id}"]["put"]
    assert {"Reading", "ProblemDetails", "ProblemError"} <= document["components"]["schemas"].keys()
    assert put_operation["requestBody"]["content"]["application/json"]["schema"] == schema_ref(Reading)
    assert " ".join(put_operation["responses"]) == "200 400 401 403 404 408 413 415 421 422 431 500 503"
    assert _broken_references(document) == []


def _broken_references(document: dict[str, Any]) -> list[str]:
    text = json.dumps(document)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    return sorted(named - document["components"]["schemas"].keys())

"""A cursor is good for the list that it was made for, asked for by who sees the same councils; any other is refused."""

import base64
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from httpx2 import Response

from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.http import Authentication, Json, Limit, OptionalId, Page, PathId, RequestedPage, create_app, requires
from shared.http.problem_types import INVALID_CURSOR
from shared.scope import Scope

NAMES = ("ann", "ben", "cat", "dan", "eve")
router = APIRouter(dependencies=[requires(Action.READ_FIGURES)])


@router.get("/names")
def list_names(paging: RequestedPage, limit: Limit = 2, of: OptionalId = None, service: OptionalId = None) -> Json:
    rest = [name for name in NAMES if paging.after is None or (name,) > paging.after]
    page = Page(rest[:limit], (rest[limit - 1],) if len(rest) > limit else None)
    return Json(page.items, headers=paging.next_link(page))


@router.get("/{council}/names")
def list_names_of(council: PathId, paging: RequestedPage, of: OptionalId = None) -> Json:
    return list_names(paging)


def client(scope: Scope, *, key: bytes | None = b"key of the installation") -> TestClient:
    caller = Principal.of("tester", "person", ["operator"], scope)
    app = create_app("Names", [router], authentication=Authentication(lambda _: caller), cursor_key=key)
    return TestClient(app)


ADUR = Scope.of("adur")


def next_address(answer: Response) -> str:
    return str(answer.links["next"]["url"])


def cursor_of(address: str) -> str:
    return dict(parse_qsl(urlsplit(address).query))["cursor"]


@pytest.fixture
def cursor() -> str:
    """One of the first page of /names, for who may see Adur."""
    return cursor_of(next_address(client(ADUR).get("/names")))


def pages(of: TestClient, address: str | None) -> Iterator[list[str]]:
    while address is not None:
        answer = of.get(address)
        yield answer.json()
        address = next_address(answer) if "next" in answer.links else None


@pytest.mark.parametrize("address", ["/names", "/names?of=payroll&service=ict", "/names?limit=2", "/adur/names"])
def test_following_the_links_shows_the_whole_list_once(address: str) -> None:
    assert list(pages(client(ADUR), address)) == [["ann", "ben"], ["cat", "dan"], ["eve"]]


def test_another_instance_of_the_service_takes_it_and_so_does_a_page_of_another_size(cursor: str) -> None:
    assert client(ADUR).get(f"/names?cursor={cursor}").json() == ["cat", "dan"]
    assert client(ADUR).get(f"/names?limit=1&cursor={cursor}").json() == ["cat"]
    assert client(Scope.of("adur", "adur")).get(f"/names?cursor={cursor}").json() == ["cat", "dan"]


def test_parameters_may_come_in_another_order() -> None:
    following = cursor_of(next_address(client(ADUR).get("/names?of=payroll&service=ict")))

    assert client(ADUR).get(f"/names?cursor={following}&service=ict&of=payroll").json() == ["cat", "dan"]


@pytest.mark.parametrize(
    "scope",
    [Scope.all(), Scope.of(), Scope.of("worthing"), Scope.of("adur", "worthing")],
    ids=["every council", "none", "another", "more"],
)
def test_a_caller_who_sees_other_councils_is_refused_it(cursor: str, scope: Scope) -> None:
    assert refused(client(scope).get(f"/names?cursor={cursor}"))


@pytest.mark.parametrize("address", ["/adur/names?", "/names?of=payroll&", "/names?service=payroll&"])
def test_it_is_refused_for_another_list(cursor: str, address: str) -> None:
    assert refused(client(ADUR).get(f"{address}cursor={cursor}"))


def test_what_was_a_filter_of_one_name_is_not_one_of_another() -> None:
    of_payroll = cursor_of(next_address(client(ADUR).get("/names?of=payroll")))

    for address in ("/names?service=payroll&", "/names?", "/names?of=ict&", "/worthing/names?of=payroll&"):
        assert refused(client(ADUR).get(f"{address}cursor={of_payroll}")), address


def test_it_is_refused_by_another_installation_and_by_a_process_with_a_key_of_its_own(cursor: str) -> None:
    for key in (b"key of another installation", None):
        assert refused(client(ADUR, key=key).get(f"/names?cursor={cursor}"))


def test_any_changed_bit_of_it_is_refused(cursor: str) -> None:
    whole = base64.urlsafe_b64decode(cursor)
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        assert refused(client(ADUR).get("/names", params={"cursor": base64.urlsafe_b64encode(changed).decode()})), bit


@pytest.mark.parametrize(
    "made",
    [
        "",
        "=",
        "rubbish!",
        "é",
        base64.urlsafe_b64encode(msgspec.json.encode(("bob",))).decode(),
        base64.urlsafe_b64encode(bytes(16) + msgspec.json.encode(("bob",))).decode(),
        base64.urlsafe_b64encode(bytes(15)).decode(),
    ],
)
def test_one_of_somebody_elses_making_is_refused(made: str) -> None:
    assert refused(client(ADUR).get("/names", params={"cursor": made}))


@pytest.mark.parametrize("added", [" ", "\n", "!", "A", "===="])
def test_there_is_one_way_to_write_it(cursor: str, added: str) -> None:
    assert refused(client(ADUR).get("/names", params={"cursor": cursor + added}))


def refused(answer: Response) -> bool:
    return (answer.status_code, answer.json()["title"]) == (400, INVALID_CURSOR.title)

"""Operators let people in, change what they may do, and take it away: over HTTP and by the command."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from shared.auth.principal import Principal
from shared.auth.tokens import issue
from shared.instants import epoch_s
from shared.scope import Scope
from tests.integration.test_command_on_servers import run
from tests.support.openid import FINANCE
from tests.support.signing_in import AUDIENCE, KEY, Installation, installation

ISSUER = "https://login.example"
NEW = {"subject": "s-1", "roles": ["council-finance"], "councils": ["adur"], "name": "Finance officer, Adur"}


@pytest.fixture
def site(tmp_path: Path, database_of: Callable[[str], str]) -> Iterator[Installation]:
    with installation(tmp_path, database_of("catalogue")) as made:
        yield made


def client_of(site: Installation, name: str, *roles: str, scope: Scope | None = None) -> TestClient:
    """A program that calls with these roles."""
    caller = Principal.of(name, "machine", roles, scope or Scope.all())
    token = issue(caller, KEY, audience=AUDIENCE, jti="1", now_s=epoch_s(site.clock.now()))
    found = site.browser()
    found.headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    return found


@pytest.fixture
def operator(site: Installation) -> TestClient:
    return client_of(site, "tsc_operator", "operator")


def test_somebody_who_was_added_is_listed_and_can_sign_in(site: Installation, operator: TestClient) -> None:
    added = operator.post("/v1/people", json={**NEW, "subject": FINANCE.id, "id": "finance-adur"})

    assert added.status_code == 201
    assert added.json()["issuer"] == site.provider.issuer
    assert added.json()["changed_by"] == "tsc_operator"
    assert [each["id"] for each in operator.get("/v1/people").json()["items"]] == ["finance-adur"]
    assert operator.get("/v1/people/finance-adur").json() == added.json()
    browser = site.browser()
    site.sign_in(browser, FINANCE)
    assert browser.get("/figures").json()["caller"] == "finance-adur"


def test_adding_somebody_again_changes_what_they_may_do(operator: TestClient) -> None:
    first = operator.post("/v1/people", json=NEW).json()
    again = operator.post("/v1/people", json={**NEW, "roles": ["council-viewer"]}).json()

    assert (again["id"], again["roles"]) == (first["id"], ["council-viewer"])
    assert len(operator.get("/v1/people").json()["items"]) == 1


def test_an_id_is_one_persons_for_ever(operator: TestClient) -> None:
    operator.post("/v1/people", json={**NEW, "id": "finance-adur"})
    operator.delete("/v1/people/finance-adur")

    refused = operator.post("/v1/people", json={**NEW, "subject": "s-2", "id": "finance-adur"})

    assert refused.status_code == 409
    assert operator.get("/v1/people/finance-adur").json()["removed"]
    assert operator.get("/v1/people/finance-adur").json()["subject"] == "s-1"
    assert operator.post("/v1/people", json={**NEW, "id": "another"}).status_code == 422


def test_somebody_who_was_removed_can_be_let_in_again(operator: TestClient) -> None:
    id_ = operator.post("/v1/people", json=NEW).json()["id"]
    assert operator.delete(f"/v1/people/{id_}").json()["removed"]

    assert not operator.put(f"/v1/people/{id_}", json={"roles": ["auditor"], "councils": None}).json()["removed"]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"roles": ["admin"]}, 422),
        ({"roles": []}, 422),
        ({"roles": ["operator", "council-viewer"]}, 422),
        ({"councils": None}, 422),
        ({"councils": []}, 422),
        ({"councils": "adur"}, 422),
        ({"councils": ["*"]}, 422),
        ({"subject": ""}, 422),
        ({"subject": "s" * 256}, 422),
        ({"name": "n" * 101}, 422),
        ({"id": "a person"}, 422),
        ({"is_admin": True}, 422),
    ],
)
def test_access_that_cannot_be_is_refused(operator: TestClient, changed: dict[str, object], status: int) -> None:
    assert operator.post("/v1/people", json={**NEW, **changed}).status_code == status
    assert operator.get("/v1/people").json() == {"items": []}


@pytest.mark.parametrize("role", ["finance", "approver", "auditor"])
def test_nobody_but_an_operator_sees_or_changes_people(site: Installation, operator: TestClient, role: str) -> None:
    id_ = operator.post("/v1/people", json=NEW).json()["id"]
    other = client_of(site, "tsc_other", role)

    assert other.get("/v1/people").status_code == 403
    assert other.post("/v1/people", json=NEW).status_code == 403
    assert other.delete(f"/v1/people/{id_}").status_code == 403
    assert site.browser().get("/v1/people", headers={"Accept": "application/json"}).status_code == 401


def test_nobody_gives_themselves_a_role(site: Installation, operator: TestClient) -> None:
    operator.post("/v1/people", json={**NEW, "id": "op", "roles": ["operator"], "councils": None})
    themselves = client_of(site, "op", "operator")

    refused = themselves.put("/v1/people/op", json={"roles": ["operator", "approver"], "councils": None})

    assert refused.status_code == 422
    assert "their own access" in refused.json()["detail"]
    assert themselves.delete("/v1/people/op").status_code == 422


def test_somebody_unknown_is_not_found(operator: TestClient) -> None:
    access = {"roles": ["auditor"], "councils": None}

    assert operator.get("/v1/people/nobody").status_code == 404
    assert operator.put("/v1/people/nobody", json=access).status_code == 404
    assert operator.delete("/v1/people/nobody").status_code == 404


def test_people_come_in_pages(operator: TestClient) -> None:
    for number in range(5):
        operator.post("/v1/people", json={**NEW, "subject": f"s-{number}", "id": f"person-{number}"})

    first = operator.get("/v1/people?limit=3")
    second = operator.get(first.headers["Link"].partition("<")[2].partition(">")[0])

    found = [each["id"] for page in (first, second) for each in page.json()["items"]]
    assert found == [f"person-{number}" for number in range(5)]
    assert "Link" not in second.headers


def test_the_command_lets_somebody_in_and_out_again(tmp_path: Path) -> None:
    here = {"TALLYSTICK_VAR": str(tmp_path)}
    added = run("people", "add", "s-1", "--role", "operator", "--id", "first", "--issuer", ISSUER, **here)
    changed = run("people", "change", "first", "--role", "council-viewer", "--council", "adur", **here)
    removed = run("people", "remove", "first", "--yes", **here)
    listed = run("people", "list", "--json", **here)

    assert [each.exit_code for each in (added, changed, removed, listed)] == [0, 0, 0, 0]
    (person,) = json.loads(listed.stdout)
    assert (person["issuer"], person["roles"], person["councils"]) == (
        ISSUER,
        ["council-viewer"],
        ["adur"],
    )
    assert person["removed"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("add", "s-1", "--role", "council-viewer", "--issuer", ISSUER), "a council's role needs the councils"),
        (("add", "s-1", "--role", "admin", "--issuer", ISSUER), "unknown role"),
        (("change", "nobody", "--role", "auditor"), "Nobody of that id is known"),
        (("remove", "nobody", "--yes"), "Nobody of that id is known"),
        (("remove", "nobody"), "Nobody can be asked here"),
    ],
)
def test_the_command_says_what_cannot_be(tmp_path: Path, arguments: tuple[str, ...], expected: str) -> None:
    refused = run("people", *arguments, TALLYSTICK_VAR=str(tmp_path))

    assert refused.exit_code == 2
    assert expected in refused.stderr


def test_the_command_asks_whose_subject_it_is(tmp_path: Path) -> None:
    refused = run("people", "add", "s-1", "--role", "operator", TALLYSTICK_VAR=str(tmp_path))

    assert "Set OIDC_ISSUER" in refused.stderr

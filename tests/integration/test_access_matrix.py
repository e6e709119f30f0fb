"""Every operation of the three services for every kind of caller: who is asked to sign in, who is refused, who is not.

The table is written out: an operation that is in no OpenAPI document, or in none of its rows, fails.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from shared.auth.principal import Principal
from shared.auth.roles import ROLES, Action
from shared.http import Authentication, create_app
from shared.http.access import PUBLIC
from shared.scope import Scope
from tallystick.stack import Stack, open_stack

KINDS = ("provider", "council", "service", "calendar", "index", "tariff", "agreement", "partnership")
READ, EVIDENCE, OPERATE = Action.READ_FIGURES, Action.READ_EVIDENCE, Action.OPERATE
FIGURES = (
    "adjustments",
    "at-risk",
    "at-risk.csv",
    "attainment",
    "attainment.csv",
    "availability",
    "budget",
    "correction-runs",
    "correction-runs/{id}",
    "exclusions",
    "exclusions/{id}",
    "failed-items",
    "fairness",
    "credit-notes/{council}/{number}",
    "documents/{number}",
    "items/{item}",
    "items/{item}/verdicts/{agreement}/{target}/{cycle}.svg",
    "openslo",
    "partnership-recharges/{partnership}/{month}",
    "partnership-recharges/{partnership}/{month}.{suffix}",
    "percentiles",
    "quality",
    "queries",
    "statements",
    "statements/{council}/{month}",
    "statements/{council}/{month}.{suffix}",
    "statements/{council}/{month}/lifecycle",
    "statements/{council}/{month}/lines/{line}",
    "statements/{council}/{month}/payments",
    "statements/{council}/{month}/queries",
    "statements/{council}/{month}/status",
    "today",
    "verdicts",
)
EXPECTED: dict[tuple[str, str], Action] = {
    **{("GET", f"/v1/{path}"): READ for path in FIGURES},
    **{
        (method, f"/v1/{kind}s{rest}".replace("ys", "ies").replace("xs", "xes")): (
            Action.PROPOSE_CATALOGUE if method == "PUT" else READ if kind == "tariff" else Action.READ_CATALOGUE
        )
        for kind in KINDS
        for method, rest in (("GET", ""), ("GET", "/{id}"), ("GET", "/{id}/versions"), ("PUT", "/{id}"))
    },
    ("GET", "/v1/tariffs/{id}/uplift"): READ,
    ("POST", "/v1/events"): Action.SEND_EVENTS,
    **{("GET", f"/v1/events{reader}"): Action.SEND_EVENTS for reader in ("", "/received", "/sla-monitor", "/billing")},
    ("GET", "/v1/evidence/{council}/{month}"): EVIDENCE,
    ("GET", "/v1/statements/{council}/{month}.tally"): EVIDENCE,
    ("GET", "/v1/statements/{council}/{month}/acknowledgements"): EVIDENCE,
    ("POST", "/v1/statements/{council}/{month}/acknowledgement"): Action.ACKNOWLEDGE_STATEMENT,
    ("GET", "/v1/quarantine"): OPERATE,
    ("POST", "/v1/item-retries"): OPERATE,
    ("POST", "/v1/what-if/targets"): READ,
    ("POST", "/v1/try/target"): Action.TRY,
    ("GET", "/v1/try/target/schema"): Action.TRY,
    ("POST", "/v1/try/tariff"): Action.TRY,
    ("GET", "/v1/try/tariff/schema"): Action.TRY,
    ("POST", "/v1/exclusions"): Action.PROPOSE_EXCLUSION,
    ("POST", "/v1/exclusions/{id}/withdraw"): Action.PROPOSE_EXCLUSION,
    ("POST", "/v1/exclusions/{id}/approve"): Action.APPROVE_EXCLUSION,
    ("POST", "/v1/exclusions/{id}/reject"): Action.APPROVE_EXCLUSION,
    ("POST", "/v1/correction-runs"): Action.REQUEST_CORRECTION,
    ("POST", "/v1/correction-runs/{id}/approve"): Action.APPROVE_CORRECTION,
    ("POST", "/v1/correction-runs/{id}/reject"): Action.APPROVE_CORRECTION,
    **{
        ("POST", f"/v1/statements/{{council}}/{{month}}/{step}"): action
        for action, steps in (
            (
                Action.CHECK_STATEMENT,
                (
                    "review",
                    "check",
                    "issue",
                    "payments",
                    "payments/{payment}/withdrawal",
                    "queries/{query}/answer",
                ),
            ),
            (Action.APPROVE_STATEMENT, ("approval", "return")),
            (Action.QUERY_STATEMENT, ("queries", "queries/{query}/withdrawal")),
        )
        for step in steps
    },
    ("POST", "/v1/payments"): Action.CHECK_STATEMENT,
    ("GET", "/v1/closings/{month}"): Action.APPROVE_STATEMENT,
    ("POST", "/v1/closings/{month}/checks"): Action.CHECK_STATEMENT,
    ("POST", "/v1/closings/{month}/approvals"): Action.APPROVE_STATEMENT,
    ("POST", "/v1/closings/{month}/issues"): Action.CHECK_STATEMENT,
    ("POST", "/v1/closings/{month}/decisions"): OPERATE,
    ("GET", "/v1/proposals"): READ,
    ("GET", "/v1/proposals/{id}"): READ,
    ("POST", "/v1/proposals/{id}/approve"): Action.APPROVE_CATALOGUE,
    ("POST", "/v1/proposals/{id}/reject"): Action.APPROVE_CATALOGUE,
    ("POST", "/v1/proposals/{id}/withdraw"): Action.PROPOSE_CATALOGUE,
    ("GET", "/v1/clients"): Action.MANAGE_CREDENTIALS,
    ("POST", "/v1/clients"): Action.MANAGE_CREDENTIALS,
    ("POST", "/v1/clients/{id}/secrets"): Action.MANAGE_CREDENTIALS,
    ("DELETE", "/v1/clients/{id}/secrets/older"): Action.MANAGE_CREDENTIALS,
    ("DELETE", "/v1/clients/{id}"): Action.MANAGE_CREDENTIALS,
    ("GET", "/v1/people"): Action.MANAGE_ACCESS,
    ("POST", "/v1/people"): Action.MANAGE_ACCESS,
    ("GET", "/v1/people/{id}"): Action.MANAGE_ACCESS,
    ("PUT", "/v1/people/{id}"): Action.MANAGE_ACCESS,
    ("DELETE", "/v1/people/{id}"): Action.MANAGE_ACCESS,
    **{
        ("GET", f"/v1/audit/{service}{rest}"): Action.READ_AUDIT
        for service in ("catalogue", "sla-monitor", "billing")
        for rest in ("", "/verification")
    },
}
PARTS = {"month": "2026-03", "suffix": "csv", "cycle": "1", "number": "2026-27.C0001"}


def caller(role: str) -> Principal:
    scope = Scope.of("adur") if ROLES[role].side == "council" else Scope.all()
    sources = ["/councils/adur/systems/x"] if role == "integrator" else []
    return Principal.of(f"test-{role}", "person", [role], scope, sources=sources)


CALLERS = {role: caller(role) for role in ROLES}
NAMED = Authentication(lambda request: CALLERS.get(request.headers.get("Test-Caller", "")))


def clients(stack: Stack) -> Iterator[TestClient]:
    for app in (stack.catalogue, stack.monitor, stack.billing):
        routes = [*app.public_routes(illustrative=False), *app.operator_routes()]
        yield TestClient(create_app(app.title, routes, types=app.types, authentication=NAMED))


def operations(client: TestClient) -> Iterator[tuple[str, str]]:
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        yield from ((method.upper(), path) for method in methods if path not in PUBLIC)


def status(client: TestClient, method: str, path: str, role: str) -> int:
    address = re.sub(r"\{(\w+)\}", lambda part: PARTS.get(part[1], "adur"), path)
    return client.request(method, address, headers={"Test-Caller": role}, json={}).status_code


@pytest.fixture(scope="module", name="answers")
def _answers(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, int]]:
    """The status of each operation, by who asks; the empty name is of somebody unknown."""

    def ask(stack: Stack) -> dict[tuple[str, str], dict[str, int]]:
        return {
            operation: {role: status(client, *operation, role) for role in ("", *ROLES)}
            for client in clients(stack)
            for operation in operations(client)
        }

    async def asked(folder: Path) -> dict[tuple[str, str], dict[str, int]]:
        async with open_stack(folder) as stack:
            await stack.monitor.catch_up()
            return await asyncio.to_thread(ask, stack)

    return asyncio.run(asked(tmp_path_factory.mktemp("matrix")))


def test_every_operation_has_its_row_and_every_row_an_operation(answers: dict[tuple[str, str], dict[str, int]]) -> None:
    assert answers.keys() == EXPECTED.keys()


def test_whoever_is_unknown_is_asked_to_sign_in_whatever_they_ask(
    answers: dict[tuple[str, str], dict[str, int]],
) -> None:
    assert {operation: found[""] for operation, found in answers.items() if found[""] != 401} == {}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_refused_what_it_may_not_do_and_nothing_else(
    answers: dict[tuple[str, str], dict[str, int]], role: str
) -> None:
    refused = {operation for operation, found in answers.items() if found[role] in {401, 403}}

    assert refused == {operation for operation, action in EXPECTED.items() if action not in ROLES[role].actions}

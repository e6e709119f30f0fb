"""Every operation with an id, for every kind of caller: a foreign id is answered as one that nobody has.

Operations come from the OpenAPI documents; one that takes a body and has no row in `BODIES` fails. Compared are status,
headers, bytes (but for the id that was asked for) and the statements to the database.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from shared.auth.principal import Principal
from shared.auth.roles import ROLES
from shared.clock import FixedClock
from shared.http import Authentication, create_app
from shared.http.access import PUBLIC
from shared.scope import Scope
from tallystick.stack import Stack
from tests.integration.test_canaries import exclusion, statements
from tests.support.canaries import MONTH, canaries, canary
from tests.support.definitions import agreement, council, target, tariff

OWN, FOREIGN, RANDOM = canary(1), canary(2), canary(7)
NOW = FixedClock(datetime(2026, 4, 10, 12, tzinfo=UTC))
Build = Callable[[str], Any]
# What an id in a path is, by the first parts of the path; `{}` is the council's word.
IDS = {
    "councils": "{}",
    "agreements": "{}-agreement",
    "tariffs": "{}-tariff",
    "exclusions": "{}-exclusion",
    "correction-runs": "{}-run",
}
VALUES = {
    "council": "{}",
    "item": "{}-late",
    "agreement": "{}-agreement",
    "target": "{}-target",
    "cycle": "1",
    "month": MONTH,
    "suffix": "csv",
    "line": "{}-tariff",
    "query": "{}-query",
    "payment": "{}-payment",
    "number": "{}-number",
}
SEEN = "0" * 64
STATEMENT = "/v1/statements/{council}/{month}"
# What councils share has no foreign id; who is in a partnership is no secret either. `index` is of nobody. A close
# and a file of payments are of many councils: each is answered by itself.
SHARED = {
    "providers",
    "services",
    "calendars",
    "indexes",
    "partnerships",
    "partnership-recharges",
    "closings",
    "payments",
}


def run(word: str) -> dict[str, Any]:
    return {"id": f"{word}-run", "scope": {"from_date": "2026-03-01", "to_date": "2026-04-01", "council": word}}


def document(definition: Any) -> Any:
    return msgspec.to_builtins(definition)


def access(word: str) -> dict[str, Any]:
    return {"roles": ["council-viewer"], "councils": [word], "name": "A viewer"}


def acknowledgement(word: str) -> Any:
    """One that nobody has signed."""
    return {
        "council": word,
        "month": MONTH,
        "number": "2025-26.0001",
        "statement_sha256": SEEN,
        "previous_sha256": None,
        "tally_sha256": SEEN,
        "acknowledged_at": "2026-04-09T12:00:00Z",
        "key": {},
        "signature": "",
    }


def draft(word: str) -> Any:
    return document(agreement(f"{word}-agreement", council=word, targets=(target(service="ict"),)))


# What each operation is sent, for a council's word.
BODIES: dict[tuple[str, str], Build] = {
    ("PUT", "/v1/councils/{id}"): lambda word: document(council(word, name="Another")),
    ("PUT", "/v1/agreements/{id}"): draft,
    ("PUT", "/v1/tariffs/{id}"): lambda word: document(tariff(f"{word}-tariff", service="ict", name="Another")),
    ("POST", "/v1/exclusions"): exclusion,
    ("POST", "/v1/correction-runs"): run,
    ("POST", "/v1/item-retries"): lambda word: {"id": f"{word}-retry", "council": word, "item": f"{word}-late"},
    ("POST", "/v1/clients"): lambda word: {
        "title": "x",
        "roles": ["council-viewer"],
        "councils": [word],
        "sources": [],
        "valid_days": 9,
    },
    ("POST", "/v1/clients/{id}/secrets"): lambda _: {},
    ("POST", "/v1/people"): lambda word: {"subject": f"{word}-subject", "issuer": "https://id.example"} | access(word),
    ("PUT", "/v1/people/{id}"): access,
    ("POST", "/v1/proposals/{id}/approve"): lambda _: {},
    ("POST", "/v1/proposals/{id}/reject"): lambda _: {"words": "no"},
    ("POST", "/v1/proposals/{id}/withdraw"): lambda _: {},
    ("POST", "/v1/what-if/targets"): lambda word: {"agreement": draft(word), "month": MONTH},
    ("POST", f"{STATEMENT}/review"): lambda _: {},
    ("POST", f"{STATEMENT}/check"): lambda _: {"sha256": SEEN},
    ("POST", f"{STATEMENT}/approval"): lambda _: {"sha256": SEEN},
    ("POST", f"{STATEMENT}/return"): lambda _: {"words": "no"},
    ("POST", f"{STATEMENT}/queries"): lambda word: {"id": f"{word}-query", "words": "why", "line": f"{word}-tariff"},
    ("POST", f"{STATEMENT}/queries/{{query}}/answer"): lambda _: {"outcome": "upheld", "words": "as agreed"},
    ("POST", f"{STATEMENT}/queries/{{query}}/withdrawal"): lambda _: {},
    ("POST", f"{STATEMENT}/payments"): lambda word: {
        "id": f"{word}-payment",
        "amount_pence": 1,
        "paid_on": "2026-04-09",
    },
    ("POST", f"{STATEMENT}/payments/{{payment}}/withdrawal"): lambda _: {"words": "no"},
    ("POST", f"{STATEMENT}/acknowledgement"): acknowledgement,
}
# Whose events they are is decided by what they say: tests/integration/test_events_over_http.py.
OF_THE_BODY_ALONE = {("POST", "/v1/try/target"), ("POST", "/v1/try/tariff"), ("POST", "/v1/events")}
# Of the provider's people some see one council alone; a machine is known as a person is.
CALLERS = {
    **{
        role: Principal.of(
            f"test-{role}", "person", [role], Scope.of(OWN), sources=["/x"] if role == "integrator" else []
        )
        for role in ROLES
    },
    "machine": Principal.of("test-machine", "machine", ["council-finance"], Scope.of(OWN)),
}
EVERYBODY = Principal.of("test-all", "person", ["operator"], Scope.all())
UUID = re.compile(r"urn:uuid:[0-9a-f-]{36}")


@dataclass
class Asked:
    """An answer and the statements behind it, without what differs by the id that was asked for."""

    status: int
    content: tuple[str, ...]
    sent: list[str]

    @classmethod
    def of(cls, answer: Response, named: str, word: str, sent: list[str]) -> "Asked":
        texts = [answer.text, *(f"{name}: {value}" for name, value in answer.headers.items())]
        shown = (UUID.sub("urn:uuid:", text.replace(named, "?").replace(word, "?")) for text in texts)
        return cls(answer.status_code, tuple(sorted(shown)), sent)


@dataclass
class Services:
    """The services' applications, and the ids that the catalogue gave to what was made for each council."""

    clients: dict[tuple[str, str], TestClient] = field(default_factory=dict)
    bodies: set[tuple[str, str]] = field(default_factory=set)
    given: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, app: Any) -> None:
        routes = [*app.public_routes(illustrative=False), *app.operator_routes()]
        named = Authentication(lambda request: PEOPLE.get(request.headers.get("Test-Caller", "")))
        made = create_app(app.title, routes, types=app.types, authentication=named)
        client = TestClient(made, raise_server_exceptions=False)
        for path, methods in made.openapi()["paths"].items():
            for method, described in methods.items():
                self.clients[method.upper(), path] = client
                if "requestBody" in described and path not in PUBLIC:
                    self.bodies.add((method.upper(), path))

    def ask(self, operation: tuple[str, str], who: str, word: str) -> tuple[Response, list[str]]:
        method, path = operation
        headers = {"Test-Caller": who, "If-Match": "*"}
        body = {"json": BODIES[operation](word)} if operation in BODIES else {}
        with statements() as sent:
            answer = self.clients[operation].request(method, self.address(path, word), headers=headers, **body)
        return answer, sent

    def address(self, path: str, word: str) -> str:
        kind = path.split("/")[2]
        own = self.given.get((kind, word), f"tsc_{word}" if kind == "clients" else f"{word}-{kind}")
        values = VALUES | {"id": IDS.get(kind, own)}
        return re.sub(r"{(\w+)}", lambda named: values[named[1]].format(word), path)

    def named(self) -> list[tuple[str, str]]:
        """The operations that name something which can be another council's, in their path or their body."""
        return [
            operation
            for operation in sorted(self.clients)
            if operation[1] not in PUBLIC
            and operation[1].split("/")[2] not in SHARED
            and ("{" in operation[1] or operation in BODIES)
            and not operation[1].startswith("/v1/audit")
        ]


PEOPLE = CALLERS | {"everybody": EVERYBODY}


@pytest.fixture(scope="module")
def services(module_database_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Two councils with one of everything that can have an id; nothing is of the third word."""
    runner = asyncio.Runner()
    opened = canaries(tmp_path_factory.mktemp("foreign"), module_database_of, [OWN, FOREIGN], clock=NOW)
    stack: Stack = runner.run(opened.__aenter__())
    found = Services()
    for app in (stack.catalogue, stack.monitor, stack.billing):
        found.add(app)
    for word in (OWN, FOREIGN):
        for kind in ("exclusions", "correction-runs", "people"):
            made, _ = found.ask(("POST", f"/v1/{kind}"), "everybody", word)
            assert made.status_code in {201, 202}, made.text
            found.given[kind, word] = made.json()["id"]
        client, _ = found.ask(("POST", "/v1/clients"), "everybody", word)
        found.given["clients", word] = client.json()["client"]["id"]
        proposal, _ = found.ask(("PUT", "/v1/tariffs/{id}"), "everybody", word)
        assert proposal.status_code == 202, proposal.text
        found.given["proposals", word] = proposal.json()["id"]
    yield found
    with suppress(RuntimeError):
        runner.run(opened.__aexit__(None, None, None))
    runner.close()


def test_every_operation_with_a_body_has_one_to_be_asked_with(services: Services) -> None:
    shared = {operation for operation in services.bodies if operation[1].split("/")[2] in SHARED}

    assert services.bodies - shared - OF_THE_BODY_ALONE == BODIES.keys()
    assert len(services.named()) > 30


@pytest.mark.parametrize("who", CALLERS)
def test_a_foreign_id_is_answered_as_one_that_nobody_has(services: Services, who: str) -> None:
    differing: dict[tuple[str, str], tuple[Asked, Asked]] = {}
    for operation in services.named():
        # A missing id first: what is read once and kept must not tell the second question from the first.
        services.ask(operation, who, RANDOM)
        missing, foreign = (asked(services, operation, who, word) for word in (RANDOM, FOREIGN))
        if missing != foreign:
            differing[operation] = missing, foreign

    assert differing == {}


def asked(services: Services, operation: tuple[str, str], who: str, word: str) -> Asked:
    answer, sent = services.ask(operation, who, word)
    named = services.given.get((operation[1].split("/")[2], word), word)
    return Asked.of(answer, named, word, sent)


@pytest.mark.parametrize("who", CALLERS)
def test_no_foreign_id_lets_anybody_do_or_read_anything(services: Services, who: str) -> None:
    statuses = {operation: services.ask(operation, who, FOREIGN)[0].status_code for operation in services.named()}

    assert {operation: status for operation, status in statuses.items() if status not in {401, 403, 404, 422}} == {}


@pytest.mark.parametrize("who", CALLERS)
def test_what_is_refused_of_a_foreign_id_is_found_of_ones_own(services: Services, who: str) -> None:
    """But for what the role may not do: so that the other columns are no 404 of everything."""
    reads = [operation for operation in services.named() if operation[0] == "GET"]
    found = {operation for operation in reads if services.ask(operation, who, OWN)[0].status_code == 200}
    refused = {operation for operation in reads if services.ask(operation, who, OWN)[0].status_code == 403}

    # There is no such line, no such cycle, no document and no index clause: what asks for them is in tests of its own.
    of_nothing = {
        ("GET", path) for _, path in reads if path.endswith(("/lines/{line}", ".svg", "/uplift", "/{number}"))
    }
    assert set(reads) - found - refused - of_nothing == set()

"""Nothing that a council's caller is answered, on any route, tells of another council; a foreign id is missing."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine, event
from structlog.testing import capture_logs

from shared.clock import FixedClock
from tallystick.stack import Stack
from tests.support.canaries import MONTH, Callers, canaries, canaries_in, canary, words_of

OWN, FOREIGN, RANDOM = canary(1), canary(2), "nosuch77"
NOW = FixedClock(datetime(2026, 4, 10, 12, tzinfo=UTC))
# Served until the client goes; what it sends is the fragment of the same board that /today shows.
STREAMS = {"/today/stream"}
# What a parameter of a path can be, for a council's word. `id` depends on the kind, which the path names.
IDS = {
    "/v1/councils": "{}",
    "/v1/agreements": "{}-agreement",
    "/v1/tariffs": "{}-tariff",
    "/v1/exclusions": "{}-exclusion",
    "/v1/correction-runs": "{}-run",
}
SHARED_IDS = {"/v1/providers": "joint", "/v1/services": "ict", "/v1/calendars": "office", "/v1/partnerships": "none"}
PARAMETERS = {
    "council": "{}",
    "item": "{}-late",
    "agreement": "{}-agreement",
    "target": "{}-target",
    "cycle": "1",
    "month": MONTH,
    "suffix": "pdf",
    "line": "{}-tariff",
    "number": "2025-26.0001",
    "query": "{}-query",
    "payment": "{}-payment",
    "partnership": "none",  # who is in one is no secret; what it shows: test_partnership_recharges.py
    "name": "tallystick.css",
    "slug": "not-found",
}
QUERIES = ("", f"month={MONTH}", "month=2026-03&period=quarter", "limit=1")


@dataclass
class Asked:
    """An answer, what was logged on the way to it, and the SQL that was sent for it."""

    response: Response
    logged: str
    statements: list[str]

    @property
    def council_words(self) -> set[str]:
        """The councils that the answer, its headers or the log tell of."""
        return self.words_but("")

    def words_but(self, asked_for: str) -> set[str]:
        """As `council_words`, without what a page repeats of its own address."""
        answer = self.response
        headers = " ".join(f"{name}: {value}" for name, value in answer.headers.items())
        answered = words_of(answer.headers.get("content-type", ""), answer.content)
        return canaries_in(answered.replace(asked_for, ""), headers, self.logged)

    @property
    def without_instance(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body, but for the id of this one refusal."""
        body = msgspec.json.decode(self.response.content)
        return self.response.status_code, dict(self.response.headers), body | {"instance": ""}


class Client:
    """Asks as one council's finance officer."""

    def __init__(self, application: Any, callers: Callers, *words: str) -> None:
        self._http = TestClient(application, raise_server_exceptions=False, follow_redirects=False)
        self._headers = callers.headers(*words)

    def ask(self, address: str, method: str = "GET", **options: Any) -> Asked:
        with capture_logs() as logged, statements() as sent:
            response = self._http.request(method, address, headers=self._headers, **options)
        return Asked(response, str(logged), sent)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that any engine sends meanwhile."""
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@dataclass
class Walk:
    """The applications' routes and two councils' callers."""

    application: Any
    callers: Callers
    stack: Stack

    def addresses(self, word: str) -> dict[str, str]:
        """The address of every GET route, by its path, with what is that council's in it."""
        return {path: filled(path, word) for path in paths_read(self.application)}


def paths_read(application: Any) -> list[str]:
    """The path of every GET route, with the prefixes of the routers that it is in."""
    routes = [
        route
        for included in application.routes
        for route in (
            included.effective_route_contexts() if hasattr(included, "effective_route_contexts") else [included]
        )
    ]
    read = [route for route in routes if "GET" in (getattr(route, "methods", None) or ())]
    return [getattr(route, "path_format", None) or route.path for route in read]


def filled(path: str, word: str) -> str:
    kind = "/".join(path.split("/")[:3])
    values = PARAMETERS | {"id": IDS.get(kind, SHARED_IDS.get(kind, "{}"))}
    return re.sub(r"{(\w+)}", lambda named: values[named[1]].format(word), path)


@pytest.fixture(scope="module")
def walk(module_database_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Two councils, each with an exclusion and a correction run; asked from threads while the loop goes on."""
    runner, callers = asyncio.Runner(), Callers()
    opened = canaries(tmp_path_factory.mktemp("canaries"), module_database_of, [OWN, FOREIGN], clock=NOW)
    stack = runner.run(opened.__aenter__())
    application = callers.application(stack)
    operator = Client(application, callers)
    for word in (OWN, FOREIGN):
        proposed = operator.ask("/v1/exclusions", "POST", json=exclusion(word))
        assert proposed.response.status_code == 201, proposed.response.text
    yield Walk(application, callers, stack)
    runner.run(opened.__aexit__(None, None, None))
    runner.close()


def exclusion(word: str) -> dict[str, Any]:
    body = {
        "council": word,
        "start_at": "2026-03-02T13:00:00Z",
        "end_at": "2026-03-02T16:00:00Z",
        "category": "planned-maintenance",
        "reason": f"{word}-change",
    }
    return {"id": f"{word}-exclusion", "exclusion": body}


def test_every_route_is_walked_and_most_of_them_tell_of_the_callers_own_council(walk: Walk) -> None:
    own = Client(walk.application, walk.callers, OWN)

    answered = {
        path
        for path, address in walk.addresses(OWN).items()
        if path not in STREAMS and OWN in answered_about(own, address)
    }

    assert len(walk.addresses(OWN)) > 40
    assert {
        "/v1/councils",
        "/v1/agreements/{id}",
        "/v1/tariffs",
        "/v1/attainment",
        "/v1/attainment.csv",
        "/v1/verdicts",
        "/v1/items/{item}",
        "/v1/openslo",
        "/v1/budget",
        "/v1/evidence/{council}/{month}",
        "/v1/today",
        "/v1/exclusions",
        "/v1/statements",
        "/v1/statements/{council}/{month}",
        "/v1/statements/{council}/{month}.{suffix}",
        "/attainment",
        "/items/{item}",
        "/today",
        "/verdicts",
    } <= answered


def answered_about(client: Client, address: str) -> set[str]:
    """The councils that any form of the question is answered about."""
    return set().union(*(client.ask(f"{address}?{query}").council_words for query in QUERIES))


def test_no_answer_no_header_and_no_log_line_tells_of_another_council(walk: Walk) -> None:
    own = Client(walk.application, walk.callers, OWN)

    for path, address in walk.addresses(OWN).items():
        if path not in STREAMS:
            assert answered_about(own, address) <= {OWN}, path


def test_asking_for_another_council_tells_nothing_of_it(walk: Walk) -> None:
    own = Client(walk.application, walk.callers, OWN)

    for path, address in walk.addresses(FOREIGN).items():
        if path in STREAMS:
            continue
        for query in (*QUERIES, f"council={FOREIGN}", f"council={FOREIGN}&month={MONTH}"):
            asked = own.ask(f"{address}?{query}")
            assert asked.words_but(f"council={FOREIGN}") <= {OWN}, (path, query)


def test_a_foreign_id_is_answered_as_a_missing_one_by_the_same_statements(walk: Walk) -> None:
    own = Client(walk.application, walk.callers, OWN)
    foreign, missing = walk.addresses(FOREIGN), walk.addresses(RANDOM)
    with_id = {path for path in foreign if foreign[path] != missing[path]}

    # A missing id first: what is read once and kept must not tell the second question from the first.
    for path in sorted(with_id):
        own.ask(missing[path])
        asked = [own.ask(each[path]) for each in (missing, foreign)]
        statuses = {each.response.status_code for each in asked}
        # A 403 is of the action, before any id is looked at.
        assert statuses in ({404}, {403}), (path, statuses)
        assert asked[0].without_instance == asked[1].without_instance, path
        assert asked[0].statements == asked[1].statements, path
    assert len(with_id) >= 15


@pytest.mark.parametrize("verb", ["approve", "reject", "withdraw"])
def test_deciding_about_a_foreign_exclusion_is_answered_as_about_a_missing_one(walk: Walk, verb: str) -> None:
    own = Client(walk.application, walk.callers, OWN)
    asked = [own.ask(f"/v1/exclusions/{word}-exclusion/{verb}", "POST") for word in (RANDOM, FOREIGN)]

    assert asked[0].without_instance == asked[1].without_instance
    assert asked[0].response.status_code in {403, 404}
    assert asked[0].statements == asked[1].statements


def test_an_entity_tag_of_another_council_answers_nothing_sooner(walk: Walk) -> None:
    other = Client(walk.application, walk.callers, FOREIGN)
    tag = other.ask(f"/v1/statements/{FOREIGN}/{MONTH}").response.headers["ETag"]
    own = TestClient(walk.application)

    answer = own.get(f"/v1/statements/{OWN}/{MONTH}", headers=walk.callers.headers(OWN) | {"If-None-Match": tag})

    assert answer.status_code == 200


def test_without_a_token_no_route_tells_of_any_council(walk: Walk) -> None:
    nobody = TestClient(walk.application, raise_server_exceptions=False)

    for path, address in walk.addresses(OWN).items():
        if path not in STREAMS:
            answer = nobody.get(address)
            assert canaries_in(words_of(answer.headers.get("content-type", ""), answer.content)) == set(), path

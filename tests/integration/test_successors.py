"""A successor reads its predecessors' past from the day on which they ended, and changes nothing of it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from catalogue.signing_keys import read_key
from shared.auth.principal import Principal
from shared.auth.tokens import issue
from shared.bus.access_view import AccessView
from shared.clock import FixedClock
from shared.contracts.charges import StandingCharge
from shared.contracts.codec import encode_event
from shared.contracts.definitions import AnyDefinition
from shared.contracts.topics import CATALOGUE, TICKETS
from shared.http import create_app
from shared.http.ways import authentication
from shared.instants import epoch_s
from shared.log.port import Message
from shared.scope import Scope
from shared.units import EpochMillis
from tallystick.stack import Stack
from tests.support.callers import SIGNING_KEY, published_key
from tests.support.canaries import services
from tests.support.definitions import agreement, calendar, council, objective, provider, service, target, tariff
from tests.support.monitoring import ticket

ENDED = date(2026, 4, 1)
BEFORE, AFTER = datetime(2026, 3, 31, 22, 59, tzinfo=UTC), datetime(2026, 4, 10, 12, tzinfo=UTC)
# `first` was merged into `second`, and that with `third` into `heir`; `other` was succeeded by somebody else.
SUCCESSORS = {"first": (date(2026, 2, 1), "second"), "second": (ENDED, "heir"), "third": (ENDED, "heir")}
OLD = ("first", "second", "third", "other")
LATE = ("04", "Wed 2026-04-01 09:00")  # sent in the name of a council that has ended
# What a month, or a definition, of a council is read by.
OF_MONTH = (
    "/v1/statements/{council}/{month}",
    "/v1/statements/{council}/{month}.pdf",
    "/v1/statements/{council}/{month}/lines/{line}",
    "/v1/evidence/{council}/{month}",
)
LISTS = ("/v1/statements?month={month}", "/v1/attainment?month={month}", "/v1/verdicts?month={month}")
PAGES = ("/attainment?month={month}", "/verdicts?month={month}")


def definitions() -> list[AnyDefinition]:
    ends = {**SUCCESSORS, "other": (ENDED, "stranger")}
    councils = [
        council(id, name=id.title(), effective_to=ends[id][0], successors=(ends[id][1],)) if id in ends else council(id)
        for id in (*OLD, "heir", "stranger")
    ]
    resolve = target(id="resolve", service="ict", measure="resolution-time", objective=objective())
    price = StandingCharge(name="Monthly", monthly_gbp="10.00")
    return [
        provider(),
        calendar(),
        service("ict", counted_by="tickets-resolved", unit="ticket", unit_name="ticket"),
        tariff("ict", service="ict", charges=(price,)),
        *councils,
        *(
            agreement(f"{id}-agreement", council=id, targets=(resolve,), tariffs=("ict",))
            for id in (*OLD, "heir", "stranger")
        ),
    ]


@dataclass(frozen=True)
class Asked:
    """What somebody of `heir` is answered at an instant."""

    http: TestClient
    token: str

    def get(self, address: str) -> Any:
        return self.http.get(address, headers={"Authorization": f"Bearer {self.token}"})

    def post(self, address: str, body: Any) -> int:
        answer = self.http.post(address, json=body, headers={"Authorization": f"Bearer {self.token}"})
        return answer.status_code


@dataclass(frozen=True)
class Heir:
    """The services with the past of all councils, and what a caller of `heir` may ask before and after the day."""

    before: Asked
    after: Asked


@pytest.fixture(scope="module")
def heir(module_database_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heir]:
    with asyncio.Runner() as runner:
        opened = services(tmp_path_factory.mktemp("successors"), module_database_of, clock=FixedClock(AFTER))
        stack = runner.run(opened.__aenter__())
        view = runner.run(past_of_all(stack))
        yield Heir(*(asked(stack, view, at) for at in (BEFORE, AFTER)))
        runner.run(opened.__aexit__(None, None, None))


async def past_of_all(stack: Stack) -> AccessView:
    await stack.record(definitions())
    await stack.bus.publish(CATALOGUE.name, [published_key(datetime(2026, 1, 1, tzinfo=UTC))])
    for id_ in OLD:
        for month, first in (
            ("01", "Mon 2026-01-05 09:00"),
            ("03", "Mon 2026-03-02 09:00"),
            ("04", "Wed 2026-04-01 09:00"),
        ):
            lines = (first, "opened"), (first.replace("09:00", "16:00"), "resolved")
            for event in ticket(*lines, item=f"{id_}-{month}", council=id_):
                sent_ms = EpochMillis(int(event.time.timestamp() * 1000))
                await stack.bus.publish(TICKETS.name, [Message(event.key, encode_event(event), timestamp_ms=sent_ms)])
    await stack.drain()
    view = AccessView(stack.bus, reader="test")
    await view.catch_up()
    return view


def asked(stack: Stack, view: AccessView, at: datetime) -> Asked:
    """A finance officer of `heir` by an access token, known as on a server."""
    known = authentication(view, FixedClock(at), audience="tallystick", secure=False)
    routers = [
        stack.catalogue.router,
        stack.monitor.router,
        stack.billing.router,
        stack.monitor.pages(illustrative=False),
    ]
    types = [*stack.catalogue.types, *stack.monitor.types, *stack.billing.types]
    officer = Principal.of("officer", "person", ["council-finance"], Scope.of("heir"))
    token = issue(officer, read_key(SIGNING_KEY), audience="tallystick", jti="one", now_s=epoch_s(at))
    return Asked(TestClient(create_app("services", routers, types=types, authentication=known)), token)


def seen_in(answer: Any) -> set[str]:
    """The old councils that the answer tells of."""
    assert answer.status_code == 200, answer.text
    return {id_ for id_ in OLD if id_ in answer.text.lower()}


def addresses(heir: Heir, id_: str, month: str) -> Sequence[str]:
    statement = heir.after.get(f"/v1/statements/{id_}/{month}")
    line = statement.json()["services"][0]["lines"][0]["ref"] if statement.status_code == 200 else "none"
    return [each.format(council=id_, month=month, line=line) for each in OF_MONTH]


@pytest.mark.parametrize(
    ("id_", "month", "status"),
    [
        ("first", "2026-01", 200),
        ("first", "2026-03", 404),  # it had ended
        ("second", "2026-01", 200),
        ("second", "2026-03", 200),
        ("second", "2026-04", 404),
        ("third", "2026-03", 200),
        ("other", "2026-03", 404),  # somebody else succeeded it
        ("stranger", "2026-03", 404),
    ],
)
def test_a_month_of_a_predecessor_is_read_where_it_ended_by_the_day(
    heir: Heir, id_: str, month: str, status: int
) -> None:
    assert {heir.after.get(address).status_code for address in addresses(heir, id_, month)} == {status}


@pytest.mark.parametrize("id_", OLD)
def test_before_the_day_nothing_of_a_predecessor_is_read(heir: Heir, id_: str) -> None:
    found = {address: heir.before.get(address).status_code for address in addresses(heir, id_, "2026-03")}

    assert set(found.values()) == {404}
    assert seen_in(heir.before.get("/v1/statements?month=2026-01")) == set()


@pytest.mark.parametrize("address", [*LISTS, *PAGES])
@pytest.mark.parametrize(
    ("month", "councils"),
    [("2026-01", {"first", "second", "third"}), ("2026-03", {"second", "third"}), ("2026-04", set())],
)
def test_a_list_of_a_month_holds_the_predecessors_that_lasted_to_its_end(
    heir: Heir, address: str, month: str, councils: set[str]
) -> None:
    assert seen_in(heir.after.get(address.format(month=month))) == councils


def test_a_period_that_goes_on_after_the_end_holds_nothing_of_a_predecessor(heir: Heir) -> None:
    quarter, year = (
        heir.after.get(f"/v1/attainment?month=2026-03&period={each}") for each in ("quarter", "financial-year")
    )

    assert (seen_in(quarter), seen_in(year)) == ({"second", "third"}, {"second", "third"})
    assert seen_in(heir.after.get("/v1/attainment?month=2026-01&period=quarter")) == {"second", "third"}


@pytest.mark.parametrize(
    "address", ["/v1/attainment", "/v1/items/second-03", "/v1/today", "/v1/at-risk", "/v1/exclusions", "/v1/budget"]
)
def test_what_is_of_no_month_is_of_the_successor_alone(heir: Heir, address: str) -> None:
    answer = heir.after.get(address)

    assert answer.status_code == 404 or seen_in(answer) == set()


def test_the_agreements_of_a_predecessor_are_read_and_those_of_others_are_not(heir: Heir) -> None:
    found = {id_: heir.after.get(f"/v1/agreements/{id_}-agreement").status_code for id_ in OLD}

    assert found == {"first": 200, "second": 200, "third": 200, "other": 404}
    assert {heir.before.get(f"/v1/agreements/{id_}-agreement").status_code for id_ in ("second", "other")} == {404}


@pytest.mark.parametrize("id_", ["second", "nosuch"])
def test_nothing_of_a_predecessor_can_be_changed(heir: Heir, id_: str) -> None:
    excluded = {
        "council": id_,
        "start_at": "2026-03-02T13:00:00Z",
        "end_at": "2026-03-02T16:00:00Z",
        "category": "planned-maintenance",
        "reason": "change",
    }
    client = {"title": "x", "roles": ["council-viewer"], "councils": [id_], "sources": [], "valid_days": 9}

    assert heir.after.post("/v1/exclusions", {"id": "X", "exclusion": excluded}) == 404
    assert heir.after.post("/v1/clients", client) == 422  # "no more than you may do yourself"


def test_the_attainment_page_leads_to_the_months_that_were_inherited(heir: Heir) -> None:
    assert "month=2026-01" in heir.after.get("/attainment?month=2026-03").text
    assert "month=2026-04" not in heir.after.get("/attainment?month=2026-03").text

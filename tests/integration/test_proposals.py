"""Changes of prices and terms: proposed by one person, decided by another of the right side, over HTTP."""

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from fastapi.testclient import TestClient

from catalogue.app import CatalogueApp, build
from catalogue.handlers import ExpectedVersions
from catalogue.ports import StoredProposal
from catalogue.settings import CatalogueSettings
from shared.audit import AuditRecord
from shared.auth.principal import Principal
from shared.bus.connect import connect
from shared.clock import FixedClock
from shared.contracts.charges import UnitCharge
from shared.contracts.codec import decode_event
from shared.contracts.definitions import Tariff
from shared.contracts.indexes import UpliftClause
from shared.contracts.proposals import PartyWords, ProposalUpdated
from shared.contracts.topics import AUDIT, CATALOGUE
from shared.http import Authentication, create_app
from shared.log.port import Bus, Shard
from shared.scope import Scope
from shared.units import Offset
from tallystick.stack import open_stack
from tests.support.callers import SIGNING_KEY
from tests.support.definitions import agreement, council, index, tariff, whole

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
EVERY, ADUR, WORTHING = Scope.all(), Scope.of("adur"), Scope.of("worthing")
PEOPLE = {
    each.name: each
    for each in (
        Principal.of("operator", "person", ["operator"], EVERY),
        Principal.of("finance", "person", ["finance"], EVERY),
        Principal.of("approver", "person", ["approver"], EVERY),
        Principal.of("both", "person", ["operator", "approver"], EVERY),
        Principal.of("auditor", "person", ["auditor"], EVERY),
        Principal.of("program", "machine", ["operator"], EVERY),
        Principal.of("adur-finance", "person", ["council-finance"], ADUR),
        Principal.of("adur-viewer", "person", ["council-viewer"], ADUR),
        Principal.of("worthing-finance", "person", ["council-finance"], WORTHING),
        Principal.of("both-finance", "person", ["council-finance"], Scope.of("adur", "worthing")),
        Principal.local("login"),
    )
}
KNOWN = Authentication(lambda request: PEOPLE.get(request.headers.get("Test-Caller", "")))
DEARER = tariff(charges=(UnitCharge(name="Payslip", price_gbp="4.60"),))


class Callers:
    """The catalogue as each of the people meets it."""

    def __init__(self, app: CatalogueApp, bus: Bus) -> None:
        self.app, self.bus = app, bus
        routes = [app.router, app.pages()]
        self._client = TestClient(create_app("Catalogue", routes, types=app.types, authentication=KNOWN))

    def ask(self, who: str, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {"Test-Caller": who, **more.pop("headers", {})}
        return self._client.request(method, path, headers=headers, **more)

    def put(self, who: str, definition: Any, kind: str = "tariffs", *, reason: str = "", match: str = '"1"') -> Any:
        path = f"/v1/{kind}/{definition.id}"
        headers = {"Content-Type": "application/json", **({"If-Match": match} if match else {})}
        query = {"reason": reason} if reason else {}
        return self.ask(who, "PUT", path, content=msgspec.json.encode(definition), headers=headers, params=query)

    def proposed(self, definition: Any = DEARER, kind: str = "tariffs", **more: Any) -> str:
        answer = self.put("operator", definition, kind, **more)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def decide(self, who: str, id_: str, step: str, reason: str = "") -> httpx2.Response:
        return self.ask(who, "POST", f"/v1/proposals/{id_}/{step}", json={"reason": reason})

    def newest(self, path: str = "tariffs/payroll") -> Any:
        return self.ask("auditor", "GET", f"/v1/{path}").json()

    def listed(self, who: str) -> list[str]:
        return [each["id"] for each in self.ask(who, "GET", "/v1/proposals").json()["items"]]

    def audited(self) -> list[AuditRecord]:
        return [entry.record for entry in self.app.audit.read(EVERY, after=0, limit=1_000)]

    def announced(self) -> list[ProposalUpdated]:
        async def read() -> list[ProposalUpdated]:
            await self.app.publish_waiting()
            records = await self.bus.read(Shard(CATALOGUE.name, 0), Offset(0), limit=500)
            events = [decode_event(record.value or b"") for record in records]
            return [event for event in events if isinstance(event, ProposalUpdated)]

        return asyncio.run(read())


@pytest.fixture
def on(tmp_path: Path, database_of: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callers]:
    """A catalogue with Adur's payroll; Worthing is known, and has no agreement."""
    monkeypatch.setenv("DATABASE_URL", database_of("catalogue"))
    monkeypatch.setenv("SIGNING_KEY", SIGNING_KEY)
    bus = connect(f"sqlite:///{tmp_path}/log.db")
    asyncio.run(bus.ensure_topics([CATALOGUE, AUDIT]))
    app = build(CatalogueSettings(TALLYSTICK_VAR=tmp_path), bus=bus, clock=FixedClock(NOW))
    app.handlers.record([*whole(), council("worthing")], at=NOW, actor="test")
    yield Callers(app, bus)
    asyncio.run(app.close())
    asyncio.run(bus.close())


def share_with_worthing(on: Callers) -> None:
    shared = agreement("a2", council="worthing", tariffs=("payroll",))
    on.app.handlers.record([shared], at=NOW, actor="test")


def test_a_published_figure_and_the_prices_that_follow_it_take_two_people_each(on: Callers) -> None:
    clause = UpliftClause(
        index="prices",
        base="2024-09",
        reference="2025-09",
        applies_from=date(2026, 10, 1),
        percent_places=1,
        price_places=2,
    )
    on.decide("approver", on.proposed(msgspec.structs.replace(tariff(), uplift=clause)), "approve")
    figures = on.proposed(index(("2024-09", "100"), ("2025-09", "110")), "indexes")
    assert on.ask("operator", "GET", "/v1/tariffs/payroll/uplift").status_code == 409
    assert on.decide("approver", figures, "approve").status_code == 200

    working = on.ask("operator", "GET", "/v1/tariffs/payroll/uplift").json()
    raised = on.proposed(msgspec.convert(working["next"], Tariff), match='"2"')

    assert on.decide("operator", raised, "approve").status_code == 403
    assert on.decide("approver", raised, "approve").status_code == 200
    ((before, after),) = [(price["before"], price["after"]) for price in working["prices"]]
    assert (before, after) == ("4.42", "4.86")
    assert on.newest()["definition"]["charges"][0]["price_gbp"] == after


def test_a_price_changes_once_somebody_else_has_approved_it(on: Callers) -> None:
    proposed = on.put("operator", DEARER, reason="Board minute 12")

    assert proposed.status_code == 202
    id_ = proposed.json()["id"]
    assert proposed.headers["Location"] == f"/v1/proposals/{id_}"
    assert on.newest()["version"] == 1

    decided = on.decide("adur-finance", id_, "approve", "As budgeted")

    assert decided.status_code == 200
    assert (on.newest()["version"], on.newest()["definition"]["charges"][0]["price_gbp"]) == (2, "4.60")
    data = decided.json()["proposal"]
    assert (data["proposed"]["by"], data["proposed"]["side"], data["proposed"]["words"]) == (
        "operator",
        "provider",
        "Board minute 12",
    )
    assert (data["decided"]["by"], data["decided"]["side"], data["decided"]["words"]) == (
        "adur-finance",
        "council",
        "As budgeted",
    )


def test_what_changes_is_said_place_by_place(on: Callers) -> None:
    id_ = on.proposed(tariff(name="Pay", charges=(UnitCharge(name="Payslip", price_gbp="4.60"),)))

    (document,) = on.ask("auditor", "GET", f"/v1/proposals/{id_}").json()["proposal"]["definitions"]

    assert (document["kind"], document["id"], document["replaces"], document["councils"]) == (
        "tariff",
        "payroll",
        1,
        ["adur"],
    )
    assert {(each["place"], each["before"], each["after"]) for each in document["differences"]} == {
        ("name", "Payroll", "Pay"),
        ("charges / Payslip / price in £", "4.42", "4.60"),
    }


@pytest.mark.parametrize("who", ["operator", "finance", "program", "both"])
def test_whoever_may_propose_cannot_record_a_price_alone(on: Callers, who: str) -> None:
    assert on.put(who, DEARER).status_code == 202
    assert on.newest()["version"] == 1


def test_who_proposed_it_never_decides_about_it_whatever_their_roles(on: Callers) -> None:
    id_ = on.put("both", DEARER).json()["id"]

    for step in ("approve", "reject"):
        assert on.decide("both", id_, step).status_code == 403
    assert on.newest()["version"] == 1
    assert on.decide("approver", id_, "approve").status_code == 200


def test_a_council_approves_what_is_about_it_alone_and_may_reject_what_is_also_about_it(on: Callers) -> None:
    share_with_worthing(on)
    id_ = on.proposed()

    refused = on.decide("adur-finance", id_, "approve")

    assert (refused.status_code, on.newest()["version"]) == (403, 1)
    assert on.decide("both-finance", id_, "approve").status_code == 200
    again = on.proposed(tariff(name="Other"), match='"2"')
    assert on.decide("worthing-finance", again, "reject", "Not agreed").status_code == 200
    assert on.newest()["version"] == 2


def test_another_council_sees_nothing_of_it(on: Callers) -> None:
    id_ = on.proposed()

    assert on.listed("adur-finance") == on.listed("approver") == [id_]
    assert on.listed("worthing-finance") == []
    for path in (id_, "change-000000000000"):
        foreign = on.ask("worthing-finance", "GET", f"/v1/proposals/{path}")
        assert (foreign.status_code, foreign.json()["title"]) == (404, "Not found")
        assert on.decide("worthing-finance", path, "approve").status_code == 404


def test_a_council_sees_of_a_shared_tariff_neither_the_others_nor_their_agreements(on: Callers) -> None:
    share_with_worthing(on)
    on.proposed()
    on.proposed(agreement("a2", council="worthing", tariffs=("payroll",), title="Other"), "agreements")

    text = on.ask("adur-finance", "GET", "/v1/proposals").text

    assert "adur" in text
    assert "worthing" not in text.lower()


def test_terms_take_two_people_as_prices_do(on: Callers) -> None:
    id_ = on.proposed(agreement(tariffs=("payroll",), title="Payroll and more"), "agreements")

    assert on.newest("agreements/a1")["version"] == 1
    assert on.decide("adur-finance", id_, "approve").status_code == 200
    assert on.newest("agreements/a1")["definition"]["title"] == "Payroll and more"


def test_a_new_tariff_waits_for_the_providers_approver(on: Callers) -> None:
    id_ = on.proposed(tariff("new"), match="")

    assert on.listed("adur-finance") == []
    assert on.ask("auditor", "GET", "/v1/tariffs/new").status_code == 404
    assert on.decide("approver", id_, "approve").status_code == 200
    assert on.newest("tariffs/new")["version"] == 1


def test_what_prices_nothing_is_recorded_as_before(on: Callers) -> None:
    assert on.put("operator", council(name="Adur District"), "councils").status_code == 201


def test_a_local_stack_is_one_persons(on: Callers) -> None:
    assert on.put("login", DEARER).status_code == 201
    assert on.newest()["version"] == 2


def test_the_same_proposed_again_is_the_same_and_what_is_there_already_is_none(on: Callers) -> None:
    assert on.proposed() == on.proposed()
    assert on.put("operator", tariff()).status_code == 200
    assert len(on.listed("approver")) == 1


@pytest.mark.parametrize(("match", "status"), [("", 428), ('"7"', 412)])
def test_a_change_of_another_version_is_refused_at_once(on: Callers, match: str, status: int) -> None:
    assert on.put("operator", DEARER, match=match).status_code == status


def test_what_cannot_be_recorded_cannot_be_proposed(on: Callers) -> None:
    refused = on.put("operator", tariff(service="nothing"))

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/service")
    assert on.listed("approver") == []


def test_of_two_changes_of_one_version_the_second_is_void(on: Callers) -> None:
    first, second = on.proposed(), on.proposed(tariff(name="Other"))

    assert on.decide("approver", first, "approve").status_code == 200
    stale = on.decide("approver", second, "approve")

    assert (stale.status_code, on.newest()["version"]) == (409, 2)
    assert "propose it again" in stale.json()["detail"]
    assert on.decide("approver", second, "reject").status_code == 200


def test_what_charges_another_council_by_now_is_proposed_again(on: Callers) -> None:
    id_ = on.proposed()
    share_with_worthing(on)

    assert on.decide("adur-finance", id_, "approve").status_code == 409
    assert on.newest()["version"] == 1


@pytest.mark.parametrize("step", ["approve", "reject", "withdraw"])
def test_what_is_decided_stays_so(on: Callers, step: str) -> None:
    id_ = on.proposed()
    assert on.decide("finance" if step == "withdraw" else "approver", id_, step).status_code == 200

    assert [on.decide("approver", id_, other).status_code for other in ("approve", "reject")] == [409, 409]
    assert on.decide("finance", id_, "withdraw").status_code == 409
    assert on.newest()["version"] == (2 if step == "approve" else 1)


@pytest.mark.parametrize(
    ("who", "step"),
    [
        ("auditor", "approve"),
        ("adur-viewer", "approve"),
        ("adur-viewer", "reject"),
        ("finance", "approve"),
        ("approver", "withdraw"),
        ("adur-finance", "withdraw"),
    ],
)
def test_whoever_has_not_the_role_is_refused(on: Callers, who: str, step: str) -> None:
    assert on.decide(who, on.proposed(), step).status_code == 403


def test_each_step_is_an_event_and_in_the_audit_log_with_both_names(on: Callers) -> None:
    id_ = on.proposed(reason="Board minute 12")
    on.decide("approver", id_, "approve", "Agreed")

    assert [(event.subject, event.data.status) for event in on.announced()] == [(id_, "proposed"), (id_, "approved")]
    entries = [(each.actor, each.action, each.subject, each.council) for each in on.audited() if each.actor != "test"]
    assert entries == [
        ("operator", "change-proposed", f"proposal:{id_}", "adur"),
        ("approver", "version-recorded", "tariff:payroll:2", None),
        ("approver", "change-approved", f"proposal:{id_}", "adur"),
    ]
    recorded = next(each for each in on.audited() if each.subject == "tariff:payroll:2")
    assert recorded.details == {"proposal": id_, "proposed_by": "operator"}


def test_a_page_says_what_was_decided(on: Callers) -> None:
    id_ = on.proposed(reason="Board minute 12")

    page = on.ask("adur-finance", "POST", f"/approvals/changes/{id_}/approve", data={"words": "As\r\n budgeted"})

    assert page.status_code == 200
    assert "The change is recorded" in page.text
    assert "Board minute 12" in page.text
    assert "As budgeted" in page.text
    assert on.newest()["version"] == 2


def test_words_that_are_too_long_are_refused_and_nothing_is_decided(on: Callers) -> None:
    id_ = on.proposed()

    assert on.decide("approver", id_, "approve", "x" * 501).status_code == 422
    page = on.ask("approver", "POST", f"/approvals/changes/{id_}/approve", data={"words": "x" * 501})
    assert page.status_code == 400
    assert on.newest()["version"] == 1


def test_pages_of_the_list_hold_each_once(on: Callers) -> None:
    made = [on.proposed(tariff(name=f"Name {number}")) for number in range(3)]
    first = on.ask("approver", "GET", "/v1/proposals?limit=2")
    cursor = first.headers["Link"].partition("cursor=")[2].partition(">")[0].partition("&")[0]
    second = on.ask("approver", "GET", f"/v1/proposals?limit=2&cursor={cursor}")

    assert sorted(each["id"] for each in [*first.json()["items"], *second.json()["items"]]) == sorted(made)


async def load(app: CatalogueApp) -> Any:
    return await app.record_or_propose("chesterfield-bolsover-north-east-derbyshire", actor="catalogue-load")


def test_a_file_that_comes_later_is_proposed_whole(on: Callers) -> None:
    proposed = asyncio.run(load(on.app))

    assert asyncio.run(load(on.app)).id == proposed.id
    assert on.ask("auditor", "GET", "/v1/councils/bolsover").status_code == 404
    assert on.listed("adur-finance") == [proposed.id]  # it has a tariff of the id by which Adur is charged
    assert on.listed("worthing-finance") == []
    assert on.decide("approver", proposed.id, "approve").status_code == 200
    assert on.ask("auditor", "GET", "/v1/councils/bolsover").status_code == 200
    assert asyncio.run(load(on.app)).added == ()


def test_the_file_that_sets_up_a_catalogue_is_recorded(tmp_path: Path) -> None:
    async def set_up() -> Any:
        async with open_stack(tmp_path) as stack:
            return await load(stack.catalogue)

    assert len(asyncio.run(set_up()).added) > 20


def test_the_page_of_approvals_shows_both_sides_what_changes(tmp_path: Path) -> None:
    """The monitor has the page, and learns of proposals from the log."""

    async def pages() -> dict[str, str]:
        async with open_stack(tmp_path) as stack:
            await stack.record([*whole(), council("worthing")])
            party = PartyWords(side="provider", by="operator", at=NOW, words="Board <minute> 12")
            expected = ExpectedVersions(any=True)
            proposed = stack.catalogue.proposals.replace(DEARER, expected=expected, party=party)
            assert isinstance(proposed, StoredProposal)
            await stack.catalogue.publish_waiting()
            await stack.monitor.catch_up()
            client = TestClient(create_app("Monitor", [stack.monitor.pages(illustrative=False)], authentication=KNOWN))

            def shown(who: str) -> str:
                return client.get("/approvals", headers={"Test-Caller": who}).text

            found = {who: shown(who) for who in PEOPLE if who != "program"}
            stack.catalogue.proposals.decide(
                PEOPLE["adur-finance"], proposed.id, "approve", words="As budgeted", at=NOW
            )
            await stack.catalogue.publish_waiting()
            await stack.monitor.catch_up()
            return {**found, "afterwards": shown("adur-finance")}

    found = asyncio.run(pages())

    for who in ("operator", "approver", "adur-finance", "adur-viewer", "auditor"):
        assert "Board &lt;minute&gt; 12" in found[who]
        assert "in force from the beginning" in found[who]
        assert ("4.42" in found[who], "4.60" in found[who]) == (True, True)
    assert "Nothing waits for a decision." in found["worthing-finance"]
    steps = {
        who: re.findall(r"formaction=\"/approvals/changes/change-[0-9a-f]+/(\w+)\"", page)
        for who, page in found.items()
    }
    assert steps["adur-finance"] == steps["approver"] == ["approve", "reject"]
    assert steps["operator"] == steps["finance"] == ["withdraw"]
    assert steps["auditor"] == steps["adur-viewer"] == steps["worthing-finance"] == []
    assert ("As budgeted" in found["afterwards"], "formaction" in found["afterwards"]) == (True, False)

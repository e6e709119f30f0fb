"""What members of a partnership see of each other: as much as each one's agreement says, in every form, and no more."""

import asyncio
import csv
import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient

from billing.partnerships import PartnershipMonths
from billing.ports import Snapshot
from billing.store.sql import SqlStore
from shared.clock import FixedClock
from shared.contracts.charges import StandingCharge, UnitCharge
from shared.contracts.codec import encode_event
from shared.contracts.definitions import AnyDefinition, MembersSee
from shared.contracts.topics import TICKETS
from shared.http import create_app
from shared.log.port import Message
from shared.period import Month
from shared.scope import Scope
from shared.sql.isolation import Database
from shared.units import EpochMillis
from tallystick.stack import Stack, open_stack
from tests.support.callers import known_as
from tests.support.canaries import services, words_of
from tests.support.definitions import agreement, council, partnership, provider, service, tariff
from tests.support.monitoring import ticket

NOW = FixedClock(datetime(2026, 4, 10, 12, tzinfo=UTC))
PATH = "/v1/partnership-recharges/south/2026-03"
LEVELS: tuple[MembersSee, ...] = get_args(MembersSee)
FORMS = ("json", "csv", "html", "pdf")
READER, OUTSIDER = "adur", "dover"
# The other members are called after what their agreements let members see. Each is charged £138.99: two tickets at
# £7.77, and £123.45 for payroll.
CHARGE = "Zetaticket"
FOUND_AT: dict[str, tuple[MembersSee, ...]] = {
    "138.99": ("totals", "shares", "all"),
    "15.54": ("shares", "all"),
    "123.45": ("shares", "all"),
    CHARGE: ("all",),
    "7.77": ("all",),
}


def definitions(level: MembersSee) -> list[AnyDefinition]:
    """A partnership of the reader, who is charged nothing, and of one member with that level; and an outsider."""
    ict = service("ict", counted_by="tickets-resolved", unit="ticket", unit_name="ticket")
    each = UnitCharge(name=CHARGE, price_gbp="7.77")
    monthly = StandingCharge(name="Monthly", monthly_gbp="123.45")
    named = ("tickets", "payroll")
    return [
        provider(),
        ict,
        service("payroll"),
        tariff("tickets", service="ict", charges=(each,)),
        tariff("payroll", charges=(monthly,)),
        tariff("nothing", service="ict", charges=(StandingCharge(name="Free", monthly_gbp="0.00"),)),
        *(council(id, name=f"{id.title()} Council") for id in (READER, "member", OUTSIDER)),
        agreement("own", council=READER, targets=(), tariffs=("nothing",), members_see="none"),
        agreement("hidden-id", council="member", title="Secret", targets=(), tariffs=named, members_see=level),
        agreement("apart", council=OUTSIDER, targets=(), tariffs=("nothing",)),
        partnership(id="south", name="South", councils=(READER, "member")),
    ]


async def send_tickets(stack: Stack) -> None:
    for number in (1, 2):
        lines = ("Mon 2026-03-02 09:00", "opened"), ("Tue 2026-03-03 16:00", "resolved")
        for event in ticket(*lines, item=f"T{number}", council="member"):
            sent_ms = EpochMillis(int(event.time.timestamp() * 1000))
            await stack.bus.publish(TICKETS.name, [Message(event.key, encode_event(event), timestamp_ms=sent_ms)])
    await stack.drain()


def ask(stack: Stack, address: str, *councils: str, accept: str = "*/*") -> Any:
    """The answer to somebody of these councils' finance; without any, to the provider's."""
    known = known_as("council-finance", councils=councils) if councils else known_as("finance")
    app = create_app("billing", [stack.billing.router], types=stack.billing.types, authentication=known)
    return TestClient(app).get(address, headers={"Accept": accept})


@dataclass(frozen=True)
class Shown:
    """What each caller is answered, by form."""

    reader: dict[str, str]
    provider: dict[str, str]
    reader_json: dict[str, Any]


@pytest.fixture(scope="module", params=LEVELS)
def level(request: pytest.FixtureRequest) -> MembersSee:
    found: MembersSee = request.param
    return found


@pytest.fixture(scope="module")
def shown(
    level: MembersSee, module_database_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Shown:
    def database_of(package: str) -> str:
        return module_database_of(package).replace(f"{package}.db", f"{level}-{package}.db")

    async def scenario() -> Shown:
        async with services(tmp_path_factory.mktemp(level), database_of, clock=NOW) as stack:
            await stack.record(definitions(level))
            await send_tickets(stack)
            as_json = ask(stack, PATH, READER).json()
            return Shown(forms(stack, READER), forms(stack), as_json)

    return asyncio.run(scenario())


def forms(stack: Stack, *councils: str) -> dict[str, str]:
    """The words of each form, with pence written as pounds."""
    answers = {suffix: ask(stack, f"{PATH}.{suffix}", *councils) for suffix in FORMS}
    assert {answer.status_code for answer in answers.values()} == {200}
    words = {suffix: words_of(found.headers["content-type"], found.content) for suffix, found in answers.items()}
    for pounds in ("138.99", "15.54", "123.45"):
        words["json"] = words["json"].replace(f":{pounds.replace('.', '')},", f":{pounds},")
    return words


@pytest.mark.parametrize("form", FORMS)
def test_a_member_is_shown_what_the_others_agreement_says_and_nothing_more(
    shown: Shown, level: MembersSee, form: str
) -> None:
    found = {words for words in FOUND_AT if words in shown.reader[form]}

    assert found == {words for words, levels in FOUND_AT.items() if level in levels} - finer_in(form, level)


def test_no_value_shows_how_vat_treats_a_member(shown: Shown) -> None:
    lines = [line for member in shown.reader_json["members"] for line in member["lines"] or ()]

    assert lines
    assert not [line for line in lines if "vat" in line]
    assert "vat_" not in shown.reader["csv"]


@pytest.mark.parametrize("form", FORMS)
def test_where_nothing_is_shown_the_agreement_itself_is_not_known_either(
    shown: Shown, level: MembersSee, form: str
) -> None:
    assert ("Secret" in shown.reader[form] or "hidden-id" in shown.reader[form]) == (level != "none")


@pytest.mark.parametrize("form", FORMS)
def test_the_provider_is_shown_everything_whatever_members_see(shown: Shown, form: str) -> None:
    found = {words for words in FOUND_AT if words in shown.provider[form]}

    assert found == set(FOUND_AT) - finer_in(form, "all")


def finer_in(form: str, level: MembersSee) -> set[str]:
    """A CSV has no row of a member's total where it has finer ones, so that its column adds up."""
    return {"138.99"} if form == "csv" and level in ("shares", "all") else set()


def test_totals_are_of_what_is_shown_and_who_is_not_shown_is_named(shown: Shown, level: MembersSee) -> None:
    members = {member["council"]: member for member in shown.reader_json["members"]}
    total = 0 if level == "none" else 13899

    assert shown.reader_json["total_pence"] == total == sum(member["total_pence"] for member in members.values())
    assert shown.reader_json["not_shown"] == (["member"] if level == "none" else [])
    assert members["adur"]["sees"] == "all"


def test_the_amounts_of_the_csv_add_up_to_the_total(shown: Shown) -> None:
    rows = list(csv.DictReader(io.StringIO(shown.reader["csv"].removeprefix("\ufeff"))))

    assert sum(Decimal(row["amount_gbp"]) for row in rows) * 100 == shown.reader_json["total_pence"]


def test_a_statement_leads_to_its_partnership_and_does_not_change_by_it(tmp_path: Path) -> None:
    async def scenario() -> tuple[list[str], str]:
        async with open_stack(tmp_path, clock=NOW) as stack:
            await stack.record(definitions("all"))
            await stack.drain()
            before = [ask(stack, f"/v1/statements/adur/2026-03{suffix}", READER).text for suffix in ("", ".csv")]
            await send_tickets(stack)
            after = [ask(stack, f"/v1/statements/adur/2026-03{suffix}", READER).text for suffix in ("", ".csv")]
            assert before == after
            return after, ask(stack, "/v1/statements/adur/2026-03.html", READER).text

    forms, page = asyncio.run(scenario())

    assert f'href="{PATH}"' in page
    assert not [form for form in forms if "member" in form]


def test_a_partnership_without_a_council_of_yours_is_answered_as_one_that_is_missing(tmp_path: Path) -> None:
    async def scenario() -> list[Any]:
        async with open_stack(tmp_path, clock=NOW) as stack:
            await stack.record(definitions("all"))
            missing = PATH.replace("south", "north")
            return [ask(stack, address, OUTSIDER) for address in (PATH, missing, f"{PATH}.pdf", f"{missing}.pdf")]

    answers = asyncio.run(scenario())

    assert {answer.status_code for answer in answers} == {404}
    assert len({str(answer.json() | {"instance": ""}) for answer in answers}) == 1


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, True),
        ({"provider": "other"}, False),  # an agreement with somebody else is not the partnership's
        ({"effective_from": date(2026, 4, 1)}, False),  # in force after the month
        ({"effective_to": date(2026, 3, 15)}, True),  # to the middle of it
        ({"effective_to": date(2026, 3, 1)}, False),
    ],
)
def test_an_agreement_is_shown_for_the_months_and_the_provider_that_it_is_of(
    tmp_path: Path, change: dict[str, Any], shown: bool
) -> None:
    async def scenario() -> dict[str, Any]:
        async with open_stack(tmp_path, clock=NOW) as stack:
            known = [each for each in definitions("all") if each.id != "hidden-id"]
            theirs = agreement(
                "hidden-id",
                **{"council": "member", "targets": (), "tariffs": ("payroll",), "members_see": "all"} | change,
            )
            await stack.record([*known, provider(id="other", name="Other"), theirs])
            await stack.drain()
            found: dict[str, Any] = ask(stack, PATH, READER).json()
            return found

    members = {member["council"] for member in asyncio.run(scenario())["members"]}

    assert members == ({"adur", "member"} if shown else {"adur"})


def test_what_an_agreement_shows_follows_the_version_of_the_month(tmp_path: Path) -> None:
    async def scenario() -> list[Any]:
        async with open_stack(tmp_path, clock=NOW) as stack:
            later = agreement(
                "hidden-id",
                council="member",
                title="Secret",
                targets=(),
                tariffs=("tickets", "payroll"),
                effective_from=date(2026, 4, 1),
            )
            await stack.record(definitions("totals"))
            await stack.record([later])
            await stack.drain()
            return [ask(stack, PATH.replace("2026-03", month), READER).json() for month in ("2026-03", "2026-04")]

    march, april = asyncio.run(scenario())

    assert (march["not_shown"], april["not_shown"]) == ([], ["member"])


def test_who_joins_later_or_has_left_is_shown_nothing_of_the_months_without_it(tmp_path: Path) -> None:
    async def scenario() -> dict[tuple[str, str], int]:
        async with open_stack(tmp_path, clock=NOW) as stack:
            joined = partnership(
                id="south", name="South", councils=("member", OUTSIDER), effective_from=date(2026, 4, 1)
            )
            await stack.record(definitions("all"))
            await stack.record([joined])
            await stack.drain()
            months = {month: PATH.replace("2026-03", month) for month in ("2026-03", "2026-04")}
            return {
                (who, month): ask(stack, address, who).status_code
                for who in (READER, OUTSIDER)
                for month, address in months.items()
            }

    assert asyncio.run(scenario()) == {
        ("adur", "2026-03"): 200,
        ("adur", "2026-04"): 404,
        ("dover", "2026-03"): 404,
        ("dover", "2026-04"): 200,
    }


@dataclass
class ScopesAsked:
    """A store that remembers in which scopes it was read."""

    store: SqlStore
    scopes: list[Scope] = field(default_factory=list)

    def snapshot(self, scope: Scope) -> AbstractContextManager[Snapshot]:
        self.scopes.append(scope)
        return self.store.snapshot(scope)


@pytest.mark.parametrize(("level", "read"), [("none", ["adur"]), ("totals", ["adur", "member"])])
def test_figures_are_read_of_those_councils_alone_that_show_some(
    tmp_path: Path, level: MembersSee, read: Sequence[str]
) -> None:
    async def scenario() -> None:
        async with open_stack(tmp_path, clock=NOW) as stack:
            await stack.record(definitions(level))
            await stack.drain()

    asyncio.run(scenario())
    database = Database.at(f"sqlite:///{tmp_path}/billing.db")
    asked = ScopesAsked(SqlStore(database.requests))
    PartnershipMonths(asked, NOW).month("south", Month(2026, 3), scope=Scope.of(READER))
    database.close()

    assert [sorted(scope.councils or ()) for scope in asked.scopes] == [["adur"], ["adur", "member"], read]

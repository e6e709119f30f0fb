"""Service credits through all services: tickets in, verdicts between, a credited statement out, and its correction."""

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from billing import api
from shared.clock import FixedClock
from shared.contracts.codec import encode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.items import CompletedData, NewItemData, TicketOpened, TicketResolved
from shared.contracts.topics import TICKETS
from shared.http import create_app
from shared.log.port import Message
from shared.units import EpochMillis, ItemId
from tallystick.stack import Stack, open_stack
from tests.support.callers import MAY_ALL
from tests.support.credits import agreement_with_credits, credit, target
from tests.support.recharges import ASHBY, ICT, PROVIDER, SOURCE, standing, tariff

STATEMENT = f"/v1/statements/{ASHBY.id}/2026-05"
STANDING = tariff(standing("1000.00"), service=ICT.id)
AGREEMENT = agreement_with_credits(
    target("ict-resolution", measure="resolution-time"),
    credits=[credit("ict-resolution")],
    tariffs=(STANDING.id,),
    since="2026-04-01",
)


def at(hour: int) -> dict[str, Any]:
    return {"source": SOURCE, "council": ASHBY.id, "time": datetime(2026, 5, 7, hour, tzinfo=UTC)}


def ticket(name: str, *, hours: int, id: str = "done") -> list[ItemEvent]:
    """A ticket opened on Thursday 7 May at noon and resolved after so many hours, where four are allowed."""
    return [
        TicketOpened(**at(12), id=f"{name}-opened", subject=ItemId(name), data=NewItemData(service=ICT.id)),
        TicketResolved(**at(12 + hours), id=f"{name}-{id}", subject=ItemId(name), data=CompletedData()),
    ]


class Seen(NamedTuple):
    """A statement as its readers get it."""

    content: dict[str, Any]
    csv: str
    page: str
    explained: dict[str, Any]


async def after(stack: Stack, events: Sequence[ItemEvent]) -> Seen:
    """The statement once all that follows from the events has been computed."""
    messages = [
        Message(each.key, encode_event(each), timestamp_ms=EpochMillis(int(each.time.timestamp() * 1000)))
        for each in events
    ]
    await stack.bus.publish(TICKETS.name, messages)
    await stack.drain(lambda _: None)
    with TestClient(create_app("billing", [stack.billing.router], types=api.TYPES, authentication=MAY_ALL)) as client:
        content = client.get(f"{STATEMENT}.json").json()
        ref = content["service_credits"][0]["ref"]
        return Seen(
            content,
            client.get(STATEMENT, headers={"Accept": "text/csv"}).text,
            client.get(f"{STATEMENT}.html").text,
            client.get(f"{STATEMENT}/lines/{ref}").json(),
        )


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[Seen]:
    """After ten tickets of which three were late: 70%, 25 points short. Then one proves to be in time."""
    late, in_time = range(3), range(3, 10)
    history = [event for n in (*late, *in_time) for event in ticket(f"t-{n}", hours=5 if n in late else 3)]
    late_event = ticket("t-0", hours=2, id="done-in-time")[1:]

    async def scenario(folder: Path) -> list[Seen]:
        async with open_stack(folder, clock=FixedClock(datetime(2026, 6, 10, tzinfo=UTC)), margin_s=0) as stack:
            await stack.record([ASHBY, PROVIDER, ICT, STANDING, AGREEMENT])
            return [await after(stack, history), await after(stack, late_event), await after(stack, history)]

    return asyncio.run(scenario(tmp_path_factory.mktemp("credited")))


def test_a_missed_month_is_credited_on_the_councils_statement(seen: list[Seen]) -> None:
    content = seen[0].content

    (line,) = content["service_credits"]
    assert (line["good"], line["total"], line["applied_pence"]) == (7, 10, 10_000)
    assert line["reason"] == "25 percentage points below 95%: 10% of £1,000.00"
    assert (content["charges_pence"], content["total_pence"]) == (100_000, 90_000)


def test_every_form_shows_the_credit(seen: list[Seen]) -> None:
    (row,) = [row for row in csv.DictReader(io.StringIO(seen[0].csv)) if row["kind"] == "service-credit"]

    assert (row["amount_gbp"], row["line_ref"]) == ("-100.00", seen[0].content["service_credits"][0]["ref"])
    assert "−£100.00 credit" in seen[0].page


def test_the_credit_is_explained_by_the_tickets_that_were_late(seen: list[Seen]) -> None:
    explained = seen[0].explained

    assert explained["line"] == seen[0].content["service_credits"][0]
    assert sorted(counted["item"] for counted in explained["counted"]) == ["t-0", "t-1", "t-2"]
    assert {counted["source"] for counted in explained["counted"]} == {"/sla-monitor"}


def test_a_late_event_corrects_the_verdict_and_with_it_the_credit(seen: list[Seen]) -> None:
    (line,) = seen[1].content["service_credits"]

    assert (line["good"], line["total"], line["applied_pence"]) == (8, 10, 5_000)
    assert line["reason"].startswith("15 percentage points below 95%")
    assert sorted(counted["item"] for counted in seen[1].explained["counted"]) == ["t-1", "t-2"]


def test_sending_everything_again_changes_no_byte(seen: list[Seen]) -> None:
    assert seen[2] == seen[1]

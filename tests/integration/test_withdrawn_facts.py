"""A fact is withdrawn on a running monitor: verdicts change, and what was withdrawn stays for both sides to see."""

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from shared.contracts.items import FactWithdrawn, TicketEvent, WithdrawnFactData
from shared.contracts.verdicts import VerdictEvent
from sla_monitor.domain.verification import verify
from sla_monitor.reports.item_report import ItemReport
from sla_monitor.reports.item_text import item_text
from tests.support.monitor_client import LATE, monitor_client
from tests.support.monitoring import local, ticket

OPENED, RESOLVED = LATE
IN_TIME = ("Tue 2026-03-03 10:00", "resolved")
WITHDRAWN_AT = "Wed 2026-03-04 11:00"


class Seen(NamedTuple):
    """What the monitor shows after a withdrawal."""

    announced: list[VerdictEvent]
    evidence: bytes
    fairness: dict[str, Any]
    item: dict[str, Any]


def withdrawal(event: TicketEvent, *, id: str = "w") -> FactWithdrawn:
    """Its own source says that it is not so."""
    data = WithdrawnFactData(stream="ticket", withdrawn_source=event.source, withdrawn_id=event.id)
    return FactWithdrawn(
        id=id, source=event.source, time=local(WITHDRAWN_AT), subject=event.subject, council=event.council, data=data
    )


def seen(folder: Path, *, lines: list[tuple[str, str]], gone: tuple[str, str], withdrawal_first: bool) -> Seen:
    """The ticket of these lines, with the event of the line `gone` withdrawn."""

    async def scenario() -> Seen:
        async with monitor_client(folder) as at:
            events = ticket(*lines)
            made = [withdrawal(event) for event in events if event.id.endswith(f"{gone[0]}:{gone[1]}")]
            for sent in ([*made], events) if withdrawal_first else (events, [*made]):
                await at.on.send(*sent, at="Wed 2026-03-04 11:30")
                await at.on.wait_until_idle()
            return Seen(
                await at.on.announced(),
                await at.read("/v1/evidence/adur/2026-03"),
                await at.get("/v1/fairness?month=2026-03"),
                await at.get("/v1/items/T1"),
            )

    return asyncio.run(scenario())


@pytest.mark.parametrize("withdrawal_first", [True, False])
def test_without_a_false_resolution_the_ticket_is_missed(tmp_path: Path, *, withdrawal_first: bool) -> None:
    shown = seen(tmp_path, lines=[OPENED, IN_TIME, RESOLVED], gone=IN_TIME, withdrawal_first=withdrawal_first)

    assert [verdict["verdict"] for verdict in shown.item["verdicts"]] == ["breached"]
    (gone,) = shown.item["withdrawn"]
    assert gone == (
        "stopped at 03 Mar 2026 10:00:00 (T1:Tue 2026-03-03 10:00:resolved): "
        "withdrawn by its sender at 04 Mar 2026 11:00:00"
    )
    assert f"Withdrawn: {gone}" in item_text(msgspec.convert(shown.item, ItemReport))
    if not withdrawal_first:
        corrected = shown.announced[-1]
        assert (type(corrected).__name__, corrected.data.cause) == ("VerdictCorrected", "w")  # type: ignore[union-attr]


def test_a_withdrawal_after_the_freeze_is_an_adjustment_and_the_frozen_month_stays(tmp_path: Path) -> None:
    async def scenario() -> tuple[Any, Any, Any]:
        async with monitor_client(tmp_path) as at:
            events = ticket(OPENED, IN_TIME, RESOLVED)
            await at.on.send(*events)
            await at.on.wait_until_idle()
            at.on.clock.move("Mon 2026-06-01 12:00")
            await at.on.send(withdrawal(events[1]), at="Mon 2026-06-01 11:00")
            await at.on.wait_until_idle()
            return (
                await at.attained(),
                await at.listed("/v1/adjustments?posted=2026-06"),
                await at.get("/v1/items/T1"),
            )

    attained, adjustments, item = asyncio.run(scenario())
    assert attained == [("adur", "2026-03", 1, 1)]
    assert [(each["was_month"], each["was"], each["now"], each["cause"]) for each in adjustments] == [
        ("2026-03", "met", "breached", "w")
    ]
    assert [verdict["verdict"] for verdict in item["verdicts"]] == ["breached"]


@pytest.mark.parametrize("withdrawal_first", [True, False])
def test_a_miss_whose_opening_is_withdrawn_is_gone_and_stays_in_sight(
    tmp_path: Path, *, withdrawal_first: bool
) -> None:
    shown = seen(tmp_path, lines=[*LATE], gone=OPENED, withdrawal_first=withdrawal_first)

    assert shown.item["state"] == "waiting for its opening"
    assert [(each["check"], each["target"], each["at"]) for each in shown.fairness["findings"]] == [
        ("an event was withdrawn by its sender", "", "2026-03-02T12:00:00Z"),
        ("missed, but for what was withdrawn", "resolve", "2026-03-03T12:00:00Z"),
    ]
    assert verify(shown.evidence).faults == []
    held = [json.loads(line) for line in shown.evidence.splitlines()]
    assert [len(line["facts"]) for line in held if line["record"] == "item"] == [3]
    assert not [line for line in held if line["record"] == "verdict"]
    if not withdrawal_first:
        assert type(shown.announced[-1]).__name__ == "VerdictRetracted"

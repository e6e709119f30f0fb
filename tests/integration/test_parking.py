"""What the catalogue does not know yet waits, through restarts, and then counts as if it had never waited."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from catalogue.adapters.partnership_files import load as read_example
from shared.clock import FixedClock
from shared.contracts.codec import encode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.items import CompletedData, NewItemData, WorkCompleted, WorkReceived
from shared.contracts.topics import TICKETS, WORK, Topic
from shared.log.port import Message
from shared.quarantine.service import Parked
from shared.units import EpochMillis
from tallystick.command import app
from tallystick.stack import Stack, open_stack
from tests.support.histories import calendar
from tests.support.monitor_client import agreement
from tests.support.monitoring import local, monitor, ticket
from tests.support.state_folder import content_of, shards_read

NOW = FixedClock(datetime(2026, 4, 10, 12, tzinfo=UTC))
MONTHS = ["2026-03", "2026-04"]
RECEIVED, COMPLETED = "Sun 2026-03-01 00:30", "Wed 2026-03-04 12:00"


def work_item(council: str) -> list[tuple[Topic, ItemEvent]]:
    about: dict[str, Any] = {"source": "/desk", "subject": "inv-1", "council": council}
    accepted = NewItemData(service="accounts-payable")
    return [
        (WORK, WorkReceived(id=f"{council}:in", time=local(RECEIVED), data=accepted, **about)),
        (WORK, WorkCompleted(id=f"{council}:out", time=local(COMPLETED), data=CompletedData(units="3"), **about)),
    ]


def ticket_of(council: str) -> list[tuple[Topic, ItemEvent]]:
    lines = [("Mon 2026-03-02 09:00", "opened"), ("Thu 2026-03-05 16:00", "resolved")]
    return [(TICKETS, event) for event in ticket(*lines, item=f"{council}-1", council=council)]


LOG = [each for council in ("adur", "worthing") for each in (*work_item(council), *ticket_of(council))]


def send(folder: Path, log: list[tuple[Topic, ItemEvent]]) -> None:
    async def sent(stack: Stack) -> None:
        for topic, event in log:
            stamp = int(event.time.timestamp() * 1000)
            await stack.bus.publish(
                topic.name, [Message(event.key, encode_event(event), timestamp_ms=EpochMillis(stamp))]
            )
        await stack.drain(lambda _: None)

    asyncio.run(_with(folder, sent))


def load_catalogue(folder: Path) -> None:
    async def loaded(stack: Stack) -> None:
        await stack.record([placed.definition for placed in read_example("adur-worthing").entries])
        await stack.drain(lambda _: None)

    asyncio.run(_with(folder, loaded))


async def _with(folder: Path, work: Callable[[Stack], Awaitable[None]]) -> None:
    async with open_stack(folder, clock=NOW) as stack:
        await work(stack)


def parked(folder: Path) -> list[str]:
    """What the command says."""
    command = CliRunner(env={"TALLYSTICK_VAR": str(folder), "COLUMNS": "200"})
    result = command.invoke(app, ["quarantine", "parked"])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def results(folder: Path) -> Counter[str]:
    reads = shards_read(folder)
    assert not [read for read in reads if read.unaccounted]
    return sum((read.results for read in reads), Counter())


def test_what_waited_through_restarts_for_its_agreement_counts_as_if_it_had_never_waited(tmp_path: Path) -> None:
    known_first, known_last = tmp_path / "known-first", tmp_path / "known-last"
    load_catalogue(known_first)
    send(known_first, LOG)

    for start in range(0, len(LOG), 3):
        send(known_last, LOG[start : start + 3])
    waiting = parked(known_last), results(known_last)["parked"]
    load_catalogue(known_last)

    assert waiting == (
        [
            "adur  4 records since 2026-03-01, for its agreement  sla-monitor",
            "worthing  4 records since 2026-03-01, for its agreement  sla-monitor",
            "adur  4 records since 2026-03-01, for its council  billing",
            "worthing  4 records since 2026-03-01, for its council  billing",
            "They count as soon as the catalogue knows it.",
        ],
        8,
    )
    assert (parked(known_last), results(known_last)["parked"]) == (["Nothing waits."], 0)
    assert content_of(known_last, MONTHS) == content_of(known_first, MONTHS)


def test_a_council_that_the_catalogue_never_hears_of_waits_alone(tmp_path: Path) -> None:
    load_catalogue(tmp_path)
    send(tmp_path, [*LOG, *work_item("wrothing")])

    assert parked(tmp_path)[:-1] == [
        "wrothing  2 records since 2026-03-01, for its agreement  sla-monitor",
        "wrothing  2 records since 2026-03-01, for its council  billing",
    ]


def test_an_agreement_without_its_calendar_is_waited_for_too(tmp_path: Path) -> None:
    async def scenario() -> tuple[list[Parked], list[Parked]]:
        async with monitor(tmp_path, now="Mon 2026-03-02 18:00") as on:
            await on.publish_catalogue(agreement())
            await on.send(*ticket(("Mon 2026-03-02 09:00", "opened")))
            await on.wait_until_idle()
            before = await on.app.parked()
            await on.publish_catalogue(calendar())
            await on.wait_until_idle()
            return before, await on.app.parked()

    before, after = asyncio.run(scenario())
    assert (before, after) == ([Parked("adur", "calendar", 1, date(2026, 3, 2))], [])


def test_an_item_that_ended_ahead_of_the_clock_is_judged_by_what_was_known_when_it_came_due(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        async with monitor(tmp_path, now="Mon 2026-03-02 09:00") as on:
            await on.publish_catalogue(calendar())
            await on.send(*ticket(("Mon 2026-03-02 09:01", "opened"), ("Mon 2026-03-02 09:02", "resolved")))
            await on.wait_until_idle()
            await on.publish_catalogue(agreement())
            await on.wait_until_idle()
            on.clock.move("Mon 2026-03-02 12:00")
            await on.wait_until_idle()
            return await on.kinds()

    assert asyncio.run(scenario()) == ["TargetMet"]

"""`tallystick demo incident`: in the running demo a council misses an objective, and its board shows it."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from catalogue.adapters.partnership_files import load
from shared.contracts.codec import encode_event
from shared.contracts.topics import TICKETS
from shared.instants import epoch_ms, epoch_s
from shared.log.port import Message
from sla_monitor.reports.budget import BudgetRow
from tallystick.console import EXIT_BUSY
from tallystick.demo.incident import LEAD_S, Incident, IncidentResult, cause_incident, plan, result_lines
from tallystick.demo.server import address_file
from tallystick.stack import open_stack
from tests.integration.test_command_on_servers import run
from tests.support import histories
from tests.support.monitoring import local, ticket
from tests.support.pages import budget_row
from tests.support.served import served

# Within the hours of both councils of the example, whatever the time is where the test runs.
OPEN, CLOSED = "Tue 2026-06-16 10:00", "Sun 2026-06-14 10:00"


class TickingClock:
    """A clock that starts at a given instant and goes on."""

    def __init__(self, at: str) -> None:
        self._at, self._began = local(at), monotonic()

    def now(self) -> datetime:
        return self._at + timedelta(seconds=monotonic() - self._began)


def demo(folder: Path, clock: TickingClock) -> None:
    """The example partnership is on the folder, with three tickets of each council that were done in time."""

    async def prepare() -> None:
        async with open_stack(folder, clock=clock) as stack:
            await stack.record([each.definition for each in load("adur-worthing").entries])
            for council in ("adur", "worthing"):
                for number in range(3):
                    lines = ("Tue 2026-06-02 10:00", "opened"), ("Tue 2026-06-02 10:30", "resolved")
                    for event in ticket(*lines, item=f"done-{number}", council=council):
                        sent = Message(event.key, encode_event(event), timestamp_ms=epoch_ms(event.time))
                        await stack.bus.publish(TICKETS.name, [sent])
            await stack.drain()

    asyncio.run(prepare())


@pytest.fixture(params=[OPEN, CLOSED], ids=["open", "closed"])
def incident_at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, IncidentResult, list[str]]]:
    clock = TickingClock(request.param)
    demo(tmp_path, clock)
    with served(tmp_path, clock) as address:
        address_file(tmp_path).write_text(f"{address}/")
        reported: list[str] = []
        yield request.param, asyncio.run(cause_incident(tmp_path, reported.append, clock=clock)), reported


def test_the_board_shows_an_objective_missed_with_the_rule_that_alerts(
    incident_at: tuple[str, IncidentResult, list[str]],
) -> None:
    at, result, reported = incident_at

    assert result.outcome == ("became due" if at == OPEN else "were late when they were sent")
    assert (result.council, result.target, result.tickets) == ("worthing", "ict-response", 1)
    exhausted = [each for each in result.alerts if each.rule == "AllowanceExhausted"]
    assert [(each.council, each.target) for each in exhausted] == [("worthing", "ict-response")]
    assert len(reported) == 1
    assert "Sent 1 ticket of worthing" in reported[0]
    lines = result_lines(result)
    assert ("clock's margin" in lines[0]) is (at == OPEN)
    assert any("AllowanceExhausted (ticket): 1 more missed than the 0 allowed" in line for line in lines)


TARGET = {"service": "ict", "calendar": "office", "within": "2 working hours", "objective": {"percent": "90"}}


def planned(now: str, row: BudgetRow, **target: Any) -> Incident | None:
    """What is planned where the office is open from 09:00 to 17:00."""
    return plan(histories.agreement_index(TARGET | target), [row], now_s=histories.at(now))


def test_tickets_are_opened_so_that_they_become_due_in_a_moment_over_nights_and_weekends() -> None:
    found = planned("Mon 2026-03-09 10:00", budget_row("adur", used=1, allowed=9))

    assert found is not None
    assert (found.runs, found.due_s) == (True, histories.at("Mon 2026-03-09 10:00") + LEAD_S)
    assert found.opened_s == histories.at("Fri 2026-03-06 16:00") + LEAD_S


def test_while_the_service_is_closed_tickets_are_late_as_they_are_sent() -> None:
    found = planned("Sun 2026-03-08 10:00", budget_row("adur", used=1, allowed=9))

    assert found is not None
    assert (found.runs, found.due_s) == (False, histories.at("Fri 2026-03-06 16:59"))


def test_as_few_tickets_are_sent_as_use_the_allowance_up_though_they_make_it_grow() -> None:
    # 93 are known and 100 expected: 10 may miss of up to 109, and 11 of 110 only.
    found = planned("Mon 2026-03-09 10:00", budget_row("adur", used=1, allowed=10))

    assert found is not None
    assert found.tickets == 10


@pytest.mark.parametrize(
    ("row", "target"),
    [
        (budget_row("adur", used=11, allowed=10), {}),  # missed already
        (budget_row("adur", used=0, allowed=10), {"when": {"building": ["town-hall"]}}),
        (budget_row("adur", used=0, allowed=10), {"within": "2 working days"}),
        (budget_row("adur", used=0, allowed=10), {"measure": "update-interval"}),
        (budget_row("worthing", used=0, allowed=10), {}),
    ],
)
def test_nothing_is_planned_where_a_ticket_left_alone_would_not_miss_the_objective(
    row: BudgetRow, target: dict[str, Any]
) -> None:
    assert planned("Mon 2026-03-09 10:00", row, **target) is None


def test_a_ticket_has_the_priority_that_its_target_is_for() -> None:
    found = planned("Mon 2026-03-09 10:00", budget_row("adur", used=0, allowed=1), when={"priority": ["urgent"]})

    assert found is not None
    assert {each.data.priority for each in found.events(epoch_s(local(OPEN)))} == {"urgent"}


@pytest.mark.parametrize("address", [None, "http://127.0.0.1:9/"], ids=["none", "of a demo that was killed"])
def test_without_a_running_demo_nothing_is_sent_and_a_sentence_says_what_to_start(
    address: str | None, tmp_path: Path
) -> None:
    if address is not None:
        address_file(tmp_path).write_text(address)

    refused = run("demo", "incident", TALLYSTICK_VAR=str(tmp_path))

    assert refused.exit_code == EXIT_BUSY
    assert "No demo is running" in refused.stderr
    assert "Nothing was sent." in refused.stderr
    assert not (tmp_path / "log.db").exists()

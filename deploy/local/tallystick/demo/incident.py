"""An incident in the running demo: a council's tickets that nobody answers, until an objective is missed.

Which council and target: where the fewest misses are enough to use the allowance up, of those whose clock runs now.
While every service is closed no clock runs, and tickets became due just before closing time.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from shared.clock import Clock, WallClock
from shared.contracts.codec import encode_event
from shared.contracts.items import NewItemData, TicketOpened
from shared.contracts.thresholds import ElapsedSeconds, WorkingSeconds
from shared.contracts.topics import TICKETS
from shared.ids import derived_id
from shared.instants import epoch_ms, epoch_s, instant
from shared.log.port import Message
from shared.scope import Scope
from shared.units import CouncilId, ItemId
from shared.web.formats import counted
from sla_monitor.domain.agreements import AgreementIndex, BoundTarget
from sla_monitor.domain.attainment import misses_allowed
from sla_monitor.reports.budget import BudgetRow, budgets
from sla_monitor.reports.today import ActiveAlert, Today
from tallystick.console import EXIT_BUSY, fail
from tallystick.demo.server import address_file
from tallystick.demo.sign_in import demo_token
from tallystick.servers import NoAnswer, ServiceApi
from tallystick.stack import open_stack

SOURCE = "/demo/incident"
MOST_TICKETS = 100
LEAD_S = 5
_BEFORE_CLOSING_S = 60
_LOOK_EVERY_S = 0.1
_WAIT_S = 30.0
_RULE = "AllowanceExhausted"


@dataclass(frozen=True, slots=True)
class Incident:
    """So many tickets of one council that miss `target` at `due_s`, opened at `opened_s` (epoch seconds).

    `runs`: their clock runs, and they become due in a moment. If not, they are late as they are sent.
    """

    row: BudgetRow
    target: BoundTarget
    tickets: int
    opened_s: int
    due_s: int
    runs: bool

    def events(self, sent_s: int) -> Iterator[TicketOpened]:
        """Its tickets, under ids of their own."""
        for number in range(1, self.tickets + 1):
            subject = f"incident-{sent_s}-{number}"
            yield TicketOpened(
                id=derived_id("incident", subject),
                source=SOURCE,
                time=instant(self.opened_s),
                subject=ItemId(subject),
                council=CouncilId(self.row.council),
                data=NewItemData(service=self.row.service, priority=_priority(self.target)),
            )


class IncidentResult(Struct, frozen=True):
    """What came of it. `shown_after_s`: from when the tickets became due, or were sent if later, to the board.

    `clock_margin_s` of that the monitor waits by its settings. `alerts` are those that came meanwhile.
    """

    council: str
    service: str
    agreement: str
    target: str
    tickets: int
    due_at: str
    outcome: Literal["became due", "were late when they were sent"]
    clock_margin_s: int
    shown_after_s: float
    alerts: list[ActiveAlert]


def plan(index: AgreementIndex, rows: Iterable[BudgetRow], *, now_s: int, lead_s: int = LEAD_S) -> Incident | None:
    """The incident that takes the fewest tickets, first of those whose clock runs; None where none would do."""
    found = chain.from_iterable(_of_row(index, row, now_s, lead_s) for row in rows)
    return min(found, key=_first_choice, default=None)


def _first_choice(incident: Incident) -> tuple[bool, int, int, str, str]:
    """Of two that take as many tickets the one with less time: what has more may be missed by the same tickets."""
    target = incident.target
    return not incident.runs, incident.tickets, target.seconds or 0, incident.row.council, target.id


def _of_row(index: AgreementIndex, row: BudgetRow, now_s: int, lead_s: int) -> Iterator[Incident]:
    for target in index.bound_targets(row.council, [row.service], now_s):
        if (target.agreement, target.id) != (row.agreement, row.target) or not _can_be_made_to_miss(target):
            continue
        due_s, runs = _due(target, now_s, lead_s)
        opened_s = None if due_s is None else _opened(target, due_s)
        tickets = _tickets(row, target)
        if due_s is not None and opened_s is not None and tickets is not None:
            still = index.bound_targets(row.council, [row.service], opened_s)
            if target.id in {each.id for each in still if each.agreement_version == target.agreement_version}:
                yield Incident(row, target, tickets, opened_s, due_s, runs)


def _can_be_made_to_miss(target: BoundTarget) -> bool:
    """Whether a ticket that is opened and left alone misses it after a counted time."""
    return (
        target.measure in {"response-time", "resolution-time"}
        and isinstance(target.threshold, WorkingSeconds | ElapsedSeconds)
        and target.definition.starts == "opened"
        and target.definition.when.keys() <= {"priority"}
        and target.definition.objective is not None
        and target.definition.objective.weighted_by == "count"
    )


def _priority(target: BoundTarget) -> str:
    return target.definition.when.get("priority", ("normal",))[0]


def _due(target: BoundTarget, now_s: int, lead_s: int) -> tuple[int | None, bool]:
    """When its tickets become due, and whether their clock runs now."""
    if isinstance(target.threshold, ElapsedSeconds) or target.hours.is_open(now_s + lead_s):
        return now_s + lead_s, True
    # Not with the last second: what is used up at closing time is missed only once the service opens again.
    return target.hours.last_with(_BEFORE_CLOSING_S, now_s), False


def _opened(target: BoundTarget, due_s: int) -> int | None:
    seconds = target.seconds or 0
    return due_s - seconds if isinstance(target.threshold, ElapsedSeconds) else target.hours.last_with(seconds, due_s)


def _tickets(row: BudgetRow, target: BoundTarget) -> int | None:
    """How many more misses use the allowance up: with each of them the expected volume may grow."""
    objective = target.definition.objective
    known = row.met + row.missed + row.open
    if objective is None or row.remaining < 0:
        return None
    for number in range(1, MOST_TICKETS + 1):
        if row.missed + number > misses_allowed(max(row.expected, known + number), objective):
            return number
    return None


async def cause_incident(folder: Path, report: Callable[[str], None], *, clock: Clock | None = None) -> IncidentResult:
    """The incident has happened in the demo that runs on `folder`, and its board shows it. Ends the command if not.

    Its events go through the log, as those of any sender; `report` gets a sentence when they are sent.
    """
    clock = clock or WallClock()
    api, before = _running_demo(folder)
    async with open_stack(folder, clock=clock) as stack:
        await stack.monitor.catch_up()
        sources = stack.monitor.sources
        rows = (await budgets(sources, Scope.all(), month=None, service=None)).budgets
        incident = plan(sources.catalogue.agreement_index, rows, now_s=epoch_s(clock.now()))
        if incident is None:
            fail(
                "Every objective of a ticket's target is missed already, or too far from it.",
                do="Look at the board; or begin again with another folder (TALLYSTICK_VAR). Nothing was sent.",
            )
        sent = clock.now()
        events = list(incident.events(epoch_s(sent)))
        messages = [Message(each.key, encode_event(each), timestamp_ms=epoch_ms(sent)) for each in events]
        await stack.bus.publish(TICKETS.name, messages)
    report(_sent(incident, api.address))
    wait_s = max(0, incident.due_s - epoch_s(sent)) + _WAIT_S
    alerts = await _alerts_until_shown(api, incident, {each.subject for each in events}, before, within_s=wait_s)
    late_since = max(instant(incident.due_s), sent)
    return IncidentResult(
        incident.row.council,
        incident.row.service,
        incident.row.agreement,
        incident.row.target,
        incident.tickets,
        instant(incident.due_s).isoformat(),
        "became due" if incident.runs else "were late when they were sent",
        1 if incident.runs else 0,
        round((clock.now() - late_since).total_seconds(), 1),
        alerts,
    )


def _running_demo(folder: Path) -> tuple[ServiceApi, Today]:
    """The API of the demo that runs on the folder, and its board; ends the command where none does."""
    try:
        address = address_file(folder).read_text(encoding="utf-8").rstrip("/")
        api = ServiceApi(address, token=demo_token(folder))
        board = _board(api)
    except (FileNotFoundError, NoAnswer):
        fail(
            f"No demo is running on {folder}.",
            do="Start `tallystick demo` in another terminal, and run this again once it says Ready. Nothing was sent.",
            code=EXIT_BUSY,
        )
    if board.pipeline is None or any(group.lag_records for group in board.pipeline.groups):
        fail(
            "The demo is still evaluating its year.",
            do="Run this again once it says Ready. Nothing was sent.",
            code=EXIT_BUSY,
        )
    return api, board


def _board(api: ServiceApi) -> Today:
    return msgspec.json.decode(api.get("today"), type=Today)


async def _alerts_until_shown(
    api: ServiceApi, incident: Incident, items: set[str], before: Today, *, within_s: float
) -> list[ActiveAlert]:
    """The council's alerts that came until the board showed the incident; ends the command where it does not in time.

    Of each rule and target the last: its figure changes while one looks.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    alerts: dict[tuple[str, str | None, str | None], ActiveAlert] = {}
    while loop.time() < until:
        board = await asyncio.to_thread(_board, api)
        new = (each for each in board.alerts if each.council == incident.row.council and each not in before.alerts)
        alerts |= {(each.rule, each.service, each.target): each for each in new}
        if _is_shown(board, incident, items):
            return list(alerts.values())
        await asyncio.sleep(_LOOK_EVERY_S)
    fail(
        f"The board at {api.address}/today does not show it within {_WAIT_S:.0f} seconds.",
        do="The tickets were sent, and are evaluated once the demo has read what came before them.",
        code=EXIT_BUSY,
    )


def _is_shown(board: Today, incident: Incident, items: set[str]) -> bool:
    """The council's objective is missed, and where the clock ran the tickets are among the newest misses."""
    row = incident.row
    exhausted = any(
        (each.rule, each.council, each.agreement, each.target) == (_RULE, row.council, row.agreement, row.target)
        and each.service == row.service
        for each in board.alerts
    )
    return exhausted and (not incident.runs or any(each.item in items for each in board.missed))


def _sent(incident: Incident, address: str) -> str:
    row = incident.row
    when = f"due in {LEAD_S} seconds" if incident.runs else "late already, for no service is open now"
    return (
        f"Sent {counted(incident.tickets, 'ticket')} of {row.council} without an answer, {row.service}, {row.target}: "
        f"{when}. Watch {address}/today"
    )


def result_lines(result: IncidentResult) -> Sequence[str]:
    """For people."""
    margin = f", {result.clock_margin_s} of it the clock's margin (SLA_CLOCK_MARGIN_S)" if result.clock_margin_s else ""
    since = "due" if result.clock_margin_s else "sent"
    return [
        f"On the board {result.shown_after_s:g} seconds after they were {since}{margin}.",
        f"{result.council} misses its objective of {result.target} ({result.service}). Rules that alert since:",
        *(f"  {each.rule} ({each.severity}): {each.detail}" for each in result.alerts),
        "They are the rules of deploy/prometheus, tried on the figures of the board; Prometheus waits two minutes.",
    ]

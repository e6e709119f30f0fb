"""The verdicts on every ticket: a response within 4 working hours, a resolution within 16, pauses left out.

Only pauses that await the council stop the resolution's clock, and so does the time between a resolution and the
reopening that undoes it. A pause ends the one before it. Nothing stops the response's clock. All times of one ticket
differ by whole seconds.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.chaos.oracle.working_hours import Span, counted, month_of, used_up

HOUR_S = 3600
RESPONSE_S, RESOLUTION_S = 4 * HOUR_S, 16 * HOUR_S
FOREVER = 1 << 40
KIND = len("tallystick.ticket.")

Happening = tuple[int, str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, order=True)
class ExpectedVerdict:
    """A verdict. What was breached has no second of stopping and none elapsed."""

    outcome: str
    month: str
    due: int
    stopped: int | None = None
    elapsed: int | None = None


# council, ticket, target
TargetKey = tuple[str, str, str]


def verdicts(events: Iterable[Mapping[str, Any]], *, as_of: int) -> dict[TargetKey, ExpectedVerdict]:
    """The verdicts that hold at `as_of` of distinct events in any order. Those still undecided are left out."""
    tickets: defaultdict[tuple[str, str], list[Happening]] = defaultdict(list)
    for event in events:
        happening = second_of(event["time"]), event["type"][KIND:].removesuffix(".v1"), event["data"]
        tickets[event["council"], event["subject"]].append(happening)
    found = {}
    for (council, ticket), happened in tickets.items():
        happened.sort(key=lambda each: each[0])
        for target, verdict in _of_ticket(happened, as_of):
            found[council, ticket, target] = verdict
    return found


def second_of(instant: str) -> int:
    """Epoch seconds of an RFC 3339 instant."""
    return int(datetime.fromisoformat(instant).timestamp())


def _of_ticket(happened: list[Happening], as_of: int) -> Iterable[tuple[str, ExpectedVerdict]]:
    opened = next(at for at, what, _ in happened if what == "opened")
    answered = next((at for at, what, _ in happened if what in {"responded", "resolved"}), None)
    paused_spans, resolved = _paused_spans(happened)
    for target, allowance, stop, without in (
        ("response", RESPONSE_S, answered, list[Span]()),
        ("resolution", RESOLUTION_S, resolved, paused_spans),
    ):
        verdict = _judge(opened, stop, allowance, without, as_of)
        if verdict is not None:
            yield target, verdict


def _paused_spans(happened: list[Happening]) -> tuple[list[Span], int | None]:
    """What the resolution's clock leaves out, and the resolution that was not undone."""
    paused_spans: list[Span] = []
    paused: int | None = None
    resolved: int | None = None
    for at, what, data in happened:
        if what in {"paused", "resumed", "resolved"} and paused is not None:
            paused_spans.append((paused, at))
            paused = None
        if what == "paused" and data["awaiting"] == "council":
            paused = at
        if what == "resolved":
            resolved = at
        elif what == "reopened" and resolved is not None:
            paused_spans.append((resolved, at))
            resolved = None
    return [*paused_spans, (paused, FOREVER)] if paused is not None else paused_spans, resolved


def _judge(opened: int, stop: int | None, allowance: int, without: list[Span], as_of: int) -> ExpectedVerdict | None:
    elapsed = counted(opened, as_of if stop is None else stop, without)
    if stop is None and elapsed <= allowance:
        return None
    due = used_up(opened, allowance, without)
    if elapsed > allowance:
        return ExpectedVerdict("breached", month_of(due), due)
    return ExpectedVerdict("met", month_of(due), due, stop, elapsed)

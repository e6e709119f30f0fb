"""The verdicts on every ticket: a response and a resolution within working hours, pauses left out.

Each council has an agreement with 4 hours for the one and 16 for the other; the first four have another for tickets of
the evening, with targets of the same ids, 8 hours and 24.

Only pauses that await the council stop the resolution's clock, and so does the time between a resolution and the
reopening that undoes it. A pause ends the one before it. Nothing stops the response's clock. What a ticket was within
one second has no length, except for what it is at the end of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise, permutations
from typing import Any, NamedTuple

from tests.chaos.oracle.working_hours import Span, counted, month_of, used_up

HOUR_S = 3600
# By agreement, whose id ends in its council's: the response and the resolution.
ALLOWED_S = {"shared": (4 * HOUR_S, 16 * HOUR_S), "evenings": (8 * HOUR_S, 24 * HOUR_S)}
AGREEMENTS = {"ict": "shared", "evening": "evenings"}
WITH_EVENINGS = frozenset(f"council-{number:02}" for number in range(1, 5))
FOREVER = 1 << 40
KIND = len("tallystick.ticket.")

Event = Mapping[str, Any]
# What a ticket is: its state, and who is awaited.
State = tuple[str, str]
NEW = ("new", "")
# Which events apply to a ticket of which states, and what it becomes. The order decides last among those of one second.
APPLY: dict[str, tuple[frozenset[str], str]] = {
    "opened": (frozenset({"new"}), "open"),
    "reopened": (frozenset({"resolved"}), "open"),
    "resumed": (frozenset({"paused"}), "open"),
    "resolved": (frozenset({"open", "paused"}), "resolved"),
    "paused": (frozenset({"open", "paused"}), "paused"),
}
PLACES = {what: place for place, what in enumerate(APPLY)}


@dataclass(frozen=True, slots=True, order=True)
class ExpectedVerdict:
    """A verdict. What was breached has no second of stopping and none elapsed."""

    outcome: str
    month: str
    due: int
    stopped: int | None = None
    elapsed: int | None = None


class TargetKey(NamedTuple):
    """What names a verdict: no clock has a second cycle."""

    council: str
    agreement: str
    target: str
    stream: str
    item: str


def verdicts(events: Iterable[Event], *, as_of: int) -> dict[TargetKey, ExpectedVerdict]:
    """The verdicts that hold at `as_of` of events in any order, repeated or not. Those still undecided are left out."""
    tickets: defaultdict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in _distinct(events):
        tickets[event["council"], event["subject"]].append(event)
    found = {}
    for (council, ticket), happened in tickets.items():
        agreement = AGREEMENTS[_service(happened)]
        for target, verdict in _of_ticket(happened, ALLOWED_S[agreement], as_of):
            found[TargetKey(council, f"{agreement}-{council}", target, "ticket", ticket)] = verdict
    return found


def _service(happened: Iterable[Event]) -> str:
    return next(str(event["data"].get("service", "ict")) for event in happened if _what(event) == "opened")


def _distinct(events: Iterable[Event]) -> Iterable[Event]:
    """Each event once, with the smallest of its sequences."""
    found: dict[tuple[str, str], Event] = {}
    for event in events:
        known = found.setdefault((event["source"], event["id"]), event)
        if _sequence(event) < _sequence(known):
            found[event["source"], event["id"]] = event
    return found.values()


def _sequence(event: Event) -> tuple[int, int, str]:
    """No sequence comes first, then numbers, then other text."""
    text = event.get("sequence", "")
    return (1, int(text), "") if text.isdecimal() else (2, 0, text) if text else (0, 0, "")


def second_of(instant: str) -> int:
    """Epoch seconds of an RFC 3339 instant."""
    return int(datetime.fromisoformat(instant).timestamp())


def _of_ticket(happened: list[Event], allowed_s: tuple[int, int], as_of: int) -> Iterable[tuple[str, ExpectedVerdict]]:
    opened = min(second_of(event["time"]) for event in happened if _what(event) == "opened")
    states = _states(happened)
    answers = [second_of(event["time"]) for event in happened if _what(event) == "responded"]
    answered = min([*answers, *(at for at, (state, _) in states if state == "resolved")], default=None)
    paused_spans, resolved = _paused_spans(states)
    for target, allowance, stop, without in (
        ("response", allowed_s[0], answered, list[Span]()),
        ("resolution", allowed_s[1], resolved, paused_spans),
    ):
        verdict = _judge(opened, stop, allowance, without, as_of)
        if verdict is not None:
            yield target, verdict


def _what(event: Event) -> str:
    return str(event["type"][KIND:].removesuffix(".v1"))


def _states(happened: Iterable[Event]) -> list[tuple[int, State]]:
    """What the ticket was from each second on in which that changed. Events of one second apply in the best order."""
    changes = sorted((event for event in happened if _what(event) in APPLY), key=_moment)
    ends: dict[int, State] = {}
    state = NEW
    for (at, _), tied in groupby(changes, key=_moment):
        state = _best(state, list(tied))
        ends[at] = state
    return [(at, after) for (_, before), (at, after) in pairwise([(0, NEW), *ends.items()]) if after != before]


def _moment(event: Event) -> tuple[int, tuple[int, int, str]]:
    return second_of(event["time"]), _sequence(event)


def _best(state: State, tied: list[Event]) -> State:
    """What the ticket is after the order in which the most events apply; of several, the first by kind and id."""
    found = [tuple(_applied(state, order)) for order in permutations(tied)]
    best = min(found, key=lambda applied: (-len(applied), [(PLACES[what], id_) for what, id_, _ in applied]))
    return best[-1][2] if best else state


def _applied(state: State, order: Sequence[Event]) -> Iterator[tuple[str, str, State]]:
    for event in order:
        what = _what(event)
        states, after = APPLY[what]
        if state[0] in states:
            state = (after, event["data"]["awaiting"] if after == "paused" else "")
            yield what, event["id"], state


def _paused_spans(states: list[tuple[int, State]]) -> tuple[list[Span], int | None]:
    """What the resolution's clock leaves out, and the resolution that was not undone."""
    spans: list[Span] = []
    for (since, state), until in zip(states, [*(at for at, _ in states[1:]), FOREVER], strict=True):
        if state == ("paused", "council") or (state[0] == "resolved" and until != FOREVER):
            spans.append((since, until))
    last, (outcome, _) = states[-1]
    return spans, last if outcome == "resolved" else None


def _judge(opened: int, stop: int | None, allowance: int, without: list[Span], as_of: int) -> ExpectedVerdict | None:
    elapsed = counted(opened, as_of if stop is None else stop, without)
    if stop is None and elapsed <= allowance:
        return None
    due = used_up(opened, allowance, without)
    if elapsed > allowance:
        return ExpectedVerdict("breached", month_of(due), due)
    return ExpectedVerdict("met", month_of(due), due, stop, elapsed)

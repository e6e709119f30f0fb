"""The verdicts on every item: a response, a resolution and a processing within working hours, pauses left out.

Each council has an agreement with 4 hours for the first, 16 for the second and 20 for the last; the first four have
another for the evening, with two targets of the same ids, 8 hours and 24. Items are tickets, and work that may have the
id of a ticket.

Only pauses that await the council stop the clock of a resolution and of a processing, and so does the time between a
resolution and the reopening that undoes it. A pause ends the one before it. Nothing stops the response's clock. What an
item was within one second has no length, except for what it is at the end of it.

A ticket that becomes one of another service counts from its start for the targets of that service; those of the one
that it leaves keep what was missed by then.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, permutations
from typing import Any, NamedTuple

from tests.chaos.oracle.instants import distinct, moment_of, second_of
from tests.chaos.oracle.services import FOREVER, Held, left_at, services
from tests.chaos.oracle.working_hours import Span, counted, month_of, used_up

HOUR_S = 3600
WITH_EVENINGS = frozenset(f"council-{number:02}" for number in range(1, 5))


class AgreedTarget(NamedTuple):
    """A target of an agreement, whose id ends in its council's."""

    agreement: str
    id: str
    service: str
    allowed_s: int


TARGETS = (
    AgreedTarget("shared", "response", "ict", 4 * HOUR_S),
    AgreedTarget("shared", "resolution", "ict", 16 * HOUR_S),
    AgreedTarget("shared", "processing", "ict", 20 * HOUR_S),
    AgreedTarget("evenings", "response", "evening", 8 * HOUR_S),
    AgreedTarget("evenings", "resolution", "evening", 24 * HOUR_S),
)
# What happens to work, in the words of tickets.
OF_WORK = {"received": "opened", "completed": "resolved", "rejected": "resolved"}

Event = Mapping[str, Any]
# What an item is: its state, and who is awaited.
State = tuple[str, str]
OPEN = ("open", "")
# Which events apply to an item of which states, and what it becomes. The order decides last among those of one second.
APPLY: dict[str, tuple[frozenset[str], str]] = {
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
    items: defaultdict[tuple[str, str, str], list[Event]] = defaultdict(list)
    for event in distinct(events):
        items[event["council"], _stream(event), event["subject"]].append(event)
    found = {}
    for (council, stream, item), happened in items.items():
        for target, verdict in _of_item(happened, as_of):
            found[TargetKey(council, f"{target.agreement}-{council}", target.id, stream, item)] = verdict
    return found


def _of_item(happened: list[Event], as_of: int) -> Iterable[tuple[AgreedTarget, ExpectedVerdict]]:
    opening = min((event for event in happened if what_of(event) == "opened"), key=moment_of)
    opened = second_of(opening["time"])
    states = _states(opened, happened)
    answers = [second_of(event["time"]) for event in happened if what_of(event) == "responded"]
    answered = min([*answers, *(at for at, (state, _) in states if state == "resolved")], default=None)
    paused_spans, resolved = _paused_spans(states)
    held = _services(opening, happened, states)
    for target in TARGETS:
        without = list[Span]() if target.id == "response" else paused_spans
        stop = answered if target.id == "response" else resolved
        verdict = _under(target, held, opened, stop, without, as_of)
        if verdict is not None:
            yield target, verdict


def _under(
    target: AgreedTarget, held: Sequence[Held], opened: int, stop: int | None, without: list[Span], as_of: int
) -> ExpectedVerdict | None:
    """The verdict under a target that applies, or what it left behind when it ceased to."""
    if held[-1][1] == target.service:
        return _judge(opened, stop, target.allowed_s, without, as_of)
    left = left_at(held, target.service)
    if left is None:
        return None
    stop = None if stop is None or stop > left else stop
    verdict = _judge(opened, stop, target.allowed_s, without, left)
    return verdict if verdict is not None and verdict.outcome == "breached" else None


def _services(opening: Event, happened: Iterable[Event], states: list[tuple[int, State]]) -> list[Held]:
    changes = [event for event in happened if what_of(event) == "reclassified"]
    resolved = [(since, until) for since, until, state in _spans(states) if state[0] == "resolved"]
    return services(opening["data"].get("service", "ict"), second_of(opening["time"]), changes, resolved)


def _stream(event: Event) -> str:
    return str(event["type"].split(".")[1])


def what_of(event: Event) -> str:
    """What happened, in the words of tickets."""
    what = str(event["type"].split(".")[2])
    return OF_WORK.get(what, what)


def _states(opened: int, happened: Iterable[Event]) -> list[tuple[int, State]]:
    """What the item was from each second on in which that changed. Events of one second apply in the best order."""
    changes = sorted((event for event in happened if what_of(event) in APPLY), key=moment_of)
    ends, state = {opened: OPEN}, OPEN
    for (at, _), tied in groupby(changes, key=moment_of):
        state = _best(state, list(tied))
        ends[max(at, opened)] = state
    (first, *_), turns = ends.items(), pairwise(ends.items())
    return [first, *(after for before, after in turns if after[1] != before[1])]


def _best(state: State, tied: list[Event]) -> State:
    """What the item is after the order in which the most events apply; of several, the first by kind and id."""
    found = [tuple(_applied(state, order)) for order in permutations(tied)]
    best = min(found, key=lambda applied: (-len(applied), [(PLACES[what], id_) for what, id_, _ in applied]))
    return best[-1][2] if best else state


def _applied(state: State, order: Sequence[Event]) -> Iterator[tuple[str, str, State]]:
    for event in order:
        what = what_of(event)
        states, after = APPLY[what]
        if state[0] in states:
            state = (after, event["data"]["awaiting"] if after == "paused" else "")
            yield what, event["id"], state


def _paused_spans(states: list[tuple[int, State]]) -> tuple[list[Span], int | None]:
    """What the resolution's clock leaves out, and the resolution that was not undone."""
    spans: list[Span] = []
    for since, until, state in _spans(states):
        if state == ("paused", "council") or (state[0] == "resolved" and until != FOREVER):
            spans.append((since, until))
    last, (outcome, _) = states[-1]
    return spans, last if outcome == "resolved" else None


def _spans(states: list[tuple[int, State]]) -> Iterator[tuple[int, int, State]]:
    for (since, state), (until, _) in pairwise([*states, (FOREVER, OPEN)]):
        yield since, until, state


def _judge(opened: int, stop: int | None, allowance: int, without: list[Span], as_of: int) -> ExpectedVerdict | None:
    elapsed = counted(opened, as_of if stop is None else stop, without)
    if stop is None and elapsed <= allowance:
        return None
    due = used_up(opened, allowance, without)
    if elapsed > allowance:
        return ExpectedVerdict("breached", month_of(due), due)
    return ExpectedVerdict("met", month_of(due), due, stop, elapsed)

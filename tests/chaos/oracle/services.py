"""Of which service an item is from when on: that of its opening, or what it was reclassified to.

What it becomes in the second in which it is resolved, or later, holds from its reopening on, if it is ever reopened.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise, permutations
from typing import Any

from tests.chaos.oracle.instants import Moment, moment_of
from tests.chaos.oracle.working_hours import Span

FOREVER = 1 << 40

Event = Mapping[str, Any]
# A service, and the second from which the item is of it.
Held = tuple[int, str]


def services(first: str, opened: int, changes: Iterable[Event], resolved: Sequence[Span]) -> list[Held]:
    """Each service that the item ever was of for a second, in order; no two in turn are the same.

    `resolved` are the spans in which it was, up to FOREVER where it still is; `changes` its reclassifications.
    """
    ends = {opened: first}
    service = first
    for (since, _), tied in groupby(_in_effect(opened, changes, resolved), key=lambda dated: dated[:2]):
        service = _after([event for _, _, event in tied], service)
        ends[since] = service
    held = [(since, each) for since, each in ends.items() if since < FOREVER]
    return held[:1] + [after for before, after in pairwise(held) if after[1] != before[1]]


def left_at(held: Sequence[Held], service: str) -> int | None:
    """The second in which the item ceased to be of `service` for the last time; None if it never was or still is."""
    left = [since for (_, before), (since, _) in pairwise(held) if before == service]
    return left[-1] if left and held[-1][1] != service else None


def _in_effect(opened: int, changes: Iterable[Event], resolved: Sequence[Span]) -> list[tuple[int, Moment, Event]]:
    """The changes with the second from which each holds, in order."""
    dated = []
    for event in changes:
        moment = moment_of(event)
        holds = max(opened, moment[0])
        held_back = [until for since, until in resolved if since <= holds < until and holds > opened]
        dated.append((held_back[0] if held_back else holds, moment, event))
    return sorted(dated, key=lambda each: (each[0], each[1], each[2]["source"], each[2]["id"]))


def _after(tied: Sequence[Event], service: str) -> str:
    """What it is after changes of one instant, in the order in which the most of them change something."""
    orders = ([str(event["data"]["service"]) for event in order] for order in permutations(tied))
    return max(orders, key=lambda order: sum(a != b for a, b in pairwise([service, *order])))[-1]

"""The results of a replay's events: they add up to what was sent, or it shows."""

from collections import Counter
from dataclasses import replace

import pytest

from shared.contracts.topics import TICKETS
from shared.log.port import Bounds, Shard
from shared.units import Offset
from tallystick.replay.results import EventResults, Intake, QuarantinedEvents, results_between

SHARD = Shard(TICKETS.name, 3)
BEFORE = Intake(
    bounds={SHARD: Bounds(Offset(0), Offset(10))},
    next_offset={SHARD: 10},
    counts=Counter(applied=7, parked=3),
    parked_readings=Counter(leeds=2),
    failed=frozenset(),
    held=frozenset(),
)


def after(*, end: int, read: int, **counts: int) -> Intake:
    """The services after they have read up to `read` of a log that holds `end`, with so many more of each count."""
    bounds, total = {SHARD: Bounds(Offset(0), Offset(end))}, BEFORE.counts + Counter(counts)
    return replace(BEFORE, bounds=bounds, next_offset={SHARD: read}, counts=total)


def results(then: Intake, *, sent: int, **items: int) -> EventResults:
    return results_between(BEFORE, then, events=sent, known=0, items=items, quarantined=())


ALL = after(end=14, read=14, applied=4)


@pytest.mark.parametrize(
    ("then", "line", "complete"),
    [
        (ALL, "4 events = 4 applied", True),
        (after(end=14, read=14, duplicate=4), "4 events = 0 applied + 4 already known", True),
        (after(end=15, read=15, applied=5), "4 events and 1 of other senders = 5 applied", True),
        (after(end=14, read=14, applied=3, quarantined=1), "4 events = 3 applied + 1 quarantined", False),
        (after(end=14, read=14, applied=3, parked=1), "4 events = 3 applied + 1 parked", False),
        (after(end=14, read=12, applied=2), "4 events = 2 applied + 2 not read", False),
        (replace(ALL, failed=frozenset({"adur:1"})), "4 events = 1 applied + 3 failed", False),
        (replace(ALL, held=frozenset({"adur"})), "4 events = 1 applied + 3 failed", False),
        (replace(ALL, parked_readings=Counter(leeds=3, hull=2)), "4 events = 1 applied + 3 parked", False),
    ],
)
def test_what_was_sent_is_the_sum_of_its_results_since_then(then: Intake, line: str, complete: bool) -> None:
    found = results(then, sent=4, **{"adur:1": 3, "worthing:1": 1})

    assert next(found.lines()) == line
    assert found.unaccounted == 0
    assert found.complete == complete


def test_what_only_the_other_service_quarantined_is_named_too() -> None:
    refused = QuarantinedEvents("ID_REUSE_CONFLICT", "other content", 1, ("provider.tickets.v1/3@12",))

    found = results_between(BEFORE, ALL, events=4, known=0, items={}, quarantined=[refused])

    assert (found.applied, found.complete) == (4, False)
    assert "    tallystick quarantine show provider.tickets.v1/3@12" in list(found.lines())


@pytest.mark.parametrize("counted", [3, 5])
def test_an_event_without_a_result_or_with_two_is_found_out(counted: int) -> None:
    assert results(after(end=14, read=14, applied=counted), sent=4).unaccounted == 4 - counted

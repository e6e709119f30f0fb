"""Update targets against an oracle that walks through an item's story step by step (R27, R51, R52)."""

from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_monitor.domain.clock.verdict import evaluate
from sla_monitor.domain.facts import history
from tests.support import minute_walk
from tests.support.exchange_walk import STEP_S, ExchangeWalk, Happened, Reopen, Starts
from tests.support.histories import agreement_index, at, calendar, fact, local_text
from tests.support.laws import law

HAPPENS = (
    "assigned",
    "asked",
    "asked",
    "responded",
    "paused",
    "resumed",
    "resolved",
    "closed",
    "reopened",
    "cancelled",
)
OPENED_AT = at("Thu 2026-03-26 10:00")  # the clocks go forward on Sunday 29 March
OFFICE = calendar()
ALLOWED_S = 3 * 3600

stories = st.lists(
    st.tuples(st.sampled_from((1, 3, 6, 12, 24, 90)), st.sampled_from((*HAPPENS, "asked", "reopened"))),
    min_size=3,
    max_size=14,
)


def happened(story: list[tuple[int, str]]) -> list[Happened]:
    """When each thing happened, so many steps after the one before."""
    instants = accumulate((steps * STEP_S for steps, _ in story), initial=OPENED_AT)
    return list(zip(instants, ["opened", *(what for _, what in story)], strict=True))


def judged(events: list[Happened], as_of: int, target: dict[str, Any]) -> list[tuple[str, int, int | None]]:
    """Of each cycle the outcome, the counted seconds, and since when an exchange is pending."""
    facts = history(
        fact(local_text(when) or "", "paused council" if what == "paused" else what, name=f"e{when}")
        for when, what in events
    )
    index = agreement_index({"id": "t", "measure": "update-interval", "paused_by": ["council"]} | target)
    found = evaluate(facts, council="adur", stream="ticket", item="T1", agreement_index=index, as_of=as_of).verdicts
    return [(str(each.outcome), each.elapsed_s, None if each.pending is None else each.pending.start) for each in found]


@law
@given(
    stories,
    st.sampled_from(("opened", "assigned")),
    st.sampled_from(("continue", "new-cycle", "first-close-is-final")),
    st.booleans(),
    st.integers(0, 60),
)
def test_update_targets_are_judged_as_a_walk_through_the_items_life_finds(
    story: list[tuple[int, str]], starts: Starts, reopen: Reopen, in_hours: bool, after_steps: int
) -> None:
    events = happened(story)
    as_of = events[-1][0] + after_steps * STEP_S
    within = {"within": "3 working hours", "calendar": "office"} if in_hours else {"within": "3 hours"}
    walk = ExchangeWalk(events, starts, reopen, lambda now: not in_hours or minute_walk.is_open(OFFICE, now))

    found = judged(events, as_of, within | {"starts": starts, "reopen": reopen})

    assert found == [each.shown(ALLOWED_S) for each in walk.to(as_of)]


@pytest.mark.parametrize("reopen", ["continue", "new-cycle"])
def test_the_walk_itself_finds_what_was_worked_out_by_hand(reopen: Reopen) -> None:
    story = [(3, "asked"), (3, "resolved"), (6, "reopened"), (6, "responded")]

    (*_, last) = ExchangeWalk(happened(story), "opened", reopen, lambda _: True).to(OPENED_AT + 30 * STEP_S)

    # Half an hour until the resolution; going on after the reopening, another hour.
    assert last.shown(ALLOWED_S) == (("running", 5400, None) if reopen == "continue" else ("out-of-scope", 0, None))

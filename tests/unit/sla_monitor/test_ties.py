"""Facts of one instant: each applies where it can, and a state that lasted no time has no effect (R23)."""

import random
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_monitor.domain.clock.timeline import FOREVER, Timeline, read_timeline
from sla_monitor.domain.clock.verdict import Outcome, Verdict
from sla_monitor.domain.facts import AnyFact, history
from tests.support.histories import at, fact, facts, judged, local_text
from tests.support.laws import law

ELEVEN = "Mon 2026-03-02 11:00"
BEFORE: dict[str, list[tuple[str, str]]] = {
    "running": [],
    "paused": [("Mon 2026-03-02 10:00", "paused council")],
    "stopped": [("Mon 2026-03-02 10:00", "resolved")],
}


def read(*held: AnyFact) -> Timeline:
    """The timeline of all facts."""
    timeline, _ = read_timeline(history(held), as_of_s=FOREVER - 1)
    assert timeline is not None
    return timeline


def at_eleven(before: str, *words: str) -> Timeline:
    """The timeline of an item that was `before` as all of `words` happened at eleven, in any order of arrival."""
    earlier = facts(("Mon 2026-03-02 09:00", "opened"), *BEFORE[before])
    tied = [fact(ELEVEN, word, name=f"e{number}") for number, word in enumerate(words)]
    timelines = [read(*earlier, *order) for order in permutations(tied)]
    assert all(each == timelines[0] for each in timelines)
    return timelines[0]


def status_of(timeline: Timeline) -> str:
    """What the item is in the end."""
    if timeline.ended is not None:
        return "stopped"
    last = timeline.pauses[-1] if timeline.pauses else None
    return f"paused {last.awaiting}" if last is not None and last.end == FOREVER else "running"


def priorities(timeline: Timeline) -> list[tuple[int, str]]:
    """From when the item had which priority."""
    return [(each.since, each.priority) for each in timeline.classifications]


@pytest.mark.parametrize(
    ("before", "words", "after"),
    [
        ("running", ("paused council", "resumed"), "running"),
        ("running", ("paused council", "resolved"), "stopped"),
        ("running", ("resolved", "reopened"), "running"),
        ("running", ("resolved", "reopened", "paused council"), "paused council"),
        ("running", ("resolved", "reopened", "resolved"), "stopped"),
        ("paused", ("resumed", "paused third-party"), "paused third-party"),
        ("paused", ("resumed", "resolved"), "stopped"),
        ("paused", ("resumed", "resumed", "paused council"), "running"),
        ("paused", ("paused third-party",), "paused third-party"),
        ("stopped", ("reopened", "resolved"), "stopped"),
        ("stopped", ("reopened", "paused council"), "paused council"),
        ("stopped", ("reopened", "paused council", "resumed"), "running"),
        ("stopped", ("reopened", "closed"), "stopped"),
        ("stopped", ("paused council",), "stopped"),
    ],
)
def test_r23_each_fact_of_an_instant_applies_to_what_the_item_is_then(
    before: str, words: tuple[str, ...], after: str
) -> None:
    assert status_of(at_eleven(before, *words)) == after


@pytest.mark.parametrize(
    ("before", "words", "why"),
    [
        ("running", ("paused council", "resumed"), "paused for no time"),
        ("running", ("resolved", "reopened"), "stopped for no time"),
        ("stopped", ("reopened", "resolved"), "reopened for no time"),
        ("running", ("paused council", "resolved"), "paused for no time"),
        ("running", ("resumed",), "resumed without a pause"),
        ("running", ("reopened",), "reopened while open"),
        ("stopped", ("paused council",), "paused after it was stopped"),
        ("stopped", ("cancelled",), "stopped again after it was stopped"),
        ("running", ("opened",), "opened again after it was opened"),
    ],
)
def test_r23_a_fact_without_effect_leaves_its_reason(before: str, words: tuple[str, ...], why: str) -> None:
    timeline = at_eleven(before, *words)

    assert timeline.without_effect == [why]
    assert timeline.distinct_notes == (f"{why}: without effect",)


def test_r23_a_ticket_resolved_and_closed_in_one_minute_is_in_order() -> None:
    timeline = at_eleven("running", "closed", "resolved")

    assert (len(timeline.stops), timeline.without_effect) == (1, [])


def test_r23_a_ticket_cancelled_and_closed_in_one_minute_is_cancelled() -> None:
    (stop,) = at_eleven("running", "closed", "cancelled").stops

    assert stop.cancelled


def test_r23_a_pending_question_is_answered_before_the_next_is_asked() -> None:
    pending = [("Mon 2026-03-02 10:00", "asked")]
    earlier = facts(("Mon 2026-03-02 09:00", "opened"), *pending)

    timeline = read(*earlier, fact(ELEVEN, "asked"), fact(ELEVEN, "responded"))

    assert timeline.exchanges == [(at("Mon 2026-03-02 10:00"), at(ELEVEN)), (at(ELEVEN), FOREVER)]


def test_r23_a_question_answered_within_its_minute_is_an_exchange_of_no_length() -> None:
    assert at_eleven("running", "asked", "responded").exchanges == [(at(ELEVEN), at(ELEVEN))]


@pytest.mark.parametrize(
    ("words", "after"),
    [
        (("priority high", "priority normal"), [(at("Mon 2026-03-02 09:00"), "normal")]),
        (("priority normal",), [(at("Mon 2026-03-02 09:00"), "normal")]),
        (
            ("priority normal", "priority high", "priority low"),
            [(at("Mon 2026-03-02 09:00"), "normal"), (at(ELEVEN), "low")],
        ),
        (("priority low", "priority low"), [(at("Mon 2026-03-02 09:00"), "normal"), (at(ELEVEN), "low")]),
    ],
)
def test_r23_a_priority_held_for_no_time_is_none(words: tuple[str, ...], after: list[tuple[int, str]]) -> None:
    assert priorities(at_eleven("running", *words)) == after


def test_r23_a_priority_changed_as_the_item_is_opened_is_the_one_that_it_has() -> None:
    nine = "Mon 2026-03-02 09:00"

    for changed in (nine, "Mon 2026-03-02 08:50"):
        assert priorities(read(fact(nine, "opened"), fact(changed, "priority high"))) == [(at(nine), "high")]


def test_r23_the_fraction_of_a_second_decides_first_and_then_the_sequence() -> None:
    opened = fact("Mon 2026-03-02 09:00", "opened")
    resumed, paused = fact(ELEVEN, "resumed", sequence="1"), fact(ELEVEN, "paused council", sequence="2")
    swapped = fact(ELEVEN, "resumed", sequence="10"), paused

    assert status_of(read(opened, resumed, paused)) == "paused council"
    assert status_of(read(opened, *swapped)) == "running"


def test_r23_within_a_second_the_order_is_told_but_no_state_has_a_length() -> None:
    timeline = read(
        fact("Mon 2026-03-02 09:00", "opened"),
        _late(fact(ELEVEN, "resolved"), 100),
        _late(fact(ELEVEN, "reopened"), 200),
        _late(fact(ELEVEN, "paused council"), 300),
        _late(fact(ELEVEN, "resumed"), 400),
    )

    assert (timeline.stops, timeline.pauses) == ([], [])
    assert timeline.without_effect == ["stopped for no time", "paused for no time"]


def test_r32_facts_dated_before_the_opening_keep_their_order_and_last_no_time() -> None:
    timeline = read(
        fact("Mon 2026-03-02 09:00", "opened"),
        fact("Mon 2026-03-02 08:10", "resumed"),
        fact("Mon 2026-03-02 08:20", "paused council"),
    )

    assert status_of(timeline) == "paused council"
    assert timeline.pauses[0].start == timeline.start


def _late(one: AnyFact, milliseconds: int) -> AnyFact:
    return type(one)(one.at_us + milliseconds * 1000, *[getattr(one, name) for name in one.__struct_fields__[1:]])


def verdict_at_eleven(before: Sequence[tuple[str, str]], *words: str, **target: Any) -> Verdict:
    """The verdict a week later on an item with all of `words` at eleven."""
    opened = ("Mon 2026-03-02 09:00", "opened")
    return judged([opened, *before, *[(ELEVEN, word) for word in words]], as_of="Mon 2026-03-09 09:00", **target)


def test_r23_reopened_and_resolved_at_once_counts_to_the_first_resolution() -> None:
    verdict = verdict_at_eleven([("Mon 2026-03-02 09:30", "resolved")], "reopened", "resolved")

    assert (verdict.outcome, verdict.elapsed_s, local_text(verdict.cycle.stop)) == (
        Outcome.MET,
        1800,
        "Mon 2026-03-02 09:30",
    )


def test_r23_reopened_and_resolved_at_once_begins_no_cycle() -> None:
    new_cycles = {"reopen": "new-cycle", "reopen_window_days": 0}

    verdict = verdict_at_eleven([("Mon 2026-03-02 09:30", "resolved")], "reopened", "resolved", **new_cycles)

    assert verdict.cycle.number == 1


def test_r23_a_cancellation_that_is_resolved_at_its_reopening_is_a_resolution_from_then_on() -> None:
    verdict = verdict_at_eleven([("Mon 2026-03-02 09:30", "cancelled")], "reopened", "resolved")

    assert (verdict.outcome, verdict.elapsed_s, local_text(verdict.cycle.stop)) == (Outcome.MET, 1800, ELEVEN)


def test_r23_a_stop_taken_back_at_once_is_no_answer() -> None:
    verdict = verdict_at_eleven([], "resolved", "reopened", measure="response-time", within="4 working hours")

    assert verdict.outcome is Outcome.BREACHED


def test_r23_one_pause_after_the_other_at_one_instant() -> None:
    verdict = judged(
        [
            ("Mon 2026-03-02 09:00", "opened"),
            ("Mon 2026-03-02 10:00", "paused council"),
            (ELEVEN, "resumed"),
            (ELEVEN, "paused third-party"),
            ("Wed 2026-03-04 16:00", "resumed"),
            ("Wed 2026-03-04 16:30", "resolved"),
        ],
        as_of="Mon 2026-03-09 09:00",
        paused_by=["council", "third-party"],
    )

    assert (verdict.outcome, verdict.elapsed_s) == (Outcome.MET, 5400)


def test_r23_an_item_that_goes_from_pause_to_pause_is_first_active_after_the_last() -> None:
    nine = "Mon 2026-03-02 09:00"

    verdict = judged(
        [
            (nine, "opened"),
            (nine, "paused council"),
            (ELEVEN, "resumed"),
            (ELEVEN, "paused third-party"),
            ("Mon 2026-03-02 14:00", "resumed"),
        ],
        as_of="Mon 2026-03-02 15:00",
        starts="first-active",
    )

    assert local_text(verdict.cycle.start) == "Mon 2026-03-02 14:00"


# The law: of all orders, the one in which the most facts take effect; of these the first by kind, source and id.
KINDS = ("responded", "asked", "priority", "reopened", "resumed", "resolved", "cancelled", "closed", "paused")
WORDS = (
    "responded",
    "asked",
    "priority high",
    "priority normal",
    "priority low",
    "reopened",
    "resumed",
    "resolved",
    "cancelled",
    "closed",
    "paused council",
    "paused third-party",
)
State = tuple[str, bool, str]  # status, whether a question is pending, priority


def _step(state: State, word: str) -> State | None:
    """What the item is after a fact, None where the fact has no effect. Own code, apart from the product's."""
    (status, pending, priority), (kind, _, detail) = state, word.partition(" ")
    is_open = status != "stopped"
    applies, after = {
        "responded": (pending, (status, False, priority)),
        "asked": (not pending, (status, True, priority)),
        "priority": (detail != priority, (status, pending, detail)),
        "reopened": (not is_open, ("running", pending, priority)),
        "resumed": (status.startswith("paused"), ("running", pending, priority)),
        "paused": (is_open, (word, pending, priority)),
    }.get(kind, (is_open, ("stopped", pending, priority)))
    return after if applies else None


def best(state: State, words: Sequence[str]) -> State:
    """The end of the best of all orders of `words`, whose ids are their places."""
    found: list[tuple[int, list[tuple[int, int]], State]] = []
    for order in permutations(range(len(words))):
        now, applied = state, list[tuple[int, int]]()
        for place in order:
            after = _step(now, words[place])
            if after is not None:
                now = after
                applied.append((KINDS.index(words[place].partition(" ")[0]), place))
        found.append((-len(applied), applied, now))
    return min(found)[2]


def _distinct_priorities(words: list[str]) -> bool:
    changes = [word for word in words if word.startswith("priority")]
    return len(changes) == len(set(changes))


MACHINES = (
    ("responded", "asked"),
    ("priority",),
    ("reopened", "resumed", "resolved", "cancelled", "closed", "paused"),
)


@law
@given(
    st.sampled_from(sorted(BEFORE)),
    st.booleans(),
    st.lists(st.sampled_from(WORDS), min_size=2, max_size=6).filter(_distinct_priorities),
    st.randoms(use_true_random=False),
)
def test_r23_the_most_facts_of_an_instant_take_effect(
    before: str, pending: bool, words: list[str], chance: random.Random
) -> None:
    asked = [("Mon 2026-03-02 10:30", "asked")] if pending else []
    earlier = facts(("Mon 2026-03-02 09:00", "opened"), *BEFORE[before], *asked)
    tied = [fact(ELEVEN, word, name=f"e{number}") for number, word in enumerate(words)]
    chance.shuffle(tied)
    status = "paused council" if before == "paused" else before

    timeline = read(*earlier, *tied)

    ends = [best((status, pending, "normal"), [w for w in words if w.partition(" ")[0] in kinds]) for kinds in MACHINES]
    has_question = bool(timeline.exchanges) and timeline.exchanges[-1][1] == FOREVER
    # What it becomes in the second of its stop, it becomes if it is reopened.
    priority = "normal" if ends[2][0] == "stopped" else ends[1][2]
    assert (has_question, timeline.classification.priority, status_of(timeline)) == (ends[0][1], priority, ends[2][0])


@pytest.mark.parametrize("many", [10_000])
def test_r23_ten_thousand_facts_of_one_instant_are_read_in_linear_time(many: int) -> None:
    words = ("paused council", "resumed", "resolved", "reopened", "asked", "responded", "priority high", "priority low")
    tied = [fact(ELEVEN, words[number % len(words)], name=f"{number:05}") for number in range(many)]
    held = history([fact("Mon 2026-03-02 09:00", "opened"), *tied])
    read_of_facts = [0]

    class Counting(list[AnyFact]):
        """Counts how often a fact is taken from it."""

        def __iter__(self) -> Any:
            for each in super().__iter__():
                read_of_facts[0] += 1
                yield each

    timeline, _ = read_timeline(Counting(held), as_of_s=FOREVER - 1)

    assert timeline is not None
    assert (status_of(timeline), timeline.pauses, timeline.stops) == ("running", [], [])
    assert read_of_facts[0] <= 4 * len(held)

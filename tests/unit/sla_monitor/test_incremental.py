"""Incremental evaluation, fact by fact, gives what a full evaluation gives, or leaves the item to one."""

import random
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.domain.facts import AnyFact, history
from sla_monitor.domain.incremental import ignored_kinds
from sla_monitor.domain.item import FactResult, Item, LastPublished, insert_fact
from sla_monitor.judging.item_cache import CachedItem
from tests.support.histories import agreement_index, at, fact, facts, local_text
from tests.support.laws import law
from tests.unit.sla_monitor.test_verdict_laws import END, START, WORDS

IN_HOURS: dict[str, Any] = {"within": "8 working hours", "calendar": "office", "warn_at": [50, 75, 99]}
TARGETS: tuple[dict[str, Any], ...] = (
    {"id": "resolve", **IN_HOURS},
    {"id": "resolve-elapsed", "within": "2 days", "warn_at": [10, 90]},
    {"id": "whatever-is-awaited", **IN_HOURS, "paused_by": ["council", "provider", "third-party"]},
    {"id": "never-paused", **IN_HOURS, "paused_by": []},
    {"id": "respond", "measure": "response-time", "within": "4 working hours", "calendar": "office", "warn_at": [50]},
    {"id": "days", "measure": "processing-time", "within": "3 working days", "calendar": "office", "warn_at": [50]},
    {"id": "before-due", **IN_HOURS, "warn_at": [50, "2 working hours before", "1 hour before"]},
    {"id": "whole-days", "within": "3 working days", "calendar": "office", "pause_counts": "whole-days"},
    {"id": "answer", "measure": "update-interval", "within": "2 working hours", "calendar": "office"},
    {"id": "keep-informed", "measure": "periodic-update", "within": "1 day"},
    {"id": "respond-again", "measure": "response-time", "within": "1 day", "reopen": "new-cycle"},
    {"id": "answer-again", "measure": "update-interval", "within": "5 hours", "reopen": "new-cycle"},
    {"id": "answer-assigned", "measure": "update-interval", "within": "5 hours", "starts": "assigned"},
    {"id": "answer-paused", "measure": "update-interval", "within": "5 hours", "paused_by": ["council"]},
    {"id": "again", "within": "1 day", "reopen": "new-cycle", "reopen_window_days": 0},
    {"id": "first-close", "within": "1 day", "reopen": "first-close-is-final"},
    {"id": "from-assigned", "within": "1 day", "starts": "assigned"},
    {"id": "from-active", "within": "1 day", "starts": "first-active"},
    {"id": "hurry", "within": "6 hours", "when": {"priority": ["high"]}, "on_change": "from-change"},
)
# Gaps between facts: within a second, within an hour, over a night.
GAPS = st.sampled_from((0, 0, 1, 60, 1800, 3600, 5 * 3600, 20 * 3600))
SEQUENCES = st.sampled_from(("", "", "1", "2"))
timelines = st.lists(
    st.tuples(GAPS, st.sampled_from((*WORDS[1:], "paused council", "resumed")), SEQUENCES), max_size=14
)
agreements = st.lists(st.sampled_from(TARGETS), min_size=1, max_size=4, unique_by=lambda each: each["id"])


class BothWays:
    """One item, evaluated in both ways at every batch of facts."""

    def __init__(self, agreement: AgreementIndex) -> None:
        self.agreement = agreement
        self.live = CachedItem(Item())
        self.published: dict[str, LastPublished] = {}
        self.incremental: list[str] = []

    def add(self, new: list[AnyFact], *, as_of: int) -> None:
        """The facts are added and the item is evaluated at `as_of`; both ways must agree."""
        added = [each for each in new if insert_fact(self.live.item, each) is FactResult.NEW]
        whole = self.evaluate_in_full(as_of)
        events, published = announce(self.published, whole, Trigger("adur", "T1", "clock", as_of))
        if added and self.live.apply(added, as_of=as_of):
            assert (events, published, self.live.wake) == ([], self.published, whole.wake)
            self.incremental += [type(each).__name__ for each in added]
        else:
            self.live.evaluated(whole, as_of=as_of)
        self.published = published

    def evaluate_in_full(self, as_of: int) -> Evaluation:
        """The evaluation of the whole history."""
        return evaluate(
            self.live.item.facts,
            council="adur",
            stream="ticket",
            item="T1",
            agreement_index=self.agreement,
            as_of=as_of,
        )


def happened(timeline: list[tuple[int, str, str]]) -> list[AnyFact]:
    """The facts of an item that was opened as the office was, each so long after the one before."""
    instants = accumulate((gap for gap, _, _ in timeline), initial=at("Mon 2026-03-23 09:00"))
    rest = (("opened", ""), *((what, sequence) for _, what, sequence in timeline))
    return history(
        fact(local_text(when) or "", what, name=f"e{number}", sequence=sequence)
        for number, (when, (what, sequence)) in enumerate(zip(instants, rest, strict=True))
    )


@law
@given(agreements, timelines, st.randoms(use_true_random=False))
def test_incremental_evaluation_announces_and_wakes_as_full_evaluation_does(
    targets: list[dict[str, Any]], timeline: list[tuple[int, str, str]], chance: random.Random
) -> None:
    item = BothWays(agreement_index(*targets))
    clock = START
    in_order = happened(timeline)
    while in_order:
        size = chance.choice((1, 1, 1, 2, 3))
        batch, in_order = in_order[:size], in_order[size:]
        if chance.random() < 0.1:
            chance.shuffle(batch)
        clock = max(clock, batch[-1].at_s + chance.choice((0, 0, 1, 59, 3600, 86_400, -7200)))

        item.add(batch, as_of=clock)

        while chance.random() < 0.3 and (wake := item.evaluate_in_full(clock).wake) is not None and wake < END:
            clock = max(clock, wake)
            item.add([], as_of=clock)


@law
@given(agreements, timelines, st.integers(0, 20 * 86_400))
def test_ignored_kinds_of_fact_change_nothing(
    targets: list[dict[str, Any]], timeline: list[tuple[int, str, str]], after_s: int
) -> None:
    whole, agreement = happened(timeline), agreement_index(*targets)
    kinds = ignored_kinds(agreement.bound_targets("adur", ["ict"], whole[0].at_s))
    relevant = [each for each in whole if type(each) not in kinds]

    verdicts = [
        evaluate(
            known, council="adur", stream="ticket", item="T1", agreement_index=agreement, as_of=START + after_s
        ).verdicts
        for known in (whole, relevant)
    ]

    assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize(
    ("target", "ignored"),
    [
        ({}, {"Assigned", "Asked", "Responded"}),
        ({"starts": "assigned"}, {"Asked", "Responded"}),
        ({"measure": "response-time"}, {"Assigned", "Asked"}),
        ({"measure": "update-interval"}, {"Assigned"}),
        ({"measure": "periodic-update"}, {"Assigned", "Asked"}),
    ],
)
def test_the_kinds_of_fact_that_a_target_ignores(target: dict[str, Any], ignored: set[str]) -> None:
    bound_targets = agreement_index({"id": "one", "within": "1 day", **target}).bound_targets(
        "adur", ["ict"], at("Mon 2026-03-23 09:00")
    )

    assert {kind.__name__ for kind in ignored_kinds(bound_targets)} == ignored


def test_of_an_ordinary_ticket_only_what_decides_is_evaluated_in_full() -> None:
    item = BothWays(
        agreement_index({"id": "respond", "measure": "response-time", "within": "1 day"}, {"id": "resolve", **IN_HOURS})
    )

    for each in facts(
        ("Mon 2026-03-02 09:00", "opened"),
        ("Mon 2026-03-02 09:10", "assigned"),
        ("Mon 2026-03-02 09:30", "responded"),
        ("Mon 2026-03-02 10:00", "paused council"),
        ("Mon 2026-03-02 14:00", "resumed"),
        ("Mon 2026-03-02 14:10", "responded"),
        ("Mon 2026-03-02 15:00", "resolved"),
        ("Wed 2026-03-04 15:00", "closed"),
    ):
        item.add([each], as_of=each.at_s)

    assert item.incremental == ["Assigned", "Paused", "Resumed", "Responded", "Closed"]


def test_a_pause_that_arrives_late_takes_out_what_was_counted_since() -> None:
    item = BothWays(agreement_index({"id": "resolve", **IN_HOURS}))
    item.add([fact("Mon 2026-03-02 09:00", "opened")], as_of=at("Mon 2026-03-02 11:00"))

    item.add([fact("Mon 2026-03-02 10:00", "paused council")], as_of=at("Mon 2026-03-02 11:01"))
    item.add([fact("Mon 2026-03-02 12:00", "resumed")], as_of=at("Mon 2026-03-02 12:00"))

    assert item.incremental == ["Paused", "Resumed"]


@pytest.mark.parametrize(
    ("when", "what"),
    [
        pytest.param("Mon 2026-03-02 12:00", "paused council", id="dated before a warning that was reached"),
        pytest.param("Mon 2026-03-02 08:00", "assigned", id="dated before the newest fact"),
        pytest.param("Mon 2026-03-02 18:00", "paused council", id="dated after the clock"),
        pytest.param("Mon 2026-03-02 15:30", "priority high", id="another target may hold"),
    ],
)
def test_what_may_undo_a_verdict_is_evaluated_in_full(when: str, what: str) -> None:
    item = BothWays(agreement_index({"id": "resolve", **IN_HOURS}))
    item.add([fact("Mon 2026-03-02 09:00", "opened")], as_of=at("Mon 2026-03-02 15:00"))

    item.add([fact(when, what)], as_of=at("Mon 2026-03-02 16:00"))

    assert item.incremental == []

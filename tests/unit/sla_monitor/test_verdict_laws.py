"""Laws that hold for any history: arrival plays no part, and every second of a cycle is accounted for."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sla_monitor.domain.clock.trace import totals, trace
from sla_monitor.domain.clock.verdict import Outcome, Verdict, evaluate
from sla_monitor.domain.facts import AnyFact, history
from sla_monitor.domain.item import FactResult, Item, dump_item, insert_fact, load_item
from tests.support.histories import agreement_index, at, fact, local_text
from tests.support.laws import law

WORDS = (
    "opened",
    "assigned",
    "asked",
    "responded",
    "paused council",
    "paused provider",
    "resumed",
    "resolved",
    "closed",
    "reopened",
    "cancelled",
    "priority high",
    "priority normal",
)
START, END = at("Mon 2026-03-23 08:00"), at("Fri 2026-04-10 18:00")
TARGETS = agreement_index(
    {"id": "respond", "measure": "response-time", "within": "4 working hours", "calendar": "office"},
    {"id": "resolve", "within": "12 working hours", "calendar": "office", "when": {"priority": ["normal"]}},
    {"id": "hurry", "within": "6 hours", "when": {"priority": ["high"]}},
    {"id": "days", "measure": "processing-time", "within": "3 working days", "calendar": "office"},
    {"id": "again", "within": "2 days", "reopen": "new-cycle", "reopen_window_days": 1},
    {"id": "answer", "measure": "update-interval", "within": "2 working hours", "calendar": "office"},
    {"id": "inform", "measure": "periodic-update", "within": "20 hours"},
    {"id": "respond-again", "measure": "response-time", "within": "20 hours", "reopen": "new-cycle"},
    {"id": "answer-again", "measure": "update-interval", "within": "9 hours", "reopen": "new-cycle"},
    {
        "id": "answer-hurry",
        "measure": "update-interval",
        "within": "3 hours",
        "when": {"priority": ["high"]},
        "on_change": "from-change",
    },
)

_instants = st.integers(START // 600, END // 600).map(lambda ten_minutes: local_text(ten_minutes * 600) or "")
# Where several systems write minutes, much happens at one of them; and clocks may be wrong before the opening.
_few_instants = st.sampled_from([START + minutes * 60 for minutes in (55, 60, 60, 61, 180)]).map(
    lambda at_s: local_text(at_s) or ""
)
_tied = st.lists(
    st.tuples(_few_instants, st.sampled_from(WORDS), st.sampled_from(("", "", "1", "2", "10", "b"))), max_size=14
)
tied_histories = _tied.map(
    lambda others: [
        fact(when, what, name=f"e{number}", sequence=sequence)
        for number, (when, what, sequence) in enumerate([("Mon 2026-03-23 09:00", "opened", ""), *others])
    ]
)
_others = st.lists(st.tuples(_instants, st.sampled_from(WORDS[1:])), max_size=14)
histories = st.builds(
    lambda opened, others: [
        fact(when, what, name=f"e{number}") for number, (when, what) in enumerate([(opened, "opened"), *others])
    ],
    _instants,
    _others,
)


def _stored(facts: list[AnyFact]) -> Item:
    item = Item()
    for each in facts:
        insert_fact(item, each)
    return load_item(dump_item(item))


@law
@given(histories, st.integers(START // 600, END // 600 + 400), st.randoms(use_true_random=False))
def test_order_and_repetition_of_arrival_change_no_verdict_and_no_trace(
    facts: list[AnyFact], ten_minutes: int, chance: random.Random
) -> None:
    as_of = ten_minutes * 600
    shuffled = [*facts, *chance.choices(facts, k=5)]
    chance.shuffle(shuffled)

    straight = evaluate(
        _stored(facts).facts, council="adur", stream="ticket", item="T1", agreement_index=TARGETS, as_of=as_of
    )
    mixed = evaluate(
        _stored(shuffled).facts, council="adur", stream="ticket", item="T1", agreement_index=TARGETS, as_of=as_of
    )

    assert mixed == straight
    assert [trace(verdict, as_of=as_of) for verdict in mixed.verdicts] == [
        trace(verdict, as_of=as_of) for verdict in straight.verdicts
    ]


@law
@given(tied_histories, st.data(), st.randoms(use_true_random=False))
def test_r23_arrival_plays_no_part_where_much_happens_at_one_instant(
    facts: list[AnyFact], data: st.DataObject, chance: random.Random
) -> None:
    as_of = data.draw(st.sampled_from([START + 3600, START + 3660, START + 10_800, START + 86_400, END]))
    again = [replace(each, sequence=chance.choice(("0", "1", "", "z"))) for each in chance.choices(facts, k=5)]
    sent = [*facts, *again]

    answers = []
    for _ in range(3):
        chance.shuffle(sent)
        held = _stored(sent)
        answers.append(
            (
                held,
                evaluate(held.facts, council="adur", stream="ticket", item="T1", agreement_index=TARGETS, as_of=as_of),
            )
        )

    assert answers[1] == answers[0]
    assert answers[2] == answers[0]


@law
@given(histories | tied_histories, st.integers(START // 600, END // 600 + 400))
def test_the_trace_covers_the_cycle_without_a_gap_and_counts_what_elapsed(
    facts: list[AnyFact], ten_minutes: int
) -> None:
    as_of = ten_minutes * 600
    for verdict in evaluate(
        history(facts), council="adur", stream="ticket", item="T1", agreement_index=TARGETS, as_of=as_of
    ).verdicts:
        segments = trace(verdict, as_of=as_of)
        end = min(as_of, verdict.until, as_of if verdict.cycle.stop is None else verdict.cycle.stop)

        assert sum(totals(segments).values()) == max(end - verdict.cycle.start, 0)
        assert all(one.end == other.start for one, other in pairwise(segments))
        if not verdict.target.has_exchanges:  # which count from question to answer, or from update to update
            assert totals(segments)["counted"] == verdict.elapsed_s


@law
@given(histories | tied_histories, st.integers(START // 600, END // 600 + 400))
def test_nothing_changes_before_the_instant_to_wake_at(facts: list[AnyFact], ten_minutes: int) -> None:
    as_of = ten_minutes * 600
    now = evaluate(history(facts), council="adur", stream="ticket", item="T1", agreement_index=TARGETS, as_of=as_of)
    if now.wake is None or now.wake == as_of + 1:
        return

    just_before = evaluate(
        history(facts), council="adur", stream="ticket", item="T1", agreement_index=TARGETS, as_of=now.wake - 1
    )

    assert now.wake > as_of
    assert [_what_time_changes(verdict) for verdict in just_before.verdicts] == [
        _what_time_changes(verdict) for verdict in now.verdicts
    ]


def _what_time_changes(verdict: Verdict) -> tuple[object, ...]:
    return verdict.outcome, verdict.warnings, verdict.pending is not None and verdict.pending.missed


@law
@given(histories, st.integers(START // 600, END // 600 + 400))
def test_all_figures_of_a_verdict_are_of_one_interval(facts: list[AnyFact], ten_minutes: int) -> None:
    as_of = ten_minutes * 600
    found = evaluate(history(facts), council="adur", stream="ticket", item="T1", agreement_index=TARGETS, as_of=as_of)
    for verdict in found.verdicts:
        if verdict.target.seconds is None or verdict.margin_s is None:
            continue
        assert verdict.elapsed_s + verdict.margin_s == verdict.target.seconds
        assert (verdict.margin_s < 0) is (verdict.outcome is Outcome.BREACHED)
        if verdict.pending is not None and verdict.outcome is not Outcome.BREACHED:
            assert (verdict.pending.due, verdict.pending.margin_s) == (verdict.due, verdict.margin_s)


@law
@given(histories | tied_histories)
def test_a_verdict_once_no_fact_is_missing_does_not_change_with_time(facts: list[AnyFact]) -> None:
    ended = evaluate(history(facts), council="adur", stream="ticket", item="T1", agreement_index=TARGETS, as_of=END)
    later = evaluate(
        history(facts), council="adur", stream="ticket", item="T1", agreement_index=TARGETS, as_of=END + 90 * 86_400
    )

    for now, then in zip(ended.verdicts, later.verdicts, strict=True):
        if now.outcome in (Outcome.MET, Outcome.BREACHED) and now.cycle.stop is not None:
            assert (then.outcome, then.due, then.elapsed_s) == (now.outcome, now.due, now.elapsed_s)


def test_the_same_identity_with_other_content_is_a_conflict_and_changes_nothing() -> None:
    item = _stored([fact("Mon 2026-03-23 09:00", "opened", name="a")])
    before = dump_item(item)

    assert insert_fact(item, fact("Mon 2026-03-23 09:00", "opened", name="a")) is FactResult.DUPLICATE
    assert insert_fact(item, fact("Mon 2026-03-23 09:00", "opened high", name="a")) is FactResult.CONFLICT
    assert dump_item(item) == before

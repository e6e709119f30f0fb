"""How verdicts follow a stream of facts, and the months in which they count. Each test names its rule."""

from itertools import permutations
from typing import Any

import pytest

from shared.contracts.verdicts import VerdictCorrected
from sla_monitor.domain.announcements import Trigger, announce, counted_month
from sla_monitor.domain.clock.cycles import ExcludedTime
from sla_monitor.domain.clock.verdict import Outcome
from sla_monitor.domain.facts import AnyFact, history
from sla_monitor.domain.item import FactResult, Item, LastPublished, insert_fact
from tests.support.histories import agreement_index, at, evaluated, fact, facts, judged

MON_9 = ("Mon 2026-03-02 09:00", "opened")
EIGHT_HOURS = {"within": "8 working hours", "calendar": "office"}


def announced_of(
    held: list[AnyFact], as_of: str, before: dict[str, LastPublished] | None = None, *, cause: str = "clock"
) -> tuple[list[str], dict[str, LastPublished]]:
    """What is announced of the item at the instant, by kind, and what was last published then."""
    evaluation = evaluated(held, agreement_index(EIGHT_HOURS), as_of=as_of)
    events, after = announce(before or {}, evaluation, Trigger("adur", "T1", cause, at(as_of)))
    return [type(event).__name__ for event in events], after


def test_r33_arrival_plays_no_part_in_the_order_of_facts() -> None:
    history = facts(MON_9, ("Mon 2026-03-02 10:00", "paused council"), ("Mon 2026-03-02 11:00", "resumed"))
    arrived = Item()
    for each in reversed(history):
        insert_fact(arrived, each)

    assert arrived.facts == history


def test_r34_a_repeated_event_is_ignored_and_other_content_under_its_id_is_refused() -> None:
    item = Item()

    taken = [
        insert_fact(item, fact("Mon 2026-03-02 09:00", "opened", name="a")),
        insert_fact(item, fact("Mon 2026-03-02 09:00", "opened", name="a")),
        insert_fact(item, fact("Mon 2026-03-02 09:01", "opened", name="a")),
    ]

    assert taken == [FactResult.NEW, FactResult.DUPLICATE, FactResult.CONFLICT]


@pytest.mark.parametrize("sent", list(permutations(("", "2", "10"))))
def test_r23_of_several_sendings_of_one_event_the_smallest_sequence_counts(sent: tuple[str, ...]) -> None:
    item = Item()

    results = [insert_fact(item, fact("Mon 2026-03-02 09:00", "opened", name="a", sequence=each)) for each in sent]

    assert [each.sequence for each in item.facts] == [""]
    assert results[0] is FactResult.NEW
    assert set(results[1:]) <= {FactResult.DUPLICATE, FactResult.REORDERED}


def test_r23_a_smaller_sequence_gives_the_fact_another_place() -> None:
    item = Item()
    for sequence, name in (("1", "a"), ("2", "b"), ("3", "c")):
        insert_fact(item, fact("Mon 2026-03-02 10:00", "responded", name=name, sequence=sequence))

    result = insert_fact(item, fact("Mon 2026-03-02 10:00", "responded", name="c", sequence="0"))

    assert result is FactResult.REORDERED
    assert [each.id for each in item.facts] == ["c", "a", "b"]
    again = fact("Mon 2026-03-02 10:00", "asked", name="c", sequence="0")
    assert insert_fact(item, again) is FactResult.CONFLICT


def test_r23_sequences_ascend_from_none_by_number_to_text() -> None:
    ascending = ("", "2", "10", "010", "a", "b-1")
    held = [fact("Mon 2026-03-02 10:00", "responded", name=f"{9 - n}", sequence=s) for n, s in enumerate(ascending)]

    assert tuple(each.sequence for each in history(reversed(held))) == ("", "2", "010", "10", "a", "b-1")


def test_r35_a_late_event_that_changes_a_verdict_is_announced_with_old_new_and_cause() -> None:
    late = facts(MON_9, ("Tue 2026-03-03 12:00", "resolved"))
    known, published = announced_of(late, "Wed 2026-03-04 09:00")
    held = facts(
        MON_9,
        ("Mon 2026-03-02 10:00", "paused council"),
        ("Tue 2026-03-03 10:00", "resumed"),
        ("Tue 2026-03-03 12:00", "resolved"),
    )
    evaluation = evaluated(held, agreement_index(EIGHT_HOURS), as_of="Wed 2026-03-04 09:00")

    (event,), _ = announce(published, evaluation, Trigger("adur", "T1", "resumed-1", at("Wed 2026-03-04 09:00")))

    assert known[-1] == "TargetBreached"
    assert isinstance(event, VerdictCorrected)
    assert (event.data.was, event.data.outcome, event.data.cause) == ("breached", "met", "resumed-1")


def test_r36_announcing_again_publishes_nothing_and_a_breach_that_no_longer_holds_is_retracted() -> None:
    breached, published = announced_of(facts(MON_9), "Tue 2026-03-03 12:00")
    again, same = announced_of(facts(MON_9), "Tue 2026-03-03 13:00", published)
    retracted, after = announced_of(
        facts(MON_9, ("Mon 2026-03-02 10:00", "paused council")), "Tue 2026-03-03 14:00", same
    )
    once_more, _ = announced_of(
        facts(MON_9, ("Mon 2026-03-02 10:00", "paused council"), ("Mon 2026-03-02 10:30", "resumed")),
        "Wed 2026-03-04 14:00",
        after,
    )

    assert breached == ["WarningReached", "WarningReached", "TargetBreached"]
    assert again == []
    assert retracted == ["VerdictRetracted"]
    assert once_more == ["TargetBreached"]


def test_r36_the_ids_of_announcements_depend_on_what_they_mean_and_not_on_when() -> None:
    evaluation = evaluated(facts(MON_9), agreement_index(EIGHT_HOURS), as_of="Tue 2026-03-03 12:00")
    later = evaluated(facts(MON_9), agreement_index(EIGHT_HOURS), as_of="Fri 2026-05-01 12:00")

    first, _ = announce({}, evaluation, Trigger("adur", "T1", "clock", at("Tue 2026-03-03 12:00")))
    second, _ = announce({}, later, Trigger("adur", "T1", "clock", at("Fri 2026-05-01 12:00")))

    assert first == second


def test_r36_other_figures_are_published_under_another_id() -> None:
    # Live state that was put back may be computed again in larger batches, and so without the first of two answers.
    later, earlier = ("Mon 2026-03-02 12:00", "resolved"), ("Mon 2026-03-02 11:00", "resolved")
    as_of = "Mon 2026-03-02 13:00"
    trigger = Trigger("adur", "T1", "resolved", at(as_of))

    (of_later,), _ = announce({}, evaluated(facts(MON_9, later), agreement_index(EIGHT_HOURS), as_of=as_of), trigger)
    (of_both,), _ = announce(
        {}, evaluated(facts(MON_9, earlier, later), agreement_index(EIGHT_HOURS), as_of=as_of), trigger
    )

    assert type(of_later) is type(of_both)
    assert of_later.data != of_both.data
    assert of_later.id != of_both.id


@pytest.mark.parametrize(
    ("as_of", "wake"),
    [
        ("Mon 2026-03-02 09:00", "Mon 2026-03-02 15:00"),  # 75% of 8 hours
        ("Mon 2026-03-02 15:00", "Mon 2026-03-02 16:12"),  # 90%
        ("Mon 2026-03-02 16:12", "Tue 2026-03-03 09:00:01"),  # used up at closing, missed when hours open
        ("Tue 2026-03-03 09:00:01", None),
    ],
)
def test_r37_the_next_instant_follows_from_history_and_needs_no_clock_of_its_own(as_of: str, wake: str | None) -> None:
    verdict = judged([MON_9], as_of=as_of)

    assert verdict.wake == (None if wake is None else at(wake))


@pytest.mark.parametrize(
    ("attributed_by", "resolved", "month"),
    [
        ("due", "Wed 2026-04-01 12:00", "2026-03"),
        ("completed", "Wed 2026-04-01 12:00", "2026-04"),
        ("decided", "Wed 2026-04-01 12:00", "2026-04"),
        ("due", "Tue 2026-03-31 16:00", "2026-03"),
    ],
)
def test_r39_an_item_counts_in_the_month_that_the_agreement_names(
    attributed_by: str, resolved: str, month: str
) -> None:
    # Due on Tuesday 31 March at closing; missed when Wednesday 1 April opens.
    lines = [("Tue 2026-03-31 09:00", "opened"), (resolved, "resolved")]
    (verdict,) = evaluated(
        lines, agreement_index(EIGHT_HOURS, attributed_by=attributed_by), as_of="Fri 2026-04-03 09:00"
    ).verdicts

    assert counted_month(verdict) == month


@pytest.mark.parametrize(
    ("as_of", "outcome", "decided"),
    [
        ("Mon 2026-03-02 16:59", Outcome.RUNNING, False),
        ("Tue 2026-03-03 09:00", Outcome.RUNNING, False),
        ("Tue 2026-03-03 09:00:01", Outcome.BREACHED, True),
    ],
)
def test_r40_an_open_item_counts_as_missed_once_it_is_late_and_not_at_all_before(
    as_of: str, outcome: Outcome, decided: bool
) -> None:
    verdict = judged([MON_9], as_of=as_of)

    assert (verdict.outcome, verdict.decided) == (outcome, decided)


@pytest.mark.parametrize(
    ("scope", "hours"),
    [
        ({}, 6),
        (
            {
                "council": "adur",
                "service": "ict",
                "agreement": "adur-2026",
                "target": "resolve",
                "stream": "ticket",
                "item": "T1",
            },
            6,
        ),
        ({"service": "payroll"}, 8),
        ({"target": "respond"}, 8),
        ({"agreement": "other", "target": "resolve"}, 8),
        ({"stream": "work", "item": "T1"}, 8),
        ({"item": "T2"}, 8),
        ({"council": "worthing"}, 8),
    ],
)
def test_r47_an_agreed_exclusion_takes_its_time_out_of_what_it_covers(scope: dict[str, Any], hours: int) -> None:
    excluded = ExcludedTime("storm", at("Mon 2026-03-02 10:00"), at("Mon 2026-03-02 12:00"), "force-majeure", **scope)

    verdict = judged([MON_9, ("Mon 2026-03-02 17:00", "resolved")], as_of="Tue 2026-03-03 09:00", exclusions=[excluded])

    assert verdict.elapsed_s == hours * 3600


def test_an_item_resolved_in_time_is_announced_once_as_met() -> None:
    lines = facts(MON_9, ("Mon 2026-03-02 12:00", "resolved"))

    met, published = announced_of(lines, "Mon 2026-03-02 13:00")
    again, _ = announced_of(lines, "Fri 2026-05-01 13:00", published)

    assert (met, again) == (["TargetMet"], [])

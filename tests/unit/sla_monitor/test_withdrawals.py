"""A fact that its source has withdrawn counts for nothing, in whatever order the two arrive (R56)."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_monitor.domain.clock.verdict import Outcome, evaluate
from sla_monitor.domain.facts import AnyFact, OutageBegan, Withdrawn, WithdrawnFact, history, withdrawn_facts
from sla_monitor.domain.item import Item, insert_fact, outage_of
from tests.support.histories import agreement_index, at, fact, facts, judged
from tests.support.laws import law
from tests.unit.sla_monitor.test_incremental import BothWays, agreements, happened, timelines
from tests.unit.sla_monitor.test_verdict_laws import END, START

# Before END, so that all of them have happened by then.
named = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 17 * 86_400)), max_size=4)


def withdrawal(of: str, at_s: int, *, source: str = "/test", name: str = "") -> Withdrawn:
    """The source says that its fact `of` is not so."""
    return Withdrawn(at_s * 1_000_000, source, name or f"{of}-withdrawn-{at_s}", "", of, "ticket")


def verdicts(known: list[AnyFact], targets: list[dict[str, Any]], as_of: int) -> object:
    """What holds of a ticket with these facts; without an opening, nothing."""
    return evaluate(
        history(known),
        council="adur",
        stream="ticket",
        item="T1",
        agreement_index=agreement_index(*targets),
        as_of=as_of,
    ).verdicts


@law
@given(agreements, timelines, named)
def test_the_set_without_what_was_withdrawn_is_judged(
    targets: list[dict[str, Any]], timeline: list[tuple[int, str, str]], withdrawn: list[tuple[int, int]]
) -> None:
    whole = happened(timeline)
    withdrawals = [withdrawal(f"e{number}", START + after_s) for number, after_s in withdrawn]
    rest = [each for each in whole if each.id not in {each.withdrawn_id for each in withdrawals}]

    assert verdicts([*whole, *withdrawals], targets, END) == verdicts(rest, targets, END)


@law
@given(agreements, timelines, named, st.randoms(use_true_random=False))
def test_incremental_evaluation_heeds_withdrawals_that_come_before_or_after_their_facts(
    targets: list[dict[str, Any]],
    timeline: list[tuple[int, str, str]],
    withdrawn: list[tuple[int, int]],
    chance: random.Random,
) -> None:
    item, clock = BothWays(agreement_index(*targets)), START
    arriving: list[AnyFact] = list(happened(timeline))
    for number, after_s in withdrawn:
        arriving.insert(chance.randrange(len(arriving) + 1), withdrawal(f"e{number}", START + after_s))

    for each in arriving:
        clock = max(clock, each.at_s + chance.choice((0, 1, 3600, -7200)))
        item.add([each], as_of=clock)


@law
@given(timelines, named, st.randoms(use_true_random=False))
def test_no_order_of_arrival_makes_another_item(
    timeline: list[tuple[int, str, str]], withdrawn: list[tuple[int, int]], chance: random.Random
) -> None:
    arriving = [*happened(timeline), *(withdrawal(f"e{number}", START + after_s) for number, after_s in withdrawn)]
    items = Item(), Item()
    for item in items:
        for each in arriving:
            insert_fact(item, each)
        chance.shuffle(arriving)

    assert items[0].facts == items[1].facts


LATE = facts(("Mon 2026-03-02 09:00", "opened"), ("Wed 2026-03-04 12:00", "resolved"))
IN_TIME = fact("Mon 2026-03-02 15:00", "resolved", name="early")


def test_without_the_first_resolution_a_later_one_is_the_stop() -> None:
    known = [*LATE, IN_TIME]

    before = judged(known, as_of="Fri 2026-03-06 17:00")
    after = judged([*known, withdrawal("early", at("Thu 2026-03-05 09:00"))], as_of="Fri 2026-03-06 17:00")

    assert (before.outcome, after.outcome) == (Outcome.MET, Outcome.BREACHED)


def test_a_withdrawal_has_no_effect_before_its_own_time() -> None:
    known = [*LATE, IN_TIME, withdrawal("early", at("Thu 2026-03-05 09:00"))]

    assert judged(known, as_of="Wed 2026-03-04 17:00").outcome is Outcome.MET


@pytest.mark.parametrize("other", [withdrawal("early", at("Thu 2026-03-05 09:00"), source="/another")])
def test_another_sources_fact_of_the_same_id_stays(other: Withdrawn) -> None:
    assert judged([*LATE, IN_TIME, other], as_of="Fri 2026-03-06 17:00").outcome is Outcome.MET


def test_a_withdrawal_cannot_be_withdrawn() -> None:
    made = withdrawal("early", at("Thu 2026-03-05 09:00"), name="w")
    undone = withdrawal("w", at("Thu 2026-03-05 10:00"))

    assert judged([*LATE, IN_TIME, made, undone], as_of="Fri 2026-03-06 17:00").outcome is Outcome.BREACHED


def test_what_was_withdrawn_is_told_with_what_withdrew_it() -> None:
    first, second = (withdrawal("early", at(f"Thu 2026-03-05 {hour}:00")) for hour in ("09", "10"))

    assert withdrawn_facts(history([*LATE, IN_TIME, second, first])) == [WithdrawnFact(IN_TIME, first)]


def test_an_outage_whose_beginning_is_withdrawn_never_was() -> None:
    began = OutageBegan(at("Mon 2026-03-02 09:00") * 1_000_000, "/test", "o", "", "ict")

    assert outage_of("!adur:O-1", [began]) is not None
    assert outage_of("!adur:O-1", [began, withdrawal("o", at("Mon 2026-03-02 10:00"))]) is None

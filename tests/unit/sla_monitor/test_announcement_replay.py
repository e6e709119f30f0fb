"""What is replayed from the log of announcements is what the item had stored."""

import random
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.codec import decode_event, encode_event
from shared.contracts.verdicts import VerdictEvent, WarningReached
from sla_monitor.domain.announcement_replay import AnnouncementReplay, MatchQuality, match_quality, reconcile
from sla_monitor.domain.announcements import Trigger, announce, compared_fields
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.domain.facts import AnyFact
from sla_monitor.domain.item import Item, LastPublished, insert_fact
from tests.support.histories import agreement_index, at, fact
from tests.support.laws import law

TARGETS = agreement_index(
    {"id": "resolve", "within": "12 working hours", "calendar": "office"},
    {"id": "again", "within": "2 days", "reopen": "new-cycle", "reopen_window_days": 1},
    {"id": "hurry", "within": "6 hours", "when": {"priority": ["high"]}},
)
HISTORY = (
    ("Mon 2026-03-23 09:00", "opened"),
    ("Mon 2026-03-23 11:00", "priority high"),
    ("Mon 2026-03-23 12:00", "paused council"),
    ("Tue 2026-03-24 10:00", "resumed"),
    ("Tue 2026-03-24 12:00", "priority normal"),
    ("Wed 2026-03-25 16:00", "resolved"),
    ("Thu 2026-03-26 09:00", "reopened"),
    ("Fri 2026-03-27 16:00", "cancelled"),
)
arrivals = st.lists(st.sampled_from(range(len(HISTORY))), unique=True).map(
    lambda numbers: [fact(*HISTORY[number], name=f"e{number}") for number in numbers]
)
_instants = st.integers(at("Mon 2026-03-23 09:00"), at("Mon 2026-03-30 09:00"))
clocks = st.lists(_instants, min_size=8, max_size=8).map(sorted)


def judged(item: Item, *, as_of: int) -> tuple[Evaluation, Trigger]:
    evaluation = evaluate(item.facts, council="adur", stream="ticket", item="T1", agreement_index=TARGETS, as_of=as_of)
    return evaluation, Trigger("adur", "T1", "clock", as_of)


def announced(facts: list[AnyFact], instants: list[int]) -> tuple[Item, list[VerdictEvent]]:
    """The item after its facts came in this order, at these instants, and all that was announced on the way."""
    item, events = Item(), []
    for each, as_of in zip(facts, instants, strict=False):
        insert_fact(item, each)
        news, item.announced = announce(item.announced, *judged(item, as_of=as_of))
        events += news
    return item, events


def replayed(events: list[VerdictEvent]) -> dict[str, LastPublished]:
    replay = AnnouncementReplay()
    for event in events:
        replay.add(on_the_wire(event))
    return replay.announced("adur:T1", events[0].data.stream) if events else {}


def on_the_wire(event: VerdictEvent) -> Any:
    return decode_event(encode_event(event))


@law
@given(arrivals, clocks, st.randoms(use_true_random=False))
def test_replayed_announcements_give_what_was_stored_even_if_some_are_repeated(
    facts: list[AnyFact], instants: list[int], chance: random.Random
) -> None:
    item, events = announced(facts, instants)
    resent = chance.randint(0, len(events))

    assert replayed(events) == item.announced
    assert replayed([*events[:resent], *events]) == item.announced


@law
@given(arrivals, clocks)
def test_an_item_evaluated_as_before_matches_what_is_replayed(facts: list[AnyFact], instants: list[int]) -> None:
    item, events = announced(facts, instants)
    if facts:
        as_of = instants[len(facts) - 1]

        assert match_quality(replayed(events), *judged(item, as_of=as_of)) is MatchQuality.IDENTICAL


@law
@given(arrivals, clocks, st.integers(0, len(HISTORY)), st.integers(0, len(HISTORY)))
def test_after_a_loss_readers_end_with_what_holds_and_no_new_event_has_an_id_that_they_know(
    facts: list[AnyFact], instants: list[int], one: int, other: int
) -> None:
    kept, judged_once = sorted((one, other))
    _, log = announced(facts[:judged_once], instants)
    item, known = announced(facts[:kept], instants)
    for each in facts[kept:]:
        insert_fact(item, each)

    log += announce_at(instants[-1], item)
    seen_by_readers = replayed(log[len(known) :])
    unreconciled = {name for name, last in seen_by_readers.items() if last.revision > 1}
    item.announced = reconcile(item.announced, seen_by_readers, unreconciled=unreconciled) or item.announced
    repaired = announce_at(instants[-1], item)
    later = announce_at(at("Mon 2026-04-06 09:00"), item)

    assert figures_of(replayed([*log, *repaired])) == figures_of(announced_at_once(facts, instants[-1]))
    assert not {event.id for event in log} & {
        event.id for event in [*repaired, *later] if not isinstance(event, WarningReached)
    }


def announce_at(as_of: int, item: Item) -> list[VerdictEvent]:
    events, item.announced = announce(item.announced, *judged(item, as_of=as_of))
    return events


def announced_at_once(facts: list[AnyFact], as_of: int) -> dict[str, LastPublished]:
    item = Item()
    for each in facts:
        insert_fact(item, each)
    announce_at(as_of, item)
    return item.announced


def figures_of(published: dict[str, LastPublished]) -> dict[str, object]:
    return {name: compared_fields(last.verdict) for name, last in published.items() if last.verdict is not None}


def test_events_that_led_back_to_the_stored_verdict_count_if_they_may_not_be_stored() -> None:
    breached_and_retracted = {"adur-2026/resolve/1": LastPublished(None, revision=2)}

    assert reconcile({}, breached_and_retracted, unreconciled={"adur-2026/resolve/1"}) == breached_and_retracted
    assert reconcile({}, breached_and_retracted, unreconciled=()) is None


def test_other_figures_by_the_versions_that_were_named_match_better_than_those_by_other_versions() -> None:
    item, events = announced([fact(*line) for line in (HISTORY[0], HISTORY[5])], [at("Mon 2026-03-30 09:00")] * 2)
    other = Item(facts=[fact(*HISTORY[0]), fact("Mon 2026-03-23 10:00", "resolved")])
    evaluation, trigger = judged(other, as_of=at("Mon 2026-03-30 09:00"))
    renewed = {
        name: msgspec.structs.replace(
            last, verdict=last.verdict and msgspec.structs.replace(last.verdict, agreement_version=2)
        )
        for name, last in replayed(events).items()
    }

    assert match_quality(replayed(events), evaluation, trigger) is MatchQuality.OTHER_RULES
    assert match_quality(renewed, evaluation, trigger) is MatchQuality.DIFFERENT
    assert item.announced


def test_what_cannot_be_evaluated_matches_nothing() -> None:
    assert (
        match_quality({}, Evaluation(None, "ticket", waiting=True), Trigger("adur", "T1", "clock", 0))
        is MatchQuality.DIFFERENT
    )


def test_announcements_about_another_service_s_item_of_the_same_name_are_not_this_one_s() -> None:
    _, events = announced([fact(*line) for line in (HISTORY[0], HISTORY[5])], [at("Mon 2026-03-30 09:00")] * 2)
    replay = AnnouncementReplay()
    for event in events:
        replay.add(event)

    assert replay.announced("adur:T1", "work") == {}
    assert all(earlier.id != later.id for earlier, later in pairwise(events))

"""Ended items outside live state: when they may leave it, and that whatever is united loses nothing."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.verdicts import TargetMet
from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.archive import (
    ArchiveLost,
    archived,
    is_settled,
    leaves_at,
    may_have_left,
    recalled,
    require_whole,
    same_item,
    united,
)
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.domain.item import FactResult, Item, LastPublished, insert_fact
from tests.support.histories import agreement_index, at, fact
from tests.support.laws import law

TARGETS = agreement_index({"id": "resolve", "within": "8 working hours", "calendar": "office"})
LEAVES = leaves_at(freeze_days=14, archive_days=35)
OPENED, RESOLVED = ("Thu 2026-01-29 12:00", "opened"), ("Fri 2026-01-30 11:00", "resolved")
REOPENED, CLOSED = ("Mon 2026-02-02 09:00", "reopened"), ("Mon 2026-02-02 10:00", "closed")
HISTORY = [OPENED, ("Thu 2026-01-29 13:00", "paused council"), ("Thu 2026-01-29 14:00", "resumed"), RESOLVED, REOPENED]
LATER = "Mon 2026-06-01 12:00"


def evaluated(item: Item, *, now: str) -> Evaluation:
    return evaluate(item.facts, council="adur", stream="ticket", item="T1", agreement_index=TARGETS, as_of=at(now))


def judged(*lines: tuple[str, str], now: str = LATER) -> Item:
    """An item with these facts, and all published of it that holds at `now`."""
    item = Item()
    for line in lines:
        insert_fact(item, fact(*line))
    _, item.announced = announce({}, evaluated(item, now=now), Trigger("adur", "T1", "clock", at(now)))
    return item


# January is frozen on 15 February and left behind 35 days later: at the midnight that begins 22 March.
@pytest.mark.parametrize(
    ("lines", "now", "left"),
    [
        ((OPENED, RESOLVED), "Sat 2026-03-21 23:59:59", False),
        ((OPENED, RESOLVED), "Sun 2026-03-22 00:00", True),
        ((OPENED,), LATER, False),
        ((RESOLVED,), LATER, False),
        ((OPENED, RESOLVED, REOPENED), LATER, False),
        # Closed in February, whatever its verdict counts in: 28 days, 14 and 35 later.
        ((OPENED, RESOLVED, CLOSED), "Sat 2026-04-18 23:59:59", False),
        ((OPENED, RESOLVED, CLOSED), "Sun 2026-04-19 00:00", True),
    ],
    ids=["a second too early", "at midnight", "open", "never opened", "reopened", "closed later", "long after that"],
)
def test_an_item_leaves_when_it_has_ended_and_its_last_month_is_frozen_for_long(
    lines: tuple[tuple[str, str], ...], now: str, left: bool
) -> None:
    assert may_have_left(judged(*lines, now=LATER), LEAVES, now_s=at(now)) is left


def test_an_item_that_waits_for_its_agreement_stays() -> None:
    item = judged(OPENED, RESOLVED)
    item.waiting = True

    assert not may_have_left(item, LEAVES, now_s=at(LATER))


def test_an_item_of_which_something_was_not_published_yet_is_not_settled() -> None:
    item, trigger = judged(OPENED, RESOLVED), Trigger("adur", "T1", "clock", at(LATER))
    evaluation = evaluated(item, now=LATER)
    assert is_settled(item, evaluation, trigger)

    item.announced = {}

    assert not is_settled(item, evaluation, trigger)


def test_an_item_whose_verdict_is_still_to_come_is_not_settled() -> None:
    item, trigger = judged(OPENED, now="Thu 2026-01-29 15:00"), Trigger("adur", "T1", "clock", at(LATER))

    assert not is_settled(item, evaluated(item, now="Thu 2026-01-29 15:00"), trigger)


def item_of(numbers: list[int]) -> Item:
    item = Item(
        announced={"adur-2026/resolve/1": LastPublished(None, len(numbers), tuple(map(str, numbers)))},
        known_to=max(numbers),
    )
    for number in numbers:
        insert_fact(item, fact(*HISTORY[number]))
    return item


parts = st.lists(st.sampled_from(range(len(HISTORY))), unique=True, min_size=1).map(item_of)


@law
@given(parts, parts, parts)
def test_copies_united_in_any_order_and_however_often_are_the_same(one: Item, two: Item, three: Item) -> None:
    whole = united(united(one, two), three)

    assert united(three, united(two, one)) == whole
    assert united(whole, two) == whole
    assert {each.id for each in whole.facts} == {each.id for item in (one, two, three) for each in item.facts}


@law
@given(st.lists(parts, min_size=1, max_size=4), st.integers(0, 50), st.randoms())
def test_of_what_comes_back_exactly_those_facts_are_unread_that_were_archived_after_that_offset(
    items: list[Item], at_offset: int, chance: random.Random
) -> None:
    first_archived: dict[str, int] = {}
    copy = None
    for item in items:
        read_to = chance.randrange(50)
        copy = archived(item, read_to=read_to, copy=copy)
        for each in item.facts:
            first_archived.setdefault(each.id, read_to)
    assert copy is not None

    back = recalled(copy, next_offset=at_offset)

    assert same_item(back, copy.item)
    assert {id_ for _, id_ in back.unread} == {id_ for id_, read_to in first_archived.items() if read_to > at_offset}


def test_what_was_published_last_is_what_has_the_higher_revision_and_no_warning_is_forgotten() -> None:
    older, newer = judged(OPENED, RESOLVED), judged(OPENED, ("Mon 2026-02-09 11:00", "resolved"))
    verdict = older.announced["adur-2026/resolve/1"].verdict
    older.announced = {"adur-2026/resolve/1": LastPublished(verdict, 1, ("75",))}
    newer.announced = {"adur-2026/resolve/1": LastPublished(newer.announced["adur-2026/resolve/1"].verdict, 2, ("90",))}

    for both in (united(older, newer), united(newer, older)):
        assert both.announced["adur-2026/resolve/1"] == LastPublished(
            newer.announced["adur-2026/resolve/1"].verdict, 2, ("75", "90")
        )


def test_of_two_facts_under_one_identity_the_archived_one_stands() -> None:
    copy, other = Item(), Item()
    insert_fact(copy, fact(*OPENED, name="e1"))
    insert_fact(other, fact("Thu 2026-01-29 15:00", "opened", name="e1"))

    both = united(copy, other)

    assert both.facts == copy.facts
    assert insert_fact(both, other.facts[0]) is FactResult.CONFLICT


def test_an_archive_that_knows_of_fewer_writes_than_live_state_is_refused() -> None:
    require_whole("provider.work.v1/3", writes=4, after_write=4)

    with pytest.raises(ArchiveLost, match=r"provider\.work\.v1/3.*4 times.*knows of 3.*rebuild"):
        require_whole("provider.work.v1/3", writes=3, after_write=4)


def test_what_was_announced_of_an_item_comes_back_with_it() -> None:
    item = judged(OPENED, RESOLVED)
    late = fact("Fri 2026-01-30 10:00", "reopened")
    trigger = Trigger("adur", "T1", late.id, at(LATER))

    back = recalled(archived(item, read_to=7), next_offset=9)
    insert_fact(back, late)
    events, _ = announce(back.announced, evaluated(back, now=LATER), trigger)

    assert back.unread == []
    assert not any(isinstance(event, TargetMet) for event in events)

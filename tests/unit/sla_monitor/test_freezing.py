"""Frozen months keep their figures; what corrects them later is shown in the month in which it was corrected."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.verdicts import (
    CorrectedData,
    Outcome,
    RetractedData,
    TargetBreached,
    TargetMet,
    VerdictCorrected,
    VerdictData,
    VerdictKey,
    VerdictRetracted,
    verdict_key,
)
from sla_monitor.domain.freezing import (
    Adjustment,
    CountedAs,
    CountState,
    Postings,
    VerdictAnnouncement,
    frozen_from,
    post,
)
from tests.support.histories import local_text
from tests.support.laws import law
from tests.support.monitoring import local

DAYS = 14  # March 2026 is frozen from Wednesday 15 April, 00:00 in London


def about(month: str, outcome: str, **fields: Any) -> dict[str, Any]:
    return {
        "service": "ict",
        "target": "resolve",
        "stream": "ticket",
        "measure": "resolution-time",
        "agreement": "adur-2026",
        "agreement_version": 1,
        "month": month,
        "outcome": outcome,
    } | fields


def event(kind: type[Any], data: Any, when: str) -> Any:
    return kind(id=f"{kind.__name__} {when}", source="/test", subject="T1", council="adur", time=local(when), data=data)


def first(outcome: str, month: str, when: str) -> VerdictAnnouncement:
    kind = TargetMet if outcome == "met" else TargetBreached
    announcement: VerdictAnnouncement = event(kind, VerdictData(**about(month, outcome)), when)
    return announcement


def corrected(was: Outcome, was_month: str, now: str, month: str, when: str) -> VerdictAnnouncement:
    data = CorrectedData(**about(month, now), was=was, was_month=was_month, cause="late-pause")
    announcement: VerdictAnnouncement = event(VerdictCorrected, data, when)
    return announcement


def retracted(was: Outcome, was_month: str, when: str) -> VerdictAnnouncement:
    fields = {name: value for name, value in about("", "").items() if name not in ("month", "outcome")}
    data = RetractedData(**fields, was=was, was_month=was_month, cause="late-pause")
    announcement: VerdictAnnouncement = event(VerdictRetracted, data, when)
    return announcement


def shown(postings: Postings) -> tuple[list[str | None], list[tuple[str | None, ...]]]:
    held = [
        None if kept is None else f"{kept.data.outcome} {kept.data.month}" for kept in postings.provisional.values()
    ]
    return held, [(each.was_month, each.was, each.month, each.now, each.posted) for each in postings.adjustments]


def test_a_month_is_frozen_at_local_midnight_so_many_days_after_its_end() -> None:
    assert local_text(int(frozen_from("2026-03", days=DAYS).timestamp())) == "Wed 2026-04-15 00:00"
    assert local_text(int(frozen_from("2026-12", days=0).timestamp())) == "Fri 2027-01-01 00:00"


@pytest.mark.parametrize(
    ("events", "held", "adjustments"),
    [
        ([first("breached", "2026-03", "Thu 2026-03-12 09:00")], ["breached 2026-03"], []),
        (  # a first verdict is no correction, however late it comes
            [first("met", "2026-03", "Mon 2026-06-01 09:00")],
            ["met 2026-03"],
            [],
        ),
        (  # the last second before the freeze, and the first one after
            [corrected("breached", "2026-03", "met", "2026-03", "Tue 2026-04-14 23:59:59")],
            ["met 2026-03"],
            [],
        ),
        (
            [corrected("breached", "2026-03", "met", "2026-03", "Wed 2026-04-15 00:00")],
            [],
            [("2026-03", "breached", "2026-03", "met", "2026-04")],
        ),
        ([retracted("breached", "2026-03", "Tue 2026-04-14 12:00")], [None], []),
        (
            [retracted("breached", "2026-03", "Mon 2026-06-01 12:00")],
            [],
            [("2026-03", "breached", None, None, "2026-06")],
        ),
        (  # moved out of a provisional month into a frozen one: the first loses it, the second is adjusted
            [corrected("met", "2026-05", "breached", "2026-03", "Mon 2026-06-01 12:00")],
            [None],
            [(None, None, "2026-03", "breached", "2026-06")],
        ),
        (  # once adjusted, whatever follows is an adjustment, also a verdict that comes back
            [
                retracted("met", "2026-03", "Mon 2026-06-01 12:00"),
                first("breached", "2026-03", "Mon 2026-06-01 13:00"),
                corrected("breached", "2026-03", "met", "2026-06", "Wed 2026-07-01 12:00"),
            ],
            [],
            [
                ("2026-03", "met", None, None, "2026-06"),
                (None, None, "2026-03", "breached", "2026-06"),
                ("2026-03", "breached", "2026-06", "met", "2026-07"),
            ],
        ),
    ],
)
def test_corrections_after_the_freeze_are_adjustments(
    events: list[VerdictAnnouncement], held: list[str | None], adjustments: list[tuple[str | None, ...]]
) -> None:
    assert shown(post(events, as_replaced(events[0]), freeze_days=DAYS)) == (held, adjustments)


def as_replaced(event: VerdictAnnouncement) -> dict[VerdictKey, CountState]:
    """The state of a verdict that is counted as what `event` replaces."""
    was = event.data
    return (
        {verdict_key(event): CountState((was.was, was.was_month))}
        if isinstance(was, CorrectedData | RetractedData)
        else {}
    )


def test_what_was_adjusted_in_an_earlier_batch_is_adjusted_again() -> None:
    back = first("met", "2026-03", "Mon 2026-06-01 13:00")
    standing = {verdict_key(back): CountState(adjusted=True)}

    assert shown(post([back], standing, freeze_days=DAYS))[1] == [(None, None, "2026-03", "met", "2026-06")]


MISSED: CountedAs = ("breached", "2026-03")


@pytest.mark.parametrize(
    ("event", "standing", "adjustments"),
    [
        (  # corrected and then retracted before a loss of live state, retracted at once after it
            retracted("breached", "2026-03", "Mon 2026-06-01 12:00"),
            CountState(adjusted=True),
            [],
        ),
        (  # corrected in two steps before the loss, in one after it
            corrected("met", "2026-03", "met", "2026-04", "Mon 2026-06-01 12:00"),
            CountState(MISSED, adjusted=True),
            [("2026-03", "breached", "2026-04", "met", "2026-06")],
        ),
        (  # published as if for the first time
            first("met", "2026-05", "Mon 2026-06-01 12:00"),
            CountState(MISSED),
            [("2026-03", "breached", "2026-05", "met", "2026-06")],
        ),
    ],
)
def test_what_is_counted_is_taken_away_whatever_an_announcement_says_it_replaces(
    event: VerdictAnnouncement, standing: CountState, adjustments: list[tuple[str | None, ...]]
) -> None:
    assert shown(post([event], {verdict_key(event): standing}, freeze_days=DAYS)) == ([], adjustments)


@pytest.mark.parametrize("standing", [CountState(MISSED), CountState(MISSED, adjusted=True)])
@pytest.mark.parametrize(
    "again",
    [
        corrected("breached", "2026-03", "breached", "2026-03", "Mon 2026-06-01 12:00"),
        first("breached", "2026-03", "Mon 2026-06-01 12:00"),  # after a loss of live state
    ],
)
def test_other_figures_behind_the_same_outcome_adjust_nothing(again: VerdictAnnouncement, standing: CountState) -> None:
    assert shown(post([again], {verdict_key(again): standing}, freeze_days=DAYS)) == ([], [])


months = st.sampled_from(["2026-03", "2026-04", "2026-05"])
outcomes: st.SearchStrategy[Outcome] = st.sampled_from(["met", "breached"])
whens = st.sampled_from(
    ["Tue 2026-04-14 12:00", "Fri 2026-05-15 12:00", "Mon 2026-06-01 12:00", "Wed 2026-07-01 12:00"]
)
words: st.SearchStrategy[VerdictAnnouncement] = st.one_of(
    st.builds(first, outcomes, months, whens),
    st.builds(corrected, outcomes, months, outcomes, months, whens),
    st.builds(retracted, outcomes, months, whens),
)


@law
@given(st.lists(words, min_size=1, max_size=8), st.integers(1, 3))
def test_a_verdict_counts_once_as_last_published_whatever_was_published_before(
    announcements: list[VerdictAnnouncement], size: int
) -> None:
    key, row = verdict_key(announcements[0]), Counter[CountedAs]()
    moved: list[Adjustment] = []
    for start in range(0, len(announcements), size):
        standing = CountState(next(iter(row + net(moved)), None), adjusted=bool(moved))
        postings = post(announcements[start : start + size], {key: standing}, freeze_days=DAYS)
        moved += postings.adjustments
        if key in postings.provisional:
            row = Counter(counted(postings.provisional[key]))

    total = Counter(row)
    total.update(net(moved))
    assert {each: count for each, count in total.items() if count} == dict.fromkeys(counted(announcements[-1]), 1)


def counted(event: VerdictAnnouncement | None) -> list[CountedAs]:
    return [] if event is None or isinstance(event, VerdictRetracted) else [(event.data.outcome, event.data.month)]


def net(adjustments: list[Adjustment]) -> Counter[CountedAs]:
    """What the adjustments add, and what they take away."""
    found: Counter[CountedAs] = Counter()
    for each in adjustments:
        if each.was is not None and each.was_month is not None:
            found[each.was, each.was_month] -= 1
        if each.now is not None and each.month is not None:
            found[each.now, each.month] += 1
    return found

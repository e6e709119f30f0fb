"""Fairness: pauses after the council answered, pauses just before due, and stops just before due that did not last."""

from typing import Any

import pytest

from sla_monitor.domain.clock.timeline import read_timeline
from sla_monitor.reports.fairness import Check, Limits, fairness
from tests.support.histories import agreement_index, at, evaluated, facts, judged, local_text

# Open 09:00 to 17:00; opened Monday 09:00, 8 working hours are due Monday 17:00.
OPENED = ("Mon 2026-03-02 09:00", "opened")
END = "Fri 2026-03-06 17:00"
Found = tuple[Check, str | None, str | None, int]


def found(*lines: tuple[str, str], as_of: str = END, **target: Any) -> list[Found]:
    """What the checks find about an item under one target, 8 working hours to resolve."""
    timeline, _ = read_timeline(facts(*lines), as_of_s=at(as_of))
    verdict = judged(lines, as_of=as_of, **target)
    assert timeline is not None
    return [
        (each.check, local_text(each.at), local_text(each.until), each.seconds)
        for each in fairness(timeline, verdict, limits=Limits(), as_of=at(as_of))
    ]


@pytest.mark.parametrize(
    ("answered", "resumed", "expected"),
    [
        ("Mon 2026-03-02 12:00", "Mon 2026-03-02 14:00", 2 * 3600),
        ("Mon 2026-03-02 16:00", "Tue 2026-03-03 10:00", 2 * 3600),  # the night counts for nobody
        ("Mon 2026-03-02 14:00", "Mon 2026-03-02 14:00", None),
        ("Mon 2026-03-02 15:00", "Mon 2026-03-02 14:00", None),  # it wrote after the pause
        ("Mon 2026-03-02 17:00", "Mon 2026-03-02 20:00", None),  # closed until the end of the pause
    ],
)
def test_a_pause_that_goes_on_after_the_council_answered_is_found_with_the_time_it_took_out(
    answered: str, resumed: str, expected: int | None
) -> None:
    history = (OPENED, ("Mon 2026-03-02 10:00", "paused council"), (answered, "asked"), (resumed, "resumed"))

    assert found(*history) == ([] if expected is None else [(Check.PAUSED_AFTER_ANSWER, answered, resumed, expected)])


def test_the_first_answer_counts_and_an_open_pause_counts_up_to_now() -> None:
    history = [
        OPENED,
        ("Mon 2026-03-02 10:00", "paused council"),
        ("Mon 2026-03-02 11:00", "asked"),
        ("Mon 2026-03-02 12:00", "asked"),
    ]

    assert found(*history, as_of="Mon 2026-03-02 13:00") == [
        (Check.PAUSED_AFTER_ANSWER, "Mon 2026-03-02 11:00", None, 2 * 3600)
    ]


def test_a_pause_for_a_third_party_waits_for_no_answer_of_the_council() -> None:
    history = [OPENED, ("Mon 2026-03-02 10:00", "paused third-party"), ("Mon 2026-03-02 11:00", "asked")]

    assert found(*history) == []


@pytest.mark.parametrize(
    ("paused", "left"),
    [
        ("Mon 2026-03-02 16:29", None),
        ("Mon 2026-03-02 16:30", 30 * 60),
        ("Mon 2026-03-02 16:59", 60),
        ("Mon 2026-03-02 17:00", 0),
        ("Tue 2026-03-03 09:01", None),  # late already
    ],
)
@pytest.mark.parametrize("resumed", ["Wed 2026-03-04 12:00", None])
def test_a_pause_begun_half_an_hour_before_due_or_less_is_found(
    paused: str, resumed: str | None, left: int | None
) -> None:
    ends = [] if resumed is None else [(resumed, "resumed")]

    expected = [] if left is None else [(Check.PAUSED_LATE, paused, resumed, left)]

    assert found(OPENED, (paused, "paused council"), *ends) == expected


def test_what_is_left_is_the_clocks_own_time_and_not_that_of_the_wall() -> None:
    opened = ("Mon 2026-03-02 16:00", "opened")  # 1 working hour: due Monday 17:00, or with 15 minutes left on Tuesday
    history = [opened, ("Mon 2026-03-02 16:45", "paused council"), ("Tue 2026-03-03 12:00", "resumed")]

    assert found(*history, within="1 working hours") == [
        (Check.PAUSED_LATE, "Mon 2026-03-02 16:45", "Tue 2026-03-03 12:00", 15 * 60)
    ]


def test_a_pause_that_stops_no_clock_is_no_finding() -> None:
    assert found(OPENED, ("Mon 2026-03-02 16:45", "paused council"), paused_by=()) == []


@pytest.mark.parametrize("reopen", ["continue", "new-cycle", "first-close-is-final"])
@pytest.mark.parametrize(
    ("resolved", "reopened", "left"),
    [
        ("Mon 2026-03-02 16:30", "Wed 2026-03-04 10:00", 30 * 60),
        ("Mon 2026-03-02 16:00", "Sat 2026-03-07 16:00", 3600),
        ("Mon 2026-03-02 16:00", "Sat 2026-03-07 16:01", None),  # more than five days later
        ("Mon 2026-03-02 15:59", "Wed 2026-03-04 10:00", None),  # over an hour before due
    ],
)
def test_a_stop_in_the_last_hour_that_was_taken_back_within_five_days_is_found(
    resolved: str, reopened: str, left: int | None, reopen: str
) -> None:
    history = (OPENED, (resolved, "resolved"), (reopened, "reopened"))
    now = "Mon 2026-03-09 09:00"
    timeline, _ = read_timeline(facts(*history), as_of_s=at(now))
    bound_targets = agreement_index({"within": "8 working hours", "calendar": "office", "reopen": reopen})
    first_cycle = evaluated(history, bound_targets, as_of=now).verdicts[0]
    assert timeline is not None

    seen = fairness(timeline, first_cycle, limits=Limits(), as_of=at(now))

    expected = [] if left is None else [(Check.REOPENED_SOON, resolved, reopened, left)]
    assert [(each.check, local_text(each.at), local_text(each.until), each.seconds) for each in seen] == expected


def test_an_item_that_stays_resolved_or_was_withdrawn_is_no_finding() -> None:
    assert found(OPENED, ("Mon 2026-03-02 16:45", "resolved")) == []
    assert found(OPENED, ("Mon 2026-03-02 16:45", "cancelled"), ("Tue 2026-03-03 09:00", "reopened")) == []

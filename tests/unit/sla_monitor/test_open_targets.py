"""The open targets of an item, and which comes first."""

from typing import Any

import pytest

from shared.instants import epoch_s
from sla_monitor.domain.open_targets import OpenTarget, open_targets
from tests.support.histories import agreement_index, at, evaluated, local_text

RESOLVE = {"within": "8 working hours", "calendar": "office"}
ANSWER = {"id": "answer", "measure": "update-interval", "within": "2 working hours", "calendar": "office"}
OPENED = ("Fri 2026-03-06 09:00", "opened")


def open_targets_of(*lines: tuple[str, str], as_of: str, target: dict[str, Any] = RESOLVE) -> list[OpenTarget]:
    """What is open of an item of Adur under one target."""
    evaluation = evaluated([OPENED, *lines], agreement_index(target), as_of=as_of)
    return list(open_targets(evaluation, council="adur", item="T1", as_of=at(as_of)))


@pytest.mark.parametrize(
    ("as_of", "left_s", "left_wall_s", "warned"),
    [
        ("Fri 2026-03-06 12:00", 5 * 3600, 5 * 3600, 0),
        ("Fri 2026-03-06 15:00", 2 * 3600, 2 * 3600, 75),
        ("Fri 2026-03-06 17:00", 0, 0, 90),
        ("Sat 2026-03-07 12:00", 0, 0, 90),  # R25: used up at closing, missed only once Monday opens
    ],
)
def test_an_open_target_says_what_is_left_on_its_clock_and_on_the_wall(
    as_of: str, left_s: int, left_wall_s: int, warned: int
) -> None:
    (promise,) = open_targets_of(as_of=as_of)

    assert (promise.left_s, promise.left_wall_s, promise.warned_percent) == (left_s, left_wall_s, warned)
    assert promise.at_risk is (warned > 0)


def test_a_night_lies_between_what_is_left_on_the_clock_and_on_the_wall() -> None:
    (promise,) = open_targets_of(
        ("Fri 2026-03-06 10:00", "paused council"), ("Fri 2026-03-06 12:00", "resumed"), as_of="Fri 2026-03-06 16:00"
    )

    assert (promise.left_s, promise.left_wall_s) == (3 * 3600, 2 * 86_400 + 19 * 3600)


def test_a_paused_target_keeps_what_is_left_and_is_due_at_no_instant() -> None:
    (promise,) = open_targets_of(("Fri 2026-03-06 10:00", "paused council"), as_of="Fri 2026-03-06 12:00")

    assert (promise.paused, promise.due_at, promise.left_s, promise.left_wall_s) == (True, None, 7 * 3600, None)


@pytest.mark.parametrize(
    ("lines", "as_of", "target"),
    [
        ((("Fri 2026-03-06 10:00", "resolved"),), "Fri 2026-03-06 12:00", RESOLVE),
        ((), "Mon 2026-03-09 09:00:01", RESOLVE),  # missed
        ((), "Fri 2026-03-06 12:00", ANSWER),  # nobody asked: no answer is due
        ((), "Fri 2026-03-06 12:00", RESOLVE | {"calendar": "office", "when": {"priority": ["high"]}}),
    ],
)
def test_what_is_decided_or_not_due_is_no_open_target(
    lines: tuple[tuple[str, str], ...], as_of: str, target: dict[str, str]
) -> None:
    assert open_targets_of(*lines, as_of=as_of, target=target) == []


FIRST_MISSED = (("Fri 2026-03-06 09:00", "asked"), ("Fri 2026-03-06 12:00", "responded"))


def test_the_question_after_a_miss_is_open_with_its_own_due_instant_and_warnings() -> None:
    (promise,) = open_targets_of(
        *FIRST_MISSED, ("Fri 2026-03-06 13:00", "asked"), as_of="Fri 2026-03-06 14:00", target=ANSWER
    )

    assert promise.due_at is not None
    assert (local_text(epoch_s(promise.due_at)), promise.left_s) == ("Fri 2026-03-06 15:00", 3600)
    assert (promise.warned_percent, promise.missed_before) == (0, True)


def test_the_question_after_a_miss_is_no_open_target_once_it_is_missed_too() -> None:
    lines = (*FIRST_MISSED, ("Fri 2026-03-06 13:00", "asked"))

    (in_time,) = open_targets_of(*lines, as_of="Fri 2026-03-06 15:00", target=ANSWER)
    too_late = open_targets_of(*lines, as_of="Fri 2026-03-06 15:00:01", target=ANSWER)

    assert (in_time.left_s, in_time.warned_percent, too_late) == (0, 90, [])


def test_a_paused_update_clock_between_two_exchanges_owes_nothing() -> None:
    answered = (("Fri 2026-03-06 09:00", "asked"), ("Fri 2026-03-06 10:00", "responded"))
    paused = ("Fri 2026-03-06 11:00", "paused council")
    target = ANSWER | {"paused_by": ["council"]}

    assert open_targets_of(*answered, paused, as_of="Fri 2026-03-06 12:00", target=target) == []


def test_the_least_time_left_comes_first_and_what_nobody_knows_last() -> None:
    def promise(item: str, left_s: int | None, left_wall_s: int | None) -> OpenTarget:
        return OpenTarget(
            "adur",
            "a",
            "t",
            "ticket",
            item,
            1,
            "ict",
            "resolution-time",
            "normal",
            None,
            left_s,
            left_wall_s,
            0,
            None,
            False,
            False,
            0,
        )

    held = [
        promise("d", None, None),
        promise("c", 60, None),
        promise("b", 60, 90),
        promise("a", 60, 90),
        promise("z", 1, 9),
    ]

    assert [each.item for each in sorted(held, key=lambda each: each.urgency)] == ["z", "a", "b", "c", "d"]

"""Clocks of items that change: reopened, asked again, of another priority (R26 to R28)."""

from typing import Any

import pytest

from sla_monitor.domain.clock.verdict import Outcome
from tests.support.histories import agreement_index as agreed
from tests.support.histories import evaluated, judged, local_text

# Monday 2 March 2026 to Friday 27 March have no bank holiday; the office is open 09:00 to 17:00 (8 hours).
MON_9 = ("Mon 2026-03-02 09:00", "opened")


def test_r26_a_reopened_item_goes_on_from_where_it_stopped() -> None:
    history = [
        MON_9,
        ("Mon 2026-03-02 15:00", "resolved"),
        ("Thu 2026-03-05 09:00", "reopened"),
        ("Thu 2026-03-05 10:00", "resolved"),
    ]

    verdict = judged(history, as_of="Fri 2026-03-06 09:00")

    assert (verdict.outcome, verdict.elapsed_s, local_text(verdict.due)) == (
        Outcome.MET,
        7 * 3600,
        "Thu 2026-03-05 11:00",
    )


def test_r26_a_new_cycle_leaves_the_first_verdict_and_begins_another() -> None:
    history = [MON_9, ("Mon 2026-03-02 15:00", "resolved"), ("Thu 2026-03-05 09:00", "reopened")]

    evaluation = evaluated(
        history,
        agreed({"within": "8 working hours", "calendar": "office", "reopen": "new-cycle"}),
        as_of="Fri 2026-03-06 12:00",
    )

    assert [(verdict.cycle.number, verdict.outcome) for verdict in evaluation.verdicts] == [
        (1, Outcome.MET),
        (2, Outcome.BREACHED),
    ]


def test_r26_a_reopen_within_the_window_continues_the_same_clock() -> None:
    history = [MON_9, ("Mon 2026-03-02 15:00", "resolved"), ("Thu 2026-03-05 09:00", "reopened")]

    evaluation = evaluated(
        history,
        agreed({"within": "8 working hours", "calendar": "office", "reopen": "new-cycle", "reopen_window_days": 5}),
        as_of="Thu 2026-03-05 11:00:01",
    )

    assert [(verdict.cycle.number, verdict.outcome) for verdict in evaluation.verdicts] == [(1, Outcome.BREACHED)]


def test_r26_first_close_is_final_where_the_target_says_so() -> None:
    history = [MON_9, ("Mon 2026-03-02 15:00", "resolved"), ("Thu 2026-03-05 09:00", "reopened")]

    verdict = judged(history, as_of="Fri 2026-03-13 12:00", reopen="first-close-is-final")

    assert (verdict.outcome, verdict.elapsed_s) == (Outcome.MET, 6 * 3600)


def test_r27_later_questions_do_not_move_the_clock_and_the_worst_exchange_is_reported() -> None:
    history = [
        MON_9,
        ("Mon 2026-03-02 10:00", "asked"),
        ("Mon 2026-03-02 11:00", "asked"),
        ("Mon 2026-03-02 13:00", "responded"),
        ("Tue 2026-03-03 09:00", "asked"),
        ("Tue 2026-03-03 10:00", "responded"),
        ("Tue 2026-03-03 12:00", "resolved"),
    ]

    verdict = judged(history, as_of="Wed 2026-03-04 09:00", measure="update-interval", within="4 working hours")

    assert (verdict.outcome, verdict.elapsed_s) == (Outcome.MET, 3 * 3600)


def test_r27_an_unanswered_question_runs_out() -> None:
    history = [MON_9, ("Mon 2026-03-02 10:00", "asked")]

    verdict = judged(history, as_of="Mon 2026-03-02 14:00:01", measure="update-interval", within="4 working hours")

    assert (verdict.outcome, local_text(verdict.due)) == (Outcome.BREACHED, "Mon 2026-03-02 14:00")


def test_a_periodic_update_is_due_after_each_silence() -> None:
    history = [MON_9, ("Mon 2026-03-02 12:00", "responded")]

    verdict = judged(history, as_of="Mon 2026-03-02 15:00", measure="periodic-update", within="4 working hours")

    assert (verdict.outcome, local_text(verdict.due)) == (Outcome.RUNNING, "Mon 2026-03-02 16:00")


def test_r28_a_new_priority_keeps_the_start_and_the_pauses() -> None:
    targets = (
        {"id": "high", "within": "4 working hours", "calendar": "office", "when": {"priority": ["high"]}},
        {"id": "normal", "within": "16 working hours", "calendar": "office", "when": {"priority": ["normal"]}},
    )
    history = [
        MON_9,
        ("Mon 2026-03-02 10:00", "paused council"),
        ("Mon 2026-03-02 11:00", "resumed"),
        ("Mon 2026-03-02 13:00", "priority high"),
    ]

    (verdict,) = evaluated(history, agreed(*targets), as_of="Mon 2026-03-02 13:30").verdicts

    assert (verdict.target.id, local_text(verdict.due)) == ("high", "Mon 2026-03-02 14:00")
    assert [(warned.percent, local_text(warned.at), warned.on_change) for warned in verdict.warnings] == [
        (75, "Mon 2026-03-02 13:00", False)
    ]


def test_r28_warnings_already_passed_under_the_new_target_fire_once_marked_on_change() -> None:
    targets = (
        {"id": "high", "within": "4 working hours", "calendar": "office", "when": {"priority": ["high"]}},
        {"id": "normal", "within": "16 working hours", "calendar": "office", "when": {"priority": ["normal"]}},
    )
    history = [MON_9, ("Mon 2026-03-02 12:50", "priority high")]

    (verdict,) = evaluated(history, agreed(*targets), as_of="Mon 2026-03-02 12:55").verdicts

    assert [(warned.percent, local_text(warned.at), warned.on_change) for warned in verdict.warnings] == [
        (75, "Mon 2026-03-02 12:50", True),
        (90, "Mon 2026-03-02 12:50", True),
    ]


def test_r28_a_lower_priority_does_not_wipe_out_a_miss_that_had_happened() -> None:
    targets = (
        {"id": "high", "within": "1 working hours", "calendar": "office", "when": {"priority": ["high"]}},
        {"id": "normal", "within": "16 working hours", "calendar": "office", "when": {"priority": ["normal"]}},
    )
    history = [("Mon 2026-03-02 09:00", "opened high"), ("Mon 2026-03-02 12:00", "priority normal")]

    verdicts = evaluated(history, agreed(*targets), as_of="Mon 2026-03-02 13:00").verdicts

    assert {verdict.target.id: verdict.outcome for verdict in verdicts} == {
        "high": Outcome.BREACHED,
        "normal": Outcome.RUNNING,
    }


def test_r28_the_clock_of_a_target_that_ceased_to_apply_stops_at_the_change_and_not_with_the_item() -> None:
    targets = (
        {"id": "high", "within": "1 working hours", "calendar": "office", "when": {"priority": ["high"]}},
        {"id": "normal", "within": "16 working hours", "calendar": "office", "when": {"priority": ["normal"]}},
    )
    history = [
        ("Mon 2026-03-02 09:00", "opened high"),
        ("Mon 2026-03-02 12:00", "priority normal"),
        ("Mon 2026-03-02 15:00", "resolved"),
    ]

    high, normal = evaluated(history, agreed(*targets), as_of="Mon 2026-03-02 16:00").verdicts

    assert (local_text(high.cycle.stop), high.elapsed_s) == ("Mon 2026-03-02 12:00", 3 * 3600)
    assert (local_text(normal.cycle.stop), normal.elapsed_s) == ("Mon 2026-03-02 15:00", 6 * 3600)


def test_r28_from_change_starts_the_new_clock_at_the_change() -> None:
    targets = (
        {"id": "high", "within": "4 working hours", "calendar": "office", "when": {"priority": ["high"]}}
        | {"on_change": "from-change"},
    )
    history = [MON_9, ("Mon 2026-03-02 12:00", "priority high")]

    (verdict,) = evaluated(history, agreed(*targets), as_of="Mon 2026-03-02 13:00").verdicts

    assert (verdict.elapsed_s, local_text(verdict.due)) == (3600, "Mon 2026-03-02 16:00")


WITHDRAWN = [MON_9, ("Mon 2026-03-02 09:30", "cancelled"), ("Mon 2026-03-02 09:40", "reopened")]
POLICIES = ("continue", "new-cycle", "first-close-is-final")


@pytest.mark.parametrize("reopen", POLICIES)
@pytest.mark.parametrize(
    ("measure", "hours"), [("response-time", 16), ("resolution-time", 17), ("processing-time", 17)]
)
def test_r51_a_cancellation_that_was_taken_back_is_no_answer_no_stop_and_no_first_close(
    measure: str, hours: int, reopen: str
) -> None:
    history = [*WITHDRAWN, ("Wed 2026-03-04 09:10", "responded"), ("Wed 2026-03-04 10:10", "resolved")]

    verdict = judged(history, as_of="Fri 2026-03-13 12:00", measure=measure, reopen=reopen)

    assert (verdict.cycle.number, verdict.outcome) == (1, Outcome.BREACHED)
    assert verdict.elapsed_s == hours * 3600  # without the ten minutes in which it was withdrawn


@pytest.mark.parametrize("reopen", POLICIES)
def test_r51_a_question_that_was_withdrawn_for_a_while_goes_on_waiting(reopen: str) -> None:
    asked = ("Mon 2026-03-02 09:00", "asked")
    history = [*WITHDRAWN, asked, ("Mon 2026-03-02 11:40", "responded"), ("Mon 2026-03-02 12:00", "resolved")]

    verdict = judged(
        history, as_of="Fri 2026-03-13 12:00", measure="update-interval", within="3 working hours", reopen=reopen
    )

    assert (verdict.outcome, verdict.elapsed_s) == (Outcome.MET, 2 * 3600 + 1800)


def test_r51_first_close_is_final_from_the_first_that_was_no_withdrawal() -> None:
    history = [
        *WITHDRAWN,
        ("Mon 2026-03-02 15:00", "resolved"),
        ("Thu 2026-03-05 09:00", "reopened"),
        ("Thu 2026-03-05 16:00", "resolved"),
    ]

    verdict = judged(history, as_of="Fri 2026-03-13 12:00", reopen="first-close-is-final")

    assert (verdict.outcome, local_text(verdict.cycle.stop)) == (Outcome.MET, "Mon 2026-03-02 15:00")
    assert verdict.elapsed_s == 6 * 3600 - 600


def test_r51_while_it_is_withdrawn_an_item_is_out_of_scope() -> None:
    while_withdrawn = judged(WITHDRAWN, as_of="Mon 2026-03-02 09:35", measure="response-time")
    afterwards = judged(WITHDRAWN, as_of="Mon 2026-03-02 09:40", measure="response-time")

    assert (while_withdrawn.outcome, afterwards.outcome) == (Outcome.OUT_OF_SCOPE, Outcome.RUNNING)
    assert local_text(afterwards.due) == "Tue 2026-03-03 09:10"


def test_r51_a_resolution_stays_the_answer_though_the_item_was_reopened() -> None:
    history = [MON_9, ("Mon 2026-03-02 10:00", "resolved"), ("Mon 2026-03-02 11:00", "reopened")]

    verdict = judged(history, as_of="Fri 2026-03-13 12:00", measure="response-time")

    assert (verdict.outcome, verdict.elapsed_s) == (Outcome.MET, 3600)


AFTER_56_DAYS = [
    ("Mon 2026-01-05 09:00", "opened"),
    ("Mon 2026-01-05 09:20", "responded"),
    ("Mon 2026-01-05 15:00", "resolved"),
    ("Mon 2026-03-02 10:00", "reopened"),
    ("Mon 2026-03-02 12:00", "responded"),
    ("Mon 2026-03-02 13:00", "resolved"),
]


@pytest.mark.parametrize(
    ("fields", "elapsed_min"),
    [
        ({}, [20]),
        ({"reopen": "new-cycle", "reopen_window_days": 60}, [20]),
        ({"reopen": "new-cycle", "reopen_window_days": 5}, [20, 120]),
        ({"reopen": "new-cycle"}, [20, 120]),
    ],
)
def test_r26_a_response_is_due_again_where_reopening_begins_a_new_cycle(
    fields: dict[str, Any], elapsed_min: list[int]
) -> None:
    target = {"measure": "response-time", "within": "1 working hours", "calendar": "office"} | fields

    verdicts = evaluated(AFTER_56_DAYS, agreed(target), as_of="Fri 2026-03-13 12:00").verdicts

    assert [each.elapsed_s // 60 for each in verdicts] == elapsed_min
    assert [each.outcome for each in verdicts] == [Outcome.MET, Outcome.BREACHED][: len(verdicts)]


def test_r26_who_resolves_a_new_cycle_without_a_word_has_answered_it() -> None:
    silent = [each for each in AFTER_56_DAYS if each != ("Mon 2026-03-02 12:00", "responded")]
    target = {"measure": "response-time", "within": "4 working hours", "calendar": "office", "reopen": "new-cycle"}

    verdicts = evaluated(silent, agreed(target), as_of="Fri 2026-03-13 12:00").verdicts

    assert [(each.outcome, each.elapsed_s) for each in verdicts] == [(Outcome.MET, 1200), (Outcome.MET, 3 * 3600)]


def test_r26_a_stop_that_was_over_before_the_clock_started_is_no_cycle_of_it() -> None:
    history = [
        MON_9,
        ("Mon 2026-03-02 10:00", "resolved"),
        ("Mon 2026-03-02 11:00", "reopened"),
        ("Mon 2026-03-02 12:00", "assigned"),
        ("Mon 2026-03-02 15:00", "resolved"),
    ]

    verdict = judged(history, as_of="Fri 2026-03-13 12:00", starts="assigned", reopen="new-cycle")

    assert (verdict.cycle.number, local_text(verdict.cycle.start), verdict.elapsed_s) == (
        1,
        "Mon 2026-03-02 12:00",
        3 * 3600,
    )

"""Clocks of items that change: reopened, asked again, of another priority (R26 to R28)."""

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


def test_r28_from_change_starts_the_new_clock_at_the_change() -> None:
    targets = (
        {"id": "high", "within": "4 working hours", "calendar": "office", "when": {"priority": ["high"]}}
        | {"on_change": "from-change"},
    )
    history = [MON_9, ("Mon 2026-03-02 12:00", "priority high")]

    (verdict,) = evaluated(history, agreed(*targets), as_of="Mon 2026-03-02 13:00").verdicts

    assert (verdict.elapsed_s, local_text(verdict.due)) == (3600, "Mon 2026-03-02 16:00")

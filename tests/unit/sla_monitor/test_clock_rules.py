"""Clocks: when they start, pause, stop and run out. Each test names its rule of the SLA semantics."""

from typing import Any

import pytest

from sla_monitor.domain.clock.verdict import Outcome
from tests.support.histories import agreement_index as agreed
from tests.support.histories import at, calendar, evaluated, fact, facts, judged, local_text

# Monday 2 March 2026 to Friday 27 March have no bank holiday; the office is open 09:00 to 17:00 (8 hours).
MON_9 = ("Mon 2026-03-02 09:00", "opened")


@pytest.mark.parametrize(
    ("opened", "due"),
    [
        ("Mon 2026-03-02 09:00", "Mon 2026-03-02 17:00"),
        ("Mon 2026-03-02 09:01", "Tue 2026-03-03 09:01"),
        ("Mon 2026-03-02 08:00", "Mon 2026-03-02 17:00"),
        ("Mon 2026-03-02 17:00", "Tue 2026-03-03 17:00"),
        ("Fri 2026-03-06 16:59", "Mon 2026-03-09 16:59"),
        ("Sat 2026-03-07 12:00", "Mon 2026-03-09 17:00"),
        ("Fri 2026-03-27 16:00", "Mon 2026-03-30 16:00"),  # the clocks go forward on Sunday 29 March
    ],
)
def test_r14_eight_working_hours_are_used_up_at_the_earliest_instant(opened: str, due: str) -> None:
    verdict = judged([(opened, "opened")], as_of=opened)

    assert local_text(verdict.due) == due


@pytest.mark.parametrize(
    ("resolved", "outcome"),
    [
        ("Tue 2026-03-03 11:59:59", Outcome.MET),
        ("Tue 2026-03-03 12:00", Outcome.MET),
        ("Tue 2026-03-03 12:00:01", Outcome.BREACHED),
    ],
)
def test_r24_exactly_used_up_is_met_and_a_second_more_is_not(resolved: str, outcome: Outcome) -> None:
    verdict = judged([("Mon 2026-03-02 12:00", "opened"), (resolved, "resolved")], as_of="Wed 2026-03-04 09:00")

    assert verdict.outcome is outcome


@pytest.mark.parametrize(
    ("resolved", "outcome"),
    [
        ("Fri 2026-03-06 17:00", Outcome.MET),
        ("Fri 2026-03-06 23:00", Outcome.MET),
        ("Mon 2026-03-09 09:00", Outcome.MET),
        ("Mon 2026-03-09 09:00:01", Outcome.BREACHED),
    ],
)
def test_r25_a_clock_used_up_at_friday_closing_is_missed_only_once_monday_opens(
    resolved: str, outcome: Outcome
) -> None:
    verdict = judged([("Fri 2026-03-06 09:00", "opened"), (resolved, "resolved")], as_of="Tue 2026-03-10 09:00")

    assert local_text(verdict.due) == "Fri 2026-03-06 17:00"
    assert verdict.outcome is outcome


def test_r25_the_miss_is_stamped_with_monday_opening() -> None:
    open_item = [("Fri 2026-03-06 09:00", "opened")]

    before = judged(open_item, as_of="Mon 2026-03-09 09:00")
    after = judged(open_item, as_of="Mon 2026-03-09 09:00:01")

    assert before.outcome is Outcome.RUNNING
    assert before.wake == at("Mon 2026-03-09 09:00:01")
    assert (after.outcome, local_text(after.missed_at)) == (Outcome.BREACHED, "Mon 2026-03-09 09:00")


@pytest.mark.parametrize(
    ("starts", "due"),
    [
        ("opened", "Tue 2026-03-03 12:00"),
        ("assigned", "Tue 2026-03-03 14:00"),
        ("first-active", "Tue 2026-03-03 13:00"),
    ],
)
def test_r19_the_clock_starts_where_the_target_says(starts: str, due: str) -> None:
    history = [
        ("Mon 2026-03-02 12:00", "opened"),
        ("Mon 2026-03-02 12:00", "paused council"),
        ("Mon 2026-03-02 13:00", "resumed"),
        ("Mon 2026-03-02 14:00", "assigned"),
    ]

    verdict = judged(history, as_of="Mon 2026-03-02 15:00", starts=starts, paused_by=[])

    assert local_text(verdict.due) == due


def test_r20_an_item_opened_into_a_pause_has_used_nothing() -> None:
    verdict = judged([MON_9, ("Mon 2026-03-02 09:00", "paused council")], as_of="Fri 2026-03-06 12:00")

    assert (verdict.outcome, verdict.elapsed_s, verdict.due, verdict.wake) == (Outcome.RUNNING, 0, None, None)


def test_r20_an_item_opened_and_resolved_at_once_is_met_with_nothing_used() -> None:
    verdict = judged([MON_9, ("Mon 2026-03-02 09:00", "resolved")], as_of="Fri 2026-03-06 12:00")

    assert (verdict.outcome, verdict.elapsed_s) == (Outcome.MET, 0)


@pytest.mark.parametrize(("awaiting", "hours"), [("council", 7), ("third-party", 7), ("provider", 8), ("nobody", 8)])
def test_r21_resolution_pauses_while_others_are_awaited_but_never_for_the_provider(awaiting: str, hours: int) -> None:
    history = [
        MON_9,
        ("Mon 2026-03-02 10:00", f"paused {awaiting}"),
        ("Mon 2026-03-02 11:00", "resumed"),
        ("Mon 2026-03-02 17:00", "resolved"),
    ]

    assert judged(history, as_of="Tue 2026-03-03 09:00").elapsed_s == hours * 3600


def test_r21_a_first_response_is_due_during_a_pause_too() -> None:
    history = [MON_9, ("Mon 2026-03-02 10:00", "paused council"), ("Mon 2026-03-02 12:00", "responded")]

    assert judged(history, as_of="Tue 2026-03-03 09:00", measure="response-time").elapsed_s == 3 * 3600


def test_r21_pause_after_pause_counts_once_and_does_not_restart() -> None:
    history = [
        MON_9,
        ("Mon 2026-03-02 10:00", "paused council"),
        ("Mon 2026-03-02 11:00", "paused third-party"),
        ("Mon 2026-03-02 12:00", "resumed"),
        ("Mon 2026-03-02 13:00", "resolved"),
    ]

    assert judged(history, as_of="Tue 2026-03-03 09:00").elapsed_s == 2 * 3600


def test_r22_resolving_while_paused_ends_the_pause_and_keeps_its_time_out() -> None:
    history = [MON_9, ("Mon 2026-03-02 10:00", "paused council"), ("Tue 2026-03-03 12:00", "resolved")]

    verdict = judged(history, as_of="Wed 2026-03-04 09:00")

    assert (verdict.outcome, verdict.elapsed_s) == (Outcome.MET, 3600)


def test_a_ticket_paused_overnight_does_not_age() -> None:
    history = [MON_9, ("Mon 2026-03-02 17:00", "paused council"), ("Tue 2026-03-03 09:00", "resumed")]

    verdict = judged(history, as_of="Tue 2026-03-03 09:00")

    assert verdict.elapsed_s == 8 * 3600


@pytest.mark.parametrize("saved_by", ["resolved", "paused council"])
def test_r23_a_stop_or_a_pause_at_the_due_instant_saves_it(saved_by: str) -> None:
    history = [("Mon 2026-03-02 12:00", "opened"), ("Tue 2026-03-03 12:00", saved_by)]

    assert judged(history, as_of="Wed 2026-03-04 12:00").outcome is not Outcome.BREACHED


def test_r23_a_pause_a_second_after_the_due_instant_comes_too_late() -> None:
    history = [("Mon 2026-03-02 12:00", "opened"), ("Tue 2026-03-03 12:00:01", "paused council")]

    assert judged(history, as_of="Wed 2026-03-04 12:00").outcome is Outcome.BREACHED


def test_r30_without_an_agreement_in_force_nothing_is_judged() -> None:
    target = {"within": "8 working hours", "calendar": "office"}

    evaluation = evaluated([MON_9], agreed(target, effective_from="2026-04-01"), as_of="Fri 2026-03-06 09:00")

    assert (evaluation.verdicts, evaluation.waiting) == ((), False)


def test_r31_what_happens_after_the_end_changes_nothing() -> None:
    history = [MON_9, ("Mon 2026-03-02 12:00", "resolved")]
    afterwards = [
        ("Mon 2026-03-02 13:00", "paused council"),
        ("Tue 2026-03-03 09:00", "responded"),
        ("Wed 2026-03-04 09:00", "closed"),
        ("Thu 2026-03-05 09:00", "resolved"),
    ]

    before = judged(history, as_of="Fri 2026-03-06 09:00")
    after = judged([*history, *afterwards], as_of="Fri 2026-03-06 09:00")

    assert before == after


def test_r32_a_stop_dated_before_the_opening_uses_nothing_and_is_noted() -> None:
    evaluation = evaluated(
        [MON_9, ("Fri 2026-02-27 12:00", "resolved")],
        agreed({"within": "8 working hours", "calendar": "office"}),
        as_of="Fri 2026-03-06 09:00",
    )

    (verdict,) = evaluation.verdicts
    assert (verdict.outcome, verdict.elapsed_s, verdict.cycle.raw_stop) == (Outcome.MET, 0, at("Fri 2026-02-27 12:00"))
    assert evaluation.notes == ("Stopped is dated before the opening: counted at the opening",)


def test_a_cancelled_item_is_out_of_scope_unless_it_was_late_already() -> None:
    in_time = judged([MON_9, ("Mon 2026-03-02 12:00", "cancelled")], as_of="Fri 2026-03-06 09:00")
    late = judged([MON_9, ("Tue 2026-03-03 12:00", "cancelled")], as_of="Fri 2026-03-06 09:00")

    assert (in_time.outcome, late.outcome) == (Outcome.OUT_OF_SCOPE, Outcome.BREACHED)


def test_r5_a_calendar_that_never_opens_is_unmeasurable_and_ends() -> None:
    verdict = judged([MON_9], as_of="Fri 2026-03-06 09:00", hours=calendar(weekly={}))

    assert (verdict.outcome, verdict.due, verdict.wake) == (Outcome.UNMEASURABLE, None, None)


def test_r5_a_due_instant_beyond_the_horizon_is_refused() -> None:
    verdict = judged([MON_9], as_of="Fri 2026-03-06 09:00", within="90000 working hours")

    assert (verdict.outcome, verdict.due) == (Outcome.UNMEASURABLE, None)


@pytest.mark.parametrize(
    ("within", "fields", "due"),
    [
        ("2 working days", {}, "Wed 2026-03-04 17:00"),
        ("2 working days", {"day_rule": "same-time"}, "Wed 2026-03-04 12:00"),
        ("2 working days", {"cut_off": "11:00"}, "Thu 2026-03-05 17:00"),
        ("2 days", {}, "Wed 2026-03-04 12:00"),
        ("30 minutes", {}, "Mon 2026-03-02 12:30"),
        ("48 hours", {}, "Wed 2026-03-04 12:00"),
    ],
)
def test_r17_days_and_elapsed_time_are_counted_as_the_target_says(
    within: str, fields: dict[str, Any], due: str
) -> None:
    verdict = judged([("Mon 2026-03-02 12:00", "opened")], as_of="Mon 2026-03-02 12:00", within=within, **fields)

    assert local_text(verdict.due) == due


@pytest.mark.parametrize(
    ("pause_counts", "resumed", "due"),
    [
        ("seconds", "Tue 2026-03-03 13:00", "Fri 2026-03-06 10:00"),  # Wed 17:00 and 9 hours: 5 on Mon, 4 on Tue
        ("whole-days", "Tue 2026-03-03 13:00", "Wed 2026-03-04 17:00"),
        ("whole-days", "Tue 2026-03-03 17:00", "Thu 2026-03-05 17:00"),
    ],
)
def test_r18_a_pause_moves_a_day_target_as_the_target_says(pause_counts: str, resumed: str, due: str) -> None:
    history = [
        ("Mon 2026-03-02 11:00", "opened"),
        ("Mon 2026-03-02 12:00", "paused council"),
        (resumed, "resumed"),
    ]

    verdict = judged(history, as_of="Thu 2026-03-05 09:00", within="2 working days", pause_counts=pause_counts)

    assert local_text(verdict.due) == due


def test_facts_after_the_instant_asked_about_are_not_yet_known() -> None:
    history = [MON_9, ("Mon 2026-03-02 12:00", "resolved")]

    verdict = judged(history, as_of="Mon 2026-03-02 11:00")

    assert verdict.outcome is Outcome.RUNNING


def test_a_future_fact_is_evaluated_when_its_time_comes() -> None:
    evaluation = evaluated(
        [MON_9, ("Mon 2026-03-02 12:00", "resolved")],
        agreed({"within": "8 working hours", "calendar": "office", "warn_at": []}),
        as_of="Mon 2026-03-02 11:00",
    )

    assert local_text(evaluation.wake) == "Mon 2026-03-02 12:00"


def test_contradictions_change_nothing_and_are_noted() -> None:
    quiet = facts(MON_9, ("Mon 2026-03-02 12:00", "resolved"))
    noisy = [
        *quiet,
        fact("Mon 2026-03-02 09:30", "opened"),
        fact("Mon 2026-03-02 10:00", "resumed"),
        fact("Mon 2026-03-02 10:30", "reopened"),
        fact("Mon 2026-03-02 13:00", "paused council"),
    ]
    target = agreed({"within": "8 working hours", "calendar": "office"})

    evaluation = evaluated(noisy, target, as_of="Fri 2026-03-06 09:00")

    assert evaluation.verdicts == evaluated(quiet, target, as_of="Fri 2026-03-06 09:00").verdicts
    assert len(evaluation.notes) == 4

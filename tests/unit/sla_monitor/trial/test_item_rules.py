"""Items tried against targets, by the rules of clocks (R18 to R38), each answer worked by hand.

The office is open Monday to Friday, 09:00 to 17:00; March 2026 has no bank holiday before Good Friday, 3 April.
"""

import pytest

from tests.support.trials import events, hours, local_text, tried, verdict, verdicts

HOUR = 3600
MON_9 = ("Mon 2026-03-02 09:00", "opened")
FRIDAY = "Fri 2026-03-06 12:00"


@pytest.mark.parametrize(
    ("pause_counts", "due"), [("seconds", "Fri 2026-03-06 12:00"), ("whole-days", "Thu 2026-03-05 17:00")]
)
def test_r18_a_pause_of_three_hours_moves_a_date_by_seconds_or_not_at_all(pause_counts: str, due: str) -> None:
    found = verdict(
        ("Mon 2026-03-02 10:00", "opened"),
        ("Tue 2026-03-03 09:00", "paused"),
        ("Tue 2026-03-03 12:00", "resumed"),
        as_of="Wed 2026-03-04 09:00",
        within="3 working days",
        pause_counts=pause_counts,
    )

    assert local_text(found["due_at"]) == due


def test_r18_days_that_a_pause_covers_wholly_do_not_count() -> None:
    found = verdict(
        ("Mon 2026-03-02 10:00", "opened"),
        ("Mon 2026-03-02 17:00", "paused"),
        ("Wed 2026-03-04 17:00", "resumed"),
        as_of="Thu 2026-03-05 09:00",
        within="3 working days",
        pause_counts="whole-days",
    )

    assert local_text(found["due_at"]) == "Mon 2026-03-09 17:00"


@pytest.mark.parametrize(
    ("starts", "due"),
    [
        ("opened", "Tue 2026-03-03 10:00"),
        ("assigned", "Tue 2026-03-03 14:00"),
        ("first-active", "Tue 2026-03-03 11:00"),
    ],
)
def test_r19_the_clock_starts_where_the_target_says(starts: str, due: str) -> None:
    found = verdict(
        ("Mon 2026-03-02 10:00", "opened"),
        ("Mon 2026-03-02 10:00", "paused"),
        ("Mon 2026-03-02 11:00", "resumed"),
        ("Mon 2026-03-02 14:00", "assigned"),
        as_of="Mon 2026-03-02 15:00",
        starts=starts,
        paused_by=[],
    )

    assert local_text(found["due_at"]) == due


def test_r19_a_clock_that_has_not_started_has_no_verdict() -> None:
    target = {"measure": "resolution-time", "within": "8 working hours", "starts": "assigned"}

    answer = tried(targets=[target], events=events(MON_9), as_of=FRIDAY)

    assert answer["verdicts"] == []
    assert [each["reason"] for each in answer["unjudged"]] == ["its clock has not started"]


def test_r20_an_item_opened_into_a_pause_has_used_nothing_and_is_not_due() -> None:
    found = verdict(MON_9, ("Mon 2026-03-02 09:00", "paused"), as_of=FRIDAY)

    assert (found["verdict"], found["elapsed_s"], found["due_at"]) == ("running", 0, None)


@pytest.mark.parametrize(
    ("measure", "elapsed_s", "paused_s"), [("response-time", 3 * HOUR, 0), ("resolution-time", HOUR, 2 * HOUR)]
)
def test_r21_resolution_is_paused_while_the_council_is_awaited_and_response_is_not(
    measure: str, elapsed_s: int, paused_s: int
) -> None:
    found = verdict(
        MON_9,
        ("Mon 2026-03-02 10:00", "paused"),
        ("Mon 2026-03-02 12:00", "responded"),
        ("Mon 2026-03-02 12:00", "resolved"),
        as_of=FRIDAY,
        measure=measure,
    )

    assert (found["elapsed_s"], found["paused_s"]) == (elapsed_s, paused_s)


def test_r21_a_pause_and_an_exclusion_that_overlap_are_taken_out_once() -> None:
    (found,) = verdicts(
        MON_9,
        ("Mon 2026-03-02 10:00", "paused"),
        ("Mon 2026-03-02 12:00", "resumed"),
        ("Mon 2026-03-02 15:00", "resolved"),
        as_of=FRIDAY,
        exclusions=[{"start": "Mon 2026-03-02 11:00", "end": "Mon 2026-03-02 13:00", "category": "force-majeure"}],
    )

    assert (found["elapsed_s"], found["paused_s"]) == (3 * HOUR, 3 * HOUR)


def test_r21_an_exclusion_agreed_for_one_target_leaves_the_others_alone() -> None:
    targets = [{"id": name, "measure": "resolution-time", "within": "8 working hours"} for name in ("a", "b")]

    found = verdicts(
        MON_9,
        ("Mon 2026-03-02 15:00", "resolved"),
        as_of=FRIDAY,
        targets=targets,
        exclusions=[{"start": "Mon 2026-03-02 11:00", "end": "Mon 2026-03-02 13:00", "target": "b"}],
    )

    assert [each["elapsed_s"] for each in found] == [6 * HOUR, 4 * HOUR]


def test_r22_resolving_while_paused_keeps_the_pause_out() -> None:
    found = verdict(MON_9, ("Mon 2026-03-02 10:00", "paused"), ("Tue 2026-03-03 12:00", "resolved"), as_of=FRIDAY)

    assert (found["verdict"], found["elapsed_s"]) == ("met", HOUR)


@pytest.mark.parametrize(
    ("at", "what", "outcome"),
    [
        ("Tue 2026-03-03 12:00", "resolved", "met"),
        ("Tue 2026-03-03 12:00", "paused", "running"),
        ("Tue 2026-03-03 12:00:01", "resolved", "breached"),
        ("Tue 2026-03-03 12:00:01", "paused", "breached"),
        ("Tue 2026-03-03 11:59:59", "resolved", "met"),
    ],
)
def test_r23_r24_what_comes_at_the_due_instant_is_in_time(at: str, what: str, outcome: str) -> None:
    assert verdict(("Mon 2026-03-02 12:00", "opened"), (at, what), as_of=FRIDAY)["verdict"] == outcome


@pytest.mark.parametrize(
    ("resolved", "outcome", "missed"),
    [
        ("Sat 2026-03-07 12:00", "met", None),
        ("Mon 2026-03-09 09:00", "met", None),
        ("Mon 2026-03-09 09:00:01", "breached", "Mon 2026-03-09 09:00"),
    ],
)
def test_r25_used_up_at_friday_closing_is_missed_when_monday_opens(
    resolved: str, outcome: str, missed: str | None
) -> None:
    found = verdict(("Fri 2026-03-06 09:00", "opened"), (resolved, "resolved"), as_of="Tue 2026-03-10 09:00")

    assert (local_text(found["due_at"]), local_text(found["due_next_open_at"])) == (
        "Fri 2026-03-06 17:00",
        "Mon 2026-03-09 09:00",
    )
    assert (found["verdict"], local_text(found["missed_at"])) == (outcome, missed)


def test_r29_a_calendar_that_changes_on_the_way_is_measured_piece_by_piece() -> None:
    (found,) = verdicts(
        ("Mon 2026-03-02 15:00", "opened"),
        as_of=FRIDAY,
        calendars=[hours(), hours("09:00-13:00", effective_from="2026-03-03")],
    )

    assert local_text(found["due_at"]) == "Wed 2026-03-04 11:00"
    assert (found["calendar_version"], found["calendar_versions"]) == (2, [1, 2])


def test_r29_a_version_that_begins_after_the_stop_had_no_part() -> None:
    (found,) = verdicts(
        MON_9,
        ("Mon 2026-03-02 10:00", "resolved"),
        as_of=FRIDAY,
        calendars=[hours(), hours("09:00-13:00", effective_from="2026-03-03")],
    )

    assert found["calendar_versions"] == [1]


def test_r30_an_item_that_no_target_is_meant_for_has_no_verdict() -> None:
    target = {"measure": "resolution-time", "within": "8 working hours", "when": {"team": ["payroll"]}}

    answer = tried(targets=[target], events=[{**events(MON_9)[0], "attributes": {"team": "ict"}}], as_of=FRIDAY)

    assert answer["verdicts"] == []
    assert [each["reason"] for each in answer["unjudged"]] == ["it does not apply to an item like this"]


def test_r31_what_comes_after_the_close_changes_no_verdict() -> None:
    done = [MON_9, ("Mon 2026-03-02 10:00", "resolved"), ("Mon 2026-03-02 11:00", "closed")]
    late = [
        ("Tue 2026-03-03 09:00", "paused"),
        ("Tue 2026-03-03 10:00", "responded"),
        ("Wed 2026-03-04 09:00", "closed"),
    ]

    assert verdict(*done, *late, as_of=FRIDAY) == verdict(*done, as_of=FRIDAY)


def test_r32_a_stop_before_the_opening_counts_at_it_and_is_noted() -> None:
    target = {"measure": "resolution-time", "within": "8 working hours"}

    answer = tried(targets=[target], events=events(MON_9, ("Mon 2026-03-02 08:59", "resolved")), as_of=FRIDAY)
    (found,) = answer["verdicts"]

    assert (found["verdict"], found["elapsed_s"], local_text(found["stopped_at"])) == ("met", 0, "Mon 2026-03-02 08:59")
    assert ["before the opening" in note for note in answer["notes"]] == [True]


def test_r33_the_order_in_which_events_are_written_plays_no_part() -> None:
    lines = [
        MON_9,
        ("Mon 2026-03-02 10:00", "paused"),
        ("Mon 2026-03-02 12:00", "resumed"),
        ("Mon 2026-03-02 15:00", "resolved"),
        ("Tue 2026-03-03 09:00", "reopened"),
        ("Tue 2026-03-03 10:00", "resolved"),
    ]

    assert verdict(*reversed(lines), as_of=FRIDAY) == verdict(*lines, as_of=FRIDAY)


def test_r36_warning_instants_are_told_before_they_are_reached() -> None:
    found = verdict(MON_9, as_of="Mon 2026-03-02 15:30")

    assert [(each["percent"], local_text(each["at"]), each["reached"]) for each in found["warning_instants"]] == [
        (75, "Mon 2026-03-02 15:00", True),
        (90, "Mon 2026-03-02 16:12", False),
    ]


def test_r38_what_happens_after_as_of_is_not_known_yet() -> None:
    found = verdict(MON_9, ("Tue 2026-03-03 12:00", "resolved"), as_of="Mon 2026-03-02 12:00")

    assert (found["verdict"], found["elapsed_s"], found["margin_s"]) == ("running", 3 * HOUR, 5 * HOUR)


@pytest.mark.parametrize(
    ("within", "due"),
    [
        ("24 hours", "Sun 2026-03-29 13:00"),  # the clocks go forward on Sunday
        ("1 day", "Sun 2026-03-29 12:00"),
        ("90 minutes", "Sat 2026-03-28 13:30"),
        ("30 working minutes", "Mon 2026-03-30 09:30"),
        ("1 working day", "Tue 2026-03-31 17:00"),
    ],
)
def test_a_threshold_is_due_in_its_own_kind_of_time(within: str, due: str) -> None:
    found = verdict(("Sat 2026-03-28 12:00", "opened"), as_of="Sat 2026-03-28 12:30", within=within)

    assert local_text(found["due_at"]) == due


@pytest.mark.parametrize(
    ("due_at", "outcome"),
    [
        ("Mon 2026-03-02 12:00", "met"),
        ("Mon 2026-03-02 11:59:59", "breached"),
        (None, "out-of-scope"),
    ],
)
def test_a_recorded_due_date_judges_what_another_system_promised(due_at: str | None, outcome: str) -> None:
    opened = events(MON_9)[0] | ({} if due_at is None else {"due_at": due_at})

    answer = tried(
        targets=[{"measure": "resolution-time", "within": "recorded due date"}],
        events=[opened, *events(("Mon 2026-03-02 12:00", "resolved"))],
        as_of=FRIDAY,
    )

    assert [each["verdict"] for each in answer["verdicts"]] == [outcome]


def test_r5_an_item_on_a_calendar_that_never_opens_is_unmeasurable() -> None:
    found = verdict(MON_9, as_of=FRIDAY, calendar={"weekly": {}})

    assert (found["verdict"], found["due_at"], found["reason"]) == ("unmeasurable", None, "the calendar never opens")


def test_r5_time_around_the_clock_needs_no_hours() -> None:
    found = verdict(MON_9, as_of=FRIDAY, calendar={"weekly": {}}, within="6 hours")

    assert (found["verdict"], local_text(found["due_at"])) == ("breached", "Mon 2026-03-02 15:00")


def test_r30_a_target_of_another_service_is_not_judged() -> None:
    targets = [
        {"id": name, "service": name, "measure": "resolution-time", "within": "8 working hours"}
        for name in ("ict", "hr")
    ]

    answer = tried(targets=targets, events=[events(MON_9)[0] | {"service": "ict"}], as_of=FRIDAY)

    assert [each["target"] for each in answer["verdicts"]] == ["ict"]
    assert [(each["target"], each["reason"]) for each in answer["unjudged"]] == [("hr", "it is of another service")]


def test_an_item_that_is_opened_after_as_of_is_not_judged_yet() -> None:
    answer = tried(
        targets=[{"measure": "resolution-time", "within": "8 working hours"}],
        events=events(MON_9),
        as_of="Sun 2026-03-01 09:00",
    )

    assert (answer["verdicts"], answer["notes"]) == ([], ["the item is opened after as_of"])


def test_a_cancelled_item_is_out_of_scope() -> None:
    assert verdict(MON_9, ("Mon 2026-03-02 10:00", "cancelled"), as_of=FRIDAY)["verdict"] == "out-of-scope"


def test_the_words_for_work_items_mean_what_those_for_tickets_do() -> None:
    ticket = [MON_9, ("Mon 2026-03-02 10:00", "assigned"), ("Tue 2026-03-03 09:30", "resolved")]
    work = [
        ("Mon 2026-03-02 09:00", "received"),
        ("Mon 2026-03-02 10:00", "started"),
        ("Tue 2026-03-03 09:30", "completed"),
    ]

    assert verdict(*work, as_of=FRIDAY, starts="assigned") == verdict(*ticket, as_of=FRIDAY, starts="assigned")


def test_times_without_an_offset_are_those_of_the_calendars_zone() -> None:
    new_york = hours(zone="America/New_York")

    found = verdict(("Mon 2026-03-02 09:00", "opened"), as_of="Mon 2026-03-02 12:00", calendar=new_york)

    assert found["started_at"] == "2026-03-02T14:00:00Z"
    assert local_text(found["due_at"], zone="America/New_York") == "Mon 2026-03-02 17:00"


def test_the_trace_accounts_for_every_second_of_the_item() -> None:
    found = verdict(
        MON_9, ("Mon 2026-03-02 16:00", "paused"), ("Tue 2026-03-03 10:00", "resumed"), as_of="Tue 2026-03-03 12:00"
    )

    assert [(local_text(part["start_at"]), part["kind"], part["seconds"]) for part in found["trace"]] == [
        ("Mon 2026-03-02 09:00", "counted", 7 * HOUR),
        ("Mon 2026-03-02 16:00", "paused", HOUR),
        ("Mon 2026-03-02 17:00", "closed", 16 * HOUR),
        ("Tue 2026-03-03 09:00", "paused", HOUR),
        ("Tue 2026-03-03 10:00", "counted", 2 * HOUR),
    ]
    assert found["counted_s"] + found["paused_s"] + found["closed_s"] == 27 * HOUR

"""Items tried against targets, while they change: reopened, asked again, of another priority (R26 to R28).

The office is open Monday to Friday, 09:00 to 17:00; March 2026 has no bank holiday before Good Friday, 3 April.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.trials import events, local_text, tried, verdict, verdicts

HOUR = 3600
MON_9 = ("Mon 2026-03-02 09:00", "opened")
FRIDAY = "Fri 2026-03-06 12:00"


@pytest.mark.parametrize(
    ("policy", "judged"),
    [
        ({"reopen": "continue"}, [("breached", 9 * HOUR, HOUR)]),
        ({"reopen": "new-cycle"}, [("met", 6 * HOUR, 0), ("met", 3 * HOUR, 0)]),
        ({"reopen": "new-cycle", "reopen_window_days": 5}, [("breached", 9 * HOUR, HOUR)]),
        ({"reopen": "first-close-is-final"}, [("met", 6 * HOUR, 0)]),
    ],
)
def test_r26_a_reopened_item_is_judged_by_the_targets_policy(
    policy: dict[str, Any], judged: list[tuple[str, int, int]]
) -> None:
    found = verdicts(
        MON_9,
        ("Mon 2026-03-02 15:00", "resolved"),
        ("Thu 2026-03-05 09:00", "reopened"),
        ("Thu 2026-03-05 12:00", "resolved"),
        as_of=FRIDAY,
        targets=[{"measure": "resolution-time", "within": "8 working hours", **policy}],
    )

    assert [(each["verdict"], each["elapsed_s"], each["overdue_s"]) for each in found] == judged


def test_r27_the_worst_exchange_runs_from_the_earliest_unanswered_question() -> None:
    found = verdict(
        MON_9,
        ("Mon 2026-03-02 10:00", "asked"),
        ("Mon 2026-03-02 11:00", "asked"),
        ("Mon 2026-03-02 13:00", "responded"),
        ("Tue 2026-03-03 09:00", "asked"),
        ("Tue 2026-03-03 10:00", "responded"),
        as_of="Tue 2026-03-03 12:00",
        measure="update-interval",
        within="2 working hours",
    )
    worst = found["worst_exchange"]

    assert (found["verdict"], found["overdue_s"]) == ("breached", HOUR)
    assert (local_text(worst["started_at"]), local_text(worst["ended_at"])) == (
        "Mon 2026-03-02 10:00",
        "Mon 2026-03-02 13:00",
    )
    assert (worst["elapsed_s"], worst["margin_s"]) == (3 * HOUR, -HOUR)


def test_r27_the_longest_silence_is_the_worst_exchange_of_periodic_updates() -> None:
    found = verdict(
        MON_9,
        ("Mon 2026-03-02 11:00", "responded"),
        ("Mon 2026-03-02 16:00", "responded"),
        as_of="Mon 2026-03-02 17:00",
        measure="periodic-update",
        within="6 working hours",
    )

    assert (found["verdict"], found["worst_exchange"]["elapsed_s"]) == ("running", 5 * HOUR)


BY_PRIORITY = [
    {"id": "normal", "measure": "resolution-time", "within": "8 working hours", "when": {"priority": ["normal"]}},
    {"id": "high", "measure": "resolution-time", "within": "4 working hours", "when": {"priority": ["high"]}},
]
FROM_CHANGE = [BY_PRIORITY[0], BY_PRIORITY[1] | {"on_change": "from-change"}]


@pytest.mark.parametrize(
    ("targets", "due"), [(BY_PRIORITY, "Mon 2026-03-02 14:00"), (FROM_CHANGE, "Mon 2026-03-02 16:00")]
)
def test_r28_another_priority_keeps_the_start_and_the_pauses_or_begins_at_the_change(
    targets: list[dict[str, Any]], due: str
) -> None:
    (found,) = verdicts(
        MON_9,
        ("Mon 2026-03-02 10:00", "paused"),
        ("Mon 2026-03-02 11:00", "resumed"),
        ("Mon 2026-03-02 12:00", "reprioritised high"),
        as_of="Mon 2026-03-02 12:30",
        targets=targets,
    )

    assert (found["target"], local_text(found["due_at"])) == ("high", due)


@pytest.mark.parametrize(
    ("on_change", "due"), [("from-start", "Mon 2026-03-02 14:00"), ("from-change", "Mon 2026-03-02 16:00")]
)
def test_r28_another_list_of_targets_does_the_same(on_change: str, due: str) -> None:
    shorter = {"id": "resolve", "measure": "resolution-time", "within": "4 working hours", "on_change": on_change}

    (found,) = verdicts(
        MON_9,
        ("Mon 2026-03-02 10:00", "paused"),
        ("Mon 2026-03-02 11:00", "resumed"),
        as_of="Mon 2026-03-02 12:30",
        target_changes=[{"at": "Mon 2026-03-02 12:00", "targets": [shorter]}],
    )

    assert (found["agreement"], local_text(found["due_at"])) == ("target-changes-1", due)


def test_r28_a_target_that_the_next_list_has_unchanged_goes_on() -> None:
    respond = {"id": "respond", "measure": "response-time", "within": "2 working hours"}
    resolve = {"id": "resolve", "measure": "resolution-time", "within": "8 working hours"}

    found = verdicts(
        MON_9,
        ("Mon 2026-03-02 10:30", "reprioritised low"),
        as_of="Mon 2026-03-02 14:00",
        targets=[respond, resolve],
        target_changes=[{"at": "Mon 2026-03-02 12:00", "targets": [respond, resolve | {"within": "1 working day"}]}],
    )

    assert [(each["target"], each["agreement"], each["verdict"]) for each in found] == [
        ("respond", "targets", "breached"),
        ("resolve", "target-changes-1", "running"),
    ]


def test_r28_misses_by_the_time_of_the_change_stay_and_the_rest_is_gone() -> None:
    before = [
        {"id": name, "measure": "resolution-time", "within": f"{n} working hours"} for name, n in (("a", 1), ("b", 8))
    ]

    answer = tried(
        targets=before,
        target_changes=[{"at": "Mon 2026-03-02 12:00", "targets": []}],
        events=events(MON_9),
        as_of=FRIDAY,
    )

    assert [(each["target"], each["verdict"]) for each in answer["verdicts"]] == [("a", "breached")]
    assert [(each["target"], each["reason"]) for each in answer["unjudged"]] == [
        ("b", "it ceased to apply before it was missed")
    ]


def test_r28_warnings_already_passed_under_the_new_target_are_of_the_change() -> None:
    (found,) = verdicts(
        MON_9,
        as_of="Mon 2026-03-02 12:30",
        target_changes=[
            {
                "at": "Mon 2026-03-02 12:00",
                "targets": [{"measure": "resolution-time", "within": "4 working hours", "warn_at": [50, 90]}],
            }
        ],
    )

    assert [(each["percent"], local_text(each["at"]), each["on_change"]) for each in found["warnings"]] == [
        (50, "Mon 2026-03-02 12:00", True)
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.sampled_from(["normal", "high"]))
def test_r28_a_list_of_targets_that_changes_nothing_changes_no_verdict(hour: int, priority: str) -> None:
    lines = [
        MON_9,
        ("Mon 2026-03-02 10:00", "paused"),
        ("Mon 2026-03-02 14:00", "resumed"),
        ("Tue 2026-03-03 10:00", f"reprioritised {priority}"),
        ("Wed 2026-03-04 10:00", "resolved"),
    ]
    change = {"at": f"2026-03-{2 + hour // 24:02} {hour % 24:02}:30", "targets": BY_PRIORITY}

    changed = verdicts(*lines, as_of=FRIDAY, targets=BY_PRIORITY, target_changes=[change])

    assert changed == verdicts(*lines, as_of=FRIDAY, targets=BY_PRIORITY)


KNOWN_LATER = [
    {"id": "standard", "measure": "resolution-time", "within": "8 working hours", "when": {"category": ["none"]}},
    {"id": "security", "measure": "resolution-time", "within": "2 working hours", "when": {"category": ["security"]}},
]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"attributes": {"category": "security"}}, [("security", "breached")]),
        ({"attributes": {"category": "security"}, "priority": "high"}, [("security", "breached")]),
        ({"priority": "high"}, [("standard", "met")]),
        ({"attributes": {"category": None}}, []),
    ],
)
def test_r57_what_becomes_known_later_selects_the_targets(
    change: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    happened = [
        {"at": "Mon 2026-03-02 09:00", "event": "opened", "attributes": {"category": "none"}},
        {"at": "Mon 2026-03-02 09:10", "event": "reclassified"} | change,
        {"at": "Mon 2026-03-02 15:00", "event": "resolved"},
    ]

    answered = tried(targets=KNOWN_LATER, events=happened, as_of="Fri 2026-03-06 12:00")

    assert [(each["target"], each["verdict"]) for each in answered["verdicts"]] == expected


def test_r57_another_service_brings_its_own_targets() -> None:
    targets = [
        {"id": "ict", "service": "ict", "measure": "resolution-time", "within": "8 working hours"},
        {"id": "phones", "service": "phones", "measure": "resolution-time", "within": "2 working hours"},
    ]
    happened = [
        {"at": "Mon 2026-03-02 09:00", "event": "opened", "service": "ict"},
        {"at": "Mon 2026-03-02 10:00", "event": "reclassified", "service": "phones"},
    ]

    answered = tried(targets=targets, events=happened, as_of="Mon 2026-03-02 10:30")

    assert [(each["target"], each["verdict"]) for each in answered["verdicts"]] == [("phones", "running")]
    assert [(each["target"], each["reason"]) for each in answered["unjudged"]] == [
        ("ict", "it ceased to apply before it was missed")
    ]

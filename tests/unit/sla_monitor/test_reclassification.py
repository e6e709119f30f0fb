"""What selects an item's targets becomes known later: its service, priority or attributes (R57)."""

from typing import Any

import pytest

from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.clock.cycles import ExcludedTime
from sla_monitor.domain.clock.timeline import read_timeline
from sla_monitor.domain.clock.verdict import Outcome
from sla_monitor.domain.facts import AnyFact, Opened
from sla_monitor.domain.item import Item, insert_fact
from tests.support.histories import agreement_index, at, evaluated, local_text

MON_9 = ("Mon 2026-03-02 09:00", "opened")
FRIDAY = "Fri 2026-03-06 12:00"


def target(id_: str, hours: int, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "within": f"{hours} working hours", "calendar": "office", "warn_at": []} | fields


BY_SERVICE = agreement_index(target("ict", 8, service="ict"), target("phones", 2, service="phones"))


def outcomes(agreements: AgreementIndex, *lines: tuple[str, str], as_of: str = FRIDAY) -> dict[str, Outcome]:
    return {each.target.id: each.outcome for each in evaluated(lines, agreements, as_of=as_of).verdicts}


def test_an_attribute_that_becomes_known_later_selects_the_target_from_the_items_start() -> None:
    by_category = agreement_index(
        target("standard", 8, when={"category": ["none"]}), target("security", 2, when={"category": ["security"]})
    )

    (verdict,) = evaluated(
        [MON_9, ("Mon 2026-03-02 09:10", "becomes category=security"), ("Mon 2026-03-02 15:00", "resolved")],
        by_category,
        as_of=FRIDAY,
    ).verdicts

    assert (verdict.target.id, verdict.outcome, local_text(verdict.due)) == (
        "security",
        Outcome.BREACHED,
        "Mon 2026-03-02 11:00",
    )


def test_from_change_its_clock_begins_when_the_attribute_became_known() -> None:
    by_category = agreement_index(target("security", 2, when={"category": ["security"]}, on_change="from-change"))

    (verdict,) = evaluated(
        [MON_9, ("Mon 2026-03-02 14:00", "becomes category=security"), ("Mon 2026-03-02 15:00", "resolved")],
        by_category,
        as_of=FRIDAY,
    ).verdicts

    assert (verdict.outcome, local_text(verdict.due)) == (Outcome.MET, "Mon 2026-03-02 16:00")


def test_attributes_that_are_not_named_stay_and_null_takes_one_away() -> None:
    timeline = evaluated(
        [
            MON_9,
            ("Mon 2026-03-02 10:00", "becomes site=depot floor=2"),
            ("Mon 2026-03-02 11:00", "becomes floor=- priority=high"),
        ],
        BY_SERVICE,
        as_of=FRIDAY,
    ).timeline

    assert timeline is not None
    assert [(each.priority, each.attributes) for each in timeline.classifications] == [
        ("normal", {}),
        ("normal", {"site": "depot", "floor": "2"}),
        ("high", {"site": "depot"}),
    ]


def test_a_change_of_service_binds_the_targets_of_the_other_service() -> None:
    moved = ("Mon 2026-03-02 10:00", "becomes service=phones")

    assert outcomes(BY_SERVICE, MON_9, moved, ("Mon 2026-03-02 12:00", "resolved")) == {"phones": Outcome.BREACHED}
    assert outcomes(BY_SERVICE, MON_9, moved, ("Mon 2026-03-02 11:00", "resolved")) == {"phones": Outcome.MET}


def test_a_service_that_was_left_keeps_the_miss_that_it_had() -> None:
    lines = (MON_9, ("Tue 2026-03-03 10:00", "becomes service=phones"))

    assert outcomes(BY_SERVICE, *lines) == {"ict": Outcome.BREACHED, "phones": Outcome.BREACHED}


def test_a_target_of_every_service_goes_on_when_the_service_changes() -> None:
    every = agreement_index(target("any", 8), target("any-from-change", 2, on_change="from-change"))

    verdicts = evaluated([MON_9, ("Mon 2026-03-02 16:00", "becomes service=phones")], every, as_of=FRIDAY).verdicts

    assert [(each.target.id, local_text(each.due)) for each in verdicts] == [
        ("any", "Mon 2026-03-02 17:00"),
        ("any-from-change", "Mon 2026-03-02 11:00"),
    ]


@pytest.mark.parametrize("stop", ["resolved", "closed", "cancelled"])
@pytest.mark.parametrize("change", ["becomes service=phones", "becomes priority=high", "priority high"])
def test_what_changes_after_the_stop_has_no_effect_and_leaves_a_note(stop: str, change: str) -> None:
    agreements = agreement_index(
        target("ict", 8, service="ict", when={"priority": ["normal"]}), target("phones", 2, service="phones")
    )
    lines = [MON_9, ("Mon 2026-03-02 12:00", stop)]

    before = evaluated(lines, agreements, as_of=FRIDAY)
    after = evaluated([*lines, ("Mon 2026-03-02 13:00", change)], agreements, as_of=FRIDAY)

    assert after.verdicts == before.verdicts
    assert [note for note in after.notes if "after it was stopped: without effect" in note] != []


def test_what_changed_while_it_was_stopped_counts_from_its_reopening() -> None:
    lines = (
        MON_9,
        ("Mon 2026-03-02 10:00", "resolved"),
        ("Mon 2026-03-02 12:00", "becomes service=phones"),
        ("Tue 2026-03-03 09:00", "reopened"),
    )

    evaluation = evaluated(lines, BY_SERVICE, as_of="Tue 2026-03-03 09:30")

    assert [(each.target.id, local_text(each.due)) for each in evaluation.verdicts] == [
        ("phones", "Tue 2026-03-03 10:00")
    ]
    assert evaluation.timeline is not None
    assert evaluation.timeline.service_at(at("Mon 2026-03-02 13:00")) == "ict"


def test_what_it_became_in_the_second_of_its_stop_has_no_effect() -> None:
    lines = (MON_9, ("Mon 2026-03-02 12:00", "resolved"), ("Mon 2026-03-02 12:00", "becomes service=phones"))

    assert outcomes(BY_SERVICE, *lines) == {"ict": Outcome.MET}


def test_what_it_becomes_in_the_second_of_its_opening_it_was_from_the_start() -> None:
    lines = (MON_9, ("Mon 2026-03-02 09:00", "becomes service=phones"), ("Mon 2026-03-02 12:00", "resolved"))

    evaluation = evaluated(lines, BY_SERVICE, as_of=FRIDAY)

    assert [(each.target.id, each.outcome) for each in evaluation.verdicts] == [("phones", Outcome.BREACHED)]
    assert evaluation.timeline is not None
    assert evaluation.timeline.services == ["phones"]


def excluded(service: str, start: str, end: str) -> ExcludedTime:
    return ExcludedTime("X-1", at(start), at(end), "planned-maintenance", council="adur", service=service)


def test_the_excluded_time_of_a_service_counts_only_while_the_item_was_of_it() -> None:
    every = agreement_index(target("any", 8))
    lines = [MON_9, ("Mon 2026-03-02 12:00", "becomes service=phones")]
    morning = "Mon 2026-03-02 11:00", "Mon 2026-03-02 13:00"

    dues = [
        local_text(evaluated(lines, every, as_of=FRIDAY, exclusions=[excluded(service, *morning)]).verdicts[0].due)
        for service in ("ict", "phones", "hr")
    ]

    assert dues == ["Tue 2026-03-03 10:00", "Tue 2026-03-03 10:00", "Mon 2026-03-02 17:00"]


@pytest.mark.parametrize(
    ("stopped", "expected"),
    [
        # Missed under ict, before it moved.
        (
            "Tue 2026-03-03 12:00",
            [("ict", "breached", "ict"), ("any", "breached", "ict"), ("phones", "breached", "phones")],
        ),
    ],
)
def test_a_verdict_names_the_service_that_the_item_was_of_when_it_was_decided(
    stopped: str, expected: list[tuple[str, str, str]]
) -> None:
    agreements = agreement_index(
        target("ict", 4, service="ict"), target("any", 4), target("phones", 2, service="phones")
    )
    lines = [MON_9, ("Tue 2026-03-03 10:00", "becomes service=phones"), (stopped, "resolved")]

    events, _ = announce({}, evaluated(lines, agreements, as_of=FRIDAY), Trigger("adur", "T1", "e1", at(FRIDAY)))

    published = [
        (each.data.target, each.data.outcome, each.data.service) for each in events if hasattr(each.data, "outcome")
    ]
    assert published == expected


def test_a_service_that_becomes_known_late_corrects_the_verdict_that_was_published() -> None:
    every = agreement_index(target("any", 8))
    lines = [MON_9, ("Mon 2026-03-02 12:00", "resolved")]
    _, published = announce({}, evaluated(lines, every, as_of=FRIDAY), Trigger("adur", "T1", "e1", at(FRIDAY)))
    late = ("Mon 2026-03-02 10:00", "becomes service=phones")

    (event,), _ = announce(
        published, evaluated([*lines, late], every, as_of=FRIDAY), Trigger("adur", "T1", "e2", at(FRIDAY))
    )

    assert (type(event).__name__, event.data.service) == ("VerdictCorrected", "phones")


NINE_US = at("Mon 2026-03-02 09:00") * 1_000_000


def opening(number: int, *, priority: str = "normal", seconds: int = 0, sequence: str = "") -> AnyFact:
    return Opened(NINE_US + seconds * 1_000_000, "/desk", f"e{number}", sequence, "ict", priority, {}, None, None)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_an_opening_that_says_otherwise_is_a_conflict_in_whatever_order_they_arrive(order: list[int]) -> None:
    openings = [opening(1, priority="high"), opening(2, priority="low", seconds=300), opening(3, priority="high")]
    item = Item()
    for index in order:
        insert_fact(item, openings[index])

    timeline, _ = read_timeline(item.facts, as_of_s=at(FRIDAY))

    assert timeline is not None
    assert timeline.classification.priority == "high"
    assert timeline.conflicts == [(at("Mon 2026-03-02 09:05"), ("priority",))]
    assert sorted(timeline.without_effect) == [
        "opened again after it was opened",
        "opened differently from its first opening",
    ]


def test_of_openings_of_one_instant_the_first_by_sequence_holds() -> None:
    item = Item()
    for fact in (opening(1, priority="low", sequence="10"), opening(2, priority="high", sequence="9")):
        insert_fact(item, fact)

    timeline, _ = read_timeline(item.facts, as_of_s=at(FRIDAY))

    assert timeline is not None
    assert timeline.classification.priority == "high"
    assert timeline.conflicts == [(at("Mon 2026-03-02 09:00"), ("priority",))]

"""What a draft would have made of the past, and that a draft of nothing new changes nothing."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.definitions import Agreement, Calendar, Target
from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.domain.facts import AnyFact
from sla_monitor.domain.item import Item, insert_fact
from sla_monitor.domain.versions import KnownVersion, VersionHistory
from sla_monitor.trial.draft import Draft, DraftAttainment, WhatIfFindings, compare_item, draft_faults, with_draft
from tests.support.histories import calendar, fact
from tests.support.laws import law
from tests.unit.sla_monitor.test_verdict_laws import END, histories

LATER = END + 30 * 86_400
TARGETS = [
    {"id": "respond", "service": "*", "measure": "response-time", "within": "4 working hours", "calendar": "office"},
    {"id": "resolve", "service": "*", "measure": "resolution-time", "within": "8 working hours", "calendar": "office"},
]


def agreement(**fields: Any) -> Agreement:
    held = {"id": "adur-2026", "council": "adur", "provider": "joint", "title": "Illustrative", "targets": TARGETS}
    return msgspec.convert(held | fields, Agreement)


def target(**fields: Any) -> Target:
    return msgspec.convert(TARGETS[1] | fields, Target)


KNOWN = [KnownVersion(1, 1, agreement()), KnownVersion(2, 1, calendar())]


def announced(facts: list[AnyFact]) -> Item:
    item = Item(known_to=2)
    for each in facts:
        insert_fact(item, each)
    _, item.announced = announce({}, evaluated_by(KNOWN, item), Trigger("adur", "T1", "x", LATER))
    return item


def evaluated_by(known: Iterable[KnownVersion], item: Item) -> Evaluation:
    agreement_index = VersionHistory(known).agreement_index(known_to=2)
    return evaluate(
        item.facts, council="adur", stream="ticket", item="T1", agreement_index=agreement_index, as_of=LATER
    )


def asked(draft: Draft, *items: Item, months: tuple[str, str] = ("2026-01", "2026-12")) -> WhatIfFindings:
    findings = WhatIfFindings(*months, as_of=LATER)
    for item in items:
        compare_item(findings, item, evaluated_by(with_draft(KNOWN, draft), item), council="adur", name="T1")
    return findings


# Opened on Monday at noon, answered by its resolution on Tuesday at two: ten working hours, two too many.
LATE = [fact("Mon 2026-03-02 12:00", "opened"), fact("Tue 2026-03-03 14:00", "resolved")]


@pytest.mark.parametrize(
    ("draft", "tally", "changes"),
    [
        (
            Draft(targets=(target(within="10 working hours"),)),
            DraftAttainment(0, 1, 1, 1),
            [("resolve", "breached", "met")],
        ),
        (Draft(targets=(target(within="9 working hours"),)), DraftAttainment(0, 1, 0, 1), []),
        (
            Draft(targets=(target(when={"priority": ("high",)}),)),
            DraftAttainment(0, 1, 0, 0),
            [("resolve", "breached", None)],
        ),
        (
            Draft(calendars=(calendar(closed={"2026-03-03": "Proclaimed"}),)),
            DraftAttainment(0, 1, 1, 1),
            [("resolve", "breached", "met")],  # five hours on Monday: the answer is late all the same
        ),
        (
            Draft(agreements=(agreement(targets=[TARGETS[1] | {"within": "3 days"}]),)),
            DraftAttainment(0, 1, 1, 1),
            [("resolve", "breached", "met"), ("respond", "breached", None)],
        ),
        (Draft(targets=(target(within="10 working hours"),), council="worthing"), DraftAttainment(0, 1, 0, 1), []),
    ],
)
def test_a_draft_says_what_it_would_have_changed(
    draft: Draft, tally: DraftAttainment, changes: list[tuple[str, str | None, str | None]]
) -> None:
    findings = asked(draft, announced(LATE))

    assert findings.tallies["adur", "adur-2026", "resolve"] == tally
    assert [(each.target, each.was, each.now) for each in findings.changed] == changes


@pytest.mark.parametrize(
    ("months", "total"),
    [(("2026-03", "2026-03"), 1), (("2026-02", "2026-02"), 0), (("2026-04", "2026-12"), 0)],
)
def test_only_the_months_asked_for_count(months: tuple[str, str], total: int) -> None:
    findings = asked(Draft(targets=(target(within="10 working hours"),)), announced(LATE), months=months)

    assert sum(tally.total for tally in findings.tallies.values()) == 2 * total
    assert len(findings.changed) == total


@law
@given(histories, st.sampled_from([(), tuple(msgspec.convert(TARGETS, list[Target]))]))
def test_a_draft_of_what_is_in_force_already_changes_nothing(facts: list[AnyFact], targets: tuple[Target, ...]) -> None:
    same: tuple[Calendar, ...] = (calendar(),)

    findings = asked(Draft(targets=targets, calendars=same, agreements=(agreement(),)), announced(facts))

    assert findings.changed == []
    assert all(
        (tally.good, tally.total) == (tally.draft_good, tally.draft_total) for tally in findings.tallies.values()
    )


def test_a_draft_target_for_one_agreement_leaves_the_target_of_that_id_in_another_as_it_is() -> None:
    known = [*KNOWN, KnownVersion(2, 1, agreement(id="evening"))]
    item = Item(known_to=2)
    for each in LATE:
        insert_fact(item, each)
    _, item.announced = announce({}, evaluated_by(known, item), Trigger("adur", "T1", "x", LATER))
    draft = Draft(targets=(target(within="10 working hours"),), agreement="evening")
    findings = WhatIfFindings("2026-01", "2026-12", as_of=LATER)

    compare_item(findings, item, evaluated_by(with_draft(known, draft), item), council="adur", name="T1")

    assert findings.tallies["adur", "evening", "resolve"] == DraftAttainment(0, 1, 1, 1)
    assert findings.tallies["adur", "adur-2026", "resolve"] == DraftAttainment(0, 1, 0, 1)
    assert [(each.agreement, each.target, each.stream) for each in findings.changed] == [
        ("evening", "resolve", "ticket")
    ]


def test_a_draft_names_an_agreement_that_has_its_targets() -> None:
    elsewhere = Draft(targets=(target(),), agreement="evening")
    without_targets = Draft(calendars=(calendar(),), agreement="adur-2026")

    assert [fault.pointer for fault in draft_faults(elsewhere, KNOWN)] == ["#/targets/0/id"]
    assert [fault.pointer for fault in draft_faults(without_targets, KNOWN)] == ["#/agreement"]


def test_a_draft_that_cannot_be_tried_names_every_fault() -> None:
    draft = Draft(
        targets=(target(id="unheard-of"), target(calendar="nowhere")),
        agreements=(agreement(id="new", targets=[TARGETS[0] | {"calendar": None}]),),
    )

    assert [fault.pointer for fault in draft_faults(draft, KNOWN)] == [
        "#/targets/0/id",
        "#/targets/1/calendar",
        "#/agreements/0/targets/0/calendar",
    ]
    assert [str(fault) for fault in draft_faults(Draft(), KNOWN)] == [
        "#: drafts nothing: give targets, calendars or agreements"
    ]

"""No history stops the service: whatever happened to an item under whatever targets, there is an answer about it."""

import random
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from shared.contracts.definitions import Target
from shared.contracts.target_rules import target_faults
from shared.contracts.verdicts import TargetBreached, TargetMet
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.clock.cycles import ExcludedTime
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.domain.facts import AnyFact, Opened, history
from sla_monitor.domain.open_targets import open_targets
from sla_monitor.reports.fairness import Check, Limits, fairness
from sla_monitor.reports.item_report import ItemAnswer, item_report
from tests.support.histories import agreement_index, evaluated, facts
from tests.support.laws import law
from tests.unit.sla_monitor.test_incremental import happened
from tests.unit.sla_monitor.test_verdict_laws import WORDS

MEASURES = ("response-time", "resolution-time", "update-interval", "periodic-update")
WITHIN = ("2 working hours", "5 hours", "1 working days", "3 days", "recorded due date", "80000 working hours")
WHEN: tuple[dict[str, list[str]], ...] = ({}, {"priority": ["normal"]}, {"priority": ["high"]})
SETTINGS: dict[str, tuple[Any, ...]] = {
    "day_rule": ("same-time",),
    "warn_at": ((), (50,)),
    "starts": ("assigned", "first-active"),
    "paused_by": ((), ("council",), ("council", "provider")),
    "pause_counts": ("whole-days",),
    "reopen": ("new-cycle", "first-close-is-final"),
    "reopen_window_days": (1,),
    "on_change": ("from-change",),
}
HAPPENS = (*WORDS[1:], "asked", "responded", "priority high", "reopened")
GAPS_S = (0, 0, 60, 1800, 3600, 3 * 3600, 20 * 3600, 60 * 3600)
HOUR_S = 3600


class Scene(Struct, frozen=True):
    """An item, its agreement, and when it is looked at."""

    targets: list[dict[str, Any]]
    facts: list[AnyFact]
    exclusions: list[ExcludedTime]
    as_of: int

    @property
    def agreement(self) -> AgreementIndex:
        """The targets bound."""
        return agreement_index(*self.targets)

    def evaluated(self) -> Evaluation:
        """What holds of the item."""
        return evaluate(
            self.facts,
            council="adur",
            stream="ticket",
            item="T1",
            agreement_index=self.agreement,
            exclusions=self.exclusions,
            as_of=self.as_of,
        )


def scene_of(seed: int) -> Scene:
    """Anything that may happen to an item; chance spreads more evenly than shrinkable choices do."""
    chance = random.Random(seed)  # noqa: S311 (examples, no secrets)
    known = happened([(chance.choice(GAPS_S), chance.choice(HAPPENS), "") for _ in range(chance.randint(1, 16))])
    due_us = chance.choice([None, known[0].at_us + chance.randint(0, 200) * HOUR_S * 1_000_000])
    dated = [msgspec.structs.replace(each, due_us=due_us) if isinstance(each, Opened) else each for each in known]
    starts = [known[0].at_s + chance.randint(-20, 200) * HOUR_S for _ in range(chance.choice((0, 0, 1, 2)))]
    return Scene(
        [{"id": f"t{number}"} | _target(chance) for number in range(4)],
        history(dated),
        [ExcludedTime(f"x{start}", start, start + chance.randint(1, 60) * HOUR_S, "force-majeure") for start in starts],
        as_of=chance.choice([known[-1].at_s, known[0].at_s + chance.randint(-1, 400) * HOUR_S]),
    )


def _target(chance: random.Random) -> dict[str, Any]:
    while True:
        names = chance.sample(sorted(SETTINGS), chance.randint(0, 3))
        target = {name: chance.choice(SETTINGS[name]) for name in names} | {
            "measure": chance.choice(MEASURES),
            "within": chance.choice(WITHIN),
            "when": chance.choice(WHEN),
            "calendar": "office",
        }
        if not list(target_faults(msgspec.convert({"id": "t", "service": "*"} | target, Target))):
            return target


scenes = st.integers(0, 1 << 48).map(scene_of)


@law
@given(scenes)
def test_every_history_has_verdicts_that_every_report_can_show(scene: Scene) -> None:
    evaluation = scene.evaluated()

    assert_announced_once(evaluation, as_of=scene.as_of)
    assert_shown(scene.facts, evaluation, as_of=scene.as_of)


def assert_announced_once(evaluation: Evaluation, *, as_of: int) -> None:
    """Every decided verdict is published, and nothing is published twice."""
    trigger = Trigger("adur", "T1", "clock", as_of)
    events, published = announce({}, evaluation, trigger)

    decided = [event.data.target for event in events if isinstance(event, TargetMet | TargetBreached)]
    assert decided == [each.target.id for each in evaluation.verdicts if each.decided]
    assert announce(published, evaluation, trigger) == ([], published)


def assert_shown(dated: Sequence[AnyFact], evaluation: Evaluation, *, as_of: int) -> None:
    """The item's report, its open targets and the fairness checks are about its verdicts."""
    report = item_report(ItemAnswer("adur", "ticket", "T1", as_of, dated, evaluation, []))
    shown = {(each.target, each.cycle) for each in report.verdicts}
    still_open = list(open_targets(evaluation, council="adur", item="T1", as_of=as_of))

    assert [each.verdict for each in report.verdicts] == [each.outcome for each in evaluation.verdicts]
    assert {(each.target, each.cycle) for each in still_open} <= shown
    for each in evaluation.verdicts:
        assert evaluation.timeline is not None
        found = fairness(evaluation.timeline, each, limits=Limits(), as_of=as_of)
        assert {finding.check for finding in found} <= set(Check)


def test_a_target_that_ceased_to_apply_before_its_first_question_has_no_verdict() -> None:
    target = {"measure": "update-interval", "within": "2 working hours", "calendar": "office"}
    ceases = facts(
        ("Mon 2026-03-02 09:00", "opened"), ("Mon 2026-03-02 10:00", "priority high"), ("Mon 2026-03-02 11:00", "asked")
    )

    found = evaluated(
        ceases, agreement_index(target | {"when": {"priority": ["normal"]}}), as_of="Mon 2026-03-02 12:00"
    )

    assert found.verdicts == ()

"""Frozen months keep their figures; what corrects them later is shown in the month in which it was corrected."""

from typing import Any

import pytest

from shared.contracts.verdicts import (
    CorrectedData,
    Outcome,
    RetractedData,
    TargetBreached,
    TargetMet,
    VerdictCorrected,
    VerdictData,
    VerdictRetracted,
)
from sla_monitor.domain.freezing import Booked, Decision, book, frozen_from, key_of
from tests.support.histories import told
from tests.support.monitoring import local

DAYS = 14  # March 2026 is frozen from Wednesday 15 April, 00:00 in London


def about(month: str, outcome: str, **fields: Any) -> dict[str, Any]:
    return {
        "service": "ict",
        "target": "resolve",
        "measure": "resolution-time",
        "agreement": "adur-2026",
        "agreement_version": 1,
        "month": month,
        "outcome": outcome,
    } | fields


def event(kind: type[Any], data: Any, when: str) -> Any:
    return kind(id=f"{kind.__name__} {when}", source="/test", subject="T1", council="adur", time=local(when), data=data)


def first(outcome: str, month: str, when: str) -> Decision:
    kind = TargetMet if outcome == "met" else TargetBreached
    said: Decision = event(kind, VerdictData(**about(month, outcome)), when)
    return said


def corrected(was: Outcome, was_month: str, now: str, month: str, when: str) -> Decision:
    data = CorrectedData(**about(month, now), was=was, was_month=was_month, cause="late-pause")
    said: Decision = event(VerdictCorrected, data, when)
    return said


def retracted(was: Outcome, was_month: str, when: str) -> Decision:
    fields = {name: value for name, value in about("", "").items() if name not in ("month", "outcome")}
    data = RetractedData(**fields, was=was, was_month=was_month, cause="late-pause")
    said: Decision = event(VerdictRetracted, data, when)
    return said


def shown(booked: Booked) -> tuple[list[str | None], list[tuple[str | None, ...]]]:
    held = [None if kept is None else f"{kept.data.outcome} {kept.data.month}" for kept in booked.provisional.values()]
    return held, [(each.was_month, each.was, each.month, each.now, each.posted) for each in booked.adjustments]


def test_a_month_is_frozen_at_local_midnight_so_many_days_after_its_end() -> None:
    assert told(int(frozen_from("2026-03", days=DAYS).timestamp())) == "Wed 2026-04-15 00:00"
    assert told(int(frozen_from("2026-12", days=0).timestamp())) == "Fri 2027-01-01 00:00"


@pytest.mark.parametrize(
    ("events", "held", "adjustments"),
    [
        ([first("breached", "2026-03", "Thu 2026-03-12 09:00")], ["breached 2026-03"], []),
        (  # a first verdict is no correction, however late it comes
            [first("met", "2026-03", "Mon 2026-06-01 09:00")],
            ["met 2026-03"],
            [],
        ),
        (  # the last second before the freeze, and the first one after
            [corrected("breached", "2026-03", "met", "2026-03", "Tue 2026-04-14 23:59:59")],
            ["met 2026-03"],
            [],
        ),
        (
            [corrected("breached", "2026-03", "met", "2026-03", "Wed 2026-04-15 00:00")],
            [],
            [("2026-03", "breached", "2026-03", "met", "2026-04")],
        ),
        ([retracted("breached", "2026-03", "Tue 2026-04-14 12:00")], [None], []),
        (
            [retracted("breached", "2026-03", "Mon 2026-06-01 12:00")],
            [],
            [("2026-03", "breached", None, None, "2026-06")],
        ),
        (  # moved out of a provisional month into a frozen one: the first loses it, the second is adjusted
            [corrected("met", "2026-05", "breached", "2026-03", "Mon 2026-06-01 12:00")],
            [None],
            [(None, None, "2026-03", "breached", "2026-06")],
        ),
        (  # once adjusted, whatever follows is an adjustment, also a verdict that comes back
            [
                retracted("met", "2026-03", "Mon 2026-06-01 12:00"),
                first("breached", "2026-03", "Mon 2026-06-01 13:00"),
                corrected("breached", "2026-03", "met", "2026-06", "Wed 2026-07-01 12:00"),
            ],
            [],
            [
                ("2026-03", "met", None, None, "2026-06"),
                (None, None, "2026-03", "breached", "2026-06"),
                ("2026-03", "breached", "2026-06", "met", "2026-07"),
            ],
        ),
    ],
)
def test_corrections_after_the_freeze_are_adjustments(
    events: list[Decision], held: list[str | None], adjustments: list[tuple[str | None, ...]]
) -> None:
    assert shown(book(events, set(), freeze_days=DAYS)) == (held, adjustments)


def test_what_was_adjusted_in_an_earlier_batch_is_adjusted_again() -> None:
    back = first("met", "2026-03", "Mon 2026-06-01 13:00")

    assert shown(book([back], {key_of(back)}, freeze_days=DAYS))[1] == [(None, None, "2026-03", "met", "2026-06")]

"""A setting of a target either changes some verdict, or is refused where it is written down (R55)."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from shared.contracts.definitions import Target
from shared.contracts.target_rules import target_faults
from tests.support.histories import agreement_index, evaluated

MEASURES = ("response-time", "resolution-time", "processing-time", "update-interval", "periodic-update")
WITHIN = ("6 working hours", "30 hours", "2 working days", "3 days")
# What is set, and what is then needed for it, which is the same on both sides of the comparison.
SETTINGS: tuple[tuple[str, Any, dict[str, Any]], ...] = (
    ("day_rule", "same-time", {}),
    ("cut_off", "11:00", {}),
    ("ends_on", "next-working-day", {}),
    ("warn_at", (50,), {}),
    ("starts", "assigned", {}),
    ("starts", "first-active", {}),
    ("paused_by", ("provider",), {}),
    ("pause_counts", "whole-days", {"paused_by": ("council",)}),
    ("reopen", "new-cycle", {}),
    ("reopen", "first-close-is-final", {}),
    ("reopen_window_days", 1, {"reopen": "new-cycle"}),
    ("reopen_window_days", 1, {}),
    ("on_change", "from-change", {"when": {"priority": ["high"]}}),
    ("when", {"priority": ["high"]}, {}),
)
OPENED = ("Thu 2026-03-05 12:00", "opened")
# Tickets for which every setting could matter.
HISTORIES: tuple[tuple[tuple[str, str], ...], ...] = (
    (OPENED, ("Thu 2026-03-05 12:00", "paused council"), ("Thu 2026-03-05 14:00", "resumed")),
    (OPENED, ("Thu 2026-03-05 12:30", "asked"), ("Thu 2026-03-05 15:00", "assigned")),
    (
        OPENED,
        ("Thu 2026-03-05 12:30", "asked"),
        ("Thu 2026-03-05 13:00", "paused provider"),
        ("Fri 2026-03-06 12:00", "resumed"),
    ),
    (
        OPENED,
        ("Thu 2026-03-05 12:30", "asked"),
        ("Fri 2026-03-06 10:00", "paused council"),
        ("Fri 2026-03-06 11:00", "resumed"),
    ),
    (
        OPENED,
        ("Thu 2026-03-05 12:30", "asked"),
        ("Thu 2026-03-05 13:00", "responded"),
        ("Thu 2026-03-05 13:30", "resolved"),
        ("Fri 2026-03-06 09:00", "reopened"),
        ("Fri 2026-03-06 10:00", "asked"),
    ),
    (OPENED, ("Thu 2026-03-05 12:30", "asked"), ("Fri 2026-03-06 10:00", "priority high")),
)
AS_OF = ("Thu 2026-03-05 16:00", "Fri 2026-03-06 11:30", "Mon 2026-03-09 12:00", "Mon 2026-03-16 12:00")


def target_of(measure: str, within: str, **settings: Any) -> dict[str, Any]:
    """A target with office hours."""
    return {"id": "t", "service": "*", "measure": measure, "within": within, "calendar": "office"} | settings


def reports_of(target: dict[str, Any]) -> Iterator[Any]:
    """All that a report would show of the target in any of the histories."""
    for history in HISTORIES:
        for as_of in AS_OF:
            evaluation = evaluated(list(history), agreement_index(target), as_of=as_of)
            for each in evaluation.verdicts:
                yield each.cycle.number, each.cycle.start, each.outcome, each.due, each.elapsed_s, each.warnings
            yield "unstarted" if evaluation.unstarted else "started"


def pointers(target: dict[str, Any]) -> set[str]:
    """Where something is wrong with it."""
    return {fault.pointer for fault in target_faults(msgspec.convert(target, Target))}


EVERY = frozenset((measure, within) for measure in MEASURES for within in WITHIN)
IN_WORKING_DAYS = frozenset(pair for pair in EVERY if pair[1] == "2 working days")
# Where each is refused; nowhere, if it is not named here.
REFUSED: dict[tuple[str, str], frozenset[tuple[str, str]]] = {
    ("day_rule", "same-time"): EVERY - IN_WORKING_DAYS,
    ("cut_off", "11:00"): EVERY - IN_WORKING_DAYS,
    ("pause_counts", "whole-days"): EVERY - IN_WORKING_DAYS,
    ("ends_on", "next-working-day"): frozenset(pair for pair in EVERY if pair[1] != "3 days"),
    ("reopen", "first-close-is-final"): frozenset(pair for pair in EVERY if pair[0] == "response-time"),
    ("reopen_window_days", "continue"): EVERY,
}


@pytest.mark.parametrize("within", WITHIN)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(("name", "value", "needed"), SETTINGS)
def test_a_setting_is_refused_where_it_changes_no_verdict_and_nowhere_else(
    name: str, value: Any, needed: dict[str, Any], measure: str, within: str
) -> None:
    without = target_of(measure, within, **needed)
    with_it = without | {name: value}
    what = "continue" if name == "reopen_window_days" and not needed else str(value)

    is_refused = f"#/{name}" in pointers(with_it)

    assert is_refused is ((measure, within) in REFUSED.get((name, what), ()))
    assert is_refused or list(reports_of(with_it)) != list(reports_of(without))


@pytest.mark.parametrize("measure", MEASURES[1:])
def test_first_close_is_final_differs_from_going_on_for_every_measure_but_a_response(measure: str) -> None:
    pairs = [target_of(measure, "6 working hours", reopen=policy) for policy in ("continue", "first-close-is-final")]

    assert list(reports_of(pairs[0])) != list(reports_of(pairs[1]))


def test_first_close_is_final_changes_no_response_in_any_of_the_histories() -> None:
    pairs = [target_of("response-time", "6 hours", reopen=policy) for policy in ("continue", "first-close-is-final")]

    assert list(reports_of(pairs[0])) == list(reports_of(pairs[1]))

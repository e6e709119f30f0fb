"""R53: received earlier is never due later, for every unit, day rule, cut-off, pause rule and calendar."""

from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.contracts.definitions import Calendar
from sla_monitor.domain.clock.verdict import evaluate
from sla_monitor.domain.facts import AnyFact, Opened, Paused, Resumed, history
from sla_monitor.domain.working_time.calendar import compile_versions
from tests.support.calendars import ROUND_THE_CLOCK, calendar, spans
from tests.support.histories import agreement_index
from tests.support.instants import epoch
from tests.support.laws import law

SECOND_US = 1_000_000
HOUR_S = 3600
DAY_S = 86_400
NEVER = 1 << 62
SAME_TIME = {"within": "1 working days", "day_rule": "same-time"}
LONG_NIGHT = {"weekly": {"sun": ("09:00-17:00",), "mon": ("19:30-12:00",), "tue": ("02:30-02:59",)}}
AMOUNTS: list[dict[str, Any]] = [
    {"within": "3 hours"},
    {"within": "6 working hours"},
    *(
        {"within": within, **ends}
        for within in ("1 days", "2 days", "1 month")
        for ends in ({}, {"ends_on": "next-working-day"}, {"ends_on": "end-of-day"})
        if (within, ends.get("ends_on")) != ("1 month", "end-of-day")
    ),
    *(
        {"within": f"{days} working days", **rule, **pauses}
        for days in (1, 2)
        for rule in (
            {},
            {"cut_off": "01:30"},
            {"cut_off": "16:00"},
            {"cut_off": "24:00"},
            {"day_rule": "same-time"},
            {"day_rule": "following-days"},
        )
        for pauses in ({}, {"pause_counts": "whole-days"})
    ),
]


def _due(hours: Calendar, target: dict[str, Any], received: int, pauses: list[tuple[int, int]]) -> int:
    """NEVER where nothing is due."""
    facts: list[AnyFact] = [Opened(received * SECOND_US, "/test", "opened", "", "ict", "normal", {}, None, None)]
    for number, (start, end) in enumerate(pauses):
        facts.append(Paused(start * SECOND_US, "/test", f"pause-{number}", "", "waiting", "council"))
        facts.append(Resumed(end * SECOND_US, "/test", f"resumption-{number}", ""))
    index = agreement_index(target | {"calendar": "office"}, hours=hours)
    as_of = max(received, *(end for _, end in pauses), 0) + 1
    (verdict,) = evaluate(
        history(facts), council="adur", stream="ticket", item="T1", agreement_index=index, as_of=as_of
    ).verdicts
    return NEVER if verdict.due is None else verdict.due


def _pauses(seed: int, after: int) -> list[tuple[int, int]]:
    """Up to two pauses, apart, some of them of whole days; an item is not paused before it is received."""
    chance = Random(seed)  # noqa: S311 (nothing is kept secret by it)
    found, since = [], after
    for _ in range(chance.randint(0, 2)):
        start = since + chance.choice((0, 1, HOUR_S, chance.randint(1, 48) * HOUR_S // 2, DAY_S - since % DAY_S))
        since = start + chance.choice((60, HOUR_S, 5 * HOUR_S, DAY_S, 2 * DAY_S))
        found.append((start, since))
    return found


def _starts_in_a_paused_day(hours: Calendar, received: int, pauses: list[tuple[int, int]]) -> bool:
    """Whether pauses cover all that is open of the day on which a same-time clock starts, which counts all the same."""
    working = compile_versions([hours], first_year=2026, last_year=2027)
    first = next(working.working_days_from(received, rule="same-time"), None)
    if first is None:
        return False
    _, opening, closing = first
    covered = sum(working.between(max(start, opening), min(end, closing)) for start, end in pauses)
    return covered == working.between(opening, closing)


@law
@given(spans(), st.sampled_from(AMOUNTS), st.integers(0, 2**32))
def test_received_earlier_is_never_due_later(
    case: tuple[Calendar, int, int], target: dict[str, Any], seed: int
) -> None:
    hours, earlier, later = case
    pauses = _pauses(seed, later)
    if target.get("day_rule") == "same-time" and "pause_counts" in target:
        assume(not _starts_in_a_paused_day(hours, later, pauses))

    assert _due(hours, target, earlier, pauses) <= _due(hours, target, later, pauses)


SECOND_PASS = epoch("Sun 2026-10-25 01:15", second_pass=True)
ROWS: list[tuple[dict[str, Any], dict[str, Any], int, int]] = [
    # 01:45 before the clocks go back, 01:15 after it.
    ({"weekly": ROUND_THE_CLOCK}, amount, epoch("Sun 2026-10-25 01:45"), SECOND_PASS)
    for amount in ({"within": "1 days"}, {"within": "1 working days", "cut_off": "01:30"})
]
ROWS += [
    ({"weekly": ROUND_THE_CLOCK}, SAME_TIME, epoch("Sun 2026-10-25 01:45"), SECOND_PASS),
    # Due in the hour that is skipped, and due right after it.
    ({}, {"within": "1 days"}, epoch("Sat 2026-03-28 01:30"), epoch("Sat 2026-03-28 02:00")),
    # Monday's night is open until Tuesday 12:00, longer than Tuesday itself.
    (LONG_NIGHT, {"within": "1 working days"}, epoch("Sun 2026-06-07 16:00"), epoch("Sun 2026-06-07 17:01")),
]


@pytest.mark.parametrize(("calendar_fields", "target", "earlier", "later"), ROWS)
def test_the_order_of_receipts_is_kept_where_it_is_hardest(
    calendar_fields: dict[str, Any], target: dict[str, Any], earlier: int, later: int
) -> None:
    hours = calendar(**calendar_fields)

    assert earlier < later
    assert _due(hours, target, earlier, []) <= _due(hours, target, later, [])

"""Availability in a document (R41, R46). The office is open 22 days of 8 hours in March 2026: 633,600 seconds."""

from typing import Any

import pytest

from sla_monitor.domain.attainment import availability
from tests.support.calendars import working_time
from tests.support.instants import epoch
from tests.support.trials import ROUND_THE_CLOCK, local_text, tried

HOUR = 3600
MARCH = 22 * 8 * HOUR


def measured(*outages: dict[str, str], percent: str = "99", over: str = "month", **document: Any) -> dict[str, Any]:
    target = {
        "id": "up",
        "measure": "availability",
        "within": "4 working hours",
        "objective": {"percent": percent, "over": over},
    }
    (found,) = tried(**{"targets": [target], "period": "2026-03", "outages": list(outages)} | document)["availability"]
    return dict(found)


def outage(start: str, end: str) -> dict[str, str]:
    return {"start": start, "end": end}


def test_r46_outages_are_united_and_count_inside_service_hours_only() -> None:
    found = measured(
        outage("Mon 2026-03-02 08:00", "Mon 2026-03-02 10:00"),
        outage("Mon 2026-03-02 09:30", "Mon 2026-03-02 11:00"),
        outage("Sat 2026-03-07 00:00", "Sun 2026-03-08 00:00"),
    )

    assert (found["service_s"], found["outage_s"], found["good_s"]) == (MARCH, 2 * HOUR, MARCH - 2 * HOUR)


def test_r46_what_is_excluded_leaves_both_sides_of_the_share() -> None:
    found = measured(
        outage("Mon 2026-03-02 16:00", "Tue 2026-03-03 11:00"),
        exclusions=[
            {"start": "Tue 2026-03-03 09:00", "end": "Tue 2026-03-03 17:00", "category": "planned-maintenance"}
        ],
    )

    assert (found["service_s"], found["outage_s"]) == (MARCH - 8 * HOUR, HOUR)


@pytest.mark.parametrize(
    ("end", "judgement", "percent"),
    [
        ("Mon 2026-03-02 10:45:36", "met", "99.0"),  # 6,336 s are exactly 1% of 633,600
        ("Mon 2026-03-02 10:45:37", "missed", "98.9"),
    ],
)
def test_r42_the_share_is_compared_in_whole_seconds(end: str, judgement: str, percent: str) -> None:
    found = measured(outage("Mon 2026-03-02 09:00", end))

    assert (found["judgement"], found["attained_percent"]) == (judgement, percent)


def test_r41_a_month_that_holds_a_change_of_clocks_has_743_hours() -> None:
    found = measured(calendar=ROUND_THE_CLOCK)

    assert found["service_s"] == 743 * HOUR


def test_an_objective_over_a_quarter_is_measured_over_the_one_that_holds_the_month() -> None:
    found = measured(over="quarter")

    assert (found["period"], local_text(found["start_at"]), local_text(found["end_at"])) == (
        "FY2025-Q4",
        "Thu 2026-01-01 00:00",
        "Wed 2026-04-01 00:00",
    )


@pytest.mark.parametrize(
    ("end", "verdict", "overdue_s"),
    [("Mon 2026-03-02 13:00", "met", 0), ("Mon 2026-03-02 13:00:01", "breached", 1)],
)
def test_no_single_outage_may_last_longer_than_the_threshold(end: str, verdict: str, overdue_s: int) -> None:
    (one,) = measured(outage("Mon 2026-03-02 09:00", end))["outages"]

    assert (one["verdict"], one["overdue_s"]) == (verdict, overdue_s)


def test_an_outage_without_an_end_lasts_until_as_of() -> None:
    found = measured({"start": "Mon 2026-03-30 16:00"}, as_of="Tue 2026-03-31 10:00")

    assert (local_text(found["measured_to"]), found["service_s"], found["outage_s"]) == (
        "Tue 2026-03-31 10:00",
        21 * 8 * HOUR + HOUR,
        2 * HOUR,
    )
    assert [(each["verdict"], each["end_at"]) for each in found["outages"]] == [("running", None)]


def test_an_outage_of_another_month_plays_no_part() -> None:
    found = measured(outage("Wed 2026-04-01 09:00", "Wed 2026-04-01 17:00"))

    assert (found["outage_s"], found["outages"], found["judgement"]) == (0, [], "met")


def test_a_period_without_service_hours_is_neither_met_nor_missed() -> None:
    found = measured(calendar={"weekly": {}})

    assert (found["judgement"], found["attained_percent"]) == ("no volume", "")


def test_good_and_outage_seconds_add_up_to_the_service_seconds_of_any_span() -> None:
    found = availability(
        working_time(),
        outages=[(epoch("Mon 2026-03-02 12:00"), epoch("Wed 2026-03-04 10:00"))],
        excluded=[(epoch("Tue 2026-03-03 00:00"), epoch("Tue 2026-03-03 12:00"))],
        start=epoch("Mon 2026-03-02 00:00"),
        end=epoch("Thu 2026-03-05 00:00"),
    )

    assert (found.service_s, found.outage_s, found.good_s) == (21 * HOUR, 11 * HOUR, 10 * HOUR)

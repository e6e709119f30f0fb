"""Budgets, what is at risk, fairness, percentiles and quality over HTTP, from the events of a small partnership.

Open 09:00 to 17:00; 8 working hours to resolve. It is Tuesday 16 June 2026 at noon.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from shared.contracts.definitions import Agreement, Benefit, Partnership
from shared.http import create_app
from tests.support.callers import MAY_ALL
from tests.support.histories import calendar
from tests.support.monitoring import Monitor, TicketEvent, monitor, ticket

NOW = "Tue 2026-06-16 12:00"
PAID = {"service": "payments", "objective": {"percent": "90", "over": "quarter", "weighted_by": "value"}}
SOLVED = {"service": "ict", "objective": {"percent": "90"}}
PATHS = {
    "months": "/v1/attainment?month=2026-06",
    "quarters": "/v1/attainment?month=2026-06&period=quarter",
    "years": "/v1/attainment?period=financial-year&council=adur&service=ict",
    "budget": "/v1/budget",
    "march": "/v1/budget?month=2026-03&council=adur&service=ict",
    "at risk": "/v1/at-risk",
    "at risk of worthing": "/v1/at-risk?council=worthing&limit=1",
    "fairness": "/v1/fairness?month=2026-06",
    "fairness of worthing": "/v1/fairness?council=worthing",
    "percentiles": "/v1/percentiles?month=2026-06",
    "quality": "/v1/quality",
}
Answers = dict[str, Any]


def agreement(council: str) -> Agreement:
    """Eight working hours for tickets, judged by the month; for payments, judged by the quarter and by value."""
    common = {"measure": "resolution-time", "within": "8 working hours", "calendar": "office"}
    targets = [{"id": "resolve"} | common | SOLVED, {"id": "pay"} | common | PAID]
    held = {"id": f"{council}-2026", "council": council, "provider": "joint", "title": "Illustrative"}
    return msgspec.convert(held | {"targets": targets, "effective_from": date(2025, 1, 1)}, Agreement)


PARTNERSHIP = Partnership(
    id="joint-officers",
    name="Illustrative",
    provider="joint",
    councils=("adur", "worthing"),
    benefits=(
        Benefit(id="better", kind="quality", promised_percent="54"),
        Benefit(id="better-than-stated", kind="quality", promised_percent="54", baseline_percent="60"),
        Benefit(id="cheaper", kind="savings", promised_gbp="1200000"),
    ),
)


def month_of_tickets(first_day: str, *, kept: int, missed: int) -> list[TicketEvent]:
    """Tickets opened at 09:00 of one working day: resolved after an hour, or missed until the day after the next."""
    day = datetime.fromisoformat(first_day).replace(tzinfo=UTC)
    opened, soon = (f"{day:%a %Y-%m-%d} {clock}" for clock in ("09:00", "10:00"))
    late = f"{day + timedelta(days=2):%a %Y-%m-%d} 10:00"
    ends = [soon] * kept + [late] * missed
    return [
        event
        for number, end in enumerate(ends)
        for event in ticket((opened, "opened"), (end, "resolved"), item=f"{first_day}-{number}")
    ]


async def history(on: Monitor) -> None:
    """A year with one miss in five, three months with one in ten, and half of June."""
    await on.publish_catalogue(calendar(), agreement("adur"), agreement("worthing"), PARTNERSHIP)
    await on.wait_until_idle()
    await on.send(
        *month_of_tickets("2026-03-10", kept=16, missed=4),
        *month_of_tickets("2026-04-14", kept=18, missed=2),
        *month_of_tickets("2026-05-12", kept=18, missed=2),
        *month_of_tickets("2026-06-09", kept=7, missed=1),
        *ticket(("Mon 2026-06-15 10:00", "opened"), item="due-at-ten"),  # missed this morning
        *ticket(("Mon 2026-06-15 13:30", "opened"), item="due-soon"),
        *ticket(("Tue 2026-06-16 11:00", "opened"), item="due-tomorrow"),
        *ticket(("Tue 2026-06-16 11:05", "opened"), item="due-tomorrow", value_pence=5_00),  # another value
        *ticket(("Mon 2026-06-15 13:00", "opened"), ("Mon 2026-06-15 14:00", "paused"), item="waits"),
        *ticket(
            ("Tue 2026-06-09 09:00", "opened"),
            ("Tue 2026-06-09 16:45", "paused"),
            ("Wed 2026-06-10 09:00", "asked"),
            ("Wed 2026-06-10 12:00", "resumed"),
            ("Wed 2026-06-10 12:10", "resolved"),
            ("Wed 2026-06-10 14:00", "reopened"),
            ("Wed 2026-06-10 14:05", "resolved"),
            item="tricky",
        ),
        *ticket(("Tue 2026-06-16 09:00", "opened"), item="w1", council="worthing"),
        *ticket(
            ("Tue 2026-06-09 09:00", "opened"),
            ("Tue 2026-06-09 10:00", "resolved"),
            item="p1",
            service="payments",
            value_pence=900_00,
        ),
        *ticket(("Tue 2026-06-09 09:00", "opened"), item="p2", service="payments", value_pence=200_00),
    )
    await on.wait_until_idle()


async def answers(folder: Path) -> Answers:
    """The answer of every path."""
    async with monitor(folder, now=NOW) as on:
        await history(on)
        app = create_app("SLA monitor", [on.app.router], types=on.app.types, authentication=MAY_ALL)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://monitor") as client:
            found = {name: await client.get(path) for name, path in PATHS.items()}
    assert {name: answer.text for name, answer in found.items() if answer.status_code != 200} == {}
    read = {name: answer.json() for name, answer in found.items()}
    return {name: answer.get("items", answer) for name, answer in read.items()}


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory, module_database_of: Callable[[str], str]) -> Answers:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", module_database_of("sla_monitor"))
        return asyncio.run(answers(tmp_path_factory.mktemp("objectives")))


def test_attainment_is_judged_over_the_objectives_own_period(answered: Answers) -> None:
    months = {row["target"]: row for row in answered["months"]}
    quarters = {row["target"]: row for row in answered["quarters"]}

    # June: 8 of the 10 decided were kept, where 9 must be.
    assert (months["resolve"]["good"], months["resolve"]["total"], months["resolve"]["judgement"]) == (8, 10, "missed")
    assert (months["pay"]["judgement"], months["pay"]["misses_remaining"]) == ("measured quarterly", None)
    assert (quarters["resolve"]["period"], quarters["resolve"]["total"]) == ("FY2026-Q1", 50)
    assert quarters["resolve"]["judgement"] == "measured monthly"


def test_an_objective_by_value_is_judged_in_pence(answered: Answers) -> None:
    (paid,) = (row for row in answered["quarters"] if row["target"] == "pay")

    assert (paid["good"], paid["total"], paid["good_pence"], paid["total_pence"]) == (1, 2, 900_00, 1100_00)
    assert (paid["attained_percent"], paid["judgement"], paid["misses_remaining"]) == ("81.8", "missed", -90_00)


def test_financial_years_sum_their_months(answered: Answers) -> None:
    assert [(row["period"], row["good"], row["total"]) for row in answered["years"]] == [
        ("FY2025", 16, 20),
        ("FY2026", 18 + 18 + 8, 50),
    ]


def test_the_budget_counts_what_is_decided_open_at_risk_and_paused(answered: Answers) -> None:
    (row,) = (row for row in answered["budget"]["budgets"] if (row["council"], row["target"]) == ("adur", "resolve"))

    assert [row[name] for name in ("met", "missed", "open", "at_risk", "paused")] == [8, 2, 2, 1, 1]
    # March to May had 20 items each: so may June, and 2 of 20 may miss.
    assert [row[name] for name in ("expected", "allowed", "used", "remaining", "alert_percent")] == [20, 2, 2, 0, 100]
    assert (row["exhausted_for_certain"], row["consumed_percent"]) == (False, 100)
    assert row["forecast"]["best"] == 18
    assert row["forecast"]["judgement"] == "missed"


def test_a_period_that_has_ended_expects_nothing_more(answered: Answers) -> None:
    (row,) = answered["march"]["budgets"]

    assert (row["period"], row["expected"], row["allowed"], row["remaining"]) == ("2026-03", 20, 2, -2)
    assert (row["exhausted_for_certain"], row["burn_rate"]) == (True, [])


def test_at_risk_lists_the_open_items_of_all_councils_by_working_time_left(answered: Answers) -> None:
    shown = [(each["council"], each["item"], each["left_s"] // 3600) for each in answered["at risk"]["targets"]]

    assert shown == [
        ("adur", "due-soon", 1),
        ("worthing", "w1", 5),
        ("adur", "due-tomorrow", 7),
        ("adur", "waits", 7),
    ]
    by_item = {each["item"]: each for each in answered["at risk"]["targets"]}
    assert by_item["due-tomorrow"]["left_wall_s"] == 23 * 3600
    assert (by_item["waits"]["paused"], by_item["waits"]["due_at"]) == (True, None)


def test_a_council_sees_its_own_open_items_alone(answered: Answers) -> None:
    answer = answered["at risk of worthing"]

    assert (answer["open"], [each["item"] for each in answer["targets"]]) == (1, ["w1"])


def test_fairness_names_what_both_sides_should_look_at(answered: Answers) -> None:
    found = [(each["check"], each["item"], each["seconds"]) for each in answered["fairness"]["findings"]]

    assert found == [
        ("paused just before due", "tricky", 15 * 60),
        ("paused after the council answered", "tricky", 3 * 3600),
        ("reopened soon after a stop just before due", "tricky", 5 * 60),
        ("opened twice, with other content", "due-tomorrow", 0),
    ]
    assert [count["count"] for count in answered["fairness"]["counts"]] == [1, 1, 1, 1]
    assert answered["fairness of worthing"]["findings"] == []


def test_a_percentile_is_within_the_target_exactly_when_the_objective_is_met(answered: Answers) -> None:
    (row,) = answered["percentiles"]  # by value there is none

    assert (row["percent"], row["rank"], row["total"], row["elapsed_s"]) == ("90", 9, 10, None)


def test_quality_is_measured_against_the_first_year_or_a_stated_baseline(answered: Answers) -> None:
    shown = [
        (
            row["benefit"],
            row["period"],
            row["baseline_source"],
            row["improvement_percent"],
            row["outcome"],
            row["ended"],
        )
        for row in answered["quality"]
    ]

    # FY2025 missed 4 of 20, FY2026 so far 7 of 52: 13.4% of misses where there were 20%, or were said to be 40%.
    assert shown == [
        ("better", "FY2026", "FY2025", "32.6", "fell short", False),
        ("better-than-stated", "FY2025", "stated", "50.0", "fell short", True),
        ("better-than-stated", "FY2026", "stated", "66.3", "realised", False),
    ]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/attainment?period=week", 400),
        ("/v1/budget?month=2026-13", 400),
        ("/v1/at-risk?limit=0", 400),
        ("/v1/at-risk?limit=201", 400),
        ("/v1/percentiles", 400),
        ("/v1/fairness?service=ict", 400),
    ],
)
def test_what_is_not_understood_is_refused_as_a_problem(tmp_path: Path, path: str, status: int) -> None:
    async def asked() -> httpx2.Response:
        async with monitor(tmp_path, now=NOW) as on:
            app = create_app("SLA monitor", [on.app.router], types=on.app.types, authentication=MAY_ALL)
            async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://monitor") as client:
                return await client.get(path)

    answer = asyncio.run(asked())
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")

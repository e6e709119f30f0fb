"""94,154 deadlines that another system recorded: Boston's 311 requests of 2015, read where they lie.

The rule and the count of days come from a table fitted a request type at a time; the deadline is ours to reproduce.
"""

import csv
import gzip
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
import pytest

from sla_monitor.domain.working_time.calendar import compile_versions
from sla_monitor.domain.working_time.compiled import WorkingTime
from tests.support.calendars import WEEKDAYS, calendar

BOSTON = Path(__file__).parents[4] / "shared" / "data" / "boston_311"
NEW_YORK = ZoneInfo("America/New_York")
TOLERANCE_S = 61  # recorded deadlines are often cut to the minute or a second short
INDEPENDENCE_DAY_KEPT = {date(2015, 7, 3): "Independence Day (city offices)"}


@pytest.mark.real_data
@pytest.mark.skipif(not BOSTON.is_dir(), reason="../shared/data/boston_311 is absent")
def test_nine_in_ten_recorded_deadlines_of_boston_are_reproduced() -> None:
    working = _city_hall()
    rules = dict(_rules())

    hits = [_reproduced(working, rules, request) for request in _requests_with_a_deadline()]

    sys.stdout.write(f"{sum(hits):,} of {len(hits):,} deadlines reproduced: {sum(hits) / len(hits):.2%}\n")
    assert len(hits) == 94_154
    assert sum(hits) * 100 >= 91 * len(hits)


def _city_hall() -> WorkingTime:
    observed = holidays.country_holidays("US", subdiv="MA", years=range(2014, 2020))
    office_hours = dict.fromkeys(WEEKDAYS, ("08:30-17:00",))
    definition = calendar(zone=str(NEW_YORK), weekly=office_hours, closed={**observed, **INDEPENDENCE_DAY_KEPT})
    return compile_versions([definition], first_year=2014, last_year=2019)


def _rules() -> Iterator[tuple[str, tuple[str, int]]]:
    with (BOSTON / "derived_sla_rules_2015.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            column = "mode_business_days" if row["better_rule"] == "bd" else "mode_calendar_days"
            yield row["type"], (row["better_rule"], int(row[column]))


def _requests_with_a_deadline() -> Iterator[dict[str, str]]:
    with gzip.open(BOSTON / "boston_311_2015.csv.gz", "rt", newline="", encoding="utf-8") as file:
        yield from (row for row in csv.DictReader(file) if row["target_dt"])


def _reproduced(working: WorkingTime, rules: dict[str, tuple[str, int]], request: dict[str, str]) -> bool:
    rule, days = rules.get(request["type"], ("no rule", -1))
    if days < 0:  # no rule was fitted, or to a type whose deadlines lie before the request
        return False
    opened, recorded = _epoch(request["open_dt"]), _epoch(request["target_dt"])
    if rule == "bd":
        due = working.add_working_days(opened, days, rule="same-time")
    else:
        due = working.add_calendar_days(opened, days)
    return due is not None and abs(due - recorded) <= TOLERANCE_S


def _epoch(naive: str) -> int:
    return int(datetime.fromisoformat(naive).replace(tzinfo=NEW_YORK).timestamp())

"""Bank holidays: the shipped list against two others, and what an operator adds to it."""

import json
from datetime import date
from pathlib import Path
from typing import get_args

import holidays as oracle
import pytest

from shared.holidays import BankHolidays, Division, UnreadableHolidays, load_holidays, parse_holidays, shipped_holidays

PUBLISHED = Path(__file__).parents[4] / "shared" / "data" / "uk_bank_holidays" / "bank-holidays.json"
YEARS = range(2012, 2029)
SUBDIVISIONS: dict[Division, str] = {"england-and-wales": "ENG", "scotland": "SCT", "northern-ireland": "NIR"}
# Proclaimed for Scotland after the list of GOV.UK that is compared here (shared/shared/data/README.md).
NOT_ON_GOV_UK: dict[Division, set[date]] = {"scotland": {date(2026, 6, 15)}}


@pytest.mark.parametrize("division", get_args(Division))
def test_weekday_holidays_agree_with_an_independent_library(division: Division) -> None:
    independent = oracle.country_holidays("GB", subdiv=SUBDIVISIONS[division], years=YEARS)

    assert set(shipped_holidays().by_division[division]) == {day for day in independent if day.weekday() < 5}


@pytest.mark.real_data
@pytest.mark.skipif(not PUBLISHED.exists(), reason="../shared/data is not here")
def test_dates_and_titles_are_those_that_gov_uk_publishes() -> None:
    published = parse_holidays(PUBLISHED.read_bytes())

    for division, days in shipped_holidays().by_division.items():
        proclaimed = NOT_ON_GOV_UK.get(division, set())
        assert {day: title for day, title in days.items() if day not in proclaimed} == published.by_division[division]
        assert proclaimed <= set(days)


@pytest.mark.parametrize(
    ("division", "day", "title"),
    [
        ("england-and-wales", "Fri 2026-12-25", "Christmas Day"),
        ("england-and-wales", "Sat 2026-12-26", None),
        ("england-and-wales", "Mon 2026-12-28", "Boxing Day"),
        ("england-and-wales", "Fri 2020-05-08", "Early May bank holiday (VE day)"),
        ("england-and-wales", "Mon 2020-05-04", None),
        ("england-and-wales", "Fri 2026-01-02", None),
        ("scotland", "Fri 2026-01-02", "2nd January"),
        ("scotland", "Mon 2026-04-06", None),
        ("scotland", "Mon 2026-06-15", "World Cup bank holiday"),
        ("england-and-wales", "Mon 2026-06-15", None),
        ("northern-ireland", "Sat 2025-07-12", None),
        ("northern-ireland", "Mon 2025-07-14", "Battle of the Boyne (Orangemen’s Day)"),
    ],
)
def test_only_the_day_that_counts_is_listed(division: Division, day: str, title: str | None) -> None:
    assert shipped_holidays().by_division[division].get(date.fromisoformat(day[4:])) == title


def test_the_holidays_of_all_nations_are_a_union_with_every_title_once() -> None:
    union = shipped_holidays().closing(get_args(Division))

    assert union[date(2026, 12, 25)] == "Christmas Day"
    assert union[date(2012, 1, 2)] == "New Year’s Day / 2nd January"
    assert date(2026, 3, 17) in union
    assert list(union) == sorted(union)


def test_the_data_says_how_far_it_reaches() -> None:
    assert {shipped_holidays().covers_until(division) for division in get_args(Division)} == {date(2029, 1, 1)}


def test_an_operator_adds_a_proclaimed_day_without_stretching_what_is_known(tmp_path: Path) -> None:
    added = tmp_path / "holidays.json"
    event = {"title": "A proclaimed day", "date": "2031-05-05", "notes": "", "bunting": True}
    added.write_text(json.dumps({"scotland": {"division": "scotland", "events": [event]}}))

    known = load_holidays(added)

    assert known.by_division["scotland"][date(2031, 5, 5)] == "A proclaimed day"
    assert date(2031, 5, 5) not in known.by_division["england-and-wales"]
    assert known.covers_until("scotland") == date(2029, 1, 1)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"wales": {"events": []}}', b'{"scotland": {"events": [{"date": "x"}]}}']
)
def test_a_file_of_another_shape_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableHolidays):
        parse_holidays(raw)


def test_nothing_is_known_of_a_division_without_a_full_year() -> None:
    assert BankHolidays({"scotland": {}}).covers_until("scotland") == date.min

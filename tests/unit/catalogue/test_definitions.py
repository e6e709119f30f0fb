"""What a definition must be by itself, rule by rule."""

from datetime import date
from typing import Any

import msgspec
import pytest

from catalogue.domain.agreements import agreement_faults
from catalogue.domain.definition_rules import council_faults, partnership_faults
from shared.contracts.calendar_rules import calendar_faults, calendar_warnings, with_bank_holidays
from shared.contracts.charge_rules import tariff_faults
from shared.contracts.charges import StandingCharge
from shared.contracts.definitions import Benefit, Target
from shared.contracts.target_rules import target_faults
from shared.holidays import BankHolidays, shipped_holidays
from shared.validation import value_faults
from tests.support.definitions import agreement, calendar, council, objective, partnership, target, tariff, tiered

CHRISTMAS = date(2026, 12, 25)


@pytest.mark.parametrize(
    ("changes", "faulty"),
    [
        ({}, []),
        ({"within": "8 working hours", "calendar": None}, ["#/calendar"]),
        ({"within": "5 working days", "calendar": None}, ["#/calendar"]),
        ({"within": "30 days", "calendar": None}, []),
        ({"within": "4 hours", "calendar": None}, []),
        ({"within": "recorded due date", "calendar": None}, []),
        ({"measure": "update-interval", "within": "4 hours", "calendar": None}, ["#/calendar"]),
        ({"measure": "periodic-update", "within": "recorded due date"}, ["#/within"]),
        ({"measure": "availability", "within": "4 hours", "objective": objective()}, []),
        ({"measure": "availability", "within": "4 hours"}, ["#/objective"]),
        (
            {
                "measure": "availability",
                "within": "4 hours",
                "objective": objective(),
                "paused_by": ("council",),
                "starts": "assigned",
                "reopen": "new-cycle",
                "when": {"priority": ("high",)},
                "on_change": "from-change",
            },
            ["#/paused_by", "#/starts", "#/reopen", "#/when", "#/on_change"],
        ),
        ({"cut_off": "16:00"}, []),
        ({"cut_off": "16:00", "day_rule": "same-time"}, ["#/cut_off"]),
        ({"cut_off": "16:00", "within": "8 working hours"}, ["#/cut_off"]),
        ({"within": "3660 working days"}, []),
        ({"within": "3661 working days"}, ["#/within"]),
        ({"within": "3661 days"}, ["#/within"]),
        ({"within": "87841 hours"}, ["#/within"]),
        ({"day_rule": "same-time"}, []),
        ({"day_rule": "same-time", "within": "8 working hours"}, ["#/day_rule"]),
        ({"pause_counts": "whole-days"}, []),
        ({"pause_counts": "whole-days", "within": "30 days"}, ["#/pause_counts"]),
        ({"ends_on": "next-working-day", "within": "30 days"}, []),
        ({"ends_on": "next-working-day", "within": "30 days", "calendar": None}, ["#/calendar"]),
        ({"ends_on": "next-working-day"}, ["#/ends_on"]),
        ({"pause_counts": "whole-days", "within": "8 working hours"}, ["#/pause_counts"]),
        ({"reopen": "new-cycle", "reopen_window_days": 10}, []),
        ({"reopen_window_days": 10}, ["#/reopen_window_days"]),
        ({"reopen": "first-close-is-final"}, []),
        ({"reopen": "first-close-is-final", "measure": "response-time"}, ["#/reopen"]),
        ({"reopen": "new-cycle", "measure": "response-time"}, []),
        ({"reopen": "new-cycle", "reopen_window_days": -1}, ["#/reopen_window_days"]),
        ({"warn_at": (50, 75)}, []),
        ({"warn_at": (75, 50)}, ["#/warn_at"]),
        ({"warn_at": (75, 75)}, ["#/warn_at"]),
        ({"when": {"priority": ()}}, ["#/when/priority"]),
        ({"objective": objective(percent="0.000")}, ["#/objective/percent"]),
        ({"objective": objective(percent="100")}, []),
        ({"objective": objective(minimum_sample=-1)}, ["#/objective/minimum_sample"]),
        ({"objective": objective(misses_always_allowed=10**9)}, ["#/objective/misses_always_allowed"]),
    ],
)
def test_the_fields_of_a_target_must_fit_together(changes: dict[str, Any], faulty: list[str]) -> None:
    assert [fault.pointer for fault in target_faults(target(**changes))] == faulty


@pytest.mark.parametrize("cut_off", ["4pm", "24:01", "16:00:00", "16:00\n", "١٦:٠٠"])
def test_a_cut_off_is_a_time_of_day(cut_off: str) -> None:
    faults = value_faults(msgspec.to_builtins(target(cut_off=cut_off)), Target)

    assert [str(fault) for fault in faults] == [
        "#/cut_off: expected a time of day like 16:00, or 24:00 for the whole day"
    ]


@pytest.mark.parametrize(
    ("bounds", "faulty"),
    [
        ((None,), []),
        ((100, 200, None), []),
        ((100,), ["#/charges/0/tiers/0/up_to"]),
        ((100, 200), ["#/charges/0/tiers/1/up_to"]),
        ((100, 100, None), ["#/charges/0/tiers/1/up_to"]),
        ((200, 100, None), ["#/charges/0/tiers/1/up_to"]),
        ((None, 100, None), ["#/charges/0/tiers/0/up_to"]),
        ((200, 100, None, 50), [f"#/charges/0/tiers/{i}/up_to" for i in (3, 1, 2)]),
        ((10**15, None), ["#/charges/0/tiers/0/up_to"]),
    ],
)
def test_tiers_ascend_and_only_the_last_is_open(bounds: tuple[int | None, ...], faulty: list[str]) -> None:
    assert [fault.pointer for fault in tariff_faults(tiered(*bounds))] == faulty


def test_two_charges_of_a_tariff_cannot_share_a_name() -> None:
    twice = tariff(charges=(StandingCharge(name="Fee", monthly_gbp="1"), StandingCharge(name="Fee", monthly_gbp="2")))

    assert [fault.pointer for fault in tariff_faults(twice)] == ["#/charges/1/name"]


@pytest.mark.parametrize(
    ("changes", "faulty"),
    [
        ({}, []),
        ({"zone": "Europe/Londno"}, ["#/zone"]),
        ({"zone": "Europe"}, ["#/zone"]),
        ({"zone": "../etc/passwd"}, ["#/zone"]),
        ({"weekly": {}}, ["#/weekly"]),
        ({"weekly": {"mon": ()}}, ["#/weekly"]),
        ({"weekly": {"mon": ("09:00-09:00",)}}, ["#/weekly"]),
        ({"weekly": {"mon": ("09:00-17:00",)}, "breaks": {"mon": ("09:00-13:00", "13:00-17:00")}}, ["#/weekly"]),
        ({"weekly": {"mon": ("09:00-17:00",)}, "breaks": {"mon": ("09:00-13:00", "13:00-16:59:59")}}, []),
        ({"weekly": {"sun": ("22:00-06:00",)}, "breaks": {"sun": ("22:00-24:00",)}}, []),
        (
            {"weekly": {"sun": ("22:00-06:00",)}, "breaks": {"sun": ("22:00-24:00",), "mon": ("00:00-06:00",)}},
            ["#/weekly"],
        ),
        ({"weekly": {"mon": ("00:00-24:00",)}}, []),
        ({"weekly": {}, "dates": {CHRISTMAS: ("10:00-12:00",)}}, []),
        ({"weekly": {}, "dates": {CHRISTMAS: ("10:00-12:00",)}, "closed": {CHRISTMAS: "Closed"}}, ["#/weekly"]),
        ({"holidays": ("scotland",), "worked_holidays": (CHRISTMAS,)}, []),
        ({"holidays": ("scotland",), "worked_holidays": (date(2026, 12, 24),)}, ["#/worked_holidays/0"]),
        ({"holidays": ("scotland",), "worked_holidays": (date(2031, 5, 5),)}, []),
        ({"worked_holidays": (CHRISTMAS,)}, ["#/worked_holidays/0"]),
        (
            {"holidays": ("scotland",), "worked_holidays": (CHRISTMAS,), "closed": {CHRISTMAS: "Closed"}},
            ["#/closed/2026-12-25"],
        ),
    ],
)
def test_a_calendar_opens_at_some_time_in_a_real_zone(changes: dict[str, Any], faulty: list[str]) -> None:
    assert [fault.pointer for fault in calendar_faults(calendar(**changes), shipped_holidays())] == faulty


def test_a_published_calendar_is_closed_on_the_bank_holidays_known_then() -> None:
    written = calendar(
        holidays=("england-and-wales",), worked_holidays=(date(2026, 5, 4),), closed={date(2026, 12, 24): "Early close"}
    )

    published = with_bank_holidays(written, shipped_holidays())

    assert published.closed[CHRISTMAS] == "Christmas Day"
    assert published.closed[date(2026, 12, 28)] == "Boxing Day"
    assert published.closed[date(2026, 12, 24)] == "Early close"
    assert date(2026, 5, 4) not in published.closed
    assert date(2026, 12, 26) not in published.closed
    assert with_bank_holidays(published, shipped_holidays()) == published


@pytest.mark.parametrize(
    ("today", "is_warned"), [(date(2028, 1, 1), False), (date(2028, 1, 2), True), (date(2030, 1, 1), True)]
)
def test_holidays_that_end_within_a_year_are_warned_of(today: date, is_warned: bool) -> None:
    found = list(calendar_warnings(calendar(holidays=("scotland",)), shipped_holidays(), today))

    assert [fault.pointer for fault in found] == ["#/holidays"] * is_warned


def test_a_calendar_that_begins_after_the_last_known_holiday_is_warned_of() -> None:
    later = calendar(holidays=("scotland",), effective_from=date(2029, 4, 1))

    assert list(calendar_warnings(later, shipped_holidays(), date(2026, 1, 1)))


def test_a_calendar_without_bank_holidays_is_never_warned_of() -> None:
    assert not list(calendar_warnings(calendar(), BankHolidays({}), date(2090, 1, 1)))


@pytest.mark.parametrize(
    ("changes", "faulty"),
    [
        ({}, []),
        ({"gss": "W06000015"}, ["#/gss"]),
        ({"gss": "W06000015", "nation": "wales"}, []),
        ({"gss": "N09000003", "nation": "northern-ireland"}, []),
        ({"gss": "S12000033", "nation": "scotland"}, []),
        ({"gss": "S12000033", "nation": None}, ["#/nation"]),
        ({"gss": None, "nation": None}, []),
        ({"successors": ("surrey-west",)}, ["#/successors"]),
        ({"successors": ("surrey-west",), "effective_to": date(2027, 4, 1)}, []),
        ({"successors": ("adur",), "effective_to": date(2027, 4, 1)}, ["#/successors/0"]),
        ({"successors": ("x", "x"), "effective_to": date(2027, 4, 1)}, ["#/successors/1"]),
    ],
)
def test_a_council_has_a_code_of_its_nation_and_successors_only_after_its_end(
    changes: dict[str, Any], faulty: list[str]
) -> None:
    assert [fault.pointer for fault in council_faults(council(**changes))] == faulty


@pytest.mark.parametrize(
    ("benefit", "faulty"),
    [
        (Benefit(id="b", kind="savings", promised_gbp="1200000"), []),
        (Benefit(id="b", kind="savings", promised_percent="54"), ["promised_gbp"]),
        (Benefit(id="b", kind="quality", promised_percent="54"), []),
        (Benefit(id="b", kind="quality"), ["promised_percent"]),
        (Benefit(id="b", kind="savings", promised_gbp="1", illustrative=False), ["source"]),
        (Benefit(id="b", kind="savings", promised_gbp="1", financial_year=26), ["financial_year"]),
    ],
)
def test_a_benefit_says_how_much_was_promised_and_where(benefit: Benefit, faulty: list[str]) -> None:
    found = partnership_faults(partnership(benefits=(benefit,)))

    assert [fault.pointer for fault in found] == [f"#/benefits/0/{field}" for field in faulty]


def test_a_partnership_lists_each_council_and_each_benefit_once() -> None:
    saving = Benefit(id="b", kind="savings", promised_gbp="1")

    found = partnership_faults(partnership(councils=("adur", "adur"), benefits=(saving, saving)))

    assert [fault.pointer for fault in found] == ["#/councils/1", "#/benefits/1/id"]


def test_an_agreement_lists_each_target_and_each_tariff_once() -> None:
    found = agreement_faults(agreement(targets=(target(), target()), tariffs=("payroll", "payroll")))

    assert [fault.pointer for fault in found] == ["#/targets/1/id", "#/tariffs/1"]

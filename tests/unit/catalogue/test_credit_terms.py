"""What an agreement may say of service credits (rule R48): each shortfall has one answer, each setting an effect."""

from datetime import UTC, datetime
from typing import Any

import pytest

from catalogue.adapters.partnership_files import parse
from catalogue.domain import validation
from catalogue.domain.agreements import agreement_faults
from shared.contracts.credits import (
    Band,
    Cap,
    Credit,
    FixedAmount,
    PercentOfCharge,
    ServiceCredits,
    ServicePoints,
    TargetCredit,
)
from shared.contracts.definitions import Agreement
from shared.holidays import shipped_holidays
from tests.support.definitions import agreement, objective, target

AT = datetime(2026, 4, 1, 9, tzinfo=UTC)
FAULTY = """\
provider: {id: joint, name: Joint officers}
councils:
  - {id: adur, name: Adur District Council, gss: E07000223, nation: england}
  - {id: worthing, name: Worthing Borough Council, gss: E07000229, nation: england}
services_from: standard
target_sets:
  fast:
    - {id: quick, service: payroll, measure: response-time, within: 4 hours, objective: {percent: "95"}}
agreements:
  - id: pay
    councils: [adur, worthing]
    provider: joint
    title: Payroll
    targets: [fast]
    credits:
      agreement_year_cap_gbp: 500
      targets:
        - target: quik
          bands:
            - {shortfall_from: "0", shortfall_below: "2", credit: {kind: percent, percent: "101"}}
            - {shortfall_from: "2", credit: {kind: part, percent: "5"}}
"""
TARGETS = (
    target(id="response", measure="response-time", objective=objective()),
    target(id="resolution", measure="resolution-time", objective=objective()),
    target(id="ict-response", service="ict", measure="response-time", objective=objective()),
    target(id="every", service="*", measure="response-time", objective=objective()),
    target(id="promise"),
    target(id="quarterly", objective=objective(over="quarter")),
    target(id="uptime", measure="availability", within="4 hours", objective=objective()),
)
OPEN = (Band(shortfall_from="0", credit=PercentOfCharge(percent="5")),)


def percent(size: str) -> Credit:
    return PercentOfCharge(percent=size)


def bands(*bounds: tuple[str, str | None, Credit]) -> tuple[Band, ...]:
    return tuple(Band(shortfall_from=begins, shortfall_below=below, credit=credit) for begins, below, credit in bounds)


def crediting(*targets: TargetCredit, **changes: Any) -> Agreement:
    return agreement(targets=TARGETS, credits=ServiceCredits(targets=targets, **changes))


def of(name: str = "response", *, bands: tuple[Band, ...] = OPEN, cause: str | None = None) -> TargetCredit:
    return TargetCredit(target=name, bands=bands, cause=cause)


def faults(found: Agreement) -> list[str]:
    return [str(fault).removeprefix("#/credits/") for fault in agreement_faults(found)]


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (bands(("0", None, percent("2"))), []),
        (bands(("0", "2", percent("2")), ("2", None, percent("5"))), []),
        (bands(("1.5", "2", percent("2")), ("2", None, percent("2"))), []),  # a tolerance; an equal credit
        (bands(("95", None, percent("2"))), []),  # none of them kept is 95 points short of 95%
        (
            bands(("95.001", None, percent("2"))),
            ["0/shortfall_from: expected at most the objective: nothing falls short by more"],
        ),
        (
            bands(("0", "2", percent("2"))),
            ["0/shortfall_below: the last band must be open: greater shortfalls have no credit"],
        ),
        (
            bands(("0", None, percent("2")), ("2", None, percent("5"))),
            ["0/shortfall_below: is missing: only the last band is open"],
        ),
        (
            bands(("0", "2", percent("2")), ("1.999", None, percent("5"))),
            ["1/shortfall_from: overlaps the band before"],
        ),
        (
            bands(("0", "2", percent("2")), ("2.001", None, percent("5"))),
            ["1/shortfall_from: leaves a gap after the band before"],
        ),
        (
            bands(("5", "9", percent("2")), ("5", None, percent("5"))),
            ["1/shortfall_from: expected more than the band before: bands ascend"],
        ),
        (
            bands(("2", "2.0", percent("2")), ("2.5", None, percent("5"))),
            [
                "0/shortfall_below: expected more than shortfall_from",
                "1/shortfall_from: leaves a gap after the band before",
            ],
        ),
        (
            bands(("0", "2", percent("5")), ("2", None, percent("4.999"))),
            ["1/credit: expected no less than the band before: a worse month would give less"],
        ),
        (
            bands(("0", "2", percent("5")), ("2", None, FixedAmount(gbp="900.00"))),
            ["1/credit/kind: expected the kind of the band before: which of two kinds is more depends on the charge"],
        ),
        (
            bands(("0", "2", percent("0.000")), ("2", None, percent("5"))),
            ["0/credit: expected more than 0: let the first band begin where credits do"],
        ),
    ],
)
def test_r48_bands_ascend_and_meet_and_a_worse_month_gives_no_less(table: tuple[Band, ...], found: list[str]) -> None:
    messages = [fault.removeprefix("targets/0/bands/") for fault in faults(crediting(of(bands=table)))]

    assert messages == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("every", []),
        ("respnse", ["targets/0/target: is no target of this agreement: did you mean response?"]),
        ("promise", ["targets/0/target: has no objective to fall short of"]),
        ("quarterly", ["targets/0/target: is measured quarterly: credits are worked out by month"]),
        (
            "uptime",
            ["targets/0/target: is of availability, which has no verdicts: its credits cannot be worked out"],
        ),
    ],
)
def test_r48_a_credited_target_is_one_whose_months_are_judged(name: str, found: list[str]) -> None:
    assert faults(crediting(of(name))) == found


def test_r48_a_target_has_its_credits_once() -> None:
    assert faults(crediting(of(), of())) == ["targets/1/target: has its credits above already"]


@pytest.mark.parametrize(
    ("targets", "found"),
    [
        ((of(cause="desk"), of("resolution", cause="desk")), []),
        ((of("every", cause="desk"), of("ict-response", cause="desk")), []),
        ((of(cause="desk"),), ["targets/0/cause: is named by no other target, so it has no effect"]),
        (
            (of(cause="desk"), of("ict-response", cause="desk")),
            [f"targets/{i}/cause: is named by targets of another service: a cause is of one service" for i in (0, 1)],
        ),
    ],
)
def test_r48_a_cause_is_shared_by_targets_of_one_service(targets: tuple[TargetCredit, ...], found: list[str]) -> None:
    assert faults(crediting(*targets)) == found


@pytest.mark.parametrize(
    ("credit", "changes", "found"),
    [
        (ServicePoints(points=3), {"point_gbp": "12.50"}, []),
        (ServicePoints(points=3), {}, ["point_gbp: is missing: it says what a point is worth"]),
        (ServicePoints(points=3), {"point_gbp": "0.00"}, ["point_gbp: expected more than 0"]),
        (percent("5"), {"point_gbp": "12.50"}, ["point_gbp: has an effect only on credits in points"]),
    ],
)
def test_r48_points_and_what_one_is_worth_are_said_together(
    credit: Credit, changes: dict[str, str], found: list[str]
) -> None:
    assert faults(crediting(of(bands=bands(("0", None, credit))), **changes)) == found


@pytest.mark.parametrize(
    ("cap", "right"), [(percent("10"), True), (FixedAmount(gbp="0.01"), True), (percent("0"), False), (None, True)]
)
def test_r48_a_cap_leaves_something_to_credit(cap: Cap | None, right: bool) -> None:
    capped = crediting(of(), service_month_cap=cap, council_month_cap=cap)

    expected = "expected more than 0: nothing would ever be credited"
    assert faults(capped) == ([] if right else [f"{name}_month_cap: {expected}" for name in ("service", "council")])


def test_r48_faults_in_a_file_name_their_lines() -> None:
    again = FAULTY.replace(": 500", ': "500"').replace('"101"', '"1"').replace("kind: part", "kind: percent")

    assert located(FAULTY) == [
        "line 16, column 7: #/agreements/0/credits/agreement_year_cap_gbp: expected pounds as a decimal string: "
        "'0.0375' (text: put it in quotes)",
        "line 20, column 83: #/agreements/0/credits/targets/0/bands/0/credit/percent: expected 0 to 100, as a string",
        "line 21, column 46: #/agreements/0/credits/targets/0/bands/1/credit/kind: expected one of percent, fixed, "
        "points",
    ]
    assert located(again) == [
        "line 18, column 11: #/agreements/0/credits/targets/0/target: is no target of this agreement: did you mean "
        "quick?"
    ]
    assert located(again.replace("quik", "quick")) == []


def located(text: str) -> list[str]:
    submission = parse(text.encode())
    found = [submission.located(fault) for fault in validation.faults(submission, {}, shipped_holidays(), AT)]
    return [str(fault) for fault in sorted(set(found), key=lambda fault: (fault.position, str(fault)))]

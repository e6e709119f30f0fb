"""Failures that are repeated within so many months credit twice; a number of points makes a plan due."""

import json

import msgspec
import pytest

from billing.documents.forms import form
from billing.documents.shown import ShownStatement
from billing.domain.canonical import canonical_json
from billing.domain.credits.agreement_year import months_before
from billing.domain.statement import Statement, build_statement
from shared.contracts.charges import ChargeLimit, ChargeTerms, FixedDiscount
from shared.contracts.credit_rules import credit_faults
from shared.contracts.credits import Band, Credit, PercentOfCharge, Rectification, ServicePoints, TargetCredit
from shared.contracts.definitions import Agreement, Tariff
from shared.period import Month, months_between
from tests.support.credits import agreement_with_credits, attainment_of, target
from tests.support.recharges import ASHBY, standing, tariff, terms, unit, usage

TWO_POINTS: Credit = ServicePoints(points=2)
ICT = tariff(standing("1000.00"), service="ict")


def agreed(
    *, credit: Credit = TWO_POINTS, repeated: int | None = 3, points: int | None = 6, since: str = "2026-03-01"
) -> Agreement:
    credited = TargetCredit(
        target="ict-response", bands=(Band(shortfall_from="0", credit=credit),), repeated_within_months=repeated
    )
    point = "50" if isinstance(credit, ServicePoints) else None
    found = agreement_with_credits(
        target("ict-response"), credits=[credited], tariffs=(ICT.id,), since=since, point_gbp=point
    )
    rectification = None if points is None else Rectification(points=points, due_days=14)
    assert found.credits is not None
    return msgspec.structs.replace(found, credits=msgspec.structs.replace(found.credits, rectification=rectification))


def statements(agreement: Agreement, missed: set[str], *, until: str = "2026-12", of: Tariff = ICT) -> list[Statement]:
    """Every statement from the agreement's first month; in the months `missed` 90 of 100 met the target."""
    first = Month(agreement.effective_from.year, agreement.effective_from.month)
    known = terms(agreement, tariffs=[of])
    made: list[Statement] = []
    for month in months_between(first, Month.parse(until).next):
        good = 90 if str(month) in missed else 100
        before = [each for each in made if each.month in months_before(known, ASHBY.id, month)]
        attained = [attainment_of("ict-response", good, 100)]
        made.append(build_statement(known, ASHBY.id, month, [], attained=attained, earlier=before))
    return made


@pytest.mark.parametrize(
    ("missed", "credited"),
    [
        ({"2026-03"}, {"2026-03": 100}),
        ({"2026-03", "2026-06"}, {"2026-03": 100, "2026-06": 200}),  # the third month before
        ({"2026-03", "2026-07"}, {"2026-03": 100, "2026-07": 100}),  # the fourth
        ({"2026-03", "2026-04", "2026-05"}, {"2026-03": 100, "2026-04": 200, "2026-05": 200}),  # never more than twice
    ],
)
def test_a_failure_within_so_many_months_of_another_credits_twice(missed: set[str], credited: dict[str, int]) -> None:
    found = statements(agreed(), missed)

    assert {str(each.month): each.credits_pence // 100 for each in found if each.credits_pence} == credited


def test_a_share_of_the_charge_is_doubled_before_it_is_rounded() -> None:
    found = statements(agreed(credit=PercentOfCharge(percent="0.0025"), points=None), {"2026-03", "2026-04"})

    assert [each.credits_pence for each in found[:2]] == [3, 5]  # 2.5p and 5p


def test_the_month_whose_points_are_enough_makes_a_plan_due() -> None:
    found = statements(agreed(), {"2026-03", "2026-05"})

    assert [len(each.plans) for each in found] == [0, 0, *[1] * 8]
    (plan,) = found[2].plans
    assert (plan.points, str(plan.reached_in), str(plan.due_on)) == (6, "2026-05", "2026-06-14")
    assert {str(plan.due_on) for each in found[2:] for plan in each.plans} == {"2026-06-14"}


def test_the_points_begin_again_with_the_agreements_year() -> None:
    found = statements(agreed(since="2025-05-01"), {"2026-03", "2026-04", "2026-05"}, until="2026-06")

    assert [(str(each.month), each.plans[0].points) for each in found if each.plans] == [("2026-04", 6)]
    assert found[-2].credits[0].points == 4  # a repeat, whatever year it began in


def test_a_corrected_month_takes_its_plan_back() -> None:
    assert not any(each.plans for each in statements(agreed(), {"2026-05"}))


def test_every_form_names_the_plan_and_its_date() -> None:
    statement = statements(agreed(), {"2026-03", "2026-05"})[2]

    content = json.loads(canonical_json(statement))
    page = form("html").render(ShownStatement(statement)).decode()

    assert content["rectification_plans"] == [
        {
            "agreement": "ashby-agreement",
            "points": 6,
            "points_agreed": 6,
            "reached_in": "2026-05",
            "due_on": "2026-06-14",
        }
    ]
    assert "Rectification plan due by 14 June 2026" in page
    assert "doubled: missed again" in page
    assert form("pdf").render(ShownStatement(statement))


def test_points_of_a_plan_need_credits_in_points() -> None:
    assert [fault.pointer for fault in credit_faults(agreed())] == []
    assert [fault.pointer for fault in credit_faults(agreed(credit=PercentOfCharge(percent="5")))] == [
        "#/credits/rectification"
    ]


def test_a_credit_is_of_charges_after_discounts_and_is_not_refunded_by_a_minimum() -> None:
    """£1,000.00 less £100.00; topped up to £950.00. The credit is 10% of £900.00, and the council pays £860.00."""
    discounted = msgspec.structs.replace(
        ICT,
        terms=ChargeTerms(discounts=(FixedDiscount(name="Rebate", monthly_gbp="100"),), minimum=ChargeLimit(gbp="950")),
    )

    found = statements(agreed(credit=PercentOfCharge(percent="10"), points=None), {"2026-03"}, of=discounted)[0]

    assert (found.charges_pence, found.credits_pence, found.total_pence) == (95_000, 9_000, 86_000)


def test_a_service_that_gives_back_more_than_it_charges_credits_nothing() -> None:
    """Two readings were adjusted by more than was used: −£20.00 in all, of which no share is a credit."""
    adjusted = tariff(unit("1.00"), service="ict")
    agreement = agreed(credit=PercentOfCharge(percent="10"), points=None)
    missed = [attainment_of("ict-response", 90, 100)]
    known = terms(agreement, tariffs=[adjusted])
    month = Month(2026, 3)
    used = [usage("ict", "2026-03-03", "-20", meter="tickets-resolved")]

    found = build_statement(known, ASHBY.id, month, used, attained=missed)

    assert (found.charges_pence, found.credits_pence) == (-2_000, 0)

"""Rule R48, clause by clause: bands, causes, caps, rounding, samples. Every figure is made up."""

from collections.abc import Mapping, Sequence

import pytest

from billing.domain.credits.agreement_year import year_start
from billing.domain.credits.attainment import TargetAttainment
from billing.domain.credits.credit_line import CreditLine, Reduction
from billing.domain.credits.earned import credit_lines
from billing.domain.credits.reason import reason
from shared.contracts.credits import Band, Cap, Credit, ServicePoints
from shared.contracts.definitions import Agreement, Objective
from shared.period import Month
from tests.support.credits import BANDS, agreement_with_credits, attainment_of, credit, gbp, percent, target

MAY = Month(2026, 5)
ICT = {"ict": 100_000}  # £1,000.00
RESPONSE, RESOLUTION, UPDATES = target("response"), target("resolution"), target("updates")
# 2%, 5% and 10% of the charge.
A_LITTLE, A_LOT, UTTERLY = (94, 100), (90, 100), (0, 100)


def lines(
    agreement: Agreement, attained: Sequence[TargetAttainment], charges: Mapping[str, int] = ICT, *, before: int = 0
) -> tuple[CreditLine, ...]:
    return credit_lines(agreement, attained, charges, month=MAY, credited_before_pence=before)


def applied(found: Sequence[CreditLine]) -> list[int]:
    return [line.applied_pence for line in found]


@pytest.mark.parametrize(
    ("good", "total", "pence", "why"),
    [
        (95, 100, 0, "The objective was met"),
        (949_999, 1_000_000, 2_000, "less than 0.001 percentage points below 95%: 2% of £1,000.00"),
        (94, 100, 2_000, "1 percentage point below 95%: 2% of £1,000.00"),
        (90_001, 100_000, 2_000, "4.999 percentage points below 95%: 2% of £1,000.00"),
        (90, 100, 5_000, "5 percentage points below 95%: 5% of £1,000.00"),
        (75_001, 100_000, 5_000, "19.999 percentage points below 95%: 5% of £1,000.00"),
        (3, 4, 10_000, "20 percentage points below 95%: 10% of £1,000.00"),
        (0, 1, 10_000, "95 percentage points below 95%: 10% of £1,000.00"),
        (0, 0, 0, "Nothing was decided in the month"),
    ],
)
def test_r48_a_shortfall_earns_the_band_that_it_reaches(good: int, total: int, pence: int, why: str) -> None:
    (line,) = lines(agreement_with_credits(RESPONSE), [attainment_of("response", good, total)])

    assert (line.earned_pence, line.applied_pence, reason(line)) == (pence, pence, why)


def test_r48_a_target_without_verdicts_has_a_line_that_earns_nothing() -> None:
    (line,) = lines(agreement_with_credits(RESPONSE), [])

    assert (line.judgement, line.applied_pence) == ("no volume", 0)


def test_r48_a_shortfall_below_the_first_band_is_tolerated() -> None:
    tolerant = agreement_with_credits(RESPONSE, credits=[credit("response", bands=BANDS[1:])])

    (short,) = lines(tolerant, [attainment_of("response", 90_001, 100_000)])

    assert short.applied_pence == 0
    assert reason(short) == "4.999 percentage points below 95%, less than the first band"
    assert applied(lines(tolerant, [attainment_of("response", 90, 100)])) == [5_000]


@pytest.mark.parametrize(
    ("good", "total", "pence"),
    [
        (0, 4, 0),  # four are too few to judge
        (0, 5, 10_000),
        (3, 5, 0),  # two misses are always allowed
        (2, 5, 10_000),
    ],
)
def test_r48_below_the_minimum_sample_or_within_the_floor_of_misses_nothing_is_credited(
    good: int, total: int, pence: int
) -> None:
    objective = Objective(percent="95", minimum_sample=5, misses_always_allowed=2)

    found = lines(
        agreement_with_credits(target("response", objective=objective)), [attainment_of("response", good, total)]
    )

    assert applied(found) == [pence]


def test_r48_an_objective_weighed_by_value_falls_short_by_value() -> None:
    by_value = agreement_with_credits(target("response", objective=Objective(percent="95", weighted_by="value")))

    (line,) = lines(by_value, [attainment_of("response", 99, 100, pence=(75_00, 100_00))])

    assert reason(line) == "20 percentage points below 95%: 10% of £1,000.00"


@pytest.mark.parametrize(
    ("credit_", "charge", "pence"),
    [
        (percent("2.5"), 100, 3),  # 2.5p
        (percent("2.5"), 99, 2),  # 2.475p
        (percent("2.499"), 100, 2),
        (percent("0.001"), 49_999, 0),  # 0.49999p
        (percent("0.001"), 50_000, 1),  # 0.5p
        (gbp("1.005"), 10_000, 101),
        (gbp("1.0049"), 10_000, 100),
        (ServicePoints(points=3), 10_000, 38),  # at 12.5p each: 37.5p
    ],
)
def test_r48_a_credit_is_rounded_half_up_once_a_line(credit_: Credit, charge: int, pence: int) -> None:
    agreement = agreement_with_credits(
        RESPONSE, credits=[credit("response", bands=[Band(shortfall_from="0", credit=credit_)])], point_gbp="0.125"
    )

    assert applied(lines(agreement, [attainment_of("response", *UTTERLY)], {"ict": charge})) == [pence]


@pytest.mark.parametrize(
    ("credit_", "reason_text"),
    [
        (percent("2.50"), "2.5% of £1,000.00"),
        (gbp("12.5"), "£12.50"),
        (ServicePoints(points=1), "1 point of £0.125"),
        (ServicePoints(points=3), "3 points of £0.125"),
    ],
)
def test_a_credits_reason_shows_its_computation(credit_: Credit, reason_text: str) -> None:
    bands = [Band(shortfall_from="0", credit=credit_)]
    agreement = agreement_with_credits(RESPONSE, credits=[credit("response", bands=bands)], point_gbp="0.125")

    (line,) = lines(agreement, [attainment_of("response", *UTTERLY)])

    assert reason(line) == f"95 percentage points below 95%: {reason_text}"


def test_r48_targets_that_fail_from_one_cause_are_credited_once_by_the_largest() -> None:
    agreement = agreement_with_credits(
        RESPONSE,
        RESOLUTION,
        UPDATES,
        credits=[credit("response", cause="desk"), credit("resolution", cause="desk"), credit("updates")],
    )

    found = lines(
        agreement,
        [
            attainment_of("response", *A_LITTLE),
            attainment_of("resolution", *A_LOT),
            attainment_of("updates", *A_LITTLE),
        ],
    )

    assert applied(found) == [0, 5_000, 2_000]
    assert found[0].reductions == (Reduction("cause", 2_000),)
    assert reason(found[0]).endswith("; £20.00 forgone: another target of the same cause is credited")


def test_r48_of_equals_with_one_cause_the_first_is_credited() -> None:
    agreement = agreement_with_credits(
        RESPONSE, RESOLUTION, credits=[credit("response", cause="desk"), credit("resolution", cause="desk")]
    )

    assert applied(lines(agreement, [attainment_of("response", *A_LOT), attainment_of("resolution", *A_LOT)])) == [
        5_000,
        0,
    ]


def test_r48_the_same_cause_at_two_services_is_two_causes() -> None:
    every = [target("response", "*"), target("resolution", "*")]
    agreement = agreement_with_credits(*every, credits=[credit(each.id, cause="desk") for each in every])
    charges = {"ict": 100_000, "payroll": 10_000}
    attained = [attainment_of(each.id, *A_LOT, service=service) for each in every for service in charges]

    found = lines(agreement, attained, charges)

    assert [(line.target, line.service, line.applied_pence) for line in found] == [
        ("response", "ict", 5_000),
        ("response", "payroll", 500),
        ("resolution", "ict", 0),
        ("resolution", "payroll", 0),
    ]


@pytest.mark.parametrize(
    ("cap", "pence"),
    [
        (None, [5_000, 10_000]),
        (percent("15"), [5_000, 10_000]),  # exactly their sum
        (percent("14.999"), [5_000, 9_999]),  # 14,999: 4,999⅔ and 9,999⅓
        (percent("3"), [1_000, 2_000]),
        (gbp("0.02"), [1, 1]),  # ⅔ and 1⅓: the spare penny goes to the larger remainder
        (gbp("0.029"), [1, 1]),  # a cap is rounded down to the penny, never rounded up
    ],
)
def test_r48_a_cap_on_the_services_month_reduces_its_lines_in_proportion(cap: Cap | None, pence: list[int]) -> None:
    agreement = agreement_with_credits(RESPONSE, RESOLUTION, service_month=cap)

    found = lines(agreement, [attainment_of("response", *A_LOT), attainment_of("resolution", *UTTERLY)])

    assert applied(found) == pence
    assert [line.earned_pence for line in found] == [5_000, 10_000]
    assert sum(line.forgone_pence for line in found) == 15_000 - sum(pence)


def test_r48_each_service_has_its_own_cap() -> None:
    agreement = agreement_with_credits(RESPONSE, target("pay", "payroll"), service_month=percent("4"))

    found = lines(
        agreement,
        [attainment_of("response", *UTTERLY), attainment_of("pay", *A_LITTLE, service="payroll")],
        {"ict": 100_000, "payroll": 50_000},
    )

    assert applied(found) == [4_000, 1_000]


def test_r48_no_credit_is_more_than_the_services_charge() -> None:
    agreement = agreement_with_credits(
        RESPONSE, credits=[credit("response", bands=[Band(shortfall_from="0", credit=gbp("100.00"))])]
    )

    (line,) = lines(agreement, [attainment_of("response", *UTTERLY)], {"ict": 4_321})

    assert (line.earned_pence, line.applied_pence, line.reductions) == (10_000, 4_321, (Reduction("charge", 5_679),))


def test_r48_a_service_that_was_not_charged_credits_nothing() -> None:
    assert applied(lines(agreement_with_credits(RESPONSE), [attainment_of("response", *UTTERLY)], {})) == [0]


def test_r48_the_councils_month_is_capped_after_the_services_and_the_year_after_that() -> None:
    agreement = agreement_with_credits(
        RESPONSE,
        target("pay", "payroll"),
        service_month=percent("8"),
        council_month=percent("6"),
        year_gbp="100.00",
    )
    charges = {"ict": 100_000, "payroll": 50_000}
    attained = [attainment_of("response", *UTTERLY), attainment_of("pay", *UTTERLY, service="payroll")]

    ict, payroll = lines(agreement, attained, charges, before=4_000)

    # £100 and £50; services' caps £80 and £40; council's cap £90; £60 are left of the year's £100.
    assert ict.reductions == (
        Reduction("service-month", 2_000),
        Reduction("council-month", 2_000),
        Reduction("agreement-year", 2_000),
    )
    assert payroll.reductions == (
        Reduction("service-month", 1_000),
        Reduction("council-month", 1_000),
        Reduction("agreement-year", 1_000),
    )
    assert (ict.applied_pence, payroll.applied_pence) == (4_000, 2_000)
    assert reason(ict) == (
        "95 percentage points below 95%: 10% of £1,000.00; £20.00 forgone: the cap on the service's month; "
        "£20.00 forgone: the cap on the council's month; £20.00 forgone: the cap on the agreement's year"
    )


@pytest.mark.parametrize(
    ("before", "pence"), [(0, 10_000), (90_000, 10_000), (90_001, 9_999), (100_000, 0), (100_001, 0)]
)
def test_r48_credits_of_earlier_months_count_towards_the_years_cap(before: int, pence: int) -> None:
    agreement = agreement_with_credits(RESPONSE, year_gbp="1000.00")

    assert applied(lines(agreement, [attainment_of("response", *UTTERLY)], before=before)) == [pence]


@pytest.mark.parametrize(
    ("first", "month", "start"),
    [
        ("2024-04", "2026-04", "2026-04"),
        ("2024-04", "2026-03", "2025-04"),
        ("2024-04", "2024-12", "2024-04"),
        ("2023-11", "2026-10", "2025-11"),
        ("2023-01", "2026-12", "2026-01"),
    ],
)
def test_r48_an_agreements_year_begins_where_its_first_month_did(first: str, month: str, start: str) -> None:
    assert str(year_start(Month.parse(first), Month.parse(month))) == start


def test_an_agreement_without_credits_has_no_lines() -> None:
    agreement = Agreement(id="a", council="ashby", provider="joint", title="A", targets=(RESPONSE,))

    assert lines(agreement, [attainment_of("response", *UTTERLY)]) == ()

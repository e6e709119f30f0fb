"""What holds of all service credits. What is booked of them later: tests/unit/billing/test_corrections.py."""

import random
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from billing.domain.credits.attainment import TargetAttainment, shortfall
from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.earned import credit_lines
from billing.domain.credits.limits import cap_pence
from shared.contracts.credits import Band, Cap, FixedAmount, PercentOfCharge
from shared.contracts.definitions import Agreement, Objective
from shared.contracts.objectives import Judgement, judge
from shared.period import Month
from sla_monitor.domain.attainment import misses_remaining
from tests.support.credits import agreement_with_credits, attainment_of, credit, target
from tests.support.laws import law

MAY = Month(2026, 5)
SERVICES = {"one": "ict", "two": "ict", "three": "ict", "pay": "payroll", "staff": "payroll"}

thousandths = st.integers(1, 100_000).map(lambda parts: f"{Decimal(parts) / 1000:f}")
pounds = st.integers(1, 10**6).map(lambda tenths: f"{Decimal(tenths) / 1000:f}")
caps: st.SearchStrategy[Cap | None] = st.one_of(
    st.none(), st.builds(PercentOfCharge, percent=thousandths), st.builds(FixedAmount, gbp=pounds)
)
charges = st.fixed_dictionaries({"ict": st.integers(0, 10**7), "payroll": st.integers(0, 10**7)})
counts = st.integers(0, 200).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))
attained = st.fixed_dictionaries(dict.fromkeys(SERVICES, counts)).map(
    lambda found: [attainment_of(name, *figures, service=SERVICES[name]) for name, figures in found.items()]
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Band, ...]:
    """Bands that ascend and meet, in one kind, with no smaller credit for a larger shortfall."""
    bounds = sorted(draw(st.sets(st.integers(0, 94_999), min_size=1, max_size=4)))
    in_pounds = draw(st.booleans())
    sizes = sorted(draw(st.lists(st.integers(1, 100_000), min_size=len(bounds), max_size=len(bounds))))
    texts = [f"{Decimal(size) / 1000:f}" for size in sizes]
    points = [f"{Decimal(bound) / 1000:f}" for bound in bounds]
    return tuple(
        Band(
            shortfall_from=begins,
            shortfall_below=below,
            credit=FixedAmount(gbp=text) if in_pounds else PercentOfCharge(percent=text),
        )
        for begins, below, text in zip(points, [*points[1:], None], texts, strict=True)
    )


@st.composite
def agreements(draw: st.DrawFn) -> Agreement:
    """Five targets of two services, some of one cause, under any caps."""
    causes = st.sampled_from([None, "desk"])
    return agreement_with_credits(
        *(target(name, service) for name, service in SERVICES.items()),
        credits=[credit(name, bands=draw(tables()), cause=draw(causes)) for name in SERVICES],
        service_month=draw(caps),
        council_month=draw(caps),
        year_gbp=draw(st.one_of(st.none(), pounds)),
    )


def total(lines: tuple[CreditLine, ...], service: str | None = None) -> int:
    return sum(line.applied_pence for line in lines if service in {None, line.service})


@law
@given(agreement=agreements(), found=attained, charged=charges, before=st.integers(0, 2 * 10**5))
def test_no_credit_passes_a_cap_or_the_charge_or_falls_below_nothing(
    agreement: Agreement, found: list[TargetAttainment], charged: dict[str, int], before: int
) -> None:
    lines = credit_lines(agreement, found, charged, month=MAY, credited_before_pence=before)

    terms = agreement.credits
    assert terms is not None
    assert all(0 <= line.applied_pence <= line.earned_pence for line in lines)
    assert all(line.applied_pence + line.forgone_pence == line.earned_pence for line in lines)
    for service, charge in charged.items():
        most = cap_pence(terms.service_month_cap, charge)
        assert total(lines, service) <= min(charge, charge if most is None else most)
    most = cap_pence(terms.council_month_cap, sum(charged.values()))
    assert most is None or total(lines) <= most
    if terms.agreement_year_cap_gbp is not None:
        assert total(lines) == 0 or before + total(lines) <= Decimal(terms.agreement_year_cap_gbp) * 100


@law
@given(
    agreement=agreements(),
    found=attained,
    charged=charges,
    before=st.integers(0, 2 * 10**5),
    which=st.integers(0, len(SERVICES) - 1),
    misses=st.integers(1, 50),
)
def test_a_worse_month_never_earns_less(
    agreement: Agreement, found: list[TargetAttainment], charged: dict[str, int], before: int, which: int, misses: int
) -> None:
    worse = list(found)
    worse[which] = replace(found[which], good=max(found[which].good - misses, 0))

    was = credit_lines(agreement, found, charged, month=MAY, credited_before_pence=before)
    now = credit_lines(agreement, worse, charged, month=MAY, credited_before_pence=before)

    assert total(now) >= total(was)


@law
@given(agreement=agreements(), found=attained, charged=charges, chance=st.randoms(use_true_random=False))
def test_the_order_of_attainments_changes_nothing(
    agreement: Agreement, found: list[TargetAttainment], charged: dict[str, int], chance: random.Random
) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)

    assert credit_lines(agreement, shuffled, charged, month=MAY) == credit_lines(agreement, found, charged, month=MAY)


objectives = st.builds(
    Objective,
    percent=thousandths,
    weighted_by=st.sampled_from(["count", "value"]),
    minimum_sample=st.integers(0, 10),
    misses_always_allowed=st.integers(0, 5),
)


@law
@given(objective=objectives, figures=counts, pence=counts)
def test_a_month_falls_short_in_billing_exactly_when_the_monitor_shows_too_many_misses(
    objective: Objective, figures: tuple[int, int], pence: tuple[int, int]
) -> None:
    attained = attainment_of("one", *figures, pence=pence)
    judgement = judge(attained, objective)

    if judgement in {Judgement.MET, Judgement.MISSED}:
        assert (misses_remaining(attained, objective) < 0) == (judgement is Judgement.MISSED)
    if judgement is Judgement.MISSED:
        assert shortfall(attained, objective).parts_of_total > 0

"""Small promises of service credits. Every figure is made up."""

from collections.abc import Sequence
from datetime import date

from billing.domain.credits.attained import Attained
from shared.contracts.credits import Band, Cap, FixedSum, PercentOfCharge, ServiceCredits, TargetCredit
from shared.contracts.definitions import Agreement, Objective, Target
from tests.support.recharges import ASHBY, PROVIDER

AGREEMENT = f"{ASHBY.id}-agreement"
NINETY_FIVE = Objective(percent="95")


def percent(size: str) -> PercentOfCharge:
    """A share of the charge."""
    return PercentOfCharge(percent=size)


def gbp(sum_: str) -> FixedSum:
    """A fixed sum."""
    return FixedSum(gbp=sum_)


# 2% of the charge for up to 5 points short, 5% for up to 20, 10% for more.
BANDS = (
    Band(shortfall_from="0", shortfall_below="5", credit=percent("2")),
    Band(shortfall_from="5", shortfall_below="20", credit=percent("5")),
    Band(shortfall_from="20", credit=percent("10")),
)


def target(name: str, service: str = "ict", objective: Objective | None = NINETY_FIVE) -> Target:
    """A promise of 95% about ICT."""
    return Target(id=name, service=service, measure="response-time", within="4 hours", objective=objective)


def credit(name: str, *, bands: Sequence[Band] = BANDS, cause: str | None = None) -> TargetCredit:
    """What missing a target gives."""
    return TargetCredit(target=name, bands=tuple(bands), cause=cause)


def promising(
    *targets: Target,
    credits: Sequence[TargetCredit] = (),
    tariffs: tuple[str, ...] = (),
    since: str = "2020-01-01",
    point_gbp: str | None = None,
    service_month: Cap | None = None,
    council_month: Cap | None = None,
    year_gbp: str | None = None,
) -> Agreement:
    """Ashby's agreement with credits for every target, or for those named."""
    return Agreement(
        id=AGREEMENT,
        council=ASHBY.id,
        provider=PROVIDER.id,
        title="Shared services",
        effective_from=date.fromisoformat(since),
        targets=targets,
        tariffs=tariffs,
        credits=ServiceCredits(
            targets=tuple(credits) or tuple(credit(each.id) for each in targets),
            point_gbp=point_gbp,
            service_month_cap=service_month,
            council_month_cap=council_month,
            agreement_year_cap_gbp=year_gbp,
        ),
    )


def kept(name: str, good: int, total: int, *, service: str = "ict", pence: tuple[int, int] = (0, 0)) -> Attained:
    """`good` of `total` promises."""
    return Attained(AGREEMENT, service, name, good, total, *pence)

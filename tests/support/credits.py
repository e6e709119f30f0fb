"""Small agreements with service credits, and verdicts on their targets. Every figure is made up."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from billing.domain.credits.attainment import TargetAttainment
from shared.contracts.credits import Band, Cap, FixedAmount, PercentOfCharge, ServiceCredits, TargetCredit
from shared.contracts.definitions import Agreement, Measure, Objective, Target
from shared.contracts.verdicts import (
    CorrectedData,
    Outcome,
    RetractedData,
    TargetBreached,
    TargetMet,
    VerdictCorrected,
    VerdictData,
    VerdictRetracted,
    WarningData,
    WarningReached,
)
from tests.support.recharges import ASHBY, PROVIDER

AGREEMENT = f"{ASHBY.id}-agreement"
NINETY_FIVE = Objective(percent="95")
MAY_DAY = "2026-05-07T12:00:00+00:00"  # a Thursday
VERDICT_FIELDS: dict[str, Any] = {
    "service": "ict",
    "target": "ict-response",
    "stream": "ticket",
    "measure": "response-time",
    "agreement": AGREEMENT,
    "agreement_version": 1,
    "month": "2026-05",
}


def percent(size: str) -> PercentOfCharge:
    """A share of the charge."""
    return PercentOfCharge(percent=size)


def gbp(sum_: str) -> FixedAmount:
    """A fixed sum."""
    return FixedAmount(gbp=sum_)


# 2% of the charge for up to 5 points short, 5% for up to 20, 10% for more.
BANDS = (
    Band(shortfall_from="0", shortfall_below="5", credit=percent("2")),
    Band(shortfall_from="5", shortfall_below="20", credit=percent("5")),
    Band(shortfall_from="20", credit=percent("10")),
)


def target(
    name: str, service: str = "ict", objective: Objective = NINETY_FIVE, *, measure: Measure = "response-time"
) -> Target:
    """A target of ICT with an objective of 95%."""
    return Target(id=name, service=service, measure=measure, within="4 hours", objective=objective)


def credit(name: str, *, bands: Sequence[Band] = BANDS, cause: str | None = None) -> TargetCredit:
    """The credit for missing a target."""
    return TargetCredit(target=name, bands=tuple(bands), cause=cause)


def agreement_with_credits(
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


def attainment_of(
    name: str, good: int, total: int, *, service: str = "ict", pence: tuple[int, int] = (0, 0)
) -> TargetAttainment:
    """`good` of `total` items met the target."""
    return TargetAttainment(good, total, *pence, agreement=AGREEMENT, service=service, target=name)


def met(item: str, *, at: str = MAY_DAY, id: str | None = None, **about: Any) -> TargetMet:
    """An item met its target; `at` is an instant, `month` that in which it counts."""
    return TargetMet(
        **_envelope(id or f"{item}-met", item, at), data=VerdictData(**VERDICT_FIELDS | about, outcome="met")
    )


def breached(item: str, *, at: str = MAY_DAY, id: str | None = None, **about: Any) -> TargetBreached:
    """An item missed its target."""
    data = VerdictData(**VERDICT_FIELDS | about, outcome="breached")
    return TargetBreached(**_envelope(id or f"{item}-breached", item, at), data=data)


def corrected(item: str, outcome: Outcome, *, id: str | None = None, **about: Any) -> VerdictCorrected:
    """An earlier verdict is corrected."""
    was: Outcome = "breached" if outcome == "met" else "met"
    fields = VERDICT_FIELDS | about
    data = CorrectedData(**fields, outcome=outcome, was=was, was_month=fields["month"], cause="late-fact")
    return VerdictCorrected(**_envelope(id or f"{item}-corrected", item, MAY_DAY), data=data)


def retracted(item: str, *, id: str | None = None, **about: Any) -> VerdictRetracted:
    """An earlier verdict is retracted."""
    fields = VERDICT_FIELDS | about
    was_month = fields.pop("month")
    data = RetractedData(**fields, was="breached", was_month=was_month, cause="late-fact")
    return VerdictRetracted(**_envelope(id or f"{item}-retracted", item, MAY_DAY), data=data)


def warned(item: str) -> WarningReached:
    """Three quarters of the allowance are used up."""
    fields = {name: value for name, value in VERDICT_FIELDS.items() if name != "month"}
    return WarningReached(**_envelope(f"{item}-warned", item, MAY_DAY), data=WarningData(**fields, percent=75))


def _envelope(id_: str, item: str, at: str) -> dict[str, Any]:
    return {
        "id": id_,
        "source": "/sla-monitor",
        "time": datetime.fromisoformat(at).astimezone(UTC),
        "subject": item,
        "council": ASHBY.id,
    }

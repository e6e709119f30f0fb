"""The service credits of a statement in the words and figures that its page and its PDF show."""

from dataclasses import dataclass

from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.reason import LIMITS, earned
from billing.domain.credits.rectification import RectificationPlan
from billing.domain.statement import Statement
from shared.money import format_gbp
from shared.web.formats import long_date, month_name, whole_number
from shared.web.strings import text


@dataclass(frozen=True, slots=True)
class CreditRow:
    """One target's month: its result, what that earned, by how much limits reduced it, what is credited."""

    label: str
    result: str
    reason: str
    earned: str
    limits: tuple[str, ...]
    credit: str
    ref: str


@dataclass(frozen=True, slots=True)
class CreditsView:
    """The table of service credits, and the lines that they add to the table of totals."""

    charges: str
    rows: tuple[CreditRow, ...]
    total: str
    taken_off: str
    plans: tuple[str, ...]


def credits_view(statement: Statement) -> CreditsView | None:
    """The view; None where no agreement has credits."""
    if not statement.credits:
        return None
    return CreditsView(
        charges=format_gbp(statement.charges_pence),
        rows=tuple(_row(line, label) for line, label in zip(statement.credits, _labels(statement), strict=True)),
        total=format_gbp(statement.credits_pence),
        taken_off=format_gbp(-statement.credits_pence),
        plans=tuple(_plan(plan, statement) for plan in statement.plans),
    )


def _plan(plan: RectificationPlan, statement: Statement) -> str:
    titles = {agreement.id: agreement.title for agreement in statement.agreements}
    return text(
        "statement.rectification_plan",
        agreement=titles.get(plan.agreement, plan.agreement),
        points=whole_number(plan.points),
        agreed=whole_number(plan.points_agreed),
        month=month_name(plan.reached_in),
        due=long_date(plan.due_on),
    )


def _labels(statement: Statement) -> list[str]:
    """Of each credit its service and target, with the agreement where another one has a target of that id too."""
    services = {charges.service.id: charges.service.name for charges in statement.services}
    titles = {agreement.id: agreement.title for agreement in statement.agreements}
    plain = [f"{services.get(line.service, line.service)}: {line.target}" for line in statement.credits]
    return [
        label
        if plain.count(label) == 1
        else text("statement.of_agreement", row=label, agreement=titles.get(line.agreement, line.agreement))
        for label, line in zip(plain, statement.credits, strict=True)
    ]


def _row(line: CreditLine, label: str) -> CreditRow:
    reductions = tuple(
        text("statement.reduction", amount=format_gbp(reduction.pence), limit=LIMITS[reduction.limit])
        for reduction in line.reductions
    )
    return CreditRow(
        label=label,
        result=text("statement.credit_result", attained=_attained(line), percent=line.objective.percent),
        reason=earned(line),
        earned=format_gbp(line.earned_pence),
        limits=reductions or (text("statement.no_reductions"),),
        credit=format_gbp(line.applied_pence),
        ref=line.ref,
    )


def _attained(line: CreditLine) -> str:
    write = format_gbp if line.objective.weighted_by == "value" else whole_number
    share = line.attained.weighed(line.objective)
    return text("statement.attained", good=write(share.good), total=write(share.total))

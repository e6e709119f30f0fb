"""The service credits of a statement in the words and figures that its page and its PDF show."""

from dataclasses import dataclass

from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.reason import LIMITS, earned
from billing.domain.statement import Statement
from shared.money import format_gbp
from shared.web.formats import whole_number
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


def credits_view(statement: Statement) -> CreditsView | None:
    """The view; None where no agreement has credits."""
    if not statement.credits:
        return None
    names = {charges.service.id: charges.service.name for charges in statement.services}
    return CreditsView(
        charges=format_gbp(statement.charges_pence),
        rows=tuple(_row(line, names.get(line.service, line.service)) for line in statement.credits),
        total=format_gbp(statement.credits_pence),
        taken_off=format_gbp(-statement.credits_pence),
    )


def _row(line: CreditLine, service: str) -> CreditRow:
    reductions = tuple(
        text("statement.reduction", amount=format_gbp(reduction.pence), limit=LIMITS[reduction.limit])
        for reduction in line.reductions
    )
    return CreditRow(
        label=f"{service}: {line.target}",
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

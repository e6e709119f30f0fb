"""Repeated failures and the plan to put things right: what a month's credits take from the months before it.

A target that is missed again within so many months credits twice its band. The service points of an agreement's year
are counted, before any cap; with the month in which they reach the agreed number a rectification plan falls due.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from billing.domain.credits.credit_line import CreditLine
from shared.contracts.credits import ServiceCredits, TargetCredit
from shared.period import Month

# The credits of one agreement in an earlier month.
MonthOfCredits = tuple[Month, Sequence[CreditLine]]


@dataclass(frozen=True, slots=True)
class RectificationPlan:
    """The provider's plan for an agreement, due by the end of `due_on`.

    `reached_in` is the month in which the points of the agreement's year came to the `points_agreed`; `points` are
    those of the year so far.
    """

    agreement: str
    points: int
    points_agreed: int
    reached_in: Month
    due_on: date


def is_repeated(credited: TargetCredit, service: str, month: Month, earlier: Iterable[MonthOfCredits]) -> bool:
    """Whether the target earned credits for the service in one of the months before that make a failure a repeat."""
    if credited.repeated_within_months is None:
        return False
    since = month.earlier(credited.repeated_within_months)
    return any(
        line.target == credited.target and line.service == service and line.band is not None
        for of_month, lines in earlier
        if since <= of_month < month
        for line in lines
    )


def rectification_plan(
    agreement: str, terms: ServiceCredits, year: Sequence[MonthOfCredits]
) -> RectificationPlan | None:
    """The plan that the year's months, ascending, have made due; None before their points are enough."""
    if terms.rectification is None:
        return None
    points, reached_in = 0, None
    for month, lines in year:
        points += sum(line.points for line in lines)
        if reached_in is None and points >= terms.rectification.points:
            reached_in = month
    if reached_in is None:
        return None
    last_day = reached_in.next.first_day - timedelta(days=1)
    due_on = last_day + timedelta(days=terms.rectification.due_days)
    return RectificationPlan(agreement, points, terms.rectification.points, reached_in, due_on)

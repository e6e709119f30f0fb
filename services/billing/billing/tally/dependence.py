"""On which earlier months a statement depends: its tally holds their statements, whole."""

from collections.abc import Sequence

from billing.domain.credits.credit_line import CreditLine
from billing.domain.statement import counts_points, earlier_months, needs_its_year
from billing.domain.terms import Terms, closing_day
from shared.period import Month


def months_needed(terms: Terms, council: str, month: Month, credits: Sequence[CreditLine] = ()) -> tuple[Month, ...]:
    """The months before, ascending, that had a statement and count in this one: by a year's terms, cap or points.

    Without those, and where none of the month's `credits` was earned, no earlier month changes anything. One that was
    earned may have come to nothing by what earlier months used up of a cap.
    """
    is_earned = any(line.earned_pence for line in credits)
    if not (is_earned or needs_its_year(terms, council, month) or counts_points(terms, council, month)):
        return ()
    return tuple(before for before in earlier_months(terms, council, month) if _has_statement(terms, council, before))


def _has_statement(terms: Terms, council: str, month: Month) -> bool:
    is_known = terms.councils.on(council, closing_day(month)) is not None
    return is_known and bool(terms.agreements_in(council, month))

"""On which earlier months a statement depends: its tally holds their statements, whole."""

from billing.domain.statement import counts_points, earlier_months, needs_its_year
from billing.domain.terms import Terms, closing_day
from shared.period import Month


def months_needed(terms: Terms, council: str, month: Month, *, has_credits: bool) -> tuple[Month, ...]:
    """The months before, ascending, that had a statement and count in this one: by a year's terms, cap or points.

    Without those and without a credit no earlier month changes anything.
    """
    if not (has_credits or needs_its_year(terms, council, month) or counts_points(terms, council, month)):
        return ()
    return tuple(before for before in earlier_months(terms, council, month) if _has_statement(terms, council, before))


def _has_statement(terms: Terms, council: str, month: Month) -> bool:
    is_known = terms.councils.on(council, closing_day(month)) is not None
    return is_known and bool(terms.agreements_in(council, month))

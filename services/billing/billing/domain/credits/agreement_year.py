"""The years of agreements, on which credits are capped: twelve months from the month in which an agreement began."""

from billing.domain.terms import Terms
from shared.period import Month, month_of_day, months_between


def year_start(first: Month, month: Month) -> Month:
    """The first month of the agreement's year that holds `month`; `first` is the first of the agreement."""
    return Month(month.year - (month.month < first.month), first.month)


def first_month(terms: Terms, agreement: str) -> Month:
    """The month in which the earliest version of a known agreement takes effect."""
    return month_of_day(min(version.definition.effective_from for version in terms.agreements.of(agreement)))


def months_before(terms: Terms, council: str, month: Month) -> tuple[Month, ...]:
    """The earlier months whose credits count towards a year's cap that holds in `month`, ascending."""
    starts = []
    for agreement in terms.agreements_in(council, month):
        credits = agreement.definition.credits
        if credits is not None and credits.agreement_year_cap_gbp is not None:
            first = first_month(terms, agreement.definition.id)
            starts.append(max(first, year_start(first, month)))
    return tuple(months_between(min(starts), month)) if starts else ()

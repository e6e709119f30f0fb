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
    """The earlier months whose credits count in `month`, ascending.

    Those of the year where its cap or its points count, and before them those by which a failure is a repeat.
    """
    starts = []
    for agreement in terms.agreements_in(council, month):
        credits = agreement.definition.credits
        if credits is None:
            continue
        first = first_month(terms, agreement.definition.id)
        over_a_year = credits.agreement_year_cap_gbp is not None or credits.rectification is not None
        since = year_start(first, month) if over_a_year else month
        repeats = max((each.repeated_within_months or 0 for each in credits.targets), default=0)
        starts.append(max(first, since.earlier(repeats)))
    return tuple(months_between(min(starts), month)) if starts else ()

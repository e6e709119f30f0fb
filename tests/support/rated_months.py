"""Months rated one after another from their inputs, for laws about corrections."""

from collections.abc import Mapping

from billing.domain.corrections import BookedAmount, MonthInputs, MonthNotRated, bookings_of, statement_from
from billing.domain.statement import NoAgreement, Statement, UnknownCouncil, earlier_months
from billing.domain.terms import Terms
from shared.period import Month


def rated(terms: Terms, council: str, inputs: Mapping[Month, MonthInputs]) -> dict[Month, tuple[BookedAmount, ...]]:
    """What each month comes to as it is known now; a month without a statement comes to nothing.

    Each is rated after those before it, as its own statement would be. Raises `MonthNotRated` where a month depends on
    an earlier one that has no inputs, and `LineFailed`.
    """
    statements: list[Statement] = []
    found: dict[Month, tuple[BookedAmount, ...]] = {}
    for month in sorted(inputs):
        missing = [each for each in earlier_months(terms, council, month) if each not in inputs and each < month]
        if missing:
            raise MonthNotRated(f"{month} depends on {missing[0]}, which is not rated")
        try:
            statement = statement_from(terms, council, month, inputs[month], earlier=statements)
        except (UnknownCouncil, NoAgreement):
            found[month] = ()
            continue
        statements.append(statement)
        found[month] = tuple(bookings_of(statement))
    return found

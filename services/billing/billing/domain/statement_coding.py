"""The finance codes of a statement's lines, as the agreements record them; where nothing is recorded there are none."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from billing.domain.charge_line import ChargeLine
from billing.domain.coding import LineCoding
from billing.domain.credits.credit_line import CreditLine
from billing.domain.terms import Terms
from shared.contracts.definitions import Agreement


def charges_with_coding(terms: Terms, lines: Iterable[ChargeLine]) -> tuple[ChargeLine, ...]:
    """The lines, each with the codes in force on its last day."""
    return tuple(
        replace(line, coding=recorded_coding(terms, line.agreement, line.service, line.end_day - timedelta(days=1)))
        for line in lines
    )


def credits_with_coding(
    terms: Terms, credits: Iterable[CreditLine], charges: Sequence[ChargeLine], day: date
) -> tuple[CreditLine, ...]:
    """The credits, each booked as the last charge that it reduces; without a charge, as on `day`."""
    last = {(line.agreement, line.service): line.coding for line in charges}
    return tuple(
        replace(
            line,
            coding=last[key]
            if (key := (line.agreement, line.service)) in last
            else recorded_coding(terms, line.agreement, line.service, day),
        )
        for line in credits
    )


def recorded_coding(terms: Terms, agreement: str, service: str, day: date) -> LineCoding | None:
    """Where the council books the service on `day`; None where its agreement names no codes for it."""
    version = terms.agreements.on(agreement, day)
    return None if version is None else line_coding(version.definition, service)


def line_coding(agreement: Agreement, service: str) -> LineCoding | None:
    """Where a version of an agreement books the service; None where it names no codes for it."""
    coded = agreement.coding_of(service)
    if coded is None:
        return None
    return LineCoding(coded.cost_centre or "", coded.ledger_code or "", coded.purchase_order or "", coded.illustrative)

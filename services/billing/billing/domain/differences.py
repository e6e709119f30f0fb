"""Where two ways to a statement do not come to the same: the sums of the database, the rows, and its own arithmetic."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from billing.domain.charge_line import ChargeLine, plain
from billing.domain.credits.credit_line import CreditLine
from billing.domain.formulas import NotAFormula, amount_of
from billing.domain.statement import Statement
from billing.domain.usage import Evidence, UnbilledUsage
from billing.domain.vat import VatCategory
from shared.money import format_gbp
from shared.period import Month

_MISSING = "no such line"


@dataclass(frozen=True, slots=True)
class FigureDifference:
    """One figure that comes out otherwise: `place` is a line's reference or `statement`, `name` says it to people.

    `pence` is what the second way gives less what the statement says: below 0 where the council is charged too much.
    It is 0 where no amount is different, but a quantity or a count of events.
    """

    place: str
    name: str
    figure: str
    stated: str
    found: str
    pence: int = 0

    @property
    def text(self) -> str:
        """The difference in a sentence without its end."""
        return f"{self.name}, {self.figure}: stated {self.stated}, recomputed {self.found}"


@dataclass(frozen=True, slots=True)
class RecomputationResult:
    """How a recomputation of a council's month ended: how many figures differed, and by how many pence in all."""

    council: str
    month: Month
    figures: int
    pence: int
    at: datetime


STATEMENT = "statement"
_WHOLE = (STATEMENT, "the statement")


class _Figure(NamedTuple):
    """A figure as people read it, and its pence where it is an amount that nothing else is the sum of."""

    text: str
    pence: int = 0


# Place, name, figure.
_Key = tuple[str, str, str]


def differences(stated: Statement, recomputed: Statement) -> tuple[FigureDifference, ...]:
    """Every figure of a line, a total or the evidence that is not the same in both; empty where they are equal.

    Items that failed are no part of it: they have no figure.
    """
    first, second = dict(_figures(stated)), dict(_figures(recomputed))
    absent = _Figure(_MISSING)
    keys = [*first, *(key for key in second if key not in first)]
    found = tuple(
        FigureDifference(*key, one.text, other.text, other.pence - one.pence)
        for key in keys
        if (one := first.get(key, absent)) != (other := second.get(key, absent))
    )
    if not found and _content(stated) != _content(recomputed):
        return (FigureDifference(*_WHOLE, "wording or terms", "one text", "another"),)
    return found


def pence_of(found: Iterable[FigureDifference]) -> int:
    """How many pence are in question: each amount that comes out otherwise counts, in whichever direction it does."""
    return sum(abs(each.pence) for each in found)


def arithmetic_differences(statement: Statement) -> tuple[FigureDifference, ...]:
    """Where the statement does not add up: amounts by their formulas, totals by the lines, VAT by category.

    Everything is worked out here from printed figures, and by nothing that made them.
    """
    found = [*_amounts(statement.lines), *_credits(statement.credits), *_totals(statement)]
    return tuple(
        FigureDifference(place, name, figure, format_gbp(stated), format_gbp(pence), pence - stated)
        for place, name, figure, stated, pence in found
        if stated != pence
    ) + tuple(_unreadable(statement.lines))


def _content(statement: Statement) -> object:
    return statement.services, statement.credits, statement.plans, statement.agreements


def _figures(statement: Statement) -> Iterator[tuple[_Key, _Figure]]:
    for line in statement.lines:
        yield (*_of(line), "amount"), _Figure(format_gbp(line.amount_pence), line.amount_pence)
        yield (*_of(line), "quantity"), _Figure(plain(line.quantity))
        yield (*_of(line), "working"), _Figure("; ".join(each.formula for each in line.workings))
    for credit in statement.credits:
        yield (*_of(credit), "credit"), _Figure(format_gbp(credit.applied_pence), -credit.applied_pence)
        share = credit.attained.weighed(credit.objective)
        yield (*_of(credit), "attainment"), _Figure(f"{share.good} of {share.total}")
    for charges in statement.services:
        yield (*_WHOLE, f"events counted for {charges.service.id}"), _Figure(str(charges.events_counted))
    yield (*_WHOLE, "total before VAT"), _Figure(format_gbp(statement.total_pence))
    yield from _evidence(statement.evidence)


def _of(line: ChargeLine | CreditLine) -> tuple[str, str]:
    what = line.charge if isinstance(line, ChargeLine) else f"credit for {line.target}"
    return line.ref, f"{line.service}, {what}"


def _evidence(evidence: Evidence) -> Iterator[tuple[_Key, _Figure]]:
    for field in fields(evidence):
        if field.name != "unbilled":
            yield (*_WHOLE, f"events {field.name}"), _Figure(str(getattr(evidence, field.name)))
    for each in evidence.unbilled:
        if each.reason != "failed":
            yield (*_WHOLE, _unbilled_name(each)), _Figure(f"{each.events} events, {plain(each.quantity)} units")


def _unbilled_name(unbilled: UnbilledUsage) -> str:
    return f"not billed ({unbilled.reason}) of {unbilled.service or 'no known service'}"


# Place, name, figure, pence as stated, pence as found.
_Check = tuple[str, str, str, int, int]


def _amounts(lines: Iterable[ChargeLine]) -> Iterator[_Check]:
    for line in lines:
        try:
            pounds = sum((amount_of(working.formula) for working in line.workings), Fraction(0))
        except NotAFormula:
            continue  # `_unreadable` names it
        yield *_of(line), "amount by its working", line.amount_pence, _nearest(pounds * 100)


def _unreadable(lines: Iterable[ChargeLine]) -> Iterator[FigureDifference]:
    for line in lines:
        for working in line.workings:
            try:
                amount_of(working.formula)
            except NotAFormula:
                yield FigureDifference(*_of(line), "working", working.formula, "cannot be worked out")


def _credits(credits: Iterable[CreditLine]) -> Iterator[_Check]:
    for line in credits:
        left = line.earned_pence
        for reduction in line.reductions:
            left -= reduction.pence
        yield *_of(line), "credit after its limits", line.applied_pence, left


def _totals(statement: Statement) -> Iterator[_Check]:
    charged = 0
    for charges in statement.services:
        of_service = 0
        for line in charges.lines:
            of_service += line.amount_pence
        yield *_WHOLE, f"total of {charges.service.id}", charges.total_pence, of_service
        charged += of_service
    credited = 0
    for credit in statement.credits:
        credited += credit.applied_pence
    yield *_WHOLE, "charges", statement.charges_pence, charged
    yield *_WHOLE, "service credits", statement.credits_pence, credited
    yield *_WHOLE, "total before VAT", statement.total_pence, charged - credited
    payable = charged - credited
    for correction in statement.corrections:
        if correction.settled == "here":
            payable += correction.now_pence - correction.was_pence
    yield *_WHOLE, "payable before VAT", statement.payable_pence, payable
    if statement.gross_pence is not None:
        yield *_WHOLE, "payable with VAT", statement.gross_pence, payable + _vat_pence(statement)


def _vat_pence(statement: Statement) -> int:
    """The VAT of each provider's categories, rounded half up once each, on the sum of the rounded lines."""
    provider_of = {agreement.id: agreement.provider for agreement in statement.agreements}
    nets: defaultdict[tuple[str, str, Decimal], int] = defaultdict(int)
    for line in statement.lines:
        if line.vat is not None:
            nets[provider_of[line.agreement], line.vat.treatment, line.vat.rate_percent] += line.amount_pence
    for credit in statement.credits:
        if credit.vat is not None:
            nets[provider_of[credit.agreement], credit.vat.treatment, credit.vat.rate_percent] -= credit.applied_pence
    return sum(_vat_on(net_pence, key[2]) for key, net_pence in nets.items()) + _corrected_vat_pence(statement)


def _corrected_vat_pence(statement: Statement) -> int:
    """By how much the VAT of each corrected month's categories changes: on all of it now, less on what was booked."""
    booked = {(each.provider, each.month, each.vat): each.net_pence for each in statement.booked_nets}
    changes: defaultdict[tuple[str, Month, VatCategory], int] = defaultdict(int)
    for each in statement.corrections:
        if each.vat is not None and each.settled == "here":
            changes[each.provider, each.month, each.vat] += each.now_pence - each.was_pence
    return sum(
        _vat_on(booked.get(key, 0) + change, key[2].rate_percent) - _vat_on(booked.get(key, 0), key[2].rate_percent)
        for key, change in changes.items()
    )


def _vat_on(net_pence: int, rate_percent: Decimal) -> int:
    return _nearest(Fraction(net_pence) * Fraction(rate_percent) / 100)


def _nearest(exact: Fraction) -> int:
    """The nearest whole number; a half goes away from zero."""
    whole = int(abs(exact) + Fraction(1, 2))
    return whole if exact >= 0 else -whole

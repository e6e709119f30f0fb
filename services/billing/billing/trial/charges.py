"""A document's month, rated by the code that makes statements: its lines, slice by slice, and its credits."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import get_args

from msgspec import Struct

from billing.domain.charge_line import ChargeLine, plain
from billing.domain.credits.attainment import TargetAttainment
from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.earned import credit_lines
from billing.domain.credits.reason import reason
from billing.domain.rating.adjustments import MINIMUM, AdjustmentKind
from billing.domain.rating.charge_kind import YearSoFar
from billing.domain.rating.pipeline import rate
from billing.domain.rating.windows import has_terms_over_a_year
from billing.domain.terms import TariffPeriod
from billing.domain.vat import VatCategory
from billing.trial.document import TariffDocument, TrialUsage
from billing.trial.metered import metered
from shared.contracts.definitions import Agreement, Service, Target
from shared.contracts.versions import DefinitionVersion, in_force
from shared.money import exact_text, pence, plain_gbp
from shared.period import Month, months_between, period_of

COUNCIL, AGREEMENT = "council", "agreement"


class TrialWorking(Struct, frozen=True):
    """A part of a line: how much, at which price, and what that comes to before rounding."""

    label: str
    quantity: str
    rate: str
    formula: str
    exact_gbp: str


class TrialLine(Struct, frozen=True):
    """A line as on a statement; in a slice, `before_pence` is what it came to before, `difference_pence` the rest."""

    charge: str
    kind: str
    tariff_version: int
    first_day: date
    end_day: date
    quantity: str
    unit: str
    narrative: str
    workings: list[TrialWorking]
    exact_gbp: str
    pence: int
    gbp: str
    vat: VatCategory | None
    before_pence: int
    difference_pence: int


class TrialSlice(Struct, frozen=True):
    """The lines of all usage up to the slice, and what it adds to what was rated before it."""

    id: str | None
    is_last: bool
    lines: list[TrialLine]
    total_pence: int
    difference_pence: int


class TrialCredit(Struct, frozen=True):
    """A target's credit: what it earned, what limits took, and what is left."""

    target: str
    judgement: str
    charge_pence: int
    earned_pence: int
    forgone_pence: int
    applied_pence: int
    reason: str


def slices_of(document: TariffDocument) -> list[TrialSlice]:
    """Each slice of the document's month in turn; its usage alone is one slice. None without a month."""
    if document.month is None:
        return []
    parts = [(each.id, each.usage, each.is_last) for each in document.slices]
    if not parts:
        parts = [(None, document.usage or TrialUsage(), True)]
    used = [] if document.before is None else [document.before]
    before = {} if document.before is None else _amounts(_rated(document, used, is_over=False))
    found = []
    for number, (name, usage, flag) in enumerate(parts, start=1):
        used.append(usage)
        is_last = number == len(parts) if flag is None else flag
        lines = _rated(document, used, is_over=is_last)
        found.append(_slice(document, name, lines, before, is_last=is_last))
        before = _amounts(lines)
    return found


def credits_of(document: TariffDocument, slices: Sequence[TrialSlice]) -> list[TrialCredit]:
    """The credits of the document's targets, on what its last slice comes to without a minimum's top-up."""
    if document.credits is None or document.month is None:
        return []
    service = document.versions[0].service
    charge = max(sum(line.pence for line in slices[-1].lines if line.kind != MINIMUM), 0)
    targets = tuple(
        Target(id=each.id, service=service, measure="resolution-time", within="1 day", objective=each.objective)
        for each in document.attained
    )
    agreement = Agreement(
        id=AGREEMENT, council=COUNCIL, provider="provider", title="Trial", targets=targets, credits=document.credits
    )
    attained = [
        TargetAttainment(each.good, each.total, agreement=AGREEMENT, service=service, target=each.id)
        for each in document.attained
    ]
    before = pence(Decimal(document.credited_before_gbp))
    month = Month.parse(document.month)
    lines = credit_lines(agreement, attained, {service: charge}, month=month, credited_before_pence=before)
    return [_credit(line) for line in lines]


def periods_of(document: TariffDocument, month: Month) -> list[TariffPeriod]:
    """The tariff periods of a month, by day: those days of the document's versions on which it is in force."""
    versions = [
        DefinitionVersion(number, each)
        for number, each in enumerate(sorted(document.versions, key=lambda each: each.effective_from), start=1)
    ]
    starts = max(month.first_day, document.starts or date.min)
    ends = min(month.next.first_day, document.ends or date.max)
    spans = (
        (each.version, max(each.first_day, starts), min(each.end_day or date.max, ends)) for each in in_force(versions)
    )
    return [TariffPeriod(AGREEMENT, version, first, end) for version, first, end in spans if first < end]


def first_day_of(document: TariffDocument, month: Month) -> date:
    """The month's first day in force, of which a quantity in all is."""
    periods = periods_of(document, month)
    return periods[0].first_day if periods else month.first_day


def months_read(document: TariffDocument) -> list[Month]:
    """The months that are rated: that of the document, and those of its year before it where the tariff reads them."""
    month = Month.parse(document.month or "")
    over_a_year = any(has_terms_over_a_year(version) for version in document.versions)
    first = period_of(month, "financial-year").first if over_a_year else month
    return months_between(first, month.next)


def _rated(document: TariffDocument, used: Sequence[TrialUsage], *, is_over: bool) -> list[ChargeLine]:
    """The lines of the document's month with all of `used`."""
    months = months_read(document)
    starts = first_day_of(document, months[-1])
    of_year = [period for one in period_of(months[-1], "financial-year").months for period in periods_of(document, one)]
    service = _service(document)
    lines: list[ChargeLine] = []
    for month in months:
        of_month = list(
            rate(
                service,
                metered(document, used, month, starts=starts),
                periods_of(document, month),
                council=COUNCIL,
                month=month,
                year=YearSoFar(of_year, tuple(lines)),
                is_over=is_over or month < months[-1],
            )
        )
        lines += of_month
    return of_month


def _service(document: TariffDocument) -> Service:
    service = document.versions[0].service
    return Service(
        id=service, name=service, group="Trial", unit=document.unit, unit_name=document.unit, counted_by="readings"
    )


def _amounts(lines: Iterable[ChargeLine]) -> dict[str, int]:
    return {line.ref: line.amount_pence for line in lines}


def _slice(
    document: TariffDocument, name: str | None, lines: Sequence[ChargeLine], before: dict[str, int], *, is_last: bool
) -> TrialSlice:
    shown = [_line(document, line, before.get(line.ref, 0)) for line in lines]
    total = sum(line.pence for line in shown)
    return TrialSlice(name, is_last, shown, total, total - sum(before.values()))


def _line(document: TariffDocument, line: ChargeLine, before_pence: int) -> TrialLine:
    vat = document.vat if line.kind in get_args(AdjustmentKind) else document.vat_of(line.charge)
    return TrialLine(
        charge=line.charge,
        kind=line.kind,
        tariff_version=line.tariff_version,
        first_day=line.first_day,
        end_day=line.end_day,
        quantity=plain(line.quantity),
        unit=line.unit,
        narrative=line.narrative,
        workings=[
            TrialWorking(each.label, each.quantity_text, each.rate_text, each.formula, exact_text(each.amount))
            for each in line.workings
        ],
        exact_gbp=exact_text(line.amount_exact),
        pence=line.amount_pence,
        gbp=plain_gbp(line.amount_pence),
        vat=None if vat is None else vat.category,
        before_pence=before_pence,
        difference_pence=line.amount_pence - before_pence,
    )


def _credit(line: CreditLine) -> TrialCredit:
    return TrialCredit(
        target=line.target,
        judgement=line.judgement.value,
        charge_pence=line.charge_pence,
        earned_pence=line.earned_pence,
        forgone_pence=line.forgone_pence,
        applied_pence=line.applied_pence,
        reason=reason(line),
    )

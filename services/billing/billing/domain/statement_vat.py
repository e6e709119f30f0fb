"""The VAT of a statement: how the catalogue treats each line, and the totals of each provider by category.

Which treatment is right is for the councils to say: each line carries what its agreement records, with the reason.
Where nothing is recorded there is no VAT and no total with VAT: neither is guessed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from billing.domain.charge_line import ChargeLine
from billing.domain.credits.credit_line import CreditLine
from billing.domain.issued import BookedNet, CorrectionLine
from billing.domain.terms import Terms
from billing.domain.vat import LineVat, VatCategory, VatTotal, invoices_needed, vat_totals
from shared.contracts.vat import WITHOUT_VAT, VatTreatment
from shared.period import Month


@dataclass(frozen=True, slots=True)
class CorrectedVat:
    """What corrections of a month change in one category: `was_net_pence` was booked, `net_pence` is added to it.

    The VAT is that on all of the month less that on what was booked: so the VAT that all documents state of a month is
    the VAT on what the month comes to, to the penny.
    """

    month: Month
    category: VatCategory
    was_net_pence: int
    net_pence: int

    @property
    def vat_pence(self) -> int:
        """What is added to the month's VAT; below 0 what is taken off."""
        now = VatTotal(self.category, self.was_net_pence + self.net_pence)
        return now.vat_pence - VatTotal(self.category, self.was_net_pence).vat_pence


@dataclass(frozen=True, slots=True)
class ProviderVat:
    """What one provider charges, by category: each provider sends invoices of its own.

    `totals` are of the statement's own month, `corrections` of earlier ones.
    """

    provider: str
    totals: tuple[VatTotal, ...]
    corrections: tuple[CorrectedVat, ...] = ()

    @property
    def rows(self) -> tuple["VatTotal | CorrectedVat", ...]:
        """Its categories, and then those of corrected months."""
        return (*self.totals, *self.corrections)

    @property
    def vat_pence(self) -> int:
        """The VAT of its categories, and what corrections add."""
        return sum(each.vat_pence for each in self.totals) + sum(each.vat_pence for each in self.corrections)

    @property
    def invoices_needed(self) -> int:
        """How many electronic invoices say so; one whose total is below 0 is a credit note."""
        return invoices_needed(self.rows)


@dataclass(frozen=True, slots=True)
class StatementVat:
    """The VAT of each provider, and the services without a recorded treatment, of which none is known."""

    providers: tuple[ProviderVat, ...]
    services_without: tuple[str, ...]

    @property
    def vat_pence(self) -> int | None:
        """The VAT on everything; None while a service has no treatment."""
        return None if self.services_without else sum(each.vat_pence for each in self.providers)

    @property
    def invoices_needed(self) -> int | None:
        """How many electronic invoices the statement needs; None while a service has no treatment."""
        return None if self.services_without else sum(each.invoices_needed for each in self.providers)


def statement_vat(
    charges: Sequence[ChargeLine],
    credits: Sequence[CreditLine],
    provider_of: Mapping[str, str],
    corrections: Sequence[CorrectionLine] = (),
    booked: Sequence[BookedNet] = (),
) -> StatementVat:
    """The VAT on the lines, and on `corrections` of earlier months, of which `booked` was booked before.

    `provider_of` has the provider of each agreement. All `corrections` are counted.
    """
    nets = [(provider_of[line.agreement], line.service, _category(line.vat), line.amount_pence) for line in charges]
    nets += [(provider_of[line.agreement], line.service, _category(line.vat), -line.applied_pence) for line in credits]
    by_provider: dict[str, list[tuple[VatCategory, int]]] = {line.provider: [] for line in corrections if line.vat}
    for provider, _, vat, net_pence in nets:
        if vat is not None:
            by_provider.setdefault(provider, []).append((vat, net_pence))
    changes = _corrected(corrections, booked)
    providers = (
        ProviderVat(provider, vat_totals(of_it), tuple(changes.get(provider, ())))
        for provider, of_it in sorted(by_provider.items())
    )
    without = {service for _, service, vat, _ in nets if vat is None}
    # What was booked without a treatment and is taken back had no VAT: only what stays without one has an unknown VAT.
    without |= {line.service for line in corrections if line.vat is None and line.now_pence}
    return StatementVat(tuple(providers), tuple(sorted(without)))


def _corrected(corrections: Iterable[CorrectionLine], booked: Iterable[BookedNet]) -> dict[str, list[CorrectedVat]]:
    """What corrections change, by provider; of each by month and category."""
    was = {(each.provider, each.month, each.vat): each.net_pence for each in booked}
    change: Counter[tuple[str, Month, VatCategory]] = Counter()
    for line in corrections:
        if line.vat is not None:
            change[line.provider, line.month, line.vat] += line.difference_pence
    found: dict[str, list[CorrectedVat]] = {}
    for key in sorted(change):
        provider, month, category = key
        found.setdefault(provider, []).append(CorrectedVat(month, category, was.get(key, 0), change[key]))
    return found


def _category(vat: LineVat | None) -> VatCategory | None:
    return None if vat is None else vat.category


def charges_with_vat(terms: Terms, lines: Iterable[ChargeLine]) -> tuple[ChargeLine, ...]:
    """The lines, each with the treatment and the rate in force on its last day: a line is one supply."""
    return tuple(
        replace(line, vat=recorded_vat(terms, line.agreement, line.service, line.end_day - timedelta(days=1)))
        for line in lines
    )


def credits_with_vat(
    terms: Terms, credits: Iterable[CreditLine], charges: Sequence[ChargeLine], day: date
) -> tuple[CreditLine, ...]:
    """The credits, each treated as the last charge that it reduces; without a charge, as on `day`."""
    last = {(line.agreement, line.service): line.vat for line in charges}
    return tuple(
        replace(
            line,
            vat=last[key]
            if (key := (line.agreement, line.service)) in last
            else recorded_vat(terms, line.agreement, line.service, day),
        )
        for line in credits
    )


def recorded_vat(terms: Terms, agreement: str, service: str, day: date) -> LineVat | None:
    """How VAT treats the service on `day`; None where no treatment is recorded, or no rate of the provider."""
    version = terms.agreements.on(agreement, day)
    agreed = None if version is None else version.definition
    treated = None if agreed is None else agreed.vat_of(service)
    if agreed is None or treated is None:
        return None
    percent = _rate_percent(terms, agreed.provider, treated.treatment, day)
    return None if percent is None else LineVat(treated.treatment, percent, treated.reason, treated.illustrative)


def _rate_percent(terms: Terms, provider: str, treatment: VatTreatment, day: date) -> Decimal | None:
    """The provider's rate in force on `day`; 0 where no VAT is due."""
    if treatment in WITHOUT_VAT:
        return Decimal(0)
    version = terms.providers.on(provider, day)
    begun = [] if version is None else [each for each in version.definition.vat_rates if each.effective_from <= day]
    return Decimal(begun[-1].percent_of(treatment)) if begun else None

"""A council's statement for a month: a pure function of the catalogue's terms and the month's usage.

Totals are properties, so they are sums of rounded lines and cannot be anything else. Service credits are lines of
their own: they reduce what is payable and no charge, so that no minimum could refund them. The evidence accounts for
every event that was received about the council in the month.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Literal

from billing.domain.charge_line import ChargeLine
from billing.domain.credits.agreement_year import first_month, months_before, year_start
from billing.domain.credits.attainment import TargetAttainment
from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.earned import credit_lines
from billing.domain.credits.rectification import RectificationPlan, rectification_plan
from billing.domain.issued import BookedNet, CorrectionLine, Issued
from billing.domain.meters import MeteredEvent
from billing.domain.rating.adjustments import MINIMUM
from billing.domain.rating.charge_kind import YearSoFar
from billing.domain.rating.pipeline import rate
from billing.domain.rating.windows import APRIL, has_terms_over_a_year, reads_attributes
from billing.domain.rules import RULES_VERSION
from billing.domain.statement_coding import charges_with_coding, credits_with_coding
from billing.domain.statement_vat import StatementVat, charges_with_vat, credits_with_vat, statement_vat
from billing.domain.terms import TariffPeriod, Terms, closing_day
from billing.domain.usage import Evidence, MeteredUsage, Usage, UsageDetail, classify_usage, failed_usage
from shared.contracts.definitions import Agreement, Council, Partnership, Provider, Service, Tariff
from shared.contracts.versions import DefinitionVersion
from shared.faults import did_you_mean
from shared.period import Month, months_between, period_of

# While its month goes on, after that while it is not issued, and for ever. Earlier releases called a draft provisional:
# what they sealed is read as it is.
Status = Literal["in-progress", "draft", "issued", "provisional"]


class UnknownCouncil(LookupError):
    """The catalogue has no council of that id in that month."""


class NoAgreement(LookupError):
    """No agreement of the council is in force on any day of the month, so there is nothing to state."""


@dataclass(frozen=True, slots=True)
class StatementAgreement:
    """An agreement that the statement follows, in its latest version of the month."""

    id: str
    version: int
    title: str
    provider: str
    provider_name: str


@dataclass(frozen=True, slots=True)
class StatementTariff:
    """A version of a tariff that priced lines of the statement."""

    id: str
    version: int
    name: str
    effective_from: date
    illustrative: bool


@dataclass(frozen=True, slots=True)
class ServiceCharges:
    """One service's lines, and the usage they price in `unit`s."""

    service: Service
    events_counted: int
    lines: tuple[ChargeLine, ...]

    @property
    def total_pence(self) -> int:
        """The sum of its lines."""
        return sum(line.amount_pence for line in self.lines)


@dataclass(frozen=True, slots=True)
class Statement:
    """What `council` owes for `month`, and why; `tariffs` are the versions that priced its lines.

    `suppliers` are the providers of its agreements, as they are at the end of the month, and `partnerships` those of
    which it is a member then: no part of what it states. `corrections` are of earlier months, in those
    categories of VAT of which `booked_nets` were booked before; `issued` is None until it is. `rules_version` says by
    which rules of rating it was made.
    """

    council: Council
    month: Month
    status: Status
    agreements: tuple[StatementAgreement, ...]
    services: tuple[ServiceCharges, ...]
    evidence: Evidence
    tariffs: tuple[StatementTariff, ...]
    credits: tuple[CreditLine, ...] = ()
    plans: tuple[RectificationPlan, ...] = ()
    suppliers: tuple[Provider, ...] = ()
    partnerships: tuple[Partnership, ...] = ()
    corrections: tuple[CorrectionLine, ...] = ()
    booked_nets: tuple[BookedNet, ...] = ()
    issued: Issued | None = None
    rules_version: int = RULES_VERSION

    @property
    def lines(self) -> tuple[ChargeLine, ...]:
        """The charge lines of all its services."""
        return tuple(line for charges in self.services for line in charges.lines)

    @property
    def charges_pence(self) -> int:
        """The sum of its services, and so of their lines."""
        return sum(charges.total_pence for charges in self.services)

    @property
    def credits_pence(self) -> int:
        """The sum of its service credits, above 0: it is taken off the charges."""
        return sum(line.applied_pence for line in self.credits)

    def credits_under(self, agreement: str) -> tuple[CreditLine, ...]:
        """Its service credits under one agreement."""
        return tuple(line for line in self.credits if line.agreement == agreement)

    @property
    def total_pence(self) -> int:
        """What the month comes to before VAT: charges less service credits."""
        return self.charges_pence - self.credits_pence

    @property
    def corrections_pence(self) -> int:
        """What corrections of earlier months add to what is payable, before VAT."""
        return sum(line.payable_pence for line in self.corrections)

    @property
    def payable_pence(self) -> int:
        """What is payable before VAT: the month, and corrections of earlier ones."""
        return self.total_pence + self.corrections_pence

    @property
    def vat(self) -> StatementVat:
        """The VAT on its lines, by provider and category."""
        provider_of = {agreement.id: agreement.provider for agreement in self.agreements}
        here = [line for line in self.corrections if line.settled == "here"]
        return statement_vat(self.lines, self.credits, provider_of, here, self.booked_nets)

    @property
    def gross_pence(self) -> int | None:
        """What is payable with VAT; None while a service has no VAT treatment."""
        vat_pence = self.vat.vat_pence
        return None if vat_pence is None else self.payable_pence + vat_pence

    @property
    def illustrative(self) -> bool:
        """Whether any of its prices is an example, not agreed by any council."""
        return any(tariff.illustrative for tariff in self.tariffs)

    @property
    def providers(self) -> tuple[str, ...]:
        """The names of those who deliver, by name."""
        return tuple(sorted({agreement.provider_name for agreement in self.agreements}))


def build_statement(
    terms: Terms,
    council: str,
    month: Month,
    usage: Sequence[Usage],
    *,
    attained: Sequence[TargetAttainment] = (),
    earlier: Sequence[Statement] = (),
    status: Status = "draft",
    failed: Sequence[str] = (),
    details: Mapping[str, Sequence[UsageDetail]] = MappingProxyType({}),
    events: Mapping[str, Sequence[MeteredEvent]] = MappingProxyType({}),
) -> Statement:
    """The statement that follows from `terms` and the council's `usage` and `attained` of the month, in any order.

    `earlier` holds its statements of the months before (`earlier_months`): their lines count towards what holds over
    a financial year, their credits towards a year's cap. `failed` are the items of events that could not be metered:
    they are named, and in no line. `details` are the events behind the usage of each of `services_with_details`,
    `events` those of each of `metered_services`.
    Raises `UnknownCouncil`, `NoAgreement`, `LineFailed`.
    """
    known, agreements = require_agreement(terms, council, month)
    tariff_periods = terms.tariff_periods(council, month)
    usage_by_service, evidence = classify_usage(terms, tariff_periods, usage, month, events)
    year = _year_so_far(terms, tariff_periods, council, month, earlier)
    is_over = status != "in-progress"
    for service, of_service in details.items():
        if service in events:
            continue  # its meter gave them already
        known_usage = usage_by_service.get(service, MeteredUsage())
        usage_by_service[service] = replace(known_usage, details=of_service)
    services = tuple(_charges(terms, tariff_periods, usage_by_service, council, month, year=year, is_over=is_over))
    charged = [line for charges in services for line in charges.lines]
    earned = (
        line
        for agreement in agreements
        for line in _credits(terms, agreement.definition, services, attained, earlier, month=month)
    )
    treated = credits_with_vat(terms, earned, charged, closing_day(month))
    credits = credits_with_coding(terms, treated, charged, closing_day(month))
    return Statement(
        council=known,
        month=month,
        status=status,
        agreements=tuple(_agreement(terms, agreement, month) for agreement in agreements),
        services=services,
        evidence=replace(evidence, unbilled=(*evidence.unbilled, *failed_usage(failed))),
        tariffs=_tariffs(tariff_periods),
        credits=credits,
        plans=tuple(_plans(terms, agreements, credits, earlier, month=month)),
        suppliers=tuple(_suppliers(terms, agreements, month)),
        partnerships=terms.partnerships_of(council, month),
    )


def require_agreement(
    terms: Terms, council: str, month: Month
) -> tuple[Council, Sequence[DefinitionVersion[Agreement]]]:
    """The council and its agreements of the month; raises `UnknownCouncil`, `NoAgreement` where there are none."""
    known = terms.councils.on(council, closing_day(month))
    if known is None:
        raise UnknownCouncil(f"no council {council} in {month}{did_you_mean(council, terms.councils.ids())}")
    agreements = terms.agreements_in(council, month)
    if not agreements:
        raise NoAgreement(f"no agreement of {council} in {month}")
    return known.definition, agreements


def earlier_months(terms: Terms, council: str, month: Month) -> tuple[Month, ...]:
    """The earlier months that a statement of `month` depends on, ascending: by a year's cap on credits, or its terms.

    With terms over a year they begin with the financial year that holds the first of them, so that each is charged as
    its own statement says.
    """
    first = min((*months_before(terms, council, month), month))
    if needs_its_year(terms, council, month):
        first = Month(first.financial_year, APRIL)
    return tuple(months_between(first, month))


def counts_points(terms: Terms, council: str, month: Month) -> bool:
    """Whether earlier months may have made a rectification plan due, whatever this one earns."""
    credits = (agreement.definition.credits for agreement in terms.agreements_in(council, month))
    return any(each is not None and each.rectification is not None for each in credits)


def services_with_details(terms: Terms, council: str, month: Month) -> tuple[Service, ...]:
    """The services of which the month's charges read the attributes of events, by id."""
    periods = terms.tariff_periods(council, month)
    named = {each.tariff.definition.service for each in periods if reads_attributes(each.tariff.definition)}
    found = (terms.services.on(service, closing_day(month)) for service in sorted(named))
    return tuple(version.definition for version in found if version is not None)


def needs_its_year(terms: Terms, council: str, month: Month) -> bool:
    """Whether the charges of the month depend on earlier months of the financial year."""
    return any(has_terms_over_a_year(each.tariff.definition) for each in terms.tariff_periods(council, month))


def _year_so_far(
    terms: Terms, tariff_periods: Sequence[TariffPeriod], council: str, month: Month, earlier: Sequence[Statement]
) -> YearSoFar:
    """What terms over a financial year read of it; without such terms the month alone."""
    if not needs_its_year(terms, council, month):
        return YearSoFar(tariff_periods)
    of_year = period_of(month, "financial-year").months
    lines = (line for statement in earlier if of_year[0] <= statement.month < month for line in statement.lines)
    return YearSoFar([each for one in of_year for each in terms.tariff_periods(council, one)], tuple(lines))


def _charges(
    terms: Terms,
    tariff_periods: Sequence[TariffPeriod],
    usage: Mapping[str, MeteredUsage],
    council: str,
    month: Month,
    *,
    year: YearSoFar,
    is_over: bool,
) -> Iterable[ServiceCharges]:
    for service_id in sorted({period.tariff.definition.service for period in tariff_periods}):
        service = terms.services.on(service_id, closing_day(month))
        if service is None:
            continue  # its usage is unbilled, as of an unknown service, until the catalogue's event comes
        used = usage.get(service_id, MeteredUsage())
        of_service = [period for period in tariff_periods if period.tariff.definition.service == service_id]
        lines = rate(service.definition, used, of_service, council=council, month=month, year=year, is_over=is_over)
        treated = charges_with_vat(terms, lines)
        yield ServiceCharges(service.definition, used.events_counted, charges_with_coding(terms, treated))


def _credits(
    terms: Terms,
    agreement: Agreement,
    services: Sequence[ServiceCharges],
    attained: Sequence[TargetAttainment],
    earlier: Sequence[Statement],
    *,
    month: Month,
) -> tuple[CreditLine, ...]:
    charges = _charged_under(agreement.id, services)
    before = _credited_before(terms, agreement.id, month, earlier)
    return credit_lines(
        agreement,
        attained,
        charges,
        month=month,
        credited_before_pence=before,
        earlier=[(each.month, each.credits_under(agreement.id)) for each in earlier],
    )


def _plans(
    terms: Terms,
    agreements: Sequence[DefinitionVersion[Agreement]],
    credits: Sequence[CreditLine],
    earlier: Sequence[Statement],
    *,
    month: Month,
) -> Iterable[RectificationPlan]:
    for version in agreements:
        agreement = version.definition
        start = year_start(first_month(terms, agreement.id), month)
        year = [(each.month, each.credits_under(agreement.id)) for each in earlier if start <= each.month < month]
        now = (month, [line for line in credits if line.agreement == agreement.id])
        plan = agreement.credits and rectification_plan(agreement.id, agreement.credits, [*year, now])
        if plan:
            yield plan


def _charged_under(agreement: str, services: Sequence[ServiceCharges]) -> dict[str, int]:
    """Pence by service, after discounts and maximum and without what a minimum topped up.

    A service that an agreement began or stopped to price in mid-month counts its own lines. One that gave more back
    than it charged counts nothing: no credit is less than none.
    """
    charged: Counter[str] = Counter()
    for charges in services:
        for line in charges.lines:
            if line.agreement == agreement and line.kind != MINIMUM:
                charged[line.service] += line.amount_pence
    return {service: max(pence, 0) for service, pence in charged.items()}


def _credited_before(terms: Terms, agreement: str, month: Month, earlier: Sequence[Statement]) -> int:
    start = year_start(first_month(terms, agreement), month)
    of_year = (statement for statement in earlier if start <= statement.month < month)
    return sum(line.applied_pence for statement in of_year for line in statement.credits if line.agreement == agreement)


def _agreement(terms: Terms, agreement: DefinitionVersion[Agreement], month: Month) -> StatementAgreement:
    definition = agreement.definition
    provider = terms.providers.on(definition.provider, closing_day(month))
    name = definition.provider if provider is None else provider.definition.name
    return StatementAgreement(definition.id, agreement.number, definition.title, definition.provider, name)


def _suppliers(terms: Terms, agreements: Sequence[DefinitionVersion[Agreement]], month: Month) -> Iterable[Provider]:
    """By id; a provider that the catalogue does not have yet is left out."""
    for id_ in sorted({agreement.definition.provider for agreement in agreements}):
        provider = terms.providers.on(id_, closing_day(month))
        if provider is not None:
            yield provider.definition


def _tariffs(tariff_periods: Sequence[TariffPeriod]) -> tuple[StatementTariff, ...]:
    """By id and version."""
    used = {(period.tariff.definition.id, period.tariff.number): period.tariff for period in tariff_periods}
    return tuple(_tariff(used[key]) for key in sorted(used))


def _tariff(version: DefinitionVersion[Tariff]) -> StatementTariff:
    tariff = version.definition
    return StatementTariff(tariff.id, version.number, tariff.name, tariff.effective_from, tariff.illustrative)

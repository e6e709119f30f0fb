"""The VAT and the parties of a statement in the words and figures that its page and its PDF show."""

from collections.abc import Iterator
from dataclasses import dataclass

from billing.domain.charge_line import plain
from billing.domain.statement import Statement
from billing.domain.statement_vat import ProviderVat
from billing.domain.vat import LineVat, VatCategory
from shared.contracts.definitions import Provider
from shared.contracts.parties import Address, BankAccount, CouncilParty, PartyDetails, ProviderParty
from shared.money import format_gbp
from shared.web.formats import month_name
from shared.web.strings import text

Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class VatView:
    """The table of categories (name, net, VAT), the treatment and reason of services, and what to say of them."""

    totals: tuple[tuple[str, str, str], ...]
    vat: str
    gross: str
    treatments: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartyView:
    """One party: pairs of name and value, the last one naming what is not recorded."""

    heading: str
    note: str
    rows: Rows


def vat_view(statement: Statement) -> VatView:
    """The VAT of `statement`; without totals where some treatment is not recorded."""
    vat = statement.vat
    names = {agreement.provider: agreement.provider_name for agreement in statement.agreements}
    several = len(vat.providers) > 1
    return VatView(
        totals=tuple(
            row
            for each in vat.providers
            for row in _totals(each, names.get(each.provider, each.provider) if several else "")
        ),
        vat="" if vat.vat_pence is None else format_gbp(vat.vat_pence),
        gross="" if statement.gross_pence is None else format_gbp(statement.gross_pence),
        treatments=tuple(_treatments(statement)),
        notes=tuple(_notes(statement)),
    )


def vat_header(statement: Statement) -> Rows:
    """The VAT and the total with it, for the head of the statement; nothing where they are not known."""
    vat_pence, gross_pence = statement.vat.vat_pence, statement.gross_pence
    if vat_pence is None or gross_pence is None:
        return ()
    return (
        (text("statement.vat"), format_gbp(vat_pence)),
        (text("statement.gross"), format_gbp(gross_pence)),
    )


def party_views(statement: Statement) -> tuple[PartyView, ...]:
    """Who supplies, by id, and then who pays."""
    council = statement.council
    suppliers = (
        party_view(text("statement.party_provider", name=each.name), each.party or ProviderParty())
        for each in statement.suppliers
    )
    return (*suppliers, party_view(text("statement.party_council", name=council.name), council.party or CouncilParty()))


def payment_terms(provider: Provider) -> str:
    """`Within 30 days of issue`; empty where none are agreed."""
    days = None if provider.party is None else provider.party.payment_days
    return "" if days is None else text("statement.payment_days", count=days)


def category_text(of: VatCategory) -> str:
    """`Standard rate, 20%`, `Exempt`."""
    category = text(f"vat_treatment.{of.treatment}")
    if not of.rate_percent:
        return category
    return text("statement.vat_at", category=category, percent=plain(of.rate_percent))


def _totals(of: ProviderVat, provider: str) -> Iterator[tuple[str, str, str]]:
    for total in of.totals:
        yield _label(total.category, provider), format_gbp(total.net_pence), format_gbp(total.vat_pence)
    for change in of.corrections:
        label = text(
            "statement.vat_corrected", category=_label(change.category, provider), month=month_name(change.month)
        )
        yield label, format_gbp(change.net_pence), format_gbp(change.vat_pence)


def _label(category: VatCategory, provider: str) -> str:
    name = category_text(category)
    return text("statement.vat_of_provider", category=name, provider=provider) if provider else name


def _treatments(statement: Statement) -> Iterator[tuple[str, str, str]]:
    """Services that are treated alike, their treatment and its reason, in the order of the lines."""
    names = {charges.service.id: charges.service.name for charges in statement.services}
    found = [(line.vat, line.service) for line in statement.lines]
    found += [(line.vat, line.service) for line in statement.credits]
    services: dict[LineVat, list[str]] = {}
    for vat, service in dict.fromkeys(found):
        if vat is not None:
            services.setdefault(vat, []).append(names.get(service, service))
    for vat, alike in services.items():
        yield ", ".join(alike), text(f"vat_treatment.{vat.treatment}"), _reason(vat)


def _reason(vat: LineVat) -> str:
    return text("statement.vat_example", reason=vat.reason) if vat.illustrative else vat.reason


def _notes(statement: Statement) -> Iterator[str]:
    vat = statement.vat
    if vat.services_without:
        names = {charges.service.id: charges.service.name for charges in statement.services}
        missing = ", ".join(names.get(service, service) for service in vat.services_without)
        yield text("statement.vat_not_recorded", services=missing)
    if vat.invoices_needed:
        yield text("statement.vat_invoices", count=vat.invoices_needed)
    if (vat.invoices_needed or 0) > len(vat.providers):
        yield text("statement.vat_apart")


def party_view(heading: str, party: ProviderParty | CouncilParty) -> PartyView:
    """What is recorded of one party, and what is not."""
    rows = tuple(_rows(party))
    missing = ", ".join(name for name, value in rows if not value)
    known = tuple((name, value) for name, value in rows if value)
    if party.legal_name:
        known = ((text("statement.party_legal_name"), party.legal_name), *known)
    return PartyView(
        heading=heading,
        note=text("statement.party_example") if party.illustrative else "",
        rows=(*known, (text("statement.party_missing"), missing)) if missing else known,
    )


def _rows(party: PartyDetails) -> Iterator[tuple[str, str]]:
    yield text("statement.party_address"), "" if party.address is None else _address(party.address)
    yield text("statement.party_vat_number"), party.vat_number or ""
    endpoint = "" if party.endpoint is None else f"{party.endpoint.scheme}:{party.endpoint.id}"
    yield text("statement.party_endpoint"), endpoint
    match party:
        case ProviderParty(payment_days=days, bank=bank):
            yield text("statement.party_payment"), "" if days is None else text("statement.payment_days", count=days)
            yield text("statement.party_bank"), "" if bank is None else _bank(bank)
        case CouncilParty(buyer_reference=reference):
            yield text("statement.party_buyer_reference"), reference or ""


def _address(address: Address) -> str:
    country = () if address.country == "GB" else (address.country,)
    return ", ".join((*address.lines, address.town, address.postcode, *country))


def _bank(bank: BankAccount) -> str:
    account = text("statement.bank_account", sort_code=bank.sort_code, number=bank.account_number)
    iban = (text("statement.bank_iban", iban=bank.iban),) if bank.iban else ()
    return ", ".join((bank.name, *((account,) if bank.sort_code else ()), *iban))

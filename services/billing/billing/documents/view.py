"""A statement in the words and figures that its page and its PDF show."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from billing.documents.credits_view import CreditsView, credits_view
from billing.documents.invoicing_view import PartyView, VatView, party_views, vat_header, vat_view
from billing.documents.partnership_view import partnership_path
from billing.domain.canonical import content_hash
from billing.domain.charge_line import ChargeLine, Working, quantity_text
from billing.domain.statement import ServiceCharges, Statement
from billing.domain.usage import UnbilledUsage
from shared.money import exact_text, format_gbp, format_gbp_prose, format_rate
from shared.period import Month
from shared.web.formats import date_range, long_date, month_name, whole_number
from shared.web.strings import text


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """A row of a table of charges: a line, or (indented) a tier of the line above it, or a note on it."""

    label: str
    quantity: str
    rate: str
    amount: str
    is_tier: bool = False
    note: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One service's table."""

    id: str
    name: str
    unit_name: str
    rows: tuple[ChargeRow, ...]
    total: str
    total_pence: int


@dataclass(frozen=True, slots=True)
class StatementView:
    """Everything shown, as text; `notice`, `events` and `header` are pairs of name and value, `path` is its address.

    `partnerships` are pairs of name and address: where its page leads to.
    """

    title: str
    path: str
    partnerships: tuple[tuple[str, str], ...]
    providers: str
    month_name: str
    illustrative: bool
    notice: tuple[str, str]
    header: tuple[tuple[str, str], ...]
    summary: str
    services: tuple[ServiceView, ...]
    credits: CreditsView | None
    total: str
    vat: VatView
    parties: tuple[PartyView, ...]
    events: tuple[tuple[str, str], ...]
    unbilled: tuple[tuple[str, str, str, str], ...]
    tariffs: tuple[tuple[str, str, str], ...]
    sha256: str


def statement_path(council: str, month: Month) -> str:
    """Where a statement is; with the suffix of a form, that form."""
    return f"/v1/statements/{council}/{month}"


def statement_view(statement: Statement) -> StatementView:
    """The view of `statement`."""
    council, month = statement.council, statement.month
    return StatementView(
        title=text("statement.title", council=council.name, month=month_name(month)),
        path=statement_path(council.id, month),
        partnerships=tuple((each.name, partnership_path(each.id, month)) for each in statement.partnerships),
        providers=" and ".join(statement.providers),
        month_name=month_name(month),
        illustrative=statement.illustrative,
        notice=_notice(statement),
        header=_header(statement),
        summary=_summary(statement),
        services=tuple(_service(charges) for charges in statement.services),
        credits=credits_view(statement),
        total=format_gbp(statement.total_pence),
        vat=vat_view(statement),
        parties=party_views(statement),
        events=_events(statement),
        unbilled=_unbilled(statement),
        tariffs=tuple(
            (f"{tariff.name} ({tariff.id})", str(tariff.version), long_date(tariff.effective_from))
            for tariff in statement.tariffs
        ),
        sha256=content_hash(statement),
    )


def _notice(statement: Statement) -> tuple[str, str]:
    if statement.status == "provisional":
        return text("statement.provisional"), text("statement.provisional_detail")
    last_day = statement.month.next.first_day - timedelta(days=1)
    return text("statement.so_far"), text("statement.so_far_detail", end=long_date(last_day))


def _status(statement: Statement) -> str:
    return text("statement.status_provisional" if statement.status == "provisional" else "statement.status_so_far")


def _header(statement: Statement) -> tuple[tuple[str, str], ...]:
    council, month = statement.council, statement.month
    agreements = (
        text("statement.agreement_version", title=under.title, id=under.id, version=under.version)
        for under in statement.agreements
    )
    return (
        (text("statement.council"), f"{council.name} ({council.gss})" if council.gss else council.name),
        (text("statement.provider"), ", ".join(statement.providers)),
        (text("statement.period"), date_range(month.first_day, month.next.first_day)),
        *((text("statement.agreement"), agreement) for agreement in agreements),
        (text("statement.status"), _status(statement)),
        (text("statement.total"), format_gbp(statement.total_pence)),
        *vat_header(statement),
    )


def _summary(statement: Statement) -> str:
    summary = text(
        "statement.summary",
        month=month_name(statement.month),
        total=format_gbp_prose(statement.total_pence),
        lines=text("statement.line_count", count=sum(len(charges.lines) for charges in statement.services)),
        services=text("statement.service_count", count=len(statement.services)),
        events=text("statement.event_count", count=statement.evidence.counted),
    )
    if not statement.credits_pence:
        return summary
    return f"{summary} {text('statement.summary_credits', amount=format_gbp_prose(statement.credits_pence))}"


def _service(charges: ServiceCharges) -> ServiceView:
    return ServiceView(
        id=charges.service.id,
        name=charges.service.name,
        unit_name=charges.service.unit_name,
        rows=tuple(row for line in charges.lines for row in _rows(line)),
        total=format_gbp(charges.total_pence),
        total_pence=charges.total_pence,
    )


def _rows(line: ChargeLine) -> tuple[ChargeRow, ...]:
    """The line, and a row of its own for each working that has a label."""
    in_part = line.first_day.day != 1 or line.end_day.day != 1
    part = f", {date_range(line.first_day, line.end_day)}" if line.counts_usage and in_part else ""
    (first, *more) = line.workings
    steps = line.workings if more else tuple(working for working in line.workings if working.label)
    row = ChargeRow(
        label=f"{line.charge}{part}",
        quantity=quantity_text(line.quantity) if steps else first.quantity_text,
        rate=text("statement.by_part") if steps else first.rate_text,
        amount=format_gbp(line.amount_pence),
        note=text(f"absence.{line.absence}") if line.absence else "",
        ref=line.ref,
    )
    return (row, *(_step(step) for step in steps))


def _step(step: Working) -> ChargeRow:
    amount = format_rate(Decimal(exact_text(step.amount)))
    label = step.label or text("statement.own_price")
    return ChargeRow(label, step.quantity_text, step.rate_text, amount, is_tier=True)


def _events(statement: Statement) -> tuple[tuple[str, str], ...]:
    evidence = statement.evidence
    unbilled = sum(usage.events for usage in evidence.unbilled)
    withdrawn = ((text("statement.facts_withdrawn"), whole_number(evidence.withdrawn)),) if evidence.withdrawn else ()
    return (
        (text("statement.events_received"), whole_number(evidence.received)),
        (text("statement.events_counted"), whole_number(evidence.counted)),
        (text("statement.readings_reversed"), whole_number(evidence.reversed)),
        (text("statement.items_opened"), whole_number(evidence.opened)),
        *withdrawn,
        (text("statement.unbilled"), whole_number(unbilled)),
    )


def _unbilled(statement: Statement) -> tuple[tuple[str, str, str, str], ...]:
    """A row for each reason and service. Where the unit was wrong it says which one the service counts."""
    units = {charges.service.id: charges.service.unit for charges in statement.services}
    return tuple(_unbilled_row(usage, units.get(usage.service or "", "")) for usage in statement.evidence.unbilled)


def _unbilled_row(usage: UnbilledUsage, unit: str) -> tuple[str, str, str, str]:
    service = usage.service or text("statement.service_unknown")
    reason = ": ".join(filter(None, (usage.item, text(f"unbilled.{usage.reason}"))))
    if usage.reason == "wrong-unit" and unit:
        reason = text("statement.wrong_unit", unit=unit)
    quantity = text("statement.quantity_unknown") if usage.item else quantity_text(usage.quantity)
    return reason, service, whole_number(usage.events), quantity

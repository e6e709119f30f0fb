"""A statement in the words and figures that its page and its PDF show."""

from dataclasses import dataclass
from decimal import Decimal

from billing.documents.corrections_view import CorrectionsView, corrections_view
from billing.documents.credits_view import CreditsView, credits_view
from billing.documents.header_view import asking, header, notice
from billing.documents.invoicing_view import PartyView, VatView, party_views, vat_view
from billing.documents.partnership_view import partnership_path
from billing.documents.shown import ShownStatement
from billing.documents.year_view import DueView, YearView, due_view, year_view
from billing.domain.canonical import content_hash
from billing.domain.charge_line import ChargeLine, Working, quantity_text
from billing.domain.coding import LineCoding
from billing.domain.statement import ServiceCharges, Statement
from billing.domain.statement_state import State
from billing.domain.usage import UnbilledUsage
from shared.contracts.definitions import Service
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
    codes: str = ""


@dataclass(frozen=True, slots=True)
class StatementView:
    """Everything shown, as text; `notice`, `events` and `header` are pairs of name and value, `path` is its address.

    `partnerships` and `months` are pairs of name and address: where its page leads to. `sums` are the rows below the
    services, the total last. `checks` and `asking` are paragraphs.
    """

    title: str
    path: str
    partnerships: tuple[tuple[str, str], ...]
    months: tuple[tuple[str, str], ...]
    providers: str
    month_name: str
    state: State
    illustrative: bool
    notice: tuple[str, str]
    header: tuple[tuple[str, str], ...]
    summary: str
    services: tuple[ServiceView, ...]
    credits: CreditsView | None
    corrections: CorrectionsView | None
    sums: tuple[tuple[str, str], ...]
    total: str
    year: YearView | None
    due: DueView
    vat: VatView
    parties: tuple[PartyView, ...]
    events: tuple[tuple[str, str], ...]
    unbilled: tuple[tuple[str, str, str, str], ...]
    tariffs: tuple[tuple[str, str, str], ...]
    asking: tuple[str, ...]
    checks: tuple[str, ...]
    sha256: str


def queries_path(council: str, month: Month | str) -> str:
    """The page of a statement's queries."""
    return f"/statements/{council}/{month}/queries"


def payments_path(council: str, month: Month | str) -> str:
    """The page of a statement's payments."""
    return f"/statements/{council}/{month}/payments"


def statement_path(council: str, month: Month) -> str:
    """Where a statement is; with the suffix of a form, that form."""
    return f"/v1/statements/{council}/{month}"


def statement_view(shown: ShownStatement) -> StatementView:
    """The view of a statement and of what is known beside it."""
    statement = shown.statement
    council, month = statement.council, statement.month
    return StatementView(
        title=text("statement.title", council=council.name, month=month_name(month)),
        path=statement_path(council.id, month),
        partnerships=tuple((each.name, partnership_path(each.id, month)) for each in statement.partnerships),
        months=tuple((month_name(each), statement_path(council.id, each)) for each in shown.months),
        providers=" and ".join(statement.providers),
        month_name=month_name(month),
        state=shown.state,
        illustrative=statement.illustrative,
        notice=notice(shown),
        header=header(shown),
        summary=_summary(statement),
        services=tuple(_service(charges) for charges in statement.services),
        credits=credits_view(statement),
        corrections=corrections_view(statement),
        sums=_sums(statement),
        total=format_gbp(statement.payable_pence),
        year=year_view(shown.comparison),
        due=due_view(shown),
        vat=vat_view(statement),
        parties=party_views(statement),
        events=_events(statement),
        unbilled=_unbilled(statement),
        tariffs=tuple((each.name, str(each.version), long_date(each.effective_from)) for each in statement.tariffs),
        asking=tuple(asking(statement)),
        checks=(text("statement.check_hash"), text("statement.check_lines"), text("statement.check_sums")),
        sha256=content_hash(statement),
    )


def _sums(statement: Statement) -> tuple[tuple[str, str], ...]:
    """What the services come to, what is taken off and added, and the total."""
    if not statement.credits and not statement.corrections:
        return ((text("statement.total"), format_gbp(statement.payable_pence)),)
    rows = [(text("statement.charges"), format_gbp(statement.charges_pence))]
    if statement.credits:
        rows.append((text("statement.credits"), format_gbp(-statement.credits_pence)))
    if statement.corrections:
        rows.append((text("statement.corrections"), format_gbp(statement.corrections_pence)))
    return (*rows, (text("statement.total"), format_gbp(statement.payable_pence)))


def _summary(statement: Statement) -> str:
    summary = text(
        "statement.summary",
        month=month_name(statement.month),
        total=format_gbp_prose(statement.payable_pence),
        lines=text("statement.line_count", count=sum(len(charges.lines) for charges in statement.services)),
        services=text("statement.service_count", count=len(statement.services)),
        events=text("statement.event_count", count=statement.evidence.counted),
    )
    if statement.credits_pence:
        key = "statement.summary_credits_so_far" if statement.status == "in-progress" else "statement.summary_credits"
        summary += f" {text(key, amount=format_gbp_prose(statement.credits_pence))}"
    if statement.corrections_pence:
        key = "statement.summary_added" if statement.corrections_pence > 0 else "statement.summary_taken_off"
        summary += f" {text(key, amount=format_gbp_prose(abs(statement.corrections_pence)))}"
    return summary


def _service(charges: ServiceCharges) -> ServiceView:
    return ServiceView(
        id=charges.service.id,
        name=charges.service.name,
        unit_name=charges.service.unit_name,
        rows=tuple(row for line in charges.lines for row in _rows(line)),
        total=format_gbp(charges.total_pence),
        total_pence=charges.total_pence,
        codes="; ".join(dict.fromkeys(codes_text(line.coding) for line in charges.lines if line.coding)),
    )


def codes_text(coding: LineCoding) -> str:
    """`Cost centre F100, ledger code 4400, purchase order PO 1`: what is recorded of it."""
    codes = (
        text("statement.cost_centre", code=coding.cost_centre) if coding.cost_centre else "",
        text("statement.ledger_code", code=coding.ledger_code) if coding.ledger_code else "",
        text("statement.purchase_order", code=coding.purchase_order) if coding.purchase_order else "",
    )
    words = ", ".join(filter(None, codes))
    words = words[:1].upper() + words[1:]
    return text("statement.codes_example", codes=words) if coding.illustrative else words


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
    services = {charges.service.id: charges.service for charges in statement.services}
    return tuple(_unbilled_row(usage, services.get(usage.service or "")) for usage in statement.evidence.unbilled)


def _unbilled_row(usage: UnbilledUsage, known: Service | None) -> tuple[str, str, str, str]:
    service = usage.service or text("statement.service_unknown") if known is None else known.name
    reason = ": ".join(filter(None, (usage.item, text(f"unbilled.{usage.reason}"))))
    if usage.reason == "wrong-unit" and known is not None:
        reason = text("statement.wrong_unit", unit=known.unit)
    quantity = text("statement.quantity_unknown") if usage.item else quantity_text(usage.quantity)
    return reason, service, whole_number(usage.events), quantity

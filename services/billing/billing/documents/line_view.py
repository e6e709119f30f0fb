"""One line of a statement in words and figures: how it is worked out, by which tariff, which events it counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.documents.view import codes_text, statement_path
from billing.domain.charge_line import ChargeLine, Working, quantity_text
from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.reason import LIMITS, reason
from billing.domain.statement import Statement
from billing.ports import CountedEvent
from shared.money import exact_text, format_gbp, format_rate
from shared.web.formats import date_range, long_date, month_name
from shared.web.strings import text

Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event that the line counts; `href` leads to its item, and is empty for a reading, which has none."""

    day: str
    id: str
    item: str
    href: str
    quantity: str
    place: str


@dataclass(frozen=True, slots=True)
class LineView:
    """Everything shown, as text. A row of `steps` is what it prices, how many units, at which price, exact pounds.

    `statement` is the name and the address of the statement; `query` leads to the form to query the line, `more` to the
    next page of events.
    """

    title: str
    statement: Row
    query: str
    illustrative: bool
    header: tuple[Row, ...]
    steps: tuple[tuple[str, str, str, str], ...]
    events: tuple[EventRow, ...]
    is_counted: bool
    more: str


def line_view(
    statement: Statement, line: ChargeLine | CreditLine, events: Sequence[CountedEvent], more: str | None
) -> LineView:
    """The view of one line of `statement` and a page of its events."""
    council, month = statement.council, statement.month
    service = _service(statement, line.service)
    is_charge = isinstance(line, ChargeLine)
    title = text("line.charge" if is_charge else "line.credit", service=service, line=_name(line))
    return LineView(
        title=title,
        statement=(
            text("statement.title", council=council.name, month=month_name(month)),
            statement_path(council.id, month) + ".html",
        ),
        query=f"/statements/{council.id}/{month}/queries/new?line={line.ref}",
        illustrative=statement.illustrative,
        header=tuple(_charge(statement, line) if isinstance(line, ChargeLine) else _credit(statement, line)),
        steps=tuple(_step(each) for each in line.workings) if isinstance(line, ChargeLine) else (),
        events=tuple(_event(each, council.id) for each in events),
        is_counted=not isinstance(line, ChargeLine) or line.counts_usage,
        more=more or "",
    )


def _name(line: ChargeLine | CreditLine) -> str:
    return line.charge if isinstance(line, ChargeLine) else line.target


def _service(statement: Statement, service: str) -> str:
    return next((each.service.name for each in statement.services if each.service.id == service), service)


def _charge(statement: Statement, line: ChargeLine) -> Iterator[Row]:
    tariff = next(each for each in statement.tariffs if (each.id, each.version) == (line.tariff, line.tariff_version))
    since = long_date(tariff.effective_from)
    yield text("statement.period"), date_range(line.first_day, line.end_day)
    if line.counts_usage:
        unit = next(each.service.unit_name for each in statement.services if each.service.id == line.service)
        yield text("statement.quantity"), text("line.quantity", quantity=quantity_text(line.quantity), unit=unit)
    if line.absence:
        yield text("line.why_nothing"), text(f"absence.{line.absence}")
    yield text("statement.tariff"), text("line.tariff", name=tariff.name, version=tariff.version, since=since)
    yield from _common(statement, line)
    yield text("line.exact"), format_rate(Decimal(exact_text(line.amount_exact)))
    yield text("statement.amount"), text("line.rounded", amount=format_gbp(line.amount_pence))


def _credit(statement: Statement, line: CreditLine) -> Iterator[Row]:
    month = statement.month
    yield text("statement.period"), date_range(month.first_day, month.next.first_day)
    yield text("statement.reason"), reason(line)
    yield from _common(statement, line)
    yield text("statement.earned"), format_gbp(line.earned_pence)
    for reduction in line.reductions:
        less = text("statement.reduction", amount=format_gbp(reduction.pence), limit=LIMITS[reduction.limit])
        yield text("statement.reductions"), less
    yield text("statement.credit"), format_gbp(line.applied_pence)


def _common(statement: Statement, line: ChargeLine | CreditLine) -> Iterator[Row]:
    agreement = next(each for each in statement.agreements if each.id == line.agreement)
    version = text("statement.agreement_version", title=agreement.title, version=agreement.version)
    yield text("statement.agreement"), version
    if line.vat is not None:
        yield text("statement.vat_treatment"), text(f"vat_treatment.{line.vat.treatment}")
    if line.coding is not None:
        yield text("line.codes"), codes_text(line.coding)
    yield text("line.rules"), str(line.rules_version)


def _step(step: Working) -> tuple[str, str, str, str]:
    amount = format_rate(Decimal(exact_text(step.amount)))
    return step.label or text("line.all"), step.quantity_text, step.rate_text, amount


def _event(event: CountedEvent, council: str) -> EventRow:
    href = f"/items/{event.item}?council={council}&stream={event.stream}" if event.item and event.stream else ""
    place = text("line.place", topic=event.topic, partition=str(event.partition), offset=str(event.offset))
    return EventRow(long_date(event.day), event.id, event.item or "", href, quantity_text(event.quantity), place)

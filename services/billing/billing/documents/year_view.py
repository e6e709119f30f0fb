"""What stands beside a statement's content, in words and figures: other months, and what is due now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from billing.documents.shown import ShownStatement
from billing.domain.amounts_due import AmountsDue
from billing.domain.comparison import ComparisonRow, MonthComparison
from billing.domain.queries import StatementQuery
from billing.domain.statement import Statement
from shared.money import format_gbp
from shared.web.formats import long_date, month_name
from shared.web.strings import text


@dataclass(frozen=True, slots=True)
class YearView:
    """The names of five columns, a label for each row, and its figures: now, last month, change, year ago, to date."""

    columns: tuple[str, ...]
    labels: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DueView:
    """What is due and why: rows of name and amount, the last one the sum; none before a statement is issued.

    A row of `queries` is what is queried, its state, by when it is answered, and what it holds; of `payments` the day,
    the reference and the amount.
    """

    rows: tuple[tuple[str, str], ...]
    queries: tuple[tuple[str, str, str, str], ...]
    payments: tuple[tuple[str, str, str], ...]


def year_view(comparison: MonthComparison | None) -> YearView | None:
    """The view; None where no other month is known."""
    if comparison is None:
        return None
    month = comparison.month
    return YearView(
        columns=(
            month_name(month),
            month_name(month.previous),
            text("statement.change"),
            month_name(month.earlier(12)),
            text("statement.year_to_date", first=month_name(comparison.to_date_from)),
        ),
        labels=tuple(map(_label, comparison.rows)),
        rows=tuple(map(_figures, comparison.rows)),
        notes=tuple(_notes(comparison)),
    )


def due_view(shown: ShownStatement) -> DueView:
    """What is due now. Before a statement is issued nothing is."""
    now = shown.now
    if now is None:
        return DueView((), (), ())
    labels = _line_labels(shown.statement)
    return DueView(
        rows=tuple(_due(shown, now.amounts)) if shown.is_issued else (),
        queries=tuple(_query(each, labels) for each in now.queries),
        payments=tuple(
            (long_date(each.paid_on), each.reference, format_gbp(each.amount_pence)) for each in now.payments
        ),
    )


def _line_labels(statement: Statement) -> dict[str, str]:
    """What each line is called, by its reference."""
    names = {charges.service.id: charges.service.name for charges in statement.services}
    labels = {line.ref: f"{names[line.service]}: {line.charge}" for line in statement.lines}
    credits = {line.ref: f"{names.get(line.service, line.service)}: {line.target}" for line in statement.credits}
    return labels | credits


def _label(row: ComparisonRow) -> str:
    match row.kind:
        case "service":
            return row.name
        case "credits":
            return text("statement.credits")
        case "corrections":
            return text("statement.corrections")
        case "total":
            return text("statement.total")


def _figures(row: ComparisonRow) -> tuple[str, ...]:
    return (
        format_gbp(row.this_pence),
        _known(row.last_pence),
        text("statement.no_figure") if row.change_pence is None else signed_gbp(row.change_pence),
        _known(row.year_ago_pence),
        format_gbp(row.to_date_pence),
    )


def _known(pence: int | None) -> str:
    return text("statement.no_figure") if pence is None else format_gbp(pence)


def signed_gbp(pence: int) -> str:
    """How much more or less: `+£12.30`, `−£12.30`, `£0.00`."""
    amount = format_gbp(abs(pence))
    return amount if pence == 0 else f"{'+' if pence > 0 else '−'}{amount}"


def _notes(comparison: MonthComparison) -> Iterator[str]:
    if comparison.drafts:
        yield text("statement.compared_drafts", months=", ".join(map(month_name, comparison.drafts)))
    if comparison.without_usage:
        yield text("statement.compared_without_usage", months=", ".join(map(month_name, comparison.without_usage)))
    if comparison.year_ago is None:
        yield text("statement.no_year_ago", month=month_name(comparison.month.earlier(12)))


def _due(shown: ShownStatement, after: AmountsDue) -> Iterator[tuple[str, str]]:
    is_known = shown.statement.gross_pence is not None
    yield text("statement.gross" if is_known else "statement.total"), format_gbp(shown.payable_pence)
    if after.credited_pence:
        yield text("statement.credited_since"), _less(after.credited_pence)
    if after.paid_pence:
        yield text("statement.paid"), _less(after.paid_pence)
    if after.held_pence:
        yield text("statement.held"), _less(after.held_pence)
    yield text("statement.due_now"), format_gbp(shown.due_pence)


def _less(pence: int) -> str:
    return f"−{format_gbp(pence)}"


def _query(query: StatementQuery, labels: Mapping[str, str]) -> tuple[str, str, str, str]:
    about = labels.get(query.line or "", "") or query.item or ""
    words = ": ".join(filter(None, (about, query.words)))
    if query.answer:
        words = text("statement.query_answered", query=words, answer=query.answer)
    is_open = query.status == "open"
    by = long_date(query.reply_by) if is_open else ""
    return words, text(f"query_state.{query.status}"), by, format_gbp(query.held_pence if is_open else 0)

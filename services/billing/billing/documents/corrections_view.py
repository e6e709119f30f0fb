"""The corrections of earlier months that a statement lists, in the words and figures that its page and PDF show."""

from dataclasses import dataclass

from billing.domain.issued import CorrectionLine
from billing.domain.statement import Statement
from shared.money import format_gbp
from shared.web.formats import month_name
from shared.web.strings import text


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """One line of an earlier month: what it was booked at, what it comes to now, and why."""

    month: str
    label: str
    was: str
    now: str
    difference: str
    reason: str
    settled: str


@dataclass(frozen=True, slots=True)
class CorrectionsView:
    """The table of corrections; `total` is what of them is in the sum of this statement."""

    rows: tuple[CorrectionRow, ...]
    total: str


def corrections_view(statement: Statement) -> CorrectionsView | None:
    """The view; None where nothing is corrected."""
    if not statement.corrections:
        return None
    names = {charges.service.id: charges.service.name for charges in statement.services}
    rows = (_row(line, names.get(line.service, line.service_name or line.service)) for line in statement.corrections)
    return CorrectionsView(tuple(rows), format_gbp(statement.corrections_pence))


def _row(line: CorrectionLine, service: str) -> CorrectionRow:
    reason = text(f"correction_cause.{line.cause}")
    if line.events_in_all:
        reason = text("statement.correction_events", reason=reason, count=line.events_in_all)
    return CorrectionRow(
        month=month_name(line.month),
        label=text("statement.correction_of", service=service, line=line.name),
        was=format_gbp(line.was_pence),
        now=format_gbp(line.now_pence),
        difference=format_gbp(line.difference_pence),
        reason=reason,
        settled=text(f"settled.{line.settled}"),
    )

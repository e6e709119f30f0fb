"""Statements and partnerships' months as tagged PDF: PDF/UA-1 for screen readers, PDF/A-3a for the archive.

Each has its lines attached as CSV.
"""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import as_file, files

import msgspec
import typst

from billing.documents.credit_note_view import CreditNoteView, credit_note_view
from billing.documents.csv_lines import lines_csv
from billing.documents.partnership_csv import partnership_csv
from billing.documents.partnership_view import PartnershipView, partnership_view
from billing.documents.shown import ShownStatement
from billing.documents.view import StatementView, statement_view
from billing.domain.credit_note import CreditNote
from billing.domain.partnership_recharges import PartnershipRecharges
from shared.period import Month
from shared.web.strings import String, strings


class IncompleteDocument(Exception):
    """The typesetter found a font or a glyph missing: replaced or left out, a council would get that."""


def statement_pdf(shown: ShownStatement) -> bytes:
    """The statement on A4; the same gives the same bytes. Raises `IncompleteDocument`.

    The document's date is the first instant after its month, never the moment of making it.
    """
    statement = shown.statement
    return _compiled("statement", statement_view(shown), lines_csv(statement), statement.month)


def partnership_pdf(recharges: PartnershipRecharges) -> bytes:
    """The partnership's month on A4, as `statement_pdf` has a statement."""
    lines = partnership_csv(recharges).decode()
    return _compiled("partnership", partnership_view(recharges), lines, recharges.month)


def credit_note_pdf(note: CreditNote) -> bytes:
    """The credit note on A4, as `statement_pdf` has a statement; nothing is attached."""
    return _compiled("credit_note", credit_note_view(note), "", note.month)


def _compiled(template: str, view: StatementView | PartnershipView | CreditNoteView, lines: str, month: Month) -> bytes:
    words: Mapping[str, String] = {**strings("statement"), **strings(template)}
    inputs = {
        "view": msgspec.json.encode(asdict(view)).decode(),
        "strings": msgspec.json.encode(words).decode(),
        "csv": lines,
    }
    with as_file(files("billing")) as package:
        try:
            made, warnings = typst.compile_with_warnings(
                package / f"documents/{template}.typ",
                font_paths=[package / "fonts"],
                ignore_system_fonts=True,
                sys_inputs=inputs,
                pdf_standards=["a-3a", "ua-1"],
                timestamp=month.end_at,
            )
        except typst.TypstError as fault:
            raise IncompleteDocument(fault.message) from fault
    if warnings:
        raise IncompleteDocument("; ".join(warning.message for warning in warnings))
    return made

"""A statement as a tagged PDF: PDF/UA-1 for screen readers, PDF/A-3a for the archive, the lines attached as CSV."""

from dataclasses import asdict
from importlib.resources import as_file, files

import msgspec
import typst

from billing.documents.csv_lines import lines_csv
from billing.documents.view import statement_view
from billing.domain.statement import Statement
from shared.web.strings import strings


class IncompleteDocument(Exception):
    """The typesetter found a font or a glyph missing: replaced or left out, a council would get that."""


def statement_pdf(statement: Statement) -> bytes:
    """The statement on A4; the same statement gives the same bytes. Raises `IncompleteDocument`.

    The document's date is the first instant after its month, never the moment of making it.
    """
    inputs = {
        "view": msgspec.json.encode(asdict(statement_view(statement))).decode(),
        "strings": msgspec.json.encode(strings("statement")).decode(),
        "csv": lines_csv(statement),
    }
    with as_file(files("billing")) as package:
        try:
            made, warnings = typst.compile_with_warnings(
                package / "documents/statement.typ",
                font_paths=[package / "fonts"],
                ignore_system_fonts=True,
                sys_inputs=inputs,
                pdf_standards=["a-3a", "ua-1"],
                timestamp=statement.month.end_at,
            )
        except typst.TypstError as fault:
            raise IncompleteDocument(fault.message) from fault
    if warnings:
        raise IncompleteDocument("; ".join(warning.message for warning in warnings))
    return made

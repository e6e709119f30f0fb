"""The forms that a statement has. Routes, links and the command read this one table.

A new form is a file with a function from a statement to bytes, and a line in `FORMS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from billing.documents.csv_lines import csv_file, csv_form
from billing.documents.page import statement_page
from billing.documents.pdf import statement_pdf
from billing.documents.view import statement_path
from billing.domain.canonical import canonical_json
from billing.domain.statement import Statement


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a statement: its bytes as an answer, and as a file where that differs.

    `suffix` is that of its address and of the file; `is_download` is False for what browsers show.
    """

    suffix: str
    name: str
    media_type: str
    render: Callable[[Statement], bytes]
    render_file: Callable[[Statement], bytes] | None = None
    is_download: bool = True

    def file(self, statement: Statement) -> bytes:
        """The bytes of the file."""
        return (self.render_file or self.render)(statement)


def _page(statement: Statement) -> bytes:
    path = statement_path(statement.council.id, statement.month)
    downloads = [(form.name, f"{path}.{form.suffix}") for form in FORMS if form.is_download]
    return statement_page(statement, downloads=downloads).encode()


# The first is what a client gets that accepts anything.
FORMS = (
    Form("json", "JSON", "application/json", canonical_json),
    Form("csv", "CSV", "text/csv; charset=utf-8", csv_form, csv_file),
    Form("html", "Web page", "text/html; charset=utf-8", _page, is_download=False),
    Form("pdf", "PDF", "application/pdf", statement_pdf),
)
_BY_SUFFIX = {form.suffix: form for form in FORMS}


def form(suffix: str) -> Form:
    """The form of that suffix; raises `KeyError`."""
    return _BY_SUFFIX[suffix]


def file_name(statement: Statement, form: Form) -> str:
    """What a downloaded statement is called."""
    return f"recharge-statement-{statement.council.id}-{statement.month}.{form.suffix}"

"""The forms that a statement and a partnership's month have. Routes, links and the command read these tables.

A new form is a file with a function from what it shows to bytes, and a line in a table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from billing.documents.credit_note_view import credit_note_path
from billing.documents.csv_lines import csv_file, csv_form
from billing.documents.page import credit_note_page, partnership_page, statement_page
from billing.documents.partnership_csv import partnership_csv, partnership_csv_file
from billing.documents.partnership_json import partnership_json
from billing.documents.partnership_view import partnership_path
from billing.documents.pdf import credit_note_pdf, partnership_pdf, statement_pdf
from billing.documents.view import statement_path
from billing.domain.canonical import canonical_json
from billing.domain.credit_note import CreditNote, credit_note_json
from billing.domain.partnership_recharges import PartnershipRecharges
from billing.domain.statement import Statement

Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class Form(Generic[Shown]):
    """One form of something: its bytes as an answer, and as a file where that differs.

    `suffix` is that of its address and of the file; `is_download` is False for what browsers show.
    """

    suffix: str
    name: str
    media_type: str
    render: Callable[[Shown], bytes]
    render_file: Callable[[Shown], bytes] | None = None
    is_download: bool = True

    def file(self, shown: Shown) -> bytes:
        """The bytes of the file."""
        return (self.render_file or self.render)(shown)


def _page(statement: Statement) -> bytes:
    path = statement_path(statement.council.id, statement.month)
    downloads = [(form.name, f"{path}.{form.suffix}") for form in FORMS if form.is_download]
    return statement_page(statement, downloads=downloads).encode()


def _partnership_page(recharges: PartnershipRecharges) -> bytes:
    path = partnership_path(recharges.partnership.id, recharges.month)
    downloads = [(form.name, f"{path}.{form.suffix}") for form in PARTNERSHIP_FORMS if form.is_download]
    return partnership_page(recharges, downloads=downloads).encode()


def _credit_note_page(note: CreditNote) -> bytes:
    path = credit_note_path(note.council.id, note.issued.number)
    downloads = [(form.name, f"{path}.{form.suffix}") for form in CREDIT_NOTE_FORMS if form.is_download]
    return credit_note_page(note, downloads=downloads).encode()


# The first is what a client gets that accepts anything.
FORMS: tuple[Form[Statement], ...] = (
    Form("json", "JSON", "application/json", canonical_json),
    Form("csv", "CSV", "text/csv; charset=utf-8", csv_form, csv_file),
    Form("html", "Web page", "text/html; charset=utf-8", _page, is_download=False),
    Form("pdf", "PDF", "application/pdf", statement_pdf),
)
PARTNERSHIP_FORMS: tuple[Form[PartnershipRecharges], ...] = (
    Form("json", "JSON", "application/json", partnership_json),
    Form("csv", "CSV", "text/csv; charset=utf-8", partnership_csv, partnership_csv_file),
    Form("html", "Web page", "text/html; charset=utf-8", _partnership_page, is_download=False),
    Form("pdf", "PDF", "application/pdf", partnership_pdf),
)
CREDIT_NOTE_FORMS: tuple[Form[CreditNote], ...] = (
    Form("json", "JSON", "application/json", credit_note_json),
    Form("html", "Web page", "text/html; charset=utf-8", _credit_note_page, is_download=False),
    Form("pdf", "PDF", "application/pdf", credit_note_pdf),
)
_BY_SUFFIX = {form.suffix: form for form in FORMS}


def form(suffix: str) -> Form[Statement]:
    """The form of a statement with that suffix; raises `KeyError`."""
    return _BY_SUFFIX[suffix]


def file_name(statement: Statement, form: Form[Statement]) -> str:
    """What a downloaded statement is called."""
    return f"recharge-statement-{statement.council.id}-{statement.month}.{form.suffix}"

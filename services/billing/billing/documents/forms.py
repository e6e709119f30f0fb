"""The forms that a statement and a partnership's month have. Routes, links and the command read these tables.

A new form is a file with a function from what it shows to bytes, and a line in a table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from billing.documents.credit_note_view import credit_note_path
from billing.documents.csv_lines import csv_file, csv_form
from billing.documents.journal import journal_csv, journal_file
from billing.documents.page import credit_note_page, partnership_page, statement_page
from billing.documents.partnership_csv import partnership_csv, partnership_csv_file
from billing.documents.partnership_json import partnership_json
from billing.documents.partnership_view import partnership_path
from billing.documents.pdf import credit_note_pdf, partnership_pdf, statement_pdf
from billing.documents.shown import ShownStatement
from billing.documents.view import statement_path
from billing.documents.xlsx import statement_xlsx
from billing.domain.canonical import canonical_json
from billing.domain.credit_note import CreditNote, credit_note_json
from billing.domain.partnership_recharges import PartnershipRecharges
from billing.domain.statement import Statement
from shared.period import Month

Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class Form(Generic[Shown]):
    """One form of something: its bytes as an answer, and as a file where that differs.

    `suffix` is that of its address, and of the file where that has no other `ending`; `is_download` is False for what
    browsers show. One that `shows_other_months` has more than the sealed content. One that is `by_address_only` has the
    media type of another one, which Accept chooses.
    """

    suffix: str
    name: str
    media_type: str
    render: Callable[[Shown], bytes]
    render_file: Callable[[Shown], bytes] | None = None
    is_download: bool = True
    ending: str = ""
    shows_other_months: bool = False
    by_address_only: bool = False

    def file(self, shown: Shown) -> bytes:
        """The bytes of the file."""
        return (self.render_file or self.render)(shown)


def _page(shown: ShownStatement) -> bytes:
    path = statement_path(shown.statement.council.id, shown.statement.month)
    downloads = [(form.name, f"{path}.{form.suffix}") for form in FORMS if form.is_download]
    return statement_page(shown, downloads=downloads).encode()


def _of_content(render: Callable[[Statement], bytes]) -> Callable[[ShownStatement], bytes]:
    """A form of the sealed content alone."""
    return lambda shown: render(shown.statement)


def _partnership_page(recharges: PartnershipRecharges) -> bytes:
    path = partnership_path(recharges.partnership.id, recharges.month)
    downloads = [(form.name, f"{path}.{form.suffix}") for form in PARTNERSHIP_FORMS if form.is_download]
    return partnership_page(recharges, downloads=downloads).encode()


def _credit_note_page(note: CreditNote) -> bytes:
    path = credit_note_path(note.council.id, note.issued.number)
    downloads = [(form.name, f"{path}.{form.suffix}") for form in CREDIT_NOTE_FORMS if form.is_download]
    return credit_note_page(note, downloads=downloads).encode()


# The first is what a client gets that accepts anything.
FORMS: tuple[Form[ShownStatement], ...] = (
    Form("json", "JSON", "application/json", _of_content(canonical_json)),
    Form("csv", "CSV", "text/csv; charset=utf-8", _of_content(csv_form), _of_content(csv_file)),
    Form("html", "Web page", "text/html; charset=utf-8", _page, is_download=False, shows_other_months=True),
    Form("pdf", "PDF", "application/pdf", statement_pdf, shows_other_months=True),
    Form(
        "xlsx",
        "Workbook (XLSX)",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        statement_xlsx,
        shows_other_months=True,
    ),
    Form(
        "journal",
        "Journal (CSV)",
        "text/csv; charset=utf-8",
        _of_content(journal_csv),
        _of_content(journal_file),
        ending="-journal.csv",
        by_address_only=True,
    ),
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


def form(suffix: str) -> Form[ShownStatement]:
    """The form of a statement with that suffix; raises `KeyError`."""
    return _BY_SUFFIX[suffix]


def file_name(council: str, month: Month, form: Form[ShownStatement]) -> str:
    """What the file of a statement is called, however it is downloaded."""
    return f"recharge-statement-{council}-{month}{form.ending or '.' + form.suffix}"

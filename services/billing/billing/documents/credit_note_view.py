"""A credit note in the words and figures that its page and its PDF show."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from billing.documents.invoicing_view import PartyView, Rows, category_text, party_view
from billing.domain.credit_note import CreditNote, credit_note_json
from billing.domain.issued import CorrectionLine
from shared.contracts.parties import CouncilParty, ProviderParty
from shared.money import format_gbp
from shared.web.formats import long_date, month_name
from shared.web.strings import text


@dataclass(frozen=True, slots=True)
class CreditNoteView:
    """Everything shown, as text: pairs of name and value, and rows of tables.

    A row of `lines` is name, cause, service, was, now and difference; one of `vat` category, net and VAT.
    """

    title: str
    path: str
    providers: str
    summary: str
    header: Rows
    lines: tuple[tuple[str, str, str, str, str, str], ...]
    total: str
    vat: tuple[tuple[str, str, str], ...]
    vat_note: str
    gross: str
    parties: tuple[PartyView, ...]
    sha256: str


def credit_note_path(council: str, number: str) -> str:
    """Where a credit note is; with the suffix of a form, that form."""
    return f"/v1/credit-notes/{council}/{number}"


def credit_note_view(note: CreditNote) -> CreditNoteView:
    """The view of `note`."""
    council, issued, month = note.council, note.issued, month_name(note.month)
    missing = ", ".join(note.vat.services_without)
    return CreditNoteView(
        title=text("credit_note.title", number=issued.number, council=council.name),
        path=credit_note_path(council.id, issued.number),
        providers=note.provider.name,
        summary=text("credit_note.summary", month=month, statement=note.corrects.number),
        header=(
            (text("credit_note.number"), issued.number),
            (text("credit_note.issued_on"), long_date(issued.issued_on)),
            (text("statement.council"), f"{council.name} ({council.gss})" if council.gss else council.name),
            (text("statement.provider"), note.provider.name),
            (text("credit_note.corrects"), text("credit_note.of_month", number=note.corrects.number, month=month)),
            (text("credit_note.listed_in"), note.listed_in.number),
            (text("statement.total"), format_gbp(note.total_pence)),
            *(((text("statement.gross"), format_gbp(note.gross_pence)),) if note.gross_pence is not None else ()),
        ),
        lines=tuple(_line(line) for line in note.corrections),
        total=format_gbp(note.total_pence),
        vat=tuple(_vat(note)),
        vat_note=text("statement.vat_not_recorded", services=missing) if missing else "",
        gross="" if note.gross_pence is None else format_gbp(note.gross_pence),
        parties=(
            party_view(
                text("statement.party_provider", name=note.provider.name), note.provider.party or ProviderParty()
            ),
            party_view(text("statement.party_council", name=council.name), council.party or CouncilParty()),
        ),
        sha256=hashlib.sha256(credit_note_json(note)).hexdigest(),
    )


def _line(line: CorrectionLine) -> tuple[str, str, str, str, str, str]:
    return (
        line.name,
        text(f"correction_cause.{line.cause}"),
        line.service_name or line.service,
        format_gbp(line.was_pence),
        format_gbp(line.now_pence),
        format_gbp(line.difference_pence),
    )


def _vat(note: CreditNote) -> Iterator[tuple[str, str, str]]:
    for provider in note.vat.providers:
        for change in provider.corrections:
            yield category_text(change.category), format_gbp(change.net_pence), format_gbp(change.vat_pence)

"""A credit note: corrections of one issued month in the council's favour, as a document with a number of its own.

It is issued with the statement that lists them, and follows that statement in the chain of the council's documents.
Law: `credit_note_json(credit_note_of(content)) == content`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from billing.domain.canonical import correction_content, field_content, party_content, vat_content
from billing.domain.issued import BookedNet, CorrectionLine, DocumentRef, Issued
from billing.domain.rules import RULES_VERSION
from billing.domain.sealed import UnreadableStatement, booked_nets_in, corrections_in
from billing.domain.statement_vat import StatementVat, statement_vat
from shared.contracts import codec
from shared.contracts.definitions import Council, Provider
from shared.period import Month

FORMAT = "tallystick-credit-note/1"


@dataclass(frozen=True, slots=True)
class CreditNote:
    """What `provider` takes back of what it charged `council` for `month`.

    `corrects` is the statement of that month, `listed_in` the later one that lists the same corrections. `booked_nets`
    is what all documents before this one had booked of the month.
    """

    council: Council
    provider: Provider
    month: Month
    corrects: DocumentRef
    listed_in: DocumentRef
    corrections: tuple[CorrectionLine, ...]
    booked_nets: tuple[BookedNet, ...]
    issued: Issued

    @property
    def total_pence(self) -> int:
        """The sum of its corrections before VAT: below 0."""
        return sum(line.difference_pence for line in self.corrections)

    @property
    def vat(self) -> StatementVat:
        """The VAT that it takes back, by category."""
        return statement_vat((), (), {}, self.corrections, self.booked_nets)

    @property
    def gross_pence(self) -> int | None:
        """The sum with VAT; None while a service has no VAT treatment."""
        vat_pence = self.vat.vat_pence
        return None if vat_pence is None else self.total_pence + vat_pence


def credit_note_json(note: CreditNote) -> bytes:
    """The credit note's canonical bytes, as `billing.domain.canonical` has a statement's."""
    return codec.canonical_json(
        {
            "format": FORMAT,
            "rules_version": RULES_VERSION,
            "council": _party(note.council) | {"gss": note.council.gss},
            "provider": _party(note.provider),
            "month": str(note.month),
            "corrects": field_content(note.corrects),
            "listed_in": field_content(note.listed_in),
            "corrections": [correction_content(line) for line in note.corrections],
            "total_pence": note.total_pence,
            "vat": vat_content(note.vat),
            "gross_pence": note.gross_pence,
            "issued": field_content(note.issued),
        }
    )


def credit_note_of(content: bytes) -> CreditNote:
    """The credit note in canonical bytes. Raises `UnreadableStatement`, also where they contradict themselves."""
    try:
        read = msgspec.json.decode(content, type=dict[str, Any])
        note = _note(read) if read.get("format") == FORMAT else None
        written = None if note is None else credit_note_json(note)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, LookupError, TypeError, ValueError) as fault:
        raise UnreadableStatement(f"the credit note cannot be read: {fault}") from fault
    if note is None:
        raise UnreadableStatement(f"expected a credit note in the format {FORMAT}")
    if written != content:
        raise UnreadableStatement("the credit note contradicts itself: its sums do not follow from its lines")
    return note


def _note(read: Mapping[str, Any]) -> CreditNote:
    return CreditNote(
        council=msgspec.convert(_given(read["council"]), Council),
        provider=msgspec.convert(_given(read["provider"]), Provider),
        month=Month.parse(read["month"]),
        corrects=msgspec.convert(read["corrects"], DocumentRef),
        listed_in=msgspec.convert(read["listed_in"], DocumentRef),
        corrections=corrections_in(read),
        booked_nets=booked_nets_in(read),
        issued=msgspec.convert(read["issued"], Issued),
    )


def _party(of: Council | Provider) -> dict[str, Any]:
    return {"id": of.id, "name": of.name, "party": party_content(of.party)}


def _given(read: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in read.items() if value is not None}

"""Credit notes for what a statement that is being issued settles so: one for each month that is corrected."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from billing.domain.canonical import content_hash
from billing.domain.credit_note import CreditNote, credit_note_json
from billing.domain.issued import BookedNet, CorrectionLine, DocumentRef, Issued
from billing.domain.numbers import document_number
from billing.domain.packing import packed
from billing.domain.sealed import statement_of
from billing.domain.statement import Statement
from billing.ports import StepWriter, StoredDocument
from shared.contracts.definitions import Provider
from shared.contracts.statements import DocumentData
from shared.period import Month


def credit_notes(statement: Statement, writer: StepWriter, *, by: str) -> Iterator[DocumentData]:
    """The credit notes of an issued statement, by month and provider; store each before the next is asked for.

    So the next one has the number after it and follows it in the chain.
    """
    noted = [line for line in statement.corrections if line.settled == "credit-note"]
    for month, provider in sorted({(line.month, line.provider) for line in noted}):
        lines = [line for line in noted if (line.month, line.provider) == (month, provider)]
        corrected = writer.statement(statement.council.id, month)
        if corrected is None:
            raise ValueError(f"a correction of {month}, which has no issued statement")
        yield _sealed(_note(statement, corrected, provider, lines, writer), writer, by=by)


def _note(
    statement: Statement,
    corrected: StoredDocument,
    provider: str,
    lines: Sequence[CorrectionLine],
    writer: StepWriter,
) -> CreditNote:
    issued = statement.issued
    if issued is None:
        raise ValueError("a draft settles nothing")
    return CreditNote(
        council=statement.council,
        provider=_provider(statement, corrected, provider),
        month=corrected.month,
        corrects=DocumentRef(corrected.number, corrected.sha256),
        listed_in=DocumentRef(issued.number, content_hash(statement)),
        corrections=tuple(lines),
        booked_nets=_booked_through(statement, corrected.month, provider, lines),
        issued=_numbered(issued, corrected.month, provider, statement, writer),
    )


def _numbered(issued: Issued, month: Month, provider: str, statement: Statement, writer: StepWriter) -> Issued:
    """Its number is the next of the provider's credit notes; nothing is due on one."""
    prefix = next(
        (each.party.number_prefix for each in statement.suppliers if each.id == provider and each.party), None
    )
    sequence = writer.next_sequence(provider, month.financial_year, "credit-note")
    before = writer.newest(provider, statement.council.id)
    return replace(
        issued,
        number=document_number(month, "credit-note", sequence, prefix=prefix),
        provider=provider,
        due_on=None,
        previous=None if before is None else DocumentRef(before.number, before.sha256),
    )


def _provider(statement: Statement, corrected: StoredDocument, provider: str) -> Provider:
    """As the newer statement has it; one that serves the council no more, as the corrected statement had it."""
    known = (*statement.suppliers, *statement_of(corrected.content).suppliers)
    return next((each for each in known if each.id == provider), Provider(id=provider, name=provider))


def _booked_through(
    statement: Statement, month: Month, provider: str, lines: Sequence[CorrectionLine]
) -> tuple[BookedNet, ...]:
    """What is booked of the month with all that the statement itself settles, in the categories of the credit note."""
    here = [line for line in statement.corrections if line.settled == "here"]
    return tuple(
        replace(
            each,
            net_pence=each.net_pence
            + sum(
                line.difference_pence
                for line in here
                if (line.month, line.provider, line.vat) == (month, provider, each.vat)
            ),
        )
        for each in statement.booked_nets
        if (each.month, each.provider) == (month, provider) and each.vat in {line.vat for line in lines}
    )


def _sealed(note: CreditNote, writer: StepWriter, *, by: str) -> DocumentData:
    month, content = note.month, credit_note_json(note)
    return DocumentData(
        month=str(month),
        step=f"credit-note-{note.issued.number}",
        by=by,
        number=note.issued.number,
        provider=note.provider.id,
        financial_year=month.financial_year,
        sequence=writer.next_sequence(note.provider.id, month.financial_year, "credit-note"),
        total_pence=note.total_pence,
        sha256=hashlib.sha256(content).hexdigest(),
        previous=None if note.issued.previous is None else note.issued.previous.sha256,
        content=packed(content),
    )

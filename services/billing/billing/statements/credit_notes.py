"""Credit notes for what a statement that is being issued settles so: one for each month that is corrected."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

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


def credit_notes(statement: Statement, ref: DocumentRef, writer: StepWriter, *, by: str) -> Iterator[DocumentData]:
    """The credit notes of the statement `ref` that is being issued, by month and provider, each with the next number.

    In the chain of the council's documents they follow the statement.
    """
    if statement.issued is None:
        raise ValueError("a draft settles nothing")
    noted = [line for line in statement.corrections if line.settled == "credit-note"]
    chain = _Chain(writer, statement.council.id)
    chain.follow(statement.issued.provider, ref)
    for month, provider in sorted({(line.month, line.provider) for line in noted}):
        lines = [line for line in noted if (line.month, line.provider) == (month, provider)]
        corrected = writer.statement(statement.council.id, month)
        if corrected is None:
            raise ValueError(f"a correction of {month}, which has no issued statement")
        sequence = chain.next_sequence(provider, month.financial_year)
        numbered = replace(
            statement.issued,
            number=document_number(month, "credit-note", sequence, prefix=_prefix(statement, provider)),
            provider=provider,
            due_on=None,  # nothing is due on one
            previous=chain.newest(provider),
        )
        note = _note(statement, ref, corrected, lines, numbered)
        sealed = _sealed(note, sequence, by=by)
        chain.follow(provider, DocumentRef(sealed.number, sealed.sha256))
        yield sealed


@dataclass(slots=True)
class _Chain:
    """The newest document of each provider, and the last number of each year, with those that are being issued."""

    writer: StepWriter
    council: str
    _newest: dict[str, DocumentRef] = field(default_factory=dict)
    _given: dict[tuple[str, int], int] = field(default_factory=dict)

    def follow(self, provider: str, document: DocumentRef) -> None:
        """That document is the newest."""
        self._newest[provider] = document

    def newest(self, provider: str) -> DocumentRef | None:
        """The document that the next one of the provider follows."""
        stored = self.writer.newest(provider, self.council)
        return self._newest.get(provider, None if stored is None else DocumentRef(stored.number, stored.sha256))

    def next_sequence(self, provider: str, year: int) -> int:
        """The place of the next credit note of that year, which it has from now on."""
        first = self.writer.next_sequence(provider, year, "credit-note")
        self._given[provider, year] = self._given.get((provider, year), first - 1) + 1
        return self._given[provider, year]


def _note(
    statement: Statement,
    listed_in: DocumentRef,
    corrected: StoredDocument,
    lines: Sequence[CorrectionLine],
    numbered: Issued,
) -> CreditNote:
    original, provider = statement_of(corrected.content), numbered.provider
    return CreditNote(
        council=statement.council,
        provider=_provider((*statement.suppliers, *original.suppliers), provider),
        month=corrected.month,
        corrects=DocumentRef(corrected.number, corrected.sha256),
        listed_in=listed_in,
        corrections=tuple(lines),
        booked_nets=_booked_through(statement, corrected.month, provider, lines),
        issued=numbered,
        illustrative=statement.illustrative or original.illustrative,
    )


def _prefix(statement: Statement, provider: str) -> str | None:
    return next((each.party.number_prefix for each in statement.suppliers if each.id == provider and each.party), None)


def _provider(known: Sequence[Provider], provider: str) -> Provider:
    """As the newer statement has it; one that serves the council no more, as the corrected statement had it."""
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


def _sealed(note: CreditNote, sequence: int, *, by: str) -> DocumentData:
    month, content = note.month, credit_note_json(note)
    return DocumentData(
        month=str(month),
        step=f"credit-note-{note.issued.number}",
        by=by,
        number=note.issued.number,
        provider=note.provider.id,
        financial_year=month.financial_year,
        sequence=sequence,
        total_pence=note.total_pence,
        sha256=hashlib.sha256(content).hexdigest(),
        previous=None if note.issued.previous is None else note.issued.previous.sha256,
        content=packed(content),
    )

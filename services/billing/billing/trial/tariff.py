"""`try tariff`: the text of a document in, everything that holds of it out. Nothing is stored."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from billing.domain.vat import VatTotal, vat_totals
from billing.trial.answers import Fields, TariffAnswer, answer_to, vat_fields
from billing.trial.charges import TrialCredit, TrialLine, TrialSlice, credits_of, slices_of
from billing.trial.document import TariffDocument
from billing.trial.faults import read_document
from shared.contracts.charge_rules import tariff_warnings
from shared.documents import MAX_DOCUMENT_BYTES, InvalidDocument, WrittenIn, document_of
from shared.faults import listed
from shared.json_values import NotStrictJson


class TriedTariff(Struct, frozen=True):
    """All that holds of a document: its month's lines, what each slice adds, credits, VAT, answers, and warnings.

    The total is charges less credits, before VAT. `vat` has it by category, and is None where nothing is said of it.
    """

    title: str | None
    month: str | None
    lines: list[TrialLine]
    charges_pence: int
    slices: list[TrialSlice]
    credits: list[TrialCredit]
    credits_pence: int
    total_pence: int
    vat: Fields | None
    vat_pence: int
    gross_pence: int
    answers: list[TariffAnswer]
    warnings: list[str]


class RefusedDocument(Struct, frozen=True):
    """A line of a file of documents that is none, and all that is wrong with it."""

    line: int
    faults: list[str]


def try_tariff(raw: bytes, *, written_in: WrittenIn) -> TriedTariff:
    """The answer to the document that `raw` is; raises `NotStrictJson` and `InvalidDocument`."""
    return _answer(document_of(raw, written_in, read_document))


def try_tariffs(lines: Iterable[bytes]) -> Iterator[TriedTariff | RefusedDocument]:
    """An answer to each line that is a JSON document, in order; what one of them is refused for stops no other."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if len(line) > MAX_DOCUMENT_BYTES:
            yield RefusedDocument(number, [f"is longer than {MAX_DOCUMENT_BYTES} bytes"])
            continue
        try:
            yield try_tariff(line, written_in="json")
        except NotStrictJson as fault:
            yield RefusedDocument(number, [str(fault)])
        except InvalidDocument as refused:
            yield RefusedDocument(number, listed(refused.faults))


def _answer(document: TariffDocument) -> TriedTariff:
    slices = slices_of(document)
    credits = credits_of(document, slices)
    charges_pence = slices[-1].total_pence if slices else 0
    credits_pence = sum(credit.applied_pence for credit in credits)
    total_pence = charges_pence - credits_pence
    lines = slices[-1].lines if slices else []
    totals = _vat_totals(document, lines, credits_pence)
    vat_pence = sum(total.vat_pence for total in totals)
    return TriedTariff(
        title=document.title,
        month=document.month,
        lines=lines,
        charges_pence=charges_pence,
        slices=slices if document.slices else [],
        credits=credits,
        credits_pence=credits_pence,
        total_pence=total_pence,
        vat=None if document.vat is None else vat_fields(totals),
        vat_pence=vat_pence,
        gross_pence=total_pence + vat_pence,
        answers=[answer_to(question, document.wall_zone) for question in document.questions],
        warnings=[str(warning) for version in document.versions for warning in tariff_warnings(version)],
    )


def _vat_totals(document: TariffDocument, lines: Sequence[TrialLine], credits_pence: int) -> tuple[VatTotal, ...]:
    """The VAT of each category; a discount, a limit and a credit are of the document's own."""
    if document.vat is None:
        return ()
    nets = [(line.vat, line.pence) for line in lines if line.vat is not None]
    credited = [(document.vat.category, -credits_pence)] if credits_pence else []
    return vat_totals([*nets, *credited])

"""How corrections are settled; in the end all documents of a month state what it comes to, VAT included."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from billing.documents.forms import CREDIT_NOTE_FORMS
from billing.domain.corrections import BookedAmount, Correction, bookings_of, corrections
from billing.domain.credit_note import CreditNote, credit_note_json, credit_note_of
from billing.domain.issued import BookedNet, CorrectionLine, DocumentRef
from billing.domain.ledger import credit_note_postings, require_balanced
from billing.domain.sealed import UnreadableStatement
from billing.domain.settlement import Causes, booked_by, correction_lines, settlement
from billing.domain.statement_vat import statement_vat
from billing.domain.terms import Terms
from billing.domain.vat import VatCategory
from shared.contracts.charges import Charge, ChargeTerms, UnitCharge
from shared.contracts.definitions import Agreement
from shared.period import Month
from tests.support.laws import law, law_of_each_row
from tests.support.rated_months import rated
from tests.support.recharges import ASHBY, PROVIDER, agreement
from tests.unit.billing.test_corrections import (
    APRIL,
    EVENTS,
    JUNE,
    KINDS,
    LIMITS,
    MAY,
    MONTHS,
    Event,
    catalogue,
    final_statements,
    inputs,
    sums,
)
from tests.unit.billing.test_sealed import ISSUED

AGREED = agreement("accounts-payable-tariff")
JULY = Month(2026, 7)


def lines_of(found: Sequence[Correction], listed_in: Month, agreed: Agreement = AGREED) -> tuple[CorrectionLine, ...]:
    return correction_lines(
        found,
        listed_in=listed_in,
        agreed=lambda _: agreed,
        provider_of=lambda _: PROVIDER.id,
        causes=lambda _: Causes(),
    )


def correction(
    pence: int, *, was: int = 1_000, kind: str = "unit", booked_rules: int = 1, rules: int = 1, ref: str = "line-1"
) -> Correction:
    (booked,) = rated(catalogue(UnitCharge(name="Unit", price_gbp="1")), ASHBY.id, inputs([], APRIL))[APRIL]
    booking = replace(booked, ref=ref, kind=kind, amount_pence=pence, rules_version=rules)
    return Correction(booking, was, "usage", booked_rules)


@dataclass
class Issuing:
    """Documents as the store would keep them: what was booked of each month, and the VAT that they state."""

    known: Terms
    agreed: Agreement
    months: set[Month] = field(default_factory=set)
    booked: list[BookedAmount] = field(default_factory=list)
    vat_pence: dict[Month, int] = field(default_factory=lambda: dict.fromkeys(MONTHS, 0))
    listed: tuple[CorrectionLine, ...] = ()

    def issue(self, month: Month, events: Sequence[Event]) -> None:
        """The month's statement by what is known now, with corrections of earlier issued months; of July only these."""
        earlier = {each for each in self.months if each < month}
        now = rated(self.known, ASHBY.id, inputs(events, JUNE))
        booked = [each for each in self.booked if each.month in earlier]
        self.listed = lines_of(corrections({each: now[each] for each in earlier}, booked), month, self.agreed)
        for settled in ("here", "credit-note"):
            self._settle([line for line in self.listed if line.settled == settled])
        if month not in self.months and month in MONTHS:
            (statement,) = [each for each in final_statements(self.known, events) if each.month == month]
            self.booked += bookings_of(statement)
            self.vat_pence[month] += statement.vat.vat_pence or 0
            self.months.add(month)

    def _settle(self, lines: Sequence[CorrectionLine]) -> None:
        """A document states the VAT on what it settles, and books it."""
        nets: Counter[tuple[Month, VatCategory]] = Counter()
        for booked in self.booked:
            if booked.vat is not None:
                nets[booked.month, booked.vat] += booked.amount_pence
        before = [BookedNet(month, PROVIDER.id, vat, pence) for (month, vat), pence in nets.items()]
        for provider in statement_vat((), (), {}, lines, before).providers:
            for change in provider.corrections:
                self.vat_pence[change.month] += change.vat_pence
        self.booked += [each for each in map(booked_by, lines) if each is not None]


def history_of(data: st.DataObject, events: Sequence[Event]) -> list[tuple[Sequence[Event], Month]]:
    """Documents in any order of months, each with more of the events; at last all months, and July with all events."""
    random = data.draw(st.randoms(use_true_random=False))
    arriving = list(events)
    random.shuffle(arriving)
    months = data.draw(st.lists(st.sampled_from(MONTHS), max_size=4, unique=True))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), min_size=len(months), max_size=len(months))))
    begun = [(arriving[:cut], month) for cut, month in zip(cuts, months, strict=True)]
    return [*begun, *((arriving, month) for month in MONTHS if month not in months), (arriving, JULY)]


@pytest.mark.parametrize("modifiers", [ChargeTerms(), LIMITS], ids=["plain", "year"])
@pytest.mark.parametrize("charge", KINDS, ids=lambda charge: charge.name)
@pytest.mark.parametrize("by", ["next-statement", "credit-note"])
def test_all_documents_of_a_month_state_what_it_comes_to_with_its_vat_in_any_order(
    charge: Charge, modifiers: ChargeTerms, by: Literal["next-statement", "credit-note"]
) -> None:
    known, agreed = catalogue(charge, modifiers), msgspec.structs.replace(AGREED, corrections_by=by)

    @law_of_each_row
    @given(events=EVENTS, data=st.data())
    def holds(events: list[Event], data: st.DataObject) -> None:
        issuing = Issuing(known, agreed)
        for arrived, month in history_of(data, events):
            issuing.issue(month, arrived)

        final = final_statements(known, events)
        assert sums((each.month, each.amount_pence) for each in issuing.booked) == {
            each.month: each.total_pence for each in final
        }
        assert issuing.vat_pence == {each.month: each.vat.vat_pence for each in final}

    holds()


@law
@given(events=EVENTS, data=st.data(), threshold=st.sampled_from(["0.50", "3.00", "1000"]))
def test_with_a_threshold_documents_differ_by_what_the_last_one_lists_as_carried(
    events: list[Event], data: st.DataObject, threshold: str
) -> None:
    known, agreed = catalogue(KINDS[4], LIMITS), msgspec.structs.replace(AGREED, corrections_from_gbp=threshold)
    issuing = Issuing(known, agreed)
    for arrived, month in history_of(data, events):
        issuing.issue(month, arrived)

    carried = sums((line.month, line.difference_pence) for line in issuing.listed if line.settled == "carried")
    booked = sums((each.month, each.amount_pence) for each in issuing.booked)
    assert {month: booked[month] + carried[month] for month in MONTHS} == {
        each.month: each.total_pence for each in final_statements(known, events)
    }


@law
@given(events=EVENTS, data=st.data())
def test_what_is_left_out_is_listed_and_is_all_that_is_missing(events: list[Event], data: st.DataObject) -> None:
    known, agreed = catalogue(KINDS[2]), msgspec.structs.replace(AGREED, corrections_until_months=1)
    issuing = Issuing(known, agreed)
    for arrived, month in history_of(data, events):
        issuing.issue(month, arrived)

    missing = sums((line.month, line.difference_pence) for line in issuing.listed if line.settled == "left-out")
    booked = sums((each.month, each.amount_pence) for each in issuing.booked)
    assert {month: booked[month] + missing[month] for month in MONTHS} == {
        each.month: each.total_pence for each in final_statements(known, events)
    }


@pytest.mark.parametrize(
    ("terms", "pence", "listed_in", "expected"),
    [
        ({}, [1], MAY, "here"),
        ({"corrections_from_gbp": "1.00"}, [99], MAY, "carried"),
        ({"corrections_from_gbp": "1.00"}, [100], MAY, "here"),
        ({"corrections_from_gbp": "1.00"}, [150, -100], MAY, "carried"),  # £0.50 in all
        ({"corrections_by": "credit-note"}, [-1], MAY, "credit-note"),
        ({"corrections_by": "credit-note"}, [-3, 2], MAY, "credit-note"),
        ({"corrections_by": "credit-note"}, [3, -2], MAY, "here"),
        ({"corrections_by": "credit-note", "corrections_from_gbp": "1.00"}, [-99], MAY, "carried"),
        ({"corrections_until_months": 2}, [5], JUNE, "here"),
        ({"corrections_until_months": 2}, [5], JULY, "left-out"),
    ],
)
def test_a_month_of_a_service_is_settled_as_its_agreement_says(
    terms: dict[str, object], pence: list[int], listed_in: Month, expected: str
) -> None:
    agreed = msgspec.structs.replace(AGREED, **terms)

    assert settlement([correction(each) for each in pence], agreed, listed_in) == expected


def test_what_only_moves_to_another_vat_category_is_not_small() -> None:
    agreed = msgspec.structs.replace(AGREED, corrections_from_gbp="1.00")
    was = correction(-30_000)
    now = replace(was, booking=replace(was.booking, vat=VatCategory("exempt", Decimal(0)), amount_pence=30_000))

    assert settlement([was, now], agreed, MAY) == "here"


def test_newer_rules_reprice_nothing_booked_until_the_agreement_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.domain.settlement.CHANGED_KINDS", {1: frozenset(), 2: frozenset(["unit"])})
    repriced, late = correction(5, rules=2), correction(7, kind="standing", rules=2, ref="line-2")

    assert [line.settled for line in lines_of([repriced, late], MAY)] == ["held", "held"]
    assert [line.settled for line in lines_of([late], MAY)] == ["here"]  # no kind of line that they rate otherwise
    agreed = msgspec.structs.replace(AGREED, corrections_rules_version=2)
    assert [line.settled for line in lines_of([repriced, late], MAY, agreed)] == ["here", "here"]
    assert [line.settled for line in lines_of([correction(5, booked_rules=2, rules=2)], MAY)] == ["here"]


def test_a_line_of_a_month_that_was_issued_without_any_is_by_other_terms() -> None:
    found = corrections({APRIL: [correction(500).booking]}, [])

    assert [(line.cause, line.was_pence, line.now_pence) for line in lines_of(found, MAY)] == [("terms", 0, 500)]


NOTE = CreditNote(
    council=ASHBY,
    provider=PROVIDER,
    month=APRIL,
    corrects=DocumentRef("2026-27.0001", "0" * 64),
    listed_in=DocumentRef("2026-27.0002", "1" * 64),
    corrections=lines_of([correction(-300)], MAY),
    booked_nets=(BookedNet(APRIL, PROVIDER.id, VatCategory("standard", Decimal(20)), 1_000),),
    issued=replace(ISSUED, number="2026-27.C0001", due_on=None),
)


def test_a_credit_note_is_read_back_from_its_bytes_and_booked_in_balance() -> None:
    read = credit_note_of(credit_note_json(NOTE))

    assert replace(read, council=ASHBY) == NOTE
    assert credit_note_json(read) == credit_note_json(NOTE)
    assert (NOTE.total_pence, NOTE.vat.vat_pence, NOTE.gross_pence) == (-300, -60, -360)
    entries = credit_note_postings(NOTE)
    require_balanced(entries)
    assert sum(each.amount_pence for each in entries if each.account == "receivable") == -360


def test_a_credit_note_of_example_prices_says_so_in_every_form() -> None:
    example = replace(NOTE, illustrative=True)

    assert credit_note_of(credit_note_json(example)).illustrative
    for form in CREDIT_NOTE_FORMS:
        if form.suffix == "html":
            assert b"not agreed by any council" in form.render(example)
            assert b"not agreed by any council" not in form.render(NOTE)
        elif form.suffix == "pdf":
            (page,) = PdfReader(io.BytesIO(form.render(example))).pages
            assert "not agreed by any council" in " ".join(page.extract_text().split())


@pytest.mark.parametrize("old", [b'"total_pence":-300', b'"vat_pence":-60', b"tallystick-credit-note/1"])
def test_bytes_of_a_credit_note_that_contradict_themselves_are_refused(old: bytes) -> None:
    changed = credit_note_json(NOTE).replace(old, old[:-1] + b"9", 1)

    with pytest.raises(UnreadableStatement):
        credit_note_of(changed)

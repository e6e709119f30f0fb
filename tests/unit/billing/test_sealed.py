"""A statement read back from its canonical bytes is the same statement, whatever was charged, credited or corrected."""

from dataclasses import is_dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import msgspec
import pytest
from hypothesis import given

from billing.domain import rating
from billing.domain.canonical import canonical_json
from billing.domain.issued import CorrectedBy, CorrectionLine, DocumentRef, Issued, ReadThrough
from billing.domain.rating.pipeline import WORKINGS
from billing.domain.sealed import UnreadableStatement, statement_of
from billing.domain.statement import Statement
from billing.domain.vat import VatCategory
from shared.contracts.charges import Charge, ChargeTerms
from shared.period import Month
from tests.support.laws import law_of_each_row
from tests.unit.billing.test_corrections import EVENTS, KINDS, LIMITS, MONTHLY, Event, catalogue, final_statements
from tests.unit.billing.test_credited_statement import credited_agreement
from tests.unit.billing.test_credited_statement import statement_of as credited_statement

STANDARD = VatCategory("standard", Decimal(20))
ISSUED = Issued(
    number="2026-27.0002",
    provider="joint-services",
    issued_on=date(2026, 6, 8),
    due_on=date(2026, 7, 8),
    cut_off=datetime(2026, 6, 5, 16, 30, tzinfo=UTC),
    previous=DocumentRef("2026-27.0001", "0" * 64),
    read_through=(ReadThrough("provider.usage.v1", 3, 17),),
)
LATE = CorrectedBy("/councils/ashby/systems/desk", "late-1", "provider.usage.v1", 3, 12)
CORRECTION = CorrectionLine(
    month=Month(2026, 4),
    agreement="ashby-agreement",
    provider="joint-services",
    service="accounts-payable",
    ref="line-1",
    name="Each",
    kind="unit",
    vat=STANDARD,
    was_pence=1_000,
    now_pence=1_250,
    cause="usage",
    settled="here",
    events=(LATE,),
    events_in_all=1,
)


@pytest.mark.parametrize("charge", KINDS, ids=lambda charge: type(charge).__name__)
@pytest.mark.parametrize("modifiers", [LIMITS, MONTHLY])
def test_what_is_read_back_gives_the_same_bytes(charge: Charge, modifiers: ChargeTerms) -> None:
    @law_of_each_row
    @given(EVENTS)
    def holds(events: list[Event]) -> None:
        for statement in final_statements(catalogue(charge, modifiers), events):
            for each in (statement, issued(statement)):
                assert canonical_json(statement_of(canonical_json(each))) == canonical_json(each)

    holds()


def issued(statement: Statement) -> Statement:
    carried = replace(CORRECTION, ref="line-2", now_pence=1_001, settled="carried")
    return replace(statement, status="issued", issued=ISSUED, corrections=(CORRECTION, carried))


def test_a_statement_with_credits_is_read_back_with_all_that_its_page_shows() -> None:
    statement = issued(credited_statement(credited_agreement(year_gbp="150")))

    read = statement_of(canonical_json(statement))

    assert read.credits == statement.credits
    assert read.lines == statement.lines
    assert (read.issued, read.corrections) == (statement.issued, statement.corrections)
    assert read.gross_pence == statement.gross_pence
    assert canonical_json(read) == canonical_json(statement)


def test_what_earlier_releases_called_provisional_is_read_as_it_was_sealed() -> None:
    content = canonical_json(replace(credited_statement(credited_agreement()), status="provisional"))

    assert b'"status":"provisional"' in content
    assert canonical_json(statement_of(content)) == content


def test_corrections_that_are_settled_here_are_payable_and_others_are_listed() -> None:
    statement = credited_statement(credited_agreement())

    assert issued(statement).payable_pence == statement.total_pence + 250
    assert sum(line.difference_pence for line in issued(statement).corrections) == 251


def test_every_working_of_the_package_can_be_read_back() -> None:
    modules = [import_module(f"{rating.__name__}.{each.name}") for each in iter_modules(rating.__path__)]
    kinds: set[Any] = {each for module in modules for each in vars(module).values() if is_dataclass(each)}
    workings: set[Any] = {each for each in kinds if hasattr(each, "formula")}

    assert workings == set(WORKINGS.values())
    assert len(WORKINGS) == len(workings)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"format":"tallystick-statement/9"}', "expected a statement"),
        (b'{"format":"tallystick-statement/1"}', "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b'{"format":"\xff"}', "cannot be read"),
    ],
)
def test_bytes_that_are_no_statement_are_refused_in_words(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableStatement, match=message):
        statement_of(content)


@pytest.mark.parametrize("name", ["total_pence", "charges_pence", "gross_pence"])
def test_bytes_whose_sums_do_not_follow_from_their_lines_are_refused(name: str) -> None:
    content = canonical_json(credited_statement(credited_agreement()))
    read = msgspec.json.decode(content)
    read[name] = (read[name] or 0) + 1
    changed = msgspec.json.encode(read, order="deterministic")

    with pytest.raises(UnreadableStatement, match="contradicts itself"):
        statement_of(changed)

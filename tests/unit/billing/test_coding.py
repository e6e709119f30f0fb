"""Finance codes: every line has those of its agreement, and the journal made of them balances to the penny."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.documents.csv_lines import lines_csv
from billing.documents.journal import COLUMNS, journal_csv, journal_rows
from billing.documents.partnership_json import _lines
from billing.domain.canonical import canonical_json
from billing.domain.coding import LineCoding
from billing.domain.statement import Statement, build_statement
from billing.domain.terms import DefinitionVersions
from shared.contracts.definitions import Agreement, ServiceCoding, ServiceVat
from shared.contracts.vat import VatTreatment
from shared.contracts.versions import DefinitionVersion
from shared.period import Month
from tests.support.laws import law
from tests.support.recharges import ASHBY, PROVIDER, agreement, standing, tariff, terms
from tests.support.recharges import PAYABLE as PAYABLE_SERVICE
from tests.unit.billing.test_credited_statement import ATTAINED, credited_agreement, known
from tests.unit.billing.test_statement_vat import TWENTY

MAY = Month(2026, 5)
PAYABLE = tariff(standing("310.00"))
PAYROLL = tariff(standing("100.00"), service="payroll")
EVERY = ServiceCoding(service="*", cost_centre="F100", ledger_code="4400", purchase_order="PO 1")
PAYROLL_ONLY = ServiceCoding(service="payroll", cost_centre="H200")


def coded(*coding: ServiceCoding, vat: Sequence[ServiceVat] = (), of: Agreement | None = None) -> Agreement:
    made = of or agreement(PAYABLE.id, PAYROLL.id)
    return msgspec.structs.replace(made, coding=coding, vat=tuple(vat))


def statement(*agreements: Agreement) -> Statement:
    catalogue = terms(*agreements, tariffs=[PAYABLE, PAYROLL])
    provider = msgspec.structs.replace(PROVIDER, vat_rates=(TWENTY,))
    providers = DefinitionVersions([DefinitionVersion(1, provider)])
    return build_statement(replace(catalogue, providers=providers), ASHBY.id, MAY, [])


def treated(service: str, treatment: VatTreatment) -> ServiceVat:
    return ServiceVat(service=service, treatment=treatment, reason="Advice")


def test_a_line_has_the_codes_of_its_service_or_else_those_of_every_service() -> None:
    made = statement(coded(EVERY, PAYROLL_ONLY))

    assert {line.service: line.coding for line in made.lines} == {
        "accounts-payable": LineCoding("F100", "4400", "PO 1"),
        "payroll": LineCoding("H200"),  # its own entry whole: nothing is taken from the other
    }


def test_a_line_takes_the_codes_in_force_on_its_last_day() -> None:
    later = msgspec.structs.replace(coded(PAYROLL_ONLY), effective_from=MAY.first_day.replace(day=31))

    assert {line.coding for line in statement(coded(EVERY), later).lines if line.service == "payroll"} == {
        LineCoding("H200")
    }


def test_a_credit_is_booked_where_the_charge_is_that_it_reduces() -> None:
    ict = ServiceCoding(service="ict", cost_centre="I300", illustrative=True)

    credited = build_statement(known(coded(ict, of=credited_agreement())), ASHBY.id, MAY, [], attained=ATTAINED)

    assert {line.service: line.coding for line in credited.credits} == {
        "ict": LineCoding("I300", illustrative=True),
        "payroll": None,
    }
    assert json.loads(canonical_json(credited))["service_credits"][0]["coding"]["cost_centre"] == "I300"


def test_codes_are_in_the_json_and_the_csv_and_a_line_without_any_has_none() -> None:
    made = statement(coded(PAYROLL_ONLY))

    lines = [line for charges in json.loads(canonical_json(made))["services"] for line in charges["lines"]]
    rows = list(csv.DictReader(io.StringIO(lines_csv(made))))

    assert [line.get("coding") for line in lines] == [
        None,
        {"cost_centre": "H200", "ledger_code": "", "purchase_order": "", "illustrative": False},
    ]
    assert [row["cost_centre"] for row in rows] == ["", "H200"]


def test_other_members_of_a_partnership_are_not_shown_the_codes() -> None:
    assert all("coding" not in line for line in _lines(statement(coded(EVERY)).lines))


def rows_of(made: Statement) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(journal_csv(made).decode())))


def pounds(rows: Sequence[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows if row[column]), Decimal(0))


def test_the_journal_debits_costs_and_vat_and_credits_what_is_owed() -> None:
    vat = [treated("*", "standard"), treated("payroll", "outside-scope")]

    rows = rows_of(statement(coded(EVERY, PAYROLL_ONLY, vat=vat)))

    assert tuple(rows[0]) == COLUMNS
    assert [
        (row["account"], row["cost_centre"], row["ledger_code"], row["purchase_order"], row["vat_treatment"])
        for row in rows
    ] == [
        ("cost", "F100", "4400", "PO 1", "standard"),
        ("cost", "H200", "", "", "outside-scope"),
        ("vat", "", "", "", "standard"),
        ("creditor", "", "", "", ""),
    ]
    assert [(row["debit_gbp"], row["credit_gbp"]) for row in rows] == [
        ("310.00", ""),
        ("100.00", ""),
        ("62.00", ""),
        ("", "472.00"),
    ]
    assert rows[-1]["narrative"] == "Owed to Joint Services for May 2026, with VAT"


def test_while_the_vat_is_not_known_the_journal_has_none_and_says_so() -> None:
    rows = rows_of(statement(coded(EVERY, vat=[treated("payroll", "standard")])))

    assert [row["account"] for row in rows] == ["cost", "cost", "creditor"]
    assert rows[-1]["narrative"].endswith("before VAT: the VAT is not known yet")
    assert pounds(rows, "credit_gbp") == Decimal("410.00")


def test_a_service_credit_is_a_credit_row_of_its_service() -> None:
    credited = build_statement(known(coded(EVERY, of=credited_agreement())), ASHBY.id, MAY, [], attained=ATTAINED)

    rows = rows_of(credited)

    assert [
        (row["narrative"], row["credit_gbp"]) for row in rows if row["account"] == "cost" and row["credit_gbp"]
    ] == [("Service credit for ICT, May 2026", "100.00")]
    assert pounds(rows, "debit_gbp") == pounds(rows, "credit_gbp")


@pytest.mark.parametrize("name", ["=1+1", "+Payable", "@Payable"])
def test_a_name_that_a_spreadsheet_would_run_is_guarded_in_the_journal(name: str) -> None:
    catalogue = terms(agreement(PAYABLE.id), tariffs=[PAYABLE])
    services = DefinitionVersions([DefinitionVersion(1, msgspec.structs.replace(PAYABLE_SERVICE, name=name))])

    rows = rows_of(build_statement(replace(catalogue, services=services), ASHBY.id, MAY, []))

    assert rows[0]["narrative"] == f"'{name}, May 2026"


@law
@given(
    treatments=st.tuples(*[st.sampled_from(["standard", "reduced", "zero", "exempt", "outside-scope", None])] * 2),
    codes=st.lists(st.sampled_from([EVERY, PAYROLL_ONLY]), unique=True),
)
def test_the_journal_sums_to_nothing_and_its_creditors_to_what_is_payable(
    treatments: tuple[VatTreatment | None, VatTreatment | None], codes: list[ServiceCoding]
) -> None:
    services = ("accounts-payable", "payroll")
    vat = [treated(service, each) for service, each in zip(services, treatments, strict=True) if each]

    made = statement(coded(*codes, vat=vat))
    rows = journal_rows(made)

    payable = made.total_pence if made.gross_pence is None else made.gross_pence
    assert sum(row.pence for row in rows) == 0
    assert -sum(row.pence for row in rows if row.account == "creditor") == payable
    assert sum(row.pence for row in rows if row.account == "cost") == made.total_pence
    assert all(row.pence for row in rows)

"""VAT of a statement by category and by date, the parties of it, and what is said where either is not recorded."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from billing.documents import forms
from billing.documents.csv_lines import lines_csv
from billing.documents.invoicing_view import party_views, vat_view
from billing.documents.pdf import statement_pdf
from billing.documents.shown import ShownStatement
from billing.domain.canonical import canonical_json
from billing.domain.statement import Statement, build_statement
from billing.domain.terms import DefinitionVersions
from billing.domain.vat import VatCategory, VatTotal, invoices_needed, vat_totals
from shared.contracts.definitions import Agreement, Council, ServiceVat, Tariff
from shared.contracts.parties import Address, BankAccount, CouncilParty, Endpoint, ProviderParty
from shared.contracts.vat import VatRates, VatTreatment
from shared.contracts.versions import DefinitionVersion
from shared.period import Month
from tests.support.laws import law
from tests.support.recharges import ASHBY, PROVIDER, agreement, standing, tariff, terms
from tests.unit.billing.test_credited_statement import ATTAINED, credited_agreement, known

MAY = Month(2026, 5)
PAYABLE = tariff(standing("310.00"))
PAYROLL = tariff(standing("100.00"), service="payroll")
ICT = tariff(standing("50.00"), service="ict")
TWENTY = VatRates(
    effective_from=date(2011, 1, 4), standard_percent="20", reduced_percent="5", source="gov.uk/vat-rates"
)
PROVIDER_PARTY = ProviderParty(
    legal_name="Joint Services Limited",
    address=Address(lines=("1 Example Street",), town="Exampleton", postcode="ZZ99 3WZ"),
    vat_number="GB999999973",
    endpoint=Endpoint(scheme="9932", id="GB999999973"),
    payment_days=30,
    bank=BankAccount(name="Joint Services", sort_code="00-00-00", account_number="00000000"),
    illustrative=True,
)


def treated(service: str, treatment: VatTreatment, reason: str = "Advice of 2026") -> ServiceVat:
    return ServiceVat(service=service, treatment=treatment, reason=reason)


def statement(
    *vat: ServiceVat,
    rates: Sequence[VatRates] = (TWENTY,),
    tariffs: Sequence[Tariff] = (PAYABLE, PAYROLL, ICT),
    party: ProviderParty | None = None,
    council: Council = ASHBY,
    later: Agreement | None = None,
) -> Statement:
    agreed = msgspec.structs.replace(agreement(*dict.fromkeys(each.id for each in tariffs)), vat=vat)
    catalogue = terms(agreed, *([later] if later else []), tariffs=tariffs, councils=[council])
    provider = msgspec.structs.replace(PROVIDER, vat_rates=tuple(rates), party=party)
    providers = DefinitionVersions([DefinitionVersion(1, provider)])
    return build_statement(replace(catalogue, providers=providers), ASHBY.id, MAY, [])


def test_vat_is_of_a_categorys_sum_and_not_of_each_line() -> None:
    standard = VatCategory("standard", Decimal(20))

    assert vat_totals([(standard, 13)] * 7) == (VatTotal(standard, 91),)
    assert VatTotal(standard, 91).vat_pence == 18
    assert sum(VatTotal(standard, 13).vat_pence for _ in range(7)) == 21


@pytest.mark.parametrize(
    ("treatment", "net", "expected"),
    [
        ("standard", 31_000, 6_200),
        ("standard", 12, 2),
        ("standard", 13, 3),
        ("standard", -13, -3),
        ("zero", 31_000, 0),
        ("exempt", 31_000, 0),
        ("outside-scope", 31_000, 0),
    ],
)
def test_vat_is_rounded_half_up_and_only_due_where_the_treatment_has_a_rate(
    treatment: VatTreatment, net: int, expected: int
) -> None:
    assert VatTotal(VatCategory(treatment, Decimal(20)), net).vat_pence == expected


@law
@given(
    nets=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    VatCategory("standard", Decimal(20)),
                    VatCategory("reduced", Decimal(5)),
                    VatCategory("exempt", Decimal(0)),
                ]
            ),
            st.integers(-(10**9), 10**9),
        )
    )
)
def test_categories_lose_no_penny_and_no_order_matters(
    nets: list[tuple[VatCategory, int]],
) -> None:
    totals = vat_totals(nets)

    assert sum(total.net_pence for total in totals) == sum(net for _, net in nets)
    assert totals == vat_totals(reversed(nets))


def test_a_statement_sums_vat_by_category_and_says_how_many_invoices_it_needs() -> None:
    mixed = statement(treated("*", "standard"), treated("payroll", "outside-scope", "Statutory, no competition"))

    assert [(each.category, each.net_pence, each.vat_pence) for each in mixed.vat.providers[0].totals] == [
        (VatCategory("outside-scope", Decimal(0)), 10_000, 0),
        (VatCategory("standard", Decimal(20)), 36_000, 7_200),
    ]
    assert (mixed.total_pence, mixed.vat.vat_pence, mixed.gross_pence) == (46_000, 7_200, 53_200)
    assert mixed.vat.invoices_needed == 2
    assert invoices_needed(mixed.vat.providers[0].totals[1:]) == 1


def test_where_one_treatment_is_missing_no_vat_is_guessed() -> None:
    partly = statement(treated("payroll", "standard"))

    assert partly.vat.services_without == ("accounts-payable", "ict")
    assert (partly.vat.vat_pence, partly.gross_pence, partly.vat.invoices_needed) == (None, None, None)
    assert partly.total_pence == 46_000
    assert vat_view(partly).notes == (
        "No VAT treatment is recorded for: Accounts payable, ICT. "
        "Until it is, neither the VAT nor the total with VAT is known.",
    )


def test_a_standard_treatment_without_a_rate_of_that_day_is_not_recorded() -> None:
    later = msgspec.structs.replace(TWENTY, effective_from=date(2026, 6, 1))

    assert statement(treated("*", "standard"), rates=[later]).vat.vat_pence is None
    assert statement(treated("*", "zero"), rates=[]).vat.vat_pence == 0


@pytest.mark.parametrize(("since", "percent"), [("2026-05-31", 25), ("2026-06-01", 20)])
def test_a_line_takes_the_rate_that_is_in_force_on_its_last_day(since: str, percent: int) -> None:
    risen = msgspec.structs.replace(TWENTY, effective_from=date.fromisoformat(since), standard_percent="25")

    (provider,) = statement(treated("*", "standard"), rates=[TWENTY, risen]).vat.providers

    assert [total.category.rate_percent for total in provider.totals] == [percent]


def test_a_line_that_ends_before_a_new_treatment_keeps_the_old_one() -> None:
    changed = tariff(standing("620.00"), since="2026-05-16")
    later = msgspec.structs.replace(
        agreement(PAYABLE.id, since="2026-05-16"), vat=(treated("accounts-payable", "standard"),)
    )

    halves = statement(treated("accounts-payable", "exempt"), tariffs=[PAYABLE, changed], later=later)

    assert [(line.amount_pence, line.vat and line.vat.treatment) for line in halves.lines] == [
        (15_000, "exempt"),
        (32_000, "standard"),
    ]


def test_every_form_shows_the_vat_and_the_reason_for_each_treatment() -> None:
    mixed = statement(
        treated("*", "standard"),
        ServiceVat(service="payroll", treatment="outside-scope", reason="Statutory.", illustrative=True),
    )

    assert vat_view(mixed).treatments == (
        ("Accounts payable, ICT", "Standard rate", "Advice of 2026"),
        (
            "Payroll",
            "Outside the scope of VAT",
            "Statutory. This treatment is an example: take advice on which one is right.",
        ),
    )
    found = json.loads(canonical_json(mixed))
    rows = list(csv.DictReader(io.StringIO(lines_csv(mixed))))
    page = forms.form("html").render(ShownStatement(mixed)).decode()
    pdf = "\n".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(statement_pdf(ShownStatement(mixed)))).pages)

    assert found["vat"]["vat_pence"] == 7_200
    assert found["gross_pence"] == 53_200
    assert found["vat"]["invoices_needed"] == 2
    assert found["services"][2]["lines"][0]["vat"] == {
        "treatment": "outside-scope",
        "rate_percent": "0",
        "reason": "Statutory.",
        "illustrative": True,
    }
    assert sum(Decimal(row["amount_gbp"]) for row in rows) == Decimal("460.00")
    assert sum(Decimal(row["vat_gbp"]) for row in rows if row["vat_gbp"]) == Decimal("72.00")
    assert [row["vat_treatment"] for row in rows] == [
        "standard",
        "standard",
        "outside-scope",
        "outside-scope",
        "standard",
    ]
    for form in (page, pdf):
        words = " ".join(form.split())
        assert "£532.00" in words
        assert "Outside the scope of VAT" in words
        assert "This statement needs 2 electronic invoices." in words
        assert "take advice on which one is right" in words


def test_parties_are_those_in_force_and_what_is_missing_is_said() -> None:
    provider, council = party_views(statement(party=PROVIDER_PARTY))

    assert provider.note == "Example details, which belong to nobody."
    assert dict(provider.rows) == {
        "Legal name": "Joint Services Limited",
        "Address": "1 Example Street, Exampleton, ZZ99 3WZ",
        "VAT number": "GB999999973",
        "Electronic address for invoices": "9932:GB999999973",
        "Payment terms": "Within 30 days of issue",
        "Bank details": "Joint Services, sort code 00-00-00, account 00000000",
    }
    assert council.rows == (("Not recorded", "Address, VAT number, Electronic address for invoices, Buyer reference"),)


def test_every_form_but_the_csv_names_both_parties() -> None:
    council = msgspec.structs.replace(ASHBY, party=CouncilParty(buyer_reference="PO 4711"))
    whole = statement(party=PROVIDER_PARTY, council=council)

    found = json.loads(canonical_json(whole))
    page = forms.form("html").render(ShownStatement(whole)).decode()
    pdf = "\n".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(statement_pdf(ShownStatement(whole)))).pages)

    assert found["council"]["party"] == {"buyer_reference": "PO 4711"}
    assert found["providers"][0]["party"]["vat_number"] == "GB999999973"
    for form in (page, pdf):
        assert "PO 4711" in form
        assert "GB999999973" in form


def test_a_service_credit_reduces_the_category_of_the_charge_that_it_is_of() -> None:
    treatments = (treated("ict", "standard"), treated("payroll", "exempt"))
    agreed = msgspec.structs.replace(credited_agreement(), vat=treatments)
    provider = msgspec.structs.replace(PROVIDER, vat_rates=(TWENTY,))
    catalogue = replace(known(agreed), providers=DefinitionVersions([DefinitionVersion(1, provider)]))

    credited = build_statement(catalogue, ASHBY.id, MAY, [], attained=ATTAINED)

    exempt, standard = credited.vat.providers[0].totals

    assert credited.credits_pence == 10_000  # 10% of £1,000.00 for ICT
    assert (exempt.net_pence, exempt.vat_pence) == (31_000, 0)
    assert (standard.net_pence, standard.vat_pence) == (90_000, 18_000)
    assert credited.gross_pence == credited.total_pence + 18_000
    assert {line.service: line.vat and line.vat.treatment for line in credited.credits} == {
        "ict": "standard",
        "payroll": "exempt",
    }


def test_each_provider_sends_invoices_of_its_own() -> None:
    own = msgspec.structs.replace(agreement(ICT.id), vat=(treated("*", "standard"),))
    other = msgspec.structs.replace(own, id="other-agreement", provider="other", tariffs=(PAYROLL.id,))
    catalogue = terms(own, other, tariffs=[ICT, PAYROLL])
    charging = [
        msgspec.structs.replace(PROVIDER, vat_rates=(TWENTY,)),
        msgspec.structs.replace(PROVIDER, id="other", name="Other", vat_rates=(TWENTY,)),
    ]
    providers = DefinitionVersions([DefinitionVersion(1, each) for each in charging])

    both = build_statement(replace(catalogue, providers=providers), ASHBY.id, MAY, [])

    assert [(each.provider, each.vat_pence) for each in both.vat.providers] == [
        ("joint-services", 1_000),
        ("other", 2_000),
    ]
    assert both.vat.invoices_needed == 2
    assert [party.heading for party in party_views(both)] == [
        "Provider: Joint Services",
        "Provider: Other",
        "Council: Ashby",
    ]
    assert vat_view(both).totals[1] == ("Standard rate, 20%, Other", "£100.00", "£20.00")

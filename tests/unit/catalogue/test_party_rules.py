"""What a party, VAT rates and VAT treatments may say: right check digits, ascending rates, one treatment each."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from catalogue.adapters.partnership_files import example_names, load, parse
from catalogue.domain import validation
from catalogue.domain.party_rules import coding_faults, council_party_faults, provider_faults, vat_faults
from shared.contracts.definitions import Agreement, Provider, ServiceCoding, ServiceVat
from shared.contracts.parties import BankAccount, CouncilParty, ProviderParty
from shared.contracts.vat import VatRates, VatTreatment
from shared.faults import Fault
from shared.holidays import shipped_holidays
from shared.validation import value_faults
from tests.support.definitions import agreement, council, provider

AT = datetime(2026, 4, 1, 9, tzinfo=UTC)
PAGE = Path(__file__).parents[3] / "docs" / "vat.md"
FAULTY = """\
provider:
  id: joint
  name: Joint officers
  party: {vat_number: "GB 123", bank: {name: Joint, sort_code: 00-00-00}}
councils:
  - {id: adur, name: Adur District Council, gss: E07000223, nation: england, party: {postcode: none}}
services_from: standard
agreements:
  - id: pay
    council: adur
    provider: joint
    title: Payroll
    tariffs: [payroll]
    vat:
      - {service: payroll, treatment: standart, reason: Advice}
      - {service: payroll, treatment: zero}
"""


def rates(since: str, percent: str = "20") -> VatRates:
    return VatRates(
        effective_from=date.fromisoformat(since), standard_percent=percent, reduced_percent="5", source="GOV.UK"
    )


def pointers(faults: Sequence[Fault]) -> list[str]:
    return [str(fault).partition(": ")[0] for fault in faults]


@pytest.mark.parametrize(
    ("number", "faulty"),
    [
        ("GB999999973", False),  # weights 8 to 2 of 9999999 are 315; 315 + 73 is 4 x 97
        ("GB999999974", True),
        ("GB999999918", False),  # the newer numbers: 315 + 18 + 55 is 4 x 97
        ("GB999999973001", False),  # a branch
        ("XI999999973", False),
        ("GBGD001", False),
        ("GBHA599", False),
    ],
)
def test_a_vat_number_has_right_check_digits(number: str, faulty: bool) -> None:
    party = ProviderParty(vat_number=number)

    found = pointers(list(provider_faults(provider(party=party))))

    assert found == (["#/party/vat_number"] if faulty else [])
    assert bool(list(council_party_faults(council(party=CouncilParty(vat_number=number))))) == faulty


@pytest.mark.parametrize(
    "number", ["999999973", "GB99999997", "gb999999973", "GB 999 9999 73", "GBGD500", "GBHA499", "FR99999999999"]
)
def test_a_vat_number_has_the_form_of_the_united_kingdom(number: str) -> None:
    assert pointers(value_faults({"vat_number": number}, CouncilParty)) == ["#/vat_number"]


@pytest.mark.parametrize(
    ("bank", "faulty"),
    [
        ({"sort_code": "00-00-00", "account_number": "00000000"}, []),
        ({"iban": "GB82WEST12345698765432"}, []),
        ({"iban": "GB82WEST12345698765431"}, ["#/party/bank/iban"]),
        ({"sort_code": "00-00-00"}, ["#/party/bank/account_number"]),
        ({"account_number": "00000000"}, ["#/party/bank/sort_code"]),
        ({}, ["#/party/bank"]),
    ],
)
def test_bank_details_name_a_whole_account(bank: dict[str, Any], faulty: list[str]) -> None:
    party = ProviderParty(bank=BankAccount(name="Joint", **bank))

    assert pointers(list(provider_faults(provider(party=party)))) == faulty


def test_vat_rates_ascend_by_date() -> None:
    known = provider(vat_rates=(rates("2011-01-04"), rates("2010-01-01", "17.5"), rates("2010-01-01")))

    assert pointers(list(provider_faults(known))) == ["#/vat_rates/1/effective_from", "#/vat_rates/2/effective_from"]


def with_vat(*vat: tuple[str, VatTreatment]) -> Agreement:
    treated = (ServiceVat(service=service, treatment=treatment, reason="Advice") for service, treatment in vat)
    return msgspec.structs.replace(agreement(), vat=tuple(treated), effective_from=date(2026, 4, 1))


@pytest.mark.parametrize(
    ("vat", "since", "faulty"),
    [
        ([("*", "standard")], "2026-04-01", []),
        ([("*", "standard")], "2026-04-02", ["#/vat/0/treatment"]),
        ([("*", "reduced")], None, ["#/vat/0/treatment"]),
        ([("*", "exempt"), ("payroll", "zero")], None, []),
        ([("payroll", "zero"), ("payroll", "exempt")], None, ["#/vat/1/service"]),
        ([("ict", "zero")], None, ["#/vat/0/service"]),
    ],
)
def test_each_treatment_has_an_effect_and_a_rate(
    vat: list[tuple[str, VatTreatment]], since: str | None, faulty: list[str]
) -> None:
    known = provider(vat_rates=() if since is None else (rates(since),))

    assert pointers(list(vat_faults(with_vat(*vat), {"payroll"}, [known]))) == faulty


@pytest.mark.parametrize(
    ("coding", "faulty"),
    [
        ([ServiceCoding(service="*", cost_centre="F100")], []),
        ([ServiceCoding(service="*", cost_centre="F100"), ServiceCoding(service="payroll", ledger_code="1")], []),
        (
            [ServiceCoding(service="*", ledger_code="1"), ServiceCoding(service="*", ledger_code="2")],
            ["#/coding/1/service"],
        ),
        ([ServiceCoding(service="ict", purchase_order="PO 1")], ["#/coding/0/service"]),
        ([ServiceCoding(service="payroll")], ["#/coding/0"]),
    ],
)
def test_each_service_has_its_codes_once_and_some(coding: list[ServiceCoding], faulty: list[str]) -> None:
    coded = msgspec.structs.replace(agreement(), coding=tuple(coding))

    assert pointers(list(coding_faults(coded, {"payroll"}))) == faulty


@pytest.mark.parametrize(
    ("code", "faulty"),
    [
        ("A", False),
        ("PO 4711/2026-27", False),
        ("x" * 32, False),
        ("x" * 33, True),
        ("", True),
        ("=1+1", True),
        ("A ", True),
    ],
)
def test_a_finance_code_is_short_text_that_no_spreadsheet_runs(code: str, faulty: bool) -> None:
    found = pointers(value_faults({"service": "*", "cost_centre": code}, ServiceCoding))

    assert found == (["#/cost_centre"] if faulty else [])


def test_every_fault_of_a_file_is_named_at_once() -> None:
    submission = parse(FAULTY.encode())

    found = {fault.fault.path for fault in map(submission.located, submission.faults)}

    assert found >= {
        ("provider", "party", "vat_number"),
        ("councils", 0, "party", "postcode"),
        ("agreements", 0, "vat", 0, "treatment"),
        ("agreements", 0, "vat", 1, "reason"),
    }


@pytest.mark.parametrize("name", [name for name in example_names() if name != "standard-services"])
def test_the_shipped_examples_label_their_parties_and_treatments_illustrative(name: str) -> None:
    submission = load(name)

    definitions = [entry.definition for entry in submission.entries]
    agreements = [each for each in definitions if isinstance(each, Agreement)]
    parties = [each.party for each in definitions if isinstance(each, Provider)]

    assert validation.faults(submission, {}, shipped_holidays(), AT) == []
    assert all(party is not None and party.illustrative for party in parties)
    assert all(each.vat and all(treated.illustrative for treated in each.vat) for each in agreements)
    assert all(each.coding and all(coded.illustrative for coded in each.coding) for each in agreements)


def test_what_the_documentation_shows_can_be_recorded() -> None:
    rates_and_treatments, parties = (
        fenced.split("```")[0] for fenced in PAGE.read_text(encoding="utf-8").split("```yaml\n")[1:]
    )
    both = rates_and_treatments + parties[parties.index("councils:") :] + "services_from: standard\n"

    for text in (both, parties):
        assert validation.faults(parse(text.encode()), {}, shipped_holidays(), AT) == []

"""Definitions with personal data are refused, but where a party is reached."""

from typing import Any

import pytest

from catalogue.domain.privacy_rules import personal_data_faults
from shared.contracts.definitions import AnyDefinition
from shared.contracts.parties import Address, Contact, CouncilParty, ProviderParty
from tests.support.definitions import agreement, calendar, council, provider, service, tariff
from tests.support.examples import PARTNERSHIPS, definitions_of

OFFICE = Address(lines=("Town Hall",), town="Worthing", postcode="BN11 1HA")
TEAM = Contact(team="Recharges", email="recharges@example.org", telephone="01632 960 001")


def places(definition: AnyDefinition) -> list[tuple[Any, ...]]:
    return [fault.path for fault in personal_data_faults(definition)]


@pytest.mark.parametrize(
    ("definition", "place"),
    [
        (council(name="jo.bloggs@example.org"), ("name",)),
        (service(name="Call 01632 960 001"), ("name",)),
        (tariff(name="QQ 12 34 56 C BN11 1HA"), ("name",)),
        (agreement(title="For AB 12 34 56 C"), ("title",)),
        (calendar(name="Depot BN11 1HA"), ("name",)),
        (provider(party=ProviderParty(contact=Contact(team="Jo, jo@example.org"))), ("party", "contact", "team")),
        (
            council(party=CouncilParty(buyer_reference="ask jo@example.org")),
            ("party", "buyer_reference"),
        ),
        (
            council(
                party=CouncilParty(address=Address(lines=("jo@example.org",), town="Worthing", postcode="BN11 1HA"))
            ),
            ("party", "address", "lines", 0),
        ),
    ],
)
def test_what_looks_like_personal_data_is_refused_where_it_does_not_belong(
    definition: AnyDefinition, place: tuple[Any, ...]
) -> None:
    assert places(definition) == [place]


def test_a_party_may_be_reached() -> None:
    assert places(provider(party=ProviderParty(contact=TEAM, address=OFFICE))) == []
    assert places(council(party=CouncilParty(address=OFFICE))) == []
    assert places(council(statements_to="recharges@example.org")) == []


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_no_shipped_definition_is_refused(name: str) -> None:
    assert [places(each) for each in definitions_of(name) if places(each)] == []

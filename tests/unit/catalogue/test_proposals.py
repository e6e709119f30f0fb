"""What a proposal says of a change, and who may do what about it."""

import itertools
from datetime import UTC, date, datetime
from typing import Any

import pytest

from catalogue.domain.proposals import definitions_of, differences, is_set_up, needs_approval, proposal_of
from catalogue.domain.versions import DEFINITION_TYPES, Catalogue, CatalogueVersion
from shared.auth.principal import Principal
from shared.auth.proposals import seen, steps
from shared.auth.roles import ROLES
from shared.contracts.proposals import PartyWords, ProposalData, ProposedDefinition
from shared.scope import Scope
from tests.support.definitions import agreement, calendar, council, tariff, whole

AT = datetime(2026, 4, 1, 9, tzinfo=UTC)
PROPOSER = PartyWords(side="provider", by="operator", at=AT, words="")


def proposal(*councils: tuple[str, ...] | None, status: Any = "proposed") -> ProposalData:
    documents = tuple(
        ProposedDefinition(
            kind="tariff",
            id=f"t{number}",
            replaces=1,
            effective_from=AT.date(),
            councils=each,
            definition="{}",
            differences=(),
        )
        for number, each in enumerate(councils)
    )
    return ProposalData(status=status, definitions=documents, proposed=PROPOSER)


def person(role: str, *councils: str, name: str = "somebody") -> Principal:
    scope = Scope.of(*councils) if councils else Scope.all()
    return Principal.of(name, "person", [role], scope, sources=["/x"] if role == "integrator" else [])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", "1", "2")]),
        (None, {"a": {"b_c": True}}, [("a / b c", None, "yes")]),
        ({"a": 1, "z": 1}, {"z": 1}, [("a", "1", None)]),
        ({"a": None, "z": 1}, {"z": 1}, []),
        ({"a": []}, {"a": [1]}, [("a / 1", None, "1"), ("a", "none", None)]),
        # Members are compared by what they are called, so that one that is put first changes no other.
        (
            {"tiers": [{"name": "b", "price": "1"}]},
            {"tiers": [{"name": "a", "price": "2"}, {"name": "b", "price": "1"}]},
            [("tiers / a / name", None, "a"), ("tiers / a / price", None, "2")],
        ),
        # Of two that are called the same, each is known by its place.
        (
            {"tiers": [{"name": "a", "price": "1"}, {"name": "a", "price": "2"}]},
            {"tiers": [{"name": "a", "price": "1"}, {"name": "a", "price": "3"}]},
            [("tiers / 2 / price", "2", "3")],
        ),
        # An order counts where nothing has a name.
        ({"days": ["mon", "tue"]}, {"days": ["tue", "mon"]}, [("days / 1", "mon", "tue"), ("days / 2", "tue", "mon")]),
    ],
)
def test_differences_are_named_by_their_place(before: Any, after: Any, expected: list[tuple[str, Any, Any]]) -> None:
    assert [(each.place, each.before, each.after) for each in differences(before, after)] == expected


def test_what_was_proposed_is_what_is_recorded_whatever_its_kind() -> None:
    added = [
        CatalogueVersion(1, AT, each) for each in [*whole(), calendar(id="other", closed={date(2026, 5, 1): "Fair"})]
    ]

    made = proposal_of(added, {}, PROPOSER)

    assert {each.kind for each in made.definitions} == set(DEFINITION_TYPES)
    assert definitions_of(made, {}) == [each.definition for each in added]


def test_a_tariff_is_about_whoever_agreed_to_it_by_then_or_together_with_it() -> None:
    before = agreement(tariffs=("payroll",))
    stored: Catalogue = {
        version.key: (version, CatalogueVersion(2, AT, agreement(tariffs=())))
        for version in [CatalogueVersion(1, AT, before)]
    }
    added = [
        CatalogueVersion(1, AT, tariff()),
        CatalogueVersion(1, AT, agreement("a2", council="worthing", tariffs=("payroll",))),
        CatalogueVersion(1, AT, council()),
        CatalogueVersion(1, AT, calendar()),
    ]

    found = [each.councils for each in proposal_of(added, stored, PROPOSER).definitions]

    assert found == [("adur", "worthing"), ("worthing",), ("adur",), None]


def test_prices_and_terms_need_approval_and_the_first_file_sets_up() -> None:
    versions = [CatalogueVersion(1, AT, each) for each in whole()]

    assert [version.key.kind for version in versions if needs_approval([version])] == ["index", "tariff", "agreement"]
    assert not is_set_up({version.key: (version,) for version in versions if not needs_approval([version])})
    assert is_set_up({version.key: (version,) for version in versions})


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (person("operator"), ("withdraw",)),
        (person("finance"), ("withdraw",)),
        (person("approver"), ("approve", "reject")),
        (person("approver", name="operator"), ()),
        (person("approver", "adur", "worthing"), ("approve", "reject")),
        (person("approver", "adur"), ("reject",)),
        (person("council-finance", "adur", "worthing"), ("approve", "reject")),
        (person("council-finance", "worthing"), ("reject",)),
        (person("council-finance", "arun"), ()),
        (person("council-viewer", "adur", "worthing"), ()),
        (person("auditor"), ()),
    ],
)
def test_who_may_do_what_about_a_price_of_two_councils(caller: Principal, expected: tuple[str, ...]) -> None:
    assert steps(proposal(("adur", "worthing")), caller) == expected


def test_what_all_share_is_not_for_one_council_to_approve() -> None:
    officer = person("council-finance", "adur")

    assert steps(proposal(("adur",)), officer) == ("approve", "reject")
    assert steps(proposal(("adur",), None), officer) == ("reject",)
    assert steps(proposal(("adur",), ()), officer) == ("reject",)
    assert steps(proposal(None), officer) == ()


def test_nothing_can_be_done_about_what_is_decided() -> None:
    callers = [person(role, *(() if ROLES[role].side == "provider" else ("adur",))) for role in ROLES]

    for status, caller in itertools.product(("approved", "rejected", "withdrawn"), callers):
        assert steps(proposal(("adur",), status=status), caller) == ()


def test_what_is_seen_names_no_council_out_of_scope() -> None:
    shown = seen(proposal(("adur", "worthing"), ("worthing",), None), Scope.of("adur"))

    assert shown is not None
    assert [each.councils for each in shown.definitions] == [("adur",)]
    assert seen(proposal(("worthing",)), Scope.of("adur")) is None
    assert seen(proposal(("worthing",), None), Scope.all()) == proposal(("worthing",), None)

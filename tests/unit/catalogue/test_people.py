"""Who may sign in and what they may do: given by an operator, or by a claim; an operator's word counts for more."""

from collections.abc import Sequence

import pytest

from catalogue.domain.people import (
    MAX_NAMED_CHARACTERS,
    Access,
    ClaimedAccess,
    Identity,
    InvalidClaimMapping,
    Person,
    RefusedPerson,
    UnknownPerson,
    given,
    person_id,
    require_may_change,
    signed_in,
)
from shared.auth.principal import ActionNotAllowed, Principal
from shared.scope import Scope

ISSUER = "https://login.example"
OPERATOR = Principal.of("tsp_operator", "person", ["operator"], Scope.all())
ADURS_OPERATOR = Principal.of("tsp_adur", "person", ["operator"], Scope.of("adur"))
FINANCE = Access(roles=("council-finance",), councils=("adur",))
VIEWER = Access(roles=("council-viewer",), councils=("adur", "worthing"))
SOMEBODY = Identity(issuer=ISSUER, subject="s-1", name="Finance officer, Adur", claimed=frozenset({"adur-finance"}))
MAPPING = ClaimedAccess.read(
    """
    # value: role councils
    adur-finance: council-finance adur
    adur-viewers: council-viewer adur
    worthing-viewers: council-viewer worthing
    https://groups.example/operators: operator
    auditors: auditor
    """
)


def somebody(**changed: object) -> Person:
    return given(None, SOMEBODY, FINANCE, by=OPERATOR) if not changed else Person(**{**_fields(), **changed})  # type: ignore[arg-type]


def _fields() -> dict[str, object]:
    found = given(None, SOMEBODY, FINANCE, by=OPERATOR)
    return {name: getattr(found, name) for name in found.__struct_fields__}


def test_an_operator_gives_somebody_access_under_an_id_that_does_not_say_who_they_are() -> None:
    found = given(None, SOMEBODY, FINANCE, by=OPERATOR)

    assert found.id == person_id(ISSUER, "s-1")
    assert found.id != person_id(ISSUER, "s-2")
    assert found.id != person_id(f"{ISSUER}s", "-1")
    assert "s-1" not in found.id
    assert found.principal == Principal.of(found.id, "person", ["council-finance"], Scope.of("adur"))
    assert (found.origin, found.changed_by) == ("given", "tsp_operator")


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        (Access(roles=(), councils=("adur",)), "needs a role"),
        (Access(roles=("council-viewer",), councils=()), "needs a council"),
        (Access(roles=("council-viewer",), councils=None), "needs the councils"),
        (Access(roles=("admin",), councils=None), "unknown role"),
        (Access(roles=("operator", "council-viewer"), councils=("adur",)), "cannot be held together"),
        (Access(roles=("integrator",), councils=("adur",)), "sources are an integrator's"),
        (Access(roles=("council-viewer",), councils=("c" * (MAX_NAMED_CHARACTERS + 1),)), "too many councils"),
    ],
)
def test_access_that_nobody_can_have_is_refused(access: Access, expected: str) -> None:
    with pytest.raises(RefusedPerson, match=expected):
        given(None, SOMEBODY, access, by=OPERATOR)


def test_nobody_but_an_operator_gives_access() -> None:
    for roles, councils in ((["finance"], None), (["council-finance"], "adur"), (["approver"], None)):
        scope = Scope.all() if councils is None else Scope.of(councils)
        with pytest.raises(ActionNotAllowed):
            given(None, SOMEBODY, FINANCE, by=Principal.of("tsp_x", "person", roles, scope))


def test_an_operator_gives_access_to_no_council_that_they_do_not_see() -> None:
    assert given(None, SOMEBODY, FINANCE, by=ADURS_OPERATOR)
    for access in (VIEWER, Access(roles=("auditor",), councils=None)):
        with pytest.raises(RefusedPerson, match="more councils than they see"):
            given(None, SOMEBODY, access, by=ADURS_OPERATOR)


def test_nobody_changes_their_own_access() -> None:
    known = given(None, SOMEBODY, Access(roles=("operator",), councils=None), by=OPERATOR)

    with pytest.raises(RefusedPerson, match="their own access"):
        given(known, SOMEBODY, VIEWER, by=known.principal)
    with pytest.raises(RefusedPerson, match="their own access"):
        require_may_change(known.principal, known.id)


def test_somebody_keeps_their_id_their_name_and_what_is_void_when_their_access_changes() -> None:
    known = somebody(id="finance-adur", void_s=5)

    found = given(known, Identity(issuer=ISSUER, subject="s-1"), VIEWER, by=OPERATOR)

    assert (found.id, found.name, found.void_s, found.access) == ("finance-adur", known.name, 5, VIEWER)


def test_whoever_was_given_access_has_that_whatever_the_claim_says() -> None:
    known = somebody()

    claimed = Identity(issuer=ISSUER, subject="s-1", claimed=frozenset({"https://groups.example/operators"}))

    assert signed_in(known, claimed, MAPPING).access == FINANCE


def test_whoever_was_removed_does_not_come_back_by_a_claim() -> None:
    with pytest.raises(UnknownPerson, match="s-1"):
        signed_in(somebody(removed=True), SOMEBODY, MAPPING)
    with pytest.raises(UnknownPerson, match="s-1"):
        signed_in(somebody(removed=True, origin="claimed"), SOMEBODY, MAPPING)


def test_a_claim_gives_access_to_somebody_who_is_not_known_yet_and_takes_it_away_again() -> None:
    found = signed_in(None, SOMEBODY, MAPPING)
    assert (found.origin, found.access, found.name) == ("claimed", FINANCE, "Finance officer, Adur")

    again = signed_in(found, Identity(issuer=ISSUER, subject="s-1", claimed=frozenset({"auditors"})), MAPPING)
    assert (again.id, again.access.roles) == (found.id, ("auditor",))

    with pytest.raises(UnknownPerson, match="s-1"):
        signed_in(again, Identity(issuer=ISSUER, subject="s-1"), MAPPING)


@pytest.mark.parametrize(
    ("values", "roles", "councils"),
    [
        (["adur-viewers", "worthing-viewers"], ("council-viewer",), ("adur", "worthing")),
        (["adur-viewers", "adur-finance"], ("council-finance", "council-viewer"), ("adur",)),
        (["https://groups.example/operators", "auditors"], ("auditor", "operator"), None),
        (["adur-viewers", "of another application"], ("council-viewer",), ("adur",)),
    ],
)
def test_several_values_of_a_claim_mean_all_of_their_access(
    values: Sequence[str], roles: Sequence[str], councils: Sequence[str] | None
) -> None:
    found = MAPPING.of(values)

    assert found == Access(roles=tuple(roles), councils=None if councils is None else tuple(councils))


def test_values_of_both_sides_together_let_nobody_in() -> None:
    both = Identity(issuer=ISSUER, subject="s-1", claimed=frozenset({"auditors", "adur-viewers"}))

    with pytest.raises(UnknownPerson):
        signed_in(None, both, MAPPING)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("adur-finance council-finance adur", "line 1: expected"),
        ("a: auditor\na: operator", "line 2: expected"),
        ("\n: auditor", "line 2: expected"),
        ("a:", "line 1: expected"),
        ("a: admin", "line 1: unknown role"),
        ("a: council-viewer", "line 1: a council's role needs the councils"),
        ("a: integrator adur", "line 1: sources are an integrator's"),
    ],
)
def test_a_mapping_that_cannot_be_read_names_its_line(text: str, expected: str) -> None:
    with pytest.raises(InvalidClaimMapping, match=expected):
        ClaimedAccess.read(text)

"""Who may hold which roles, and what each may do."""

from typing import Any

import pytest

from shared.auth.principal import ActionNotAllowed, InvalidPrincipal, Principal
from shared.auth.roles import ROLES, Action
from shared.scope import Scope

ADUR = Scope.of("adur")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"roles": ["admin"]}, "unknown role: admin"),
        ({"roles": ["operator", "council-viewer"], "scope": ADUR}, "cannot be held together"),
        ({"roles": ["council-viewer"]}, "needs the councils"),
        ({"roles": ["integrator"], "scope": ADUR}, "needs at least one"),
        ({"roles": ["council-viewer"], "scope": ADUR, "sources": ["/desk"]}, "sources are an integrator's"),
        *(({"name": name, "roles": ["operator"]}, "expected a name") for name in ("", "a b", "ada@x", "a" * 65, "a\n")),
    ],
)
def test_a_principal_that_nobody_can_be_is_refused(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidPrincipal, match=expected):
        Principal.of(**{"name": "ada", "kind": "person", "scope": Scope.all(), **given})


@pytest.mark.parametrize("action", Action)
def test_every_action_is_somebodys_and_nobody_s_without_a_role(action: Action) -> None:
    assert any(action in role.actions for role in ROLES.values())
    assert Principal.local("root").may(action)
    with pytest.raises(ActionNotAllowed, match=f"ada may not {action.value}"):
        Principal.of("ada", "person", [], ADUR).require(action)


@pytest.mark.parametrize(
    ("proposes", "approves"),
    [
        (Action.PROPOSE_CATALOGUE, Action.APPROVE_CATALOGUE),
        (Action.PROPOSE_EXCLUSION, Action.APPROVE_EXCLUSION),
        (Action.REQUEST_CORRECTION, Action.APPROVE_CORRECTION),
    ],
)
def test_no_role_of_the_provider_both_proposes_and_approves(proposes: Action, approves: Action) -> None:
    provider = [role for role in ROLES.values() if role.side == "provider"]

    assert not any({proposes, approves} <= role.actions for role in provider)
    assert any(approves in role.actions for role in ROLES.values())


def test_only_what_is_of_a_council_can_be_done_by_one() -> None:
    of_councils = set[Action]().union(*(role.actions for role in ROLES.values() if role.side == "council"))

    assert of_councils.isdisjoint({Action.OPERATE, Action.PROPOSE_CATALOGUE, Action.MANAGE_ACCESS, Action.READ_AUDIT})


def test_an_integrator_reads_nothing() -> None:
    sender = Principal.of("tsc_1", "machine", ["integrator"], ADUR, sources=["/desk"])

    assert sender.may(Action.SEND_EVENTS)
    assert not sender.may(Action.READ_FIGURES)
    assert sender.sides == {"council"}

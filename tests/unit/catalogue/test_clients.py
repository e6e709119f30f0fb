"""Client credentials: who may make which, and exactly when a secret proves its client."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from catalogue.domain.clients import (
    LONGEST_VALIDITY,
    Client,
    RefusedClient,
    WrongCredentials,
    authenticated,
    require_may_make,
    revoked,
    with_new_secret,
    without_older_secrets,
)
from shared.auth.credentials import new_client_id, new_secret
from shared.auth.principal import ActionNotAllowed, Principal
from shared.scope import Scope

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
SECRET, NEXT = new_secret(), new_secret()
OPERATOR = Principal.of("kim", "person", ["operator"], Scope.all())
FINANCE = Principal.of("ada", "person", ["council-finance"], Scope.of("adur", "worthing"))
TICKET_SYSTEM = Client(
    id=new_client_id(),
    title="Desk",
    roles=("integrator",),
    councils=("adur",),
    sources=("/councils/adur/systems/tickets",),
    made_by="ada",
)
READY = with_new_secret(TICKET_SYSTEM, SECRET, at=AT, valid_for=30 * DAY)


def proves(client: Client | None, secret: str, at: datetime) -> bool:
    try:
        return authenticated(client, secret, at=at).name == TICKET_SYSTEM.id
    except WrongCredentials:
        return False


def test_a_secret_proves_its_client_from_when_it_was_made_until_it_expires() -> None:
    assert authenticated(READY, SECRET, at=AT) == TICKET_SYSTEM.principal
    moments = [AT - timedelta(microseconds=1), AT, AT + 30 * DAY - timedelta(microseconds=1), AT + 30 * DAY]
    assert [proves(READY, SECRET, at) for at in moments] == [False, True, True, False]


@pytest.mark.parametrize(
    "secret",
    ["", NEXT, SECRET[:-1], f"{SECRET}\n", SECRET.upper(), TICKET_SYSTEM.id],
    ids=["empty", "another", "cut", "a line", "in capitals", "the id"],
)
def test_nothing_else_proves_it(secret: str) -> None:
    assert not proves(READY, secret, AT)


def test_a_client_without_secrets_or_unknown_is_proved_by_nothing() -> None:
    for client in (None, TICKET_SYSTEM, revoked(READY, at=AT)):
        assert not proves(client, SECRET, AT)
        assert not proves(client, "", AT)


def test_two_secrets_hold_at_once_and_the_older_is_taken_back() -> None:
    both = with_new_secret(READY, NEXT, at=AT + DAY, valid_for=30 * DAY)

    assert proves(both, SECRET, AT + DAY)
    assert proves(both, NEXT, AT + DAY)
    with pytest.raises(RefusedClient, match="two secrets"):
        with_new_secret(both, new_secret(), at=AT + DAY, valid_for=DAY)
    alone = without_older_secrets(both, at=AT + DAY)
    assert not proves(alone, SECRET, AT + DAY)
    assert proves(alone, NEXT, AT + DAY)


def test_an_expired_secret_makes_room() -> None:
    both = with_new_secret(READY, NEXT, at=AT + DAY, valid_for=60 * DAY)

    later = with_new_secret(both, new_secret(), at=AT + 31 * DAY, valid_for=DAY)

    assert len(later.secrets) == 2
    assert proves(later, NEXT, AT + 31 * DAY)


@pytest.mark.parametrize("valid_for", [timedelta(), -DAY, LONGEST_VALIDITY + timedelta(microseconds=1)])
def test_no_secret_lives_for_ever_or_not_at_all(valid_for: timedelta) -> None:
    with pytest.raises(RefusedClient, match="a secret is valid"):
        with_new_secret(TICKET_SYSTEM, SECRET, at=AT, valid_for=valid_for)


def test_a_revoked_client_gets_no_new_secret_and_stays_revoked_since_then() -> None:
    gone = revoked(READY, at=AT)

    assert revoked(gone, at=AT + DAY) == gone
    assert gone.secrets == ()
    with pytest.raises(RefusedClient, match="revoked"):
        with_new_secret(gone, NEXT, at=AT + DAY, valid_for=DAY)


@pytest.mark.parametrize(
    ("maker", "changed", "expected"),
    [
        (FINANCE, {"councils": ("brighton",)}, "sees no more councils"),
        (FINANCE, {"roles": ("auditor",), "sources": ()}, "only the provider"),
        (FINANCE, {"roles": ("auditor",), "sources": (), "councils": None}, "only the provider"),
        (
            OPERATOR,
            {"sources": ("/councils/worthing/systems/tickets",)},
            "of a council is for a client of that council",
        ),
        (FINANCE, {"sources": ("/servicedesk",)}, "a council's source begins with"),
        (OPERATOR, {"roles": ("operator",), "sources": (), "councils": None}, "give access to others"),
        (OPERATOR, {"roles": ("council-finance",), "sources": ()}, "give access to others"),
    ],
)
def test_nobody_grants_what_is_not_theirs(maker: Principal, changed: dict[str, object], expected: str) -> None:
    with pytest.raises(RefusedClient, match=expected):
        require_may_make(maker, msgspec.structs.replace(TICKET_SYSTEM, **changed).principal)


def test_who_may_not_manage_credentials_makes_none() -> None:
    with pytest.raises(ActionNotAllowed):
        require_may_make(Principal.of("bo", "person", ["council-viewer"], Scope.of("adur")), TICKET_SYSTEM.principal)


@pytest.mark.parametrize("maker", [OPERATOR, FINANCE, Principal.local("root")])
def test_whoever_may_makes_an_integrator_of_their_own_councils(maker: Principal) -> None:
    require_may_make(maker, TICKET_SYSTEM.principal)

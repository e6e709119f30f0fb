"""Machines that may call: who made them, what they may do, and which secrets prove them.

A client ends by itself: its secrets expire, at most a year after they were made. To change one without an interruption,
a second is made; both hold until the older one is taken back or expires.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from shared.auth.credentials import hashed, matches
from shared.auth.principal import Principal
from shared.auth.roles import ROLES, Action
from shared.scope import Scope

LONGEST_VALIDITY = timedelta(days=366)
_APPROVALS = (Action.APPROVE_CATALOGUE, Action.APPROVE_EXCLUSION, Action.APPROVE_CORRECTION, Action.APPROVE_STATEMENT)
# One that is in use, and one that takes its place.
MAX_SECRETS = 2
_COUNCILS = "/councils/"  # what the sources of councils begin with, followed by their id


class RefusedClient(Exception):
    """The client cannot be made or changed so; says what to change."""


class UnknownClient(LookupError):
    """There is none of that id, or none that the caller may manage."""


class WrongCredentials(Exception):
    """The client does not exist, is revoked, or the secret is not one of its own now. The caller is not told which."""


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a secret: its hash, and from when until when it holds.

    `request` is the key of the request that made it, empty where it had none: the same request makes no second one.
    """

    hash: bytes
    made_at: datetime
    expires_at: datetime
    request: str = ""


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A machine by its id. `councils` is None for every council; `made_by` is a principal's name.

    `request` is the key of the request that made it, as for a secret.
    """

    id: str
    title: str
    roles: tuple[str, ...]
    councils: tuple[str, ...] | None
    sources: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = ()
    made_by: str
    request: str = ""
    revoked_at: datetime | None = None

    @property
    def principal(self) -> Principal:
        """Who calls with its credentials. Raises `InvalidPrincipal` where its roles do not go together."""
        scope = Scope.all() if self.councils is None else Scope.of(*self.councils)
        return Principal.of(self.id, "machine", self.roles, scope, sources=self.sources)


def require_may_make(maker: Principal, wanted: Principal) -> None:
    """Raises `ActionNotAllowed` or `RefusedClient` where a client could do or see what its maker cannot grant."""
    maker.require(Action.MANAGE_CREDENTIALS)
    if "provider" not in maker.sides and any(ROLES[role].side == "provider" for role in wanted.roles):
        raise RefusedClient("only the provider makes clients with its own roles")
    if wanted.may(Action.MANAGE_ACCESS) or wanted.may(Action.MANAGE_CREDENTIALS):
        raise RefusedClient("a machine cannot be allowed to give access to others")
    if any(map(wanted.may, _APPROVALS)):
        raise RefusedClient("what needs two people cannot be approved by a machine")
    if not covers(maker.scope, wanted.scope):
        raise RefusedClient("a client sees no more councils than whoever makes it")
    of_others = [source for source in wanted.sources if not _is_of(wanted.scope, source)]
    if of_others and maker.scope.councils is not None:
        raise RefusedClient("a council's source begins with /councils/, its id and a slash")
    if wanted.scope.councils is not None and any(source.startswith(_COUNCILS) for source in of_others):
        raise RefusedClient("a source of a council is for a client of that council")


def may_manage(manager: Principal, client: Client) -> bool:
    """Whether the client is one that the manager could have made: the provider manages all of the councils it sees."""
    managed = client.principal
    is_of_side = "provider" in manager.sides or "provider" not in managed.sides
    return is_of_side and covers(manager.scope, managed.scope)


def covers(larger: Scope, smaller: Scope) -> bool:
    """Whether all that `smaller` allows is allowed by `larger`."""
    if larger.councils is None:
        return True
    return smaller.councils is not None and smaller.councils <= larger.councils


def with_new_secret(client: Client, secret: str, *, at: datetime, valid_for: timedelta, request: str = "") -> Client:
    """The client with one secret more; those that have expired are gone. Raises `RefusedClient`."""
    if client.revoked_at is not None:
        raise RefusedClient("the client is revoked: make another one")
    if not timedelta() < valid_for <= LONGEST_VALIDITY:
        raise RefusedClient(f"a secret is valid for a moment to {LONGEST_VALIDITY.days} days")
    current = _current(client.secrets, at)
    if len(current) >= MAX_SECRETS:
        raise RefusedClient("it has two secrets: take the older one back first")
    added = Secret(hash=hashed(secret), made_at=at, expires_at=at + valid_for, request=request)
    return msgspec.structs.replace(client, secrets=(*current, added))


def without_older_secrets(client: Client, *, at: datetime) -> Client:
    """The client with its newest secret alone."""
    return msgspec.structs.replace(client, secrets=_current(client.secrets, at)[-1:])


def revoked(client: Client, *, at: datetime) -> Client:
    """The client as one that proves nothing any more, for ever."""
    return client if client.revoked_at is not None else msgspec.structs.replace(client, secrets=(), revoked_at=at)


def authenticated(client: Client | None, secret: str, *, at: datetime) -> Principal:
    """Who called, proved by the secret at that instant. Raises `WrongCredentials`.

    A client that does not exist takes as long as one whose secret is wrong.
    """
    known = _current(client.secrets, at) if client is not None and client.revoked_at is None else ()
    candidates = [each.hash for each in known] or [bytes(32)]
    if not any(matches(secret, stored=stored) for stored in candidates) or client is None:
        raise WrongCredentials
    return client.principal


def _is_of(scope: Scope, source: str) -> bool:
    return any(source.startswith(f"{_COUNCILS}{council}/") for council in scope.councils or ())


def _current(secrets: Sequence[Secret], at: datetime) -> tuple[Secret, ...]:
    return tuple(each for each in secrets if each.made_at <= at < each.expires_at)

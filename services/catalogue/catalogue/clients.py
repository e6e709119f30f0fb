"""What may be done to clients: make one, change its secrets, revoke it, and prove a call by it."""

import secrets as random_secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from catalogue.announcements import revocation
from catalogue.domain.clients import (
    LONGEST_VALIDITY,
    Client,
    RefusedClient,
    UnknownClient,
    WrongCredentials,
    authenticated,
    may_manage,
    require_may_make,
    revoked,
    with_new_secret,
    without_older_secrets,
)
from catalogue.ports import ClientStore, ClientTransaction
from shared.audit import AuditRecord
from shared.auth.credentials import Random, is_client_id, is_secret, new_client_id, new_secret
from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.clock import Clock
from shared.instants import epoch_us
from shared.log.port import Outgoing
from shared.settings import read_text
from shared.startup_errors import InvalidSettings

CLIENT_ID, CLIENT_SECRET = "TALLYSTICK_CLIENT_ID", "TALLYSTICK_CLIENT_SECRET"


class WantedClient(NamedTuple):
    """A client as somebody wants it. `councils` is None for every council."""

    title: str
    roles: tuple[str, ...]
    councils: tuple[str, ...] | None
    sources: tuple[str, ...] = ()


class ClientHandlers:
    """The use cases. Blocking: to be called from worker threads.

    Secrets are returned once and stored nowhere. A `request` is a key of the sender's choice: sent again under that
    key, a request changes nothing, and no secret is returned.
    """

    def __init__(self, store: ClientStore, clock: Clock, random: Random = random_secrets.token_urlsafe) -> None:
        self._store, self._clock, self._random = store, clock, random

    def make(
        self, maker: Principal, wanted: WantedClient, *, valid_for: timedelta, request: str = ""
    ) -> tuple[Client, str | None]:
        """A new client with its first secret. Raises `InvalidPrincipal`, `ActionNotAllowed` and `RefusedClient`."""
        client = Client(id=new_client_id(self._random), made_by=maker.name, request=request, **wanted._asdict())
        require_may_make(maker, client.principal)
        secret = new_secret(self._random)
        with self._store.changing() as changing:
            if request and (earlier := changing.made_for(maker.name, request)) is not None:
                return _same(earlier, wanted), None
            at = self._clock.now()
            made = with_new_secret(client, secret, at=at, valid_for=valid_for)
            changing.add(made)
            changing.record(_record("client-made", made, maker.name, at))
        return made, secret

    def bootstrap(self, id_: str, secret: str) -> Client:
        """The operators' first client, which may make the others, is proved by `secret` alone. Raises `RefusedClient`.

        It is for whoever has this machine: nobody is asked. With the same secret again nothing changes.
        """
        at = self._clock.now()
        with self._store.changing() as changing:
            found = changing.client(id_)
            if found is not None and _proves(found, secret, at=at):
                return found
            first = found or Client(id=id_, title="Operators", roles=("operator",), councils=None, made_by="bootstrap")
            changed = with_new_secret(without_older_secrets(first, at=at), secret, at=at, valid_for=LONGEST_VALIDITY)
            changed = without_older_secrets(changed, at=at)
            (changing.add if found is None else changing.replace)(changed)
            changing.announce([] if found is None else [_revocation(changed, at)])
            changing.record(_record("client-bootstrapped", changed, "bootstrap", at))
        return changed

    def listing(self, manager: Principal) -> Sequence[Client]:
        """The clients that `manager` may manage, by id; also those that are revoked."""
        return [client for client in self._store.all() if may_manage(manager, client)]

    def new_secret(
        self, manager: Principal, id_: str, *, valid_for: timedelta, request: str = ""
    ) -> tuple[Client, str | None]:
        """One secret more, beside the one in use. Raises `UnknownClient` and `RefusedClient`."""
        secret = new_secret(self._random)
        with self._store.changing() as changing:
            client = _managed(changing, manager, id_)
            if request and any(each.request == request for each in client.secrets):
                return client, None
            at = self._clock.now()
            changed = with_new_secret(client, secret, at=at, valid_for=valid_for, request=request)
            changing.replace(changed)
            changing.record(_record("client-secret-made", changed, manager.name, at))
        return changed, secret

    def take_back_older(self, manager: Principal, id_: str) -> Client:
        """Only the newest secret holds, and tokens issued by now are void. Raises `UnknownClient`."""
        with self._store.changing() as changing:
            client = _managed(changing, manager, id_)
            at = self._clock.now()
            changed = without_older_secrets(client, at=at)
            if changed != client:
                changing.replace(changed)
                changing.announce([_revocation(changed, at)])
            changing.record(_record("client-secret-taken-back", changed, manager.name, at))
        return changed

    def revoke(self, manager: Principal, id_: str) -> Client:
        """It proves nothing any more, nor do tokens issued to it. Raises `UnknownClient`."""
        with self._store.changing() as changing:
            client = _managed(changing, manager, id_)
            at = self._clock.now()
            changed = revoked(client, at=at)
            if changed != client:
                changing.replace(changed)
                changing.announce([_revocation(changed, at)])
            changing.record(_record("client-revoked", changed, manager.name, at))
        return changed

    def authenticate(self, id_: str, secret: str) -> Principal:
        """Who calls with these credentials. Raises `WrongCredentials`."""
        return authenticated(self._store.client(id_), secret, at=self._clock.now())


def bootstrap_credentials() -> tuple[str, str, bool]:
    """Id and secret of the operators' first client, and whether the settings name them; else they are new ones.

    Raises `InvalidSettings`.
    """
    given = read_text(CLIENT_ID), read_text(CLIENT_SECRET)
    if not all(given) and any(given):
        raise InvalidSettings(f"set both {CLIENT_ID} and {CLIENT_SECRET}_FILE, or neither")
    id_, secret = given if all(given) else (new_client_id(), new_secret())
    if not is_client_id(id_) or not is_secret(secret):
        raise InvalidSettings(f"{CLIENT_ID} or {CLIENT_SECRET} is none: expected them as deploy/secrets.sh makes them")
    return id_, secret, all(given)


def _proves(client: Client, secret: str, *, at: datetime) -> bool:
    try:
        return authenticated(client, secret, at=at).may(Action.MANAGE_ACCESS)
    except WrongCredentials:
        return False


def _revocation(client: Client, at: datetime) -> Outgoing:
    """What it makes void, and what holds of the client since."""
    secrets_from = min((each.made_at for each in client.secrets), default=None)
    return revocation(client.id, at, ended=client.revoked_at is not None, secrets_from=secrets_from)


def _record(action: str, client: Client, by: str, at: datetime) -> AuditRecord:
    councils = "every council" if client.councils is None else " ".join(client.councils)[:500]
    details = {"roles": " ".join(client.roles), "councils": councils}
    council = client.councils[0] if client.councils is not None and len(client.councils) == 1 else None
    subject, at_us = f"client:{client.id}", epoch_us(at)
    return AuditRecord(at_us=at_us, actor=by, action=action, subject=subject, council=council, details=details)


def _managed(changing: ClientTransaction, manager: Principal, id_: str) -> Client:
    client = changing.client(id_)
    if client is None or not may_manage(manager, client):
        raise UnknownClient(id_)
    return client


def _same(earlier: Client, wanted: WantedClient) -> Client:
    if wanted != WantedClient(earlier.title, earlier.roles, earlier.councils, earlier.sources):
        raise RefusedClient("another client was made by a request of this key")
    return earlier

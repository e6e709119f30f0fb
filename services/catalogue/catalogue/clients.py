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
from shared.auth.credentials import Random, new_client_id, new_secret
from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.clock import Clock


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
            made = with_new_secret(client, secret, at=self._clock.now(), valid_for=valid_for)
            changing.add(made)
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
            changing.announce([] if found is None else [revocation(id_, at)])
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
            changed = with_new_secret(client, secret, at=self._clock.now(), valid_for=valid_for, request=request)
            changing.replace(changed)
        return changed, secret

    def take_back_older(self, manager: Principal, id_: str) -> Client:
        """Only the newest secret holds, and tokens issued by now are void. Raises `UnknownClient`."""
        with self._store.changing() as changing:
            client = _managed(changing, manager, id_)
            changed = without_older_secrets(client, at=self._clock.now())
            if changed != client:
                changing.replace(changed)
                changing.announce([revocation(client.id, self._clock.now())])
        return changed

    def revoke(self, manager: Principal, id_: str) -> Client:
        """It proves nothing any more, nor do tokens issued to it. Raises `UnknownClient`."""
        with self._store.changing() as changing:
            client = _managed(changing, manager, id_)
            changed = revoked(client, at=self._clock.now())
            if changed != client:
                changing.replace(changed)
                changing.announce([revocation(client.id, self._clock.now())])
        return changed

    def authenticate(self, id_: str, secret: str) -> Principal:
        """Who calls with these credentials. Raises `WrongCredentials`."""
        return authenticated(self._store.client(id_), secret, at=self._clock.now())


def _proves(client: Client, secret: str, *, at: datetime) -> bool:
    try:
        return authenticated(client, secret, at=at).may(Action.MANAGE_ACCESS)
    except WrongCredentials:
        return False


def _managed(changing: ClientTransaction, manager: Principal, id_: str) -> Client:
    client = changing.client(id_)
    if client is None or not may_manage(manager, client):
        raise UnknownClient(id_)
    return client


def _same(earlier: Client, wanted: WantedClient) -> Client:
    if wanted != WantedClient(earlier.title, earlier.roles, earlier.councils, earlier.sources):
        raise RefusedClient("another client was made by a request of this key")
    return earlier

"""The key by which the catalogue signs, and the public keys by which every service verifies.

A new key takes over when the catalogue starts with it: it is published first, and nothing is signed by it until the log
holds it. The key before is accepted for as long as what was signed by it can be valid. A key that leaked is dropped.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import msgspec
from joserfc.jwk import OKPKey

from catalogue.announcements import key_announcement
from shared.auth import key_file
from shared.auth.issued import IssuedAccess
from shared.auth.sessions import LONGEST_SESSION_S
from shared.bus.access_view import AccessView
from shared.clock import Clock
from shared.contracts.access import SigningKeyData
from shared.http.access import KeysUnknown
from shared.log.port import Outgoing
from shared.startup_errors import InvalidSettings

_RETIRED_FOR = timedelta(seconds=LONGEST_SESSION_S)
_LOOK_EVERY_S = 0.05
_SETTING = "SIGNING_KEY_FILE"
_NO_KEY = "SIGNING_KEY_FILE is not set: it names the private key that access tokens are signed by (docs/access.md)"


class SigningKeys:
    """The private key of this catalogue, and what `view` has read of all that were ever published."""

    def __init__(
        self,
        given: str,
        file: Path | None,
        view: AccessView,
        clock: Clock,
        *,
        may_sign: Callable[[], bool] = lambda: True,
    ) -> None:
        """The key is `given` as PEM or JWK, else in the `file`, which is made; without either there is none.

        Nothing is signed until `may_sign` says so.
        """
        self._given, self._file, self._view, self._clock, self._may_sign = given, file, view, clock, may_sign

    @cached_property
    def key(self) -> OKPKey:
        """The private key, read when it is first asked for. Raises `InvalidSettings`."""
        if self._given:
            return read_key(self._given)
        if self._file is None:
            raise InvalidSettings(_NO_KEY)
        return key_file.key_kept_in(self._file, setting=_SETTING)

    def current(self) -> OKPKey:
        """The key to sign by now. Raises `KeysUnknown` until all is ready for it, and once it has been retired."""
        if not self._may_sign():
            raise KeysUnknown
        published = self._issued.published().get(str(self.key.kid))
        if published is None or published.accepted_until is not None:
            raise KeysUnknown
        return self.key

    def public(self) -> Mapping[str, object]:
        """The published key set (RFC 7517): every key whose signatures are accepted now."""
        keys = self._issued.keys(self._clock.now())
        return {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": "Ed25519"} for key in keys]}

    async def publish(self, store: Callable[[list[Outgoing]], Awaitable[None]], stop: asyncio.Event) -> None:
        """Every service learns of the key, and until when the others are accepted; `store` puts that in the outbox.

        Raises `InvalidSettings` for a key that was dropped.
        """
        key = await asyncio.to_thread(lambda: self.key)
        while not self._view.caught_up:
            if stop.is_set():
                return
            await asyncio.sleep(_LOOK_EVERY_S)
        await store(self.unpublished(key))

    @property
    def is_given(self) -> bool:
        """Whether there is a key, or one can be made."""
        return bool(self._given) or self._file is not None

    def unpublished(self, key: OKPKey) -> list[Outgoing]:
        """What every service has to learn for `key` to be the one in use. Raises as `publish`."""
        now = self._clock.now()
        return [key_announcement(each, now) for each in changes(self._issued, key, now)]

    @property
    def _issued(self) -> IssuedAccess:
        return self._view.issued


def changes(issued: IssuedAccess, key: OKPKey, now: datetime) -> list[SigningKeyData]:
    """What is to be published for `key` to be the one in use. Raises `InvalidSettings` for one that was dropped."""
    published, own = issued.published(), _public_data(key)
    earlier = published.get(own.kid)
    if earlier is not None and earlier.accepted_until is not None and earlier.accepted_until <= now:
        raise InvalidSettings("SIGNING_KEY_FILE has a key that is no longer accepted: make a new one (docs/access.md)")
    retired = [each for each in published.values() if each.kid != own.kid and each.accepted_until is None]
    until = now + _RETIRED_FOR
    new = [] if earlier is not None and earlier.accepted_until is None else [own]
    return [*new, *(msgspec.structs.replace(each, accepted_until=until) for each in retired)]


def dropped(issued: IssuedAccess, kid: str, now: datetime) -> SigningKeyData:
    """What makes void, now and for ever, whatever the key `kid` has signed. Raises `InvalidSettings`."""
    found = issued.published().get(kid)
    if found is None:
        raise InvalidSettings(f"no key {kid} was published; these were: {', '.join(sorted(issued.published()))}")
    return msgspec.structs.replace(found, accepted_until=now)


def read_key(text: str) -> OKPKey:
    """The private key in PEM (PKCS 8) or as a JWK, with its thumbprint as `kid`. Raises `InvalidSettings`."""
    return key_file.read_key(text, setting=_SETTING)


def _public_data(key: OKPKey) -> SigningKeyData:
    return SigningKeyData(kid=str(key.kid), x=str(key.as_dict(private=False)["x"]))

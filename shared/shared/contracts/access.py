"""Events by which every service knows who may call: the catalogue's public keys, and what it has taken back.

On the topic of the catalogue's changes, compacted by key or by principal.
"""

from typing import Annotated

from msgspec import Meta, Struct

from shared.contracts.envelope import Event, EventData
from shared.contracts.scalars import END_OF_TEXT, Instant

KeyId = Annotated[
    str, Meta(pattern=rf"^[A-Za-z0-9_-]{{43}}{END_OF_TEXT}", description="the key's thumbprint, as RFC 7638 has it")
]
PublicKey = Annotated[
    str, Meta(pattern=rf"^[A-Za-z0-9_-]{{43}}{END_OF_TEXT}", description="an Ed25519 public key: `x` of RFC 8037")
]
PrincipalName = Annotated[str, Meta(min_length=1, max_length=180, description="who it is, by the name in its tokens")]


class SigningKeyData(Struct, frozen=True, kw_only=True):
    """A key that the catalogue signs by, or that it signed by and whose signatures are accepted for a while."""

    kid: KeyId
    x: PublicKey
    accepted_until: Instant | None = None


class SigningKeyPublished(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.signing-key-published.v1"):
    """The catalogue signs by a key, or no longer does."""

    data: SigningKeyData


class HeldAccess(Struct, frozen=True, kw_only=True):
    """What a person may do: roles, and the councils for which; null for every council."""

    roles: tuple[str, ...]
    councils: tuple[str, ...] | None
    sources: tuple[str, ...] = ()


class AccessRevokedData(EventData, frozen=True, kw_only=True):
    """Whatever was issued to `principal` in the second of `revoked_at` or before is void.

    The rest is for the catalogue, whose database may be an older copy: whether the principal was `ended` for good, from
    when on a client's secrets hold, and what a person may do since.
    """

    principal: PrincipalName
    revoked_at: Instant
    ended: bool = False
    secrets_from: Instant | None = None
    access: HeldAccess | None = None


class AccessRevoked(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.access-revoked.v1"):
    """Tokens and sessions of a principal are void: it is revoked, may do something else now, or signed out."""

    data: AccessRevokedData


AccessEvent = SigningKeyPublished | AccessRevoked

"""Access tokens (RFC 9068): made by the catalogue, checked by every service; five minutes at most."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import msgspec
from joserfc.jwk import KeySet, OKPKey
from msgspec import Meta

from shared.auth.principal import InvalidPrincipal, Kind, Principal
from shared.auth.signatures import (
    ISSUER,
    ClaimedRoles,
    ClaimText,
    InvalidToken,
    ScopeClaim,
    claimed_scope,
    read_signed,
    require_current,
    scope_claim,
    sign,
)

TYPE = "at+jwt"
LIFETIME_S = 300
MAX_TOKEN_CHARACTERS = 8_192


class _Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All is required: a claim that is left out never means more."""

    iss: Literal["tallystick/catalogue"]
    aud: ClaimText
    sub: ClaimText
    iat: int
    nbf: int
    exp: int
    jti: ClaimText
    kind: Literal["person", "machine"]
    roles: ClaimedRoles
    scope: ScopeClaim
    sources: Annotated[tuple[ClaimText, ...], Meta(max_length=100)]


def issue(principal: Principal, key: OKPKey, *, audience: str, jti: str, now_s: int) -> str:
    """A token for `principal` from `now_s` (epoch seconds) on, signed by `key`, which has a `kid`."""
    kind: Kind = principal.kind
    if kind == "local":
        raise ValueError("whoever runs the command on a local stack needs no token")
    claims = _Claims(
        iss=ISSUER,
        aud=audience,
        sub=principal.name,
        iat=now_s,
        nbf=now_s,
        exp=now_s + LIFETIME_S,
        jti=jti,
        kind=kind,
        roles=tuple(sorted(principal.roles)),
        scope=scope_claim(principal.scope),
        sources=tuple(sorted(principal.sources)),
    )
    return sign(claims, key, type_=TYPE)


class TokenVerifier:
    """Who sent a token. `keys` are the catalogue's as they are known now, `revoked` the subjects by since when."""

    def __init__(self, keys: Callable[[], KeySet], revoked: Callable[[], Mapping[str, int]], *, audience: str) -> None:
        self._keys, self._revoked, self._audience = keys, revoked, audience

    def principal(self, token: str, *, now_s: int) -> Principal:
        """Raises `InvalidToken` unless all of it is right at `now_s` (epoch seconds)."""
        claims = read_signed(token, _Claims, self._keys(), type_=TYPE, longest=MAX_TOKEN_CHARACTERS)
        require_current(
            issued_s=claims.iat, expires_s=claims.exp, begins_s=claims.nbf, longest_s=LIFETIME_S, now_s=now_s
        )
        if claims.aud != self._audience:
            raise InvalidToken("for another audience")
        # A token of the second in which its subject was revoked may have been made before.
        if claims.iat <= self._revoked().get(claims.sub, -1):
            raise InvalidToken("revoked")
        try:
            scope = claimed_scope(claims.scope)
            return Principal.of(claims.sub, claims.kind, claims.roles, scope, sources=claims.sources)
        except InvalidPrincipal as fault:
            raise InvalidToken(str(fault)) from None

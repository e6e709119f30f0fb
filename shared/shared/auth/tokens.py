"""Access tokens (RFC 9068): made by the catalogue, checked by every service without asking anybody.

Ed25519 alone, keys found by `kid` in the catalogue's published set, five minutes at most. A header that says where to
fetch a key (`jku`, `x5u`, `jwk`) or names anything critical is refused.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Final, Literal

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, KeySet, OKPKey
from msgspec import Meta

from shared.auth.principal import InvalidPrincipal, Kind, Principal
from shared.scope import Scope

ALGORITHM = "Ed25519"
TYPE = "at+jwt"
ISSUER: Final = "tallystick/catalogue"
LIFETIME_S = 300
# By how much the clocks of two machines may differ.
LEEWAY_S = 30
MAX_TOKEN_CHARACTERS = 8_192
MAX_COUNCILS = 500
_HEADERS = {"alg", "kid", "typ"}

_Text = Annotated[str, Meta(min_length=1, max_length=200)]


class InvalidToken(Exception):
    """The token proves nothing. The reason is for the log; the caller learns only that it was refused."""


class _Councils(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="see", tag="councils"):
    councils: Annotated[tuple[_Text, ...], Meta(min_length=1, max_length=MAX_COUNCILS)]


class _EveryCouncil(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="see", tag="every-council"):
    pass


class _Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All is required: a claim that is left out never means more."""

    iss: Literal["tallystick/catalogue"]
    aud: _Text
    sub: _Text
    iat: int
    nbf: int
    exp: int
    jti: _Text
    kind: Literal["person", "machine"]
    roles: Annotated[tuple[_Text, ...], Meta(min_length=1, max_length=20)]
    scope: _Councils | _EveryCouncil
    sources: Annotated[tuple[_Text, ...], Meta(max_length=100)]


def issue(principal: Principal, key: OKPKey, *, audience: str, jti: str, now_s: int) -> str:
    """A token for `principal` from `now_s` (epoch seconds) on, signed by `key`, which has a `kid`."""
    kind: Kind = principal.kind
    if kind == "local":
        raise ValueError("whoever runs the command on a local stack needs no token")
    councils = principal.scope.councils
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
        scope=_EveryCouncil() if councils is None else _Councils(tuple(sorted(councils))),
        sources=tuple(sorted(principal.sources)),
    )
    header = {"alg": ALGORITHM, "kid": key.kid}
    return jwt.encode(header, msgspec.to_builtins(claims), key, algorithms=[ALGORITHM], default_type=TYPE)


class TokenVerifier:
    """Who sent a token. `keys` are the catalogue's as they are known now, `revoked` the subjects by since when."""

    def __init__(self, keys: Callable[[], KeySet], revoked: Callable[[], Mapping[str, int]], *, audience: str) -> None:
        self._keys, self._revoked, self._audience = keys, revoked, audience

    def principal(self, token: str, *, now_s: int) -> Principal:
        """Raises `InvalidToken` unless all of it is right at `now_s` (epoch seconds)."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise InvalidToken("too long")
        claims = self._read(token)
        self._check_times(claims, now_s)
        if claims.aud != self._audience:
            raise InvalidToken("for another audience")
        # A token of the second in which its subject was revoked may have been made before.
        if claims.iat <= self._revoked().get(claims.sub, -1):
            raise InvalidToken("revoked")
        scope = Scope.all() if isinstance(claims.scope, _EveryCouncil) else Scope.of(*claims.scope.councils)
        try:
            return Principal.of(claims.sub, claims.kind, claims.roles, scope, sources=claims.sources)
        except InvalidPrincipal as fault:
            raise InvalidToken(str(fault)) from None

    def _read(self, token: str) -> _Claims:
        try:
            decoded = jwt.decode(token, self._key_of, algorithms=[ALGORITHM])
        except (JoseError, ValueError) as fault:
            raise InvalidToken(type(fault).__name__) from None
        if decoded.header.get("typ") != TYPE or decoded.header.keys() != _HEADERS:
            raise InvalidToken("not an access token")
        try:
            return msgspec.convert(decoded.claims, _Claims)
        except msgspec.ValidationError as fault:
            raise InvalidToken(str(fault)) from None

    def _key_of(self, token: GuestProtocol) -> OKPKey:
        named = token.headers().get("kid")
        found = [key for key in self._keys() if key.kid == named and isinstance(key, OKPKey)]
        if len(found) != 1:
            raise InvalidToken("signed by an unknown key")
        return found[0]

    @staticmethod
    def _check_times(claims: _Claims, now_s: int) -> None:
        if not 0 < claims.exp - claims.iat <= LIFETIME_S:
            raise InvalidToken("lives too long")
        if max(claims.iat, claims.nbf) > now_s + LEEWAY_S:
            raise InvalidToken("not valid yet")
        if claims.exp + LEEWAY_S < now_s:
            raise InvalidToken("expired")

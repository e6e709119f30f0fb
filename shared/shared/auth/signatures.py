"""Statements that the catalogue signs and every service checks without asking anybody: tokens, session cookies.

Ed25519 alone, keys found by `kid` in the catalogue's published set. Each kind of statement has a type of its own in its
header, so that none passes for another. A header that says where to fetch a key (`jku`, `x5u`, `jwk`) or names anything
critical is refused.
"""

from typing import Annotated, Final, TypeVar

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, KeySet, OKPKey
from msgspec import Meta

from shared.scope import Scope

ALGORITHM = "Ed25519"
ISSUER: Final = "tallystick/catalogue"
# By how much the clocks of two machines may differ.
LEEWAY_S = 30
MAX_COUNCILS = 500
_HEADERS = {"alg", "kid", "typ"}

ClaimText = Annotated[str, Meta(min_length=1, max_length=200)]
ClaimedRoles = Annotated[tuple[ClaimText, ...], Meta(min_length=1, max_length=20)]
C = TypeVar("C", bound=msgspec.Struct)


class InvalidToken(Exception):
    """The token proves nothing. The reason is for the log; the caller learns only that it was refused."""


class _Councils(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="see", tag="councils"):
    councils: Annotated[tuple[ClaimText, ...], Meta(min_length=1, max_length=MAX_COUNCILS)]


class _EveryCouncil(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="see", tag="every-council"):
    pass


ScopeClaim = _Councils | _EveryCouncil


def scope_claim(scope: Scope) -> ScopeClaim:
    """The scope as a claim; every council is written out, so that a claim that is left out never means more."""
    return _EveryCouncil() if scope.councils is None else _Councils(tuple(sorted(scope.councils)))


def claimed_scope(claim: ScopeClaim) -> Scope:
    """The scope that the claim names."""
    return Scope.all() if isinstance(claim, _EveryCouncil) else Scope.of(*claim.councils)


def sign(claims: msgspec.Struct, key: OKPKey, *, type_: str) -> str:
    """The claims as a compact JWT of that type, signed by `key`, which has a `kid`."""
    header = {"alg": ALGORITHM, "kid": key.kid}
    return jwt.encode(header, msgspec.to_builtins(claims), key, algorithms=[ALGORITHM], default_type=type_)


def read_signed(token: str, claims: type[C], keys: KeySet, *, type_: str, longest: int) -> C:
    """What one of `keys` signed; raises `InvalidToken` where that is another type or longer than `longest` characters.

    Neither its times nor its audience are looked at.
    """
    if len(token) > longest:
        raise InvalidToken("too long")

    def key_of(signed: GuestProtocol) -> OKPKey:
        named = signed.headers().get("kid")
        found = [key for key in keys if key.kid == named and isinstance(key, OKPKey)]
        if len(found) != 1:
            raise InvalidToken("signed by an unknown key")
        return found[0]

    try:
        decoded = jwt.decode(token, key_of, algorithms=[ALGORITHM])
    except (JoseError, ValueError) as fault:
        raise InvalidToken(type(fault).__name__) from None
    if decoded.header.get("typ") != type_ or decoded.header.keys() != _HEADERS:
        raise InvalidToken(f"expected a token of type {type_}")
    try:
        return msgspec.convert(decoded.claims, claims)
    except msgspec.ValidationError as fault:
        raise InvalidToken(str(fault)) from None


def require_current(*, issued_s: int, begins_s: int, expires_s: int, longest_s: int, now_s: int) -> None:
    """Raises `InvalidToken` where it lives longer than `longest_s`, begins in the future or has ended (epoch seconds).

    Clocks may differ by `LEEWAY_S`.
    """
    if not 0 < expires_s - issued_s <= longest_s:
        raise InvalidToken("lives too long")
    if max(issued_s, begins_s) > now_s + LEEWAY_S:
        raise InvalidToken("not valid yet")
    if expires_s + LEEWAY_S < now_s:
        raise InvalidToken("expired")

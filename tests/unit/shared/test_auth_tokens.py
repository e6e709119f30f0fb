"""An access token names its principal exactly, and anything else about it is refused."""

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import KeySet, OKPKey

from shared.auth.principal import Principal
from shared.auth.roles import ROLES
from shared.auth.signatures import ALGORITHM, ISSUER, LEEWAY_S, InvalidToken
from shared.auth.tokens import LIFETIME_S, TYPE, TokenVerifier, issue
from shared.scope import Scope

NOW_S = 1_780_000_000
AUDIENCE = "tallystick"
KEY = OKPKey.generate_key(parameters={"kid": "2026-11"})
OTHER = OKPKey.generate_key(parameters={"kid": "2026-11"})
VIEWER = Principal.of("ada-adur.example", "person", ["council-viewer"], Scope.of("adur"))
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "tsc_1",
    "iat": NOW_S,
    "nbf": NOW_S,
    "exp": NOW_S + LIFETIME_S,
    "jti": "1",
    "kind": "machine",
    "roles": ["council-viewer"],
    "scope": {"see": "councils", "councils": ["adur"]},
    "sources": [],
}
HEADER: dict[str, Any] = {"alg": ALGORITHM, "kid": KEY.kid, "typ": TYPE}


def verifier(*keys: OKPKey, revoked: Mapping[str, int] | None = None) -> TokenVerifier:
    return TokenVerifier(lambda: KeySet([*keys]), lambda: revoked or {}, audience=AUDIENCE)


def signed(claims: Any, header: Mapping[str, Any] = HEADER, key: OKPKey = KEY) -> str:
    registry = jws.JWSRegistry(algorithms=[ALGORITHM], strict_check_header=False)
    return jws.serialize_compact(dict(header), json.dumps(claims), key, registry=registry)


def part(content: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def reason(token: str, *, now_s: int = NOW_S, **known: Any) -> str:
    with pytest.raises(InvalidToken) as refused:
        verifier(KEY, **known).principal(token, now_s=now_s)
    return str(refused.value)


@pytest.mark.parametrize(
    "principal",
    [
        VIEWER,
        Principal.of("tsc_1", "machine", ["integrator"], Scope.of("adur", "worthing"), sources=["/desk"]),
        Principal.of("kim-provider.example", "person", ["operator", "finance"], Scope.all()),
    ],
)
def test_a_token_names_its_principal_for_five_minutes(principal: Principal) -> None:
    token = issue(principal, KEY, audience=AUDIENCE, jti="1", now_s=NOW_S)

    for now_s in (NOW_S, NOW_S + LIFETIME_S, NOW_S + LIFETIME_S + LEEWAY_S):
        assert verifier(OKPKey.generate_key(parameters={"kid": "old"}), KEY).principal(token, now_s=now_s) == principal
    assert reason(token, now_s=NOW_S + LIFETIME_S + LEEWAY_S + 1) == "expired"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"aud": "another"}, "for another audience"),
        ({"aud": [AUDIENCE]}, "Expected `str`"),
        ({"iss": "elsewhere"}, "Invalid enum value"),
        ({"exp": NOW_S + 86_400}, "lives too long"),
        ({"exp": NOW_S}, "lives too long"),
        ({"iat": NOW_S + 31, "exp": NOW_S + 100}, "not valid yet"),
        ({"nbf": NOW_S + 31}, "not valid yet"),
        ({"kind": "local"}, "Invalid enum value"),
        ({"roles": []}, "length >= 1"),
        ({"roles": "council-viewer"}, "Expected `array`"),
        ({"roles": ["admin"]}, "unknown role"),
        ({"roles": ["operator", "council-viewer"]}, "cannot be held together"),
        ({"scope": {"see": "every-council"}}, "needs the councils"),
        ({"scope": {"see": "every-council", "councils": ["adur"]}}, "unknown field"),
        ({"scope": {"see": "councils", "councils": []}}, "length >= 1"),
        ({"scope": {"see": "councils", "councils": "adur"}}, "Expected `array`"),
        ({"scope": {"see": "councils", "councils": ["c"] * 501}}, "length <= 500"),
        ({"scope": {"councils": ["adur"]}}, "missing required field `see`"),
        ({"sources": ["/desk"]}, "sources are an integrator's"),
        ({"admin": True}, "unknown field"),
    ],
)
def test_claims_that_are_not_exactly_right_are_refused(changed: dict[str, Any], expected: str) -> None:
    assert expected in reason(signed({**CLAIMS, **changed}))


@pytest.mark.parametrize("missing", CLAIMS)
def test_every_claim_is_required(missing: str) -> None:
    assert missing in reason(signed({name: value for name, value in CLAIMS.items() if name != missing}))


def test_a_star_is_a_council_of_that_name_and_not_every_council() -> None:
    found = verifier(KEY).principal(signed({**CLAIMS, "scope": {"see": "councils", "councils": ["*"]}}), now_s=NOW_S)

    assert found.scope == Scope.of("*")


@pytest.mark.parametrize(
    "changed",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"kid": "another"},
        {"kid": None},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/key"},
        {"jwk": OTHER.as_dict(private=False)},
        {"crit": ["exp"], "exp": NOW_S},
    ],
)
def test_headers_that_are_not_exactly_right_are_refused(changed: dict[str, Any]) -> None:
    header = {name: value for name, value in {**HEADER, **changed}.items() if value is not None}
    # joserfc itself would not make some of these; the signature is right all the same.
    content = f"{part(header)}.{part(CLAIMS)}"
    signature = base64.urlsafe_b64encode(KEY.private_key.sign(content.encode())).rstrip(b"=").decode()  # type: ignore[union-attr]

    assert reason(f"{content}.{signature}")


def test_the_same_bytes_with_the_right_header_are_accepted() -> None:
    content = f"{part(HEADER)}.{part(CLAIMS)}"
    signature = base64.urlsafe_b64encode(KEY.private_key.sign(content.encode())).rstrip(b"=").decode()  # type: ignore[union-attr]

    assert verifier(KEY).principal(f"{content}.{signature}", now_s=NOW_S).name == "tsc_1"


def test_other_algorithms_are_refused() -> None:
    content = f"{part({**HEADER, 'alg': 'HS256'})}.{part(CLAIMS)}"
    mac = hmac.digest(KEY.as_pem(private=False), content.encode(), "sha256")
    forged = f"{content}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    assert reason(forged)
    assert reason(f"{part({**HEADER, 'alg': 'none'})}.{part(CLAIMS)}.")
    assert reason(signed(CLAIMS, key=OTHER))


def test_what_was_issued_before_its_subject_was_revoked_is_refused() -> None:
    token = signed(CLAIMS)

    assert reason(token, revoked={"tsc_1": NOW_S}) == "revoked"
    assert verifier(KEY, revoked={"tsc_1": NOW_S - 1, "tsc_2": NOW_S}).principal(token, now_s=NOW_S)


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(lambda sent: sent.decode("latin-1"))))
def test_anything_else_is_refused(text: str) -> None:
    assert reason(text)
    assert reason(f"{text}.{text}.{text}")


@given(st.integers(min_value=0), st.characters(codec="ascii"))
def test_a_token_with_one_character_changed_is_refused_or_the_same(position: int, character: str) -> None:
    token = signed(CLAIMS)
    at = position % len(token)
    changed = f"{token[:at]}{character}{token[at + 1 :]}"

    # The last character of a signature has bits that mean nothing.
    if changed != token and at < len(token) - 1:
        assert reason(changed)


def test_a_token_of_any_length_is_refused_in_bounded_time() -> None:
    assert reason("a" * 1_000_000) == "too long"


def test_no_token_is_issued_to_whoever_runs_the_command() -> None:
    with pytest.raises(ValueError, match="needs no token"):
        issue(Principal.local("root"), KEY, audience=AUDIENCE, jti="1", now_s=NOW_S)
    assert Principal.local("root").roles == frozenset(ROLES)

"""A session cookie names its person exactly until it expires or is void, and passes for nothing else."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import KeySet, OKPKey

from shared.auth.principal import Principal
from shared.auth.sessions import (
    LONGEST_SESSION_S,
    RENEW_AFTER_S,
    SESSION_TYPE,
    Session,
    SessionLimits,
    SessionVerifier,
    issue_cookie,
    session_of,
)
from shared.auth.signatures import ALGORITHM, ISSUER, LEEWAY_S, InvalidToken
from shared.auth.tokens import TokenVerifier, issue
from shared.scope import Scope

NOW_S = 1_780_000_000
AUDIENCE = "tallystick"
LIMITS = SessionLimits()
KEY = OKPKey.generate_key(parameters={"kid": "2026-11"})
OTHER = OKPKey.generate_key(parameters={"kid": "2026-11"})
FINANCE = Principal.of("tsp_1", "person", ["council-finance"], Scope.of("adur"))
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "tsp_1",
    "sid": "session-1",
    "iat": NOW_S,
    "exp": NOW_S + 1800,
    "started": NOW_S,
    "csrf": "c" * 43,
    "name": "Finance officer, Adur",
    "roles": ["council-finance"],
    "scope": {"see": "councils", "councils": ["adur"]},
    "sources": [],
}
HEADER: dict[str, Any] = {"alg": ALGORITHM, "kid": KEY.kid, "typ": SESSION_TYPE}


def a_session(*, started_s: int = NOW_S, issued_s: int = NOW_S, limits: SessionLimits = LIMITS) -> Session:
    return session_of(
        FINANCE,
        id_="session-1",
        name="Finance officer, Adur",
        csrf="c" * 43,
        started_s=started_s,
        issued_s=issued_s,
        limits=limits,
    )


def cookie_of(session: Session, key: OKPKey = KEY, audience: str = AUDIENCE) -> str:
    return issue_cookie(session, key, audience=audience)


def verifier(revoked: Mapping[str, int] | None = None, *keys: OKPKey) -> SessionVerifier:
    return SessionVerifier(lambda: KeySet([*(keys or [KEY])]), lambda: revoked or {}, audience=AUDIENCE)


def signed(claims: Any, header: Mapping[str, Any] = HEADER, key: OKPKey = KEY) -> str:
    registry = jws.JWSRegistry(algorithms=[ALGORITHM], strict_check_header=False)
    return jws.serialize_compact(dict(header), json.dumps(claims), key, registry=registry)


def reason(cookie: str, *, now_s: int = NOW_S, revoked: Mapping[str, int] | None = None) -> str:
    with pytest.raises(InvalidToken) as refused:
        verifier(revoked).session(cookie, now_s=now_s)
    return str(refused.value)


def test_a_cookie_gives_back_its_session_until_somebody_was_idle_for_too_long() -> None:
    session = a_session()
    cookie = cookie_of(session)

    for now_s in (NOW_S, NOW_S + 1800, NOW_S + 1800 + LEEWAY_S):
        assert verifier().session(cookie, now_s=now_s) == session
    assert reason(cookie, now_s=NOW_S + 1800 + LEEWAY_S + 1) == "expired"


def test_no_renewal_goes_beyond_the_absolute_limit() -> None:
    last = a_session(started_s=NOW_S - LIMITS.absolute_s + 60, issued_s=NOW_S)

    assert last.expires_s == NOW_S + 60
    assert reason(cookie_of(last), now_s=NOW_S + 60 + LEEWAY_S + 1) == "expired"


def test_a_clock_that_was_set_back_refuses_cookies_of_its_future() -> None:
    cookie = cookie_of(a_session())

    assert verifier().session(cookie, now_s=NOW_S - LEEWAY_S)
    assert reason(cookie, now_s=NOW_S - LEEWAY_S - 1) == "not valid yet"


@pytest.mark.parametrize("subject", ["session-1", "tsp_1"])
def test_a_cookie_is_void_when_its_session_or_its_person_was_revoked_since(subject: str) -> None:
    cookie = cookie_of(a_session())

    assert reason(cookie, revoked={subject: NOW_S}) == "revoked"
    assert verifier({subject: NOW_S - 1}).session(cookie, now_s=NOW_S)
    assert verifier({subject: NOW_S}).unless_expired(cookie, now_s=NOW_S)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"aud": "another"}, "for another audience"),
        ({"aud": [AUDIENCE]}, "Expected `str`"),
        ({"iss": "elsewhere"}, "Invalid enum value"),
        ({"exp": NOW_S + LONGEST_SESSION_S + 1}, "lives too long"),
        ({"started": NOW_S - LONGEST_SESSION_S}, "lives too long"),
        ({"exp": NOW_S}, "lives too long"),
        ({"iat": NOW_S + 31}, "not valid yet"),
        ({"roles": []}, "length >= 1"),
        ({"roles": ["admin"]}, "unknown role"),
        ({"roles": ["integrator"]}, "sources are an integrator's"),
        ({"scope": {"see": "every-council"}}, "needs the councils"),
        ({"admin": True}, "unknown field"),
    ],
)
def test_claims_that_are_not_exactly_right_are_refused(changed: dict[str, Any], expected: str) -> None:
    assert expected in reason(signed({**CLAIMS, **changed}))


@pytest.mark.parametrize("missing", CLAIMS)
def test_every_claim_is_required(missing: str) -> None:
    assert missing in reason(signed({name: value for name, value in CLAIMS.items() if name != missing}))


def test_a_cookie_signed_by_another_key_or_not_at_all_is_refused() -> None:
    header, payload, _ = cookie_of(a_session()).split(".")
    none = base64.urlsafe_b64encode(json.dumps({**HEADER, "alg": "none"}).encode()).rstrip(b"=").decode()

    assert reason(cookie_of(a_session(), OTHER)) == "BadSignatureError"
    assert reason(f"{none}.{payload}.")
    assert reason(f"{header}.{payload}.")


def test_neither_passes_for_the_other_a_cookie_or_an_access_token() -> None:
    token = issue(FINANCE, KEY, audience=AUDIENCE, jti="1", now_s=NOW_S)
    access = TokenVerifier(lambda: KeySet([KEY]), dict, audience=AUDIENCE)

    assert "expected a token of type session+jwt" in reason(token)
    with pytest.raises(InvalidToken, match=r"expected a token of type at\+jwt"):
        access.principal(cookie_of(a_session()), now_s=NOW_S)


def test_a_form_needs_the_token_of_its_own_session() -> None:
    session = a_session()

    assert session.has_csrf("c" * 43)
    assert not session.has_csrf("")
    assert not session.has_csrf("c" * 42 + "d")
    assert not session.has_csrf("ç" * 43)


def test_a_page_renews_a_cookie_of_five_minutes() -> None:
    assert not a_session().is_due(NOW_S + RENEW_AFTER_S - 1)
    assert a_session().is_due(NOW_S + RENEW_AFTER_S)


def test_a_cookie_that_no_browser_would_keep_is_not_issued() -> None:
    many = Principal.of("tsp_1", "person", ["council-viewer"], Scope.of(*(f"council-{n:040}" for n in range(100))))
    session = session_of(many, id_="1", name="", csrf="c", started_s=NOW_S, issued_s=NOW_S, limits=LIMITS)

    with pytest.raises(ValueError, match="a cookie holds 3900 characters"):
        cookie_of(session)


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(lambda sent: sent.decode("latin-1"))))
def test_anything_else_is_refused(text: str) -> None:
    assert reason(text)
    assert reason(f"{text}.{text}.{text}")

"""Signing in with any OpenID provider that publishes its configuration: authorization code with PKCE, state and nonce.

Source: OpenID Connect Core 1.0 and Discovery 1.0; RFC 7636 (PKCE); RFC 9207 (`iss` in the answer). Blocking: to be
called from worker threads.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from catalogue.domain.people import Identity
from catalogue.ports import ProviderRefused, ProviderUnreachable, SignInAttempt
from shared.startup_errors import InvalidSettings

# By how much the provider's clock may differ from this machine's.
PROVIDER_LEEWAY_S = 60
TIMEOUT_S = 5.0
_KEEP_S = 3600.0
# An unknown key may be one that the provider has just begun to sign by; asked for at most so often.
_ASK_FOR_KEYS_AGAIN_S = 60.0
# Signatures by a key that the provider alone has. Those of a shared secret (HS256) and `none` are not among them.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_NAMES = ("name", "preferred_username", "email")


class _Configuration(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


@dataclass(frozen=True, slots=True)
class OpenIdClient:
    """What the provider knows this installation as. `roles_claim` is empty where no claim gives access."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    return_address: str
    roles_claim: str = ""


class OpenIdProvider:
    """`catalogue.ports.IdentityProvider`. Its configuration and its keys are asked for when they are first needed."""

    def __init__(self, client: OpenIdClient, *, now_s: Callable[[], int]) -> None:
        """Raises `InvalidSettings` where anybody on the network could stand in for the issuer."""
        if not _is_private(client.issuer):
            raise InvalidSettings("OIDC_ISSUER: expected an address that begins with https://")
        self._client, self._now_s = client, now_s
        self._lock = Lock()
        self._configuration: tuple[_Configuration, float] | None = None
        self._keys: tuple[KeySet, float] | None = None

    def authorization_address(self, attempt: SignInAttempt) -> str:
        with self._oauth() as client:
            address, _ = client.create_authorization_url(
                self._configured().authorization_endpoint,
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        return str(address)

    def identity(self, attempt: SignInAttempt, answer: Mapping[str, str]) -> Identity:
        if "error" in answer:
            raise ProviderRefused(f"the provider answered {_printable(answer['error'])}")
        if answer.get("iss", self._client.issuer) != self._client.issuer:
            raise ProviderRefused("the answer is from another issuer")
        if "code" not in answer:
            raise ProviderRefused("the answer has no code")
        token = self._exchange(answer["code"], attempt.verifier)
        claims = self._claims(str(token.get("id_token", "")), attempt, str(token.get("access_token", "")))
        name = next((str(claims[each]) for each in _NAMES if claims.get(each)), "")
        return Identity(
            issuer=self._client.issuer,
            subject=str(claims["sub"]),
            name=_printable(name),
            claimed=_texts(claims.get(self._client.roles_claim) if self._client.roles_claim else None),
        )

    def sign_out_address(self) -> str | None:
        try:
            return self._configured().end_session_endpoint
        except (ProviderUnreachable, ProviderRefused):
            return None

    def _exchange(self, code: str, verifier: str) -> Mapping[str, Any]:
        try:
            with self._oauth() as client:
                token: Mapping[str, Any] = client.fetch_token(
                    self._configured().token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    redirect_uri=self._client.return_address,
                    code_verifier=verifier,
                )
                return token
        except OAuthError as refused:
            raise ProviderRefused(f"the provider gave no token: {_printable(str(refused.error))}") from refused
        except httpx2.HTTPError as fault:
            raise ProviderUnreachable(type(fault).__name__) from fault
        except ValueError as fault:
            raise ProviderRefused("the provider's answer is no JSON") from fault

    def _claims(self, token: str, attempt: SignInAttempt, access_token: str) -> Mapping[str, Any]:
        decoded = self._decoded(token)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": self._client.issuer},
                "aud": {"essential": True, "value": self._client.client_id},
                "sub": {"essential": True},
                "nonce": {"essential": True, "value": attempt.nonce},
            },
            params={"nonce": attempt.nonce, "client_id": self._client.client_id, "access_token": access_token},
        )
        try:
            claims.validate(self._now_s(), PROVIDER_LEEWAY_S)
        except JoseError as fault:
            raise ProviderRefused(f"the identity token is refused: {fault.error} {fault.description}") from None
        if not isinstance(decoded.claims["sub"], str) or not 0 < len(decoded.claims["sub"]) <= 255:
            raise ProviderRefused("the identity token names nobody")
        return decoded.claims

    def _decoded(self, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, self._key_set(), algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            pass  # the provider may sign by a newer key than those that are known here
        try:
            return jwt.decode(token, self._key_set(newer=True), algorithms=_ALGORITHMS)
        except (JoseError, ValueError) as fault:
            raise ProviderRefused(f"the identity token is refused: {type(fault).__name__}") from None

    def _configured(self) -> _Configuration:
        with self._lock:
            if self._configuration is None or time.monotonic() - self._configuration[1] > _KEEP_S:
                address = f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
                self._configuration = self._checked(_fetch(address, _Configuration)), time.monotonic()
            return self._configuration[0]

    def _checked(self, found: _Configuration) -> _Configuration:
        if found.issuer != self._client.issuer:
            raise ProviderRefused("the provider's configuration names another issuer than OIDC_ISSUER")
        if not all(map(_is_private, (found.authorization_endpoint, found.token_endpoint, found.jwks_uri))):
            raise ProviderRefused("the provider's configuration names an address that is not https")
        return found

    def _key_set(self, *, newer: bool = False) -> KeySet:
        address = self._configured().jwks_uri
        with self._lock:
            age_s = _KEEP_S + 1 if self._keys is None else time.monotonic() - self._keys[1]
            if self._keys is None or age_s > (_ASK_FOR_KEYS_AGAIN_S if newer else _KEEP_S):
                try:
                    keys = KeySet.import_key_set(_fetch(address, dict[str, Any]))
                except (JoseError, ValueError, KeyError) as fault:
                    raise ProviderRefused("the provider's keys cannot be read") from fault
                self._keys = keys, time.monotonic()
            return self._keys[0]

    def _oauth(self) -> OAuth2Client:
        supported = self._configured().token_endpoint_auth_methods_supported
        method = "client_secret_basic" if "client_secret_basic" in supported else "client_secret_post"
        return OAuth2Client(
            self._client.client_id,
            self._client.client_secret or None,
            token_endpoint_auth_method=method if self._client.client_secret else "none",
            scope="openid profile email",
            redirect_uri=self._client.return_address,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
        )


def _fetch(address: str, expected: type[Any]) -> Any:
    try:
        answer = httpx2.get(address, timeout=TIMEOUT_S, headers={"Accept": "application/json"})
        answer.raise_for_status()
    except (httpx2.HTTPError, httpx2.InvalidURL) as fault:
        raise ProviderUnreachable(type(fault).__name__) from fault
    try:
        return msgspec.json.decode(answer.content, type=expected)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise ProviderRefused("the provider's answer cannot be read") from fault


def _is_private(address: str) -> bool:
    """Whether nobody on the network can read or change what is asked there."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:100]


def _texts(value: object) -> frozenset[str]:
    """A claim that is a text, or a list of some."""
    values = value if isinstance(value, list) else [value]
    return frozenset(each for each in values if isinstance(each, str))

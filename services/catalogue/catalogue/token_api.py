"""Access tokens for client credentials (OAuth 2.0), and the public keys by which they are verified."""

import base64
import binascii
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qsl, unquote_plus
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from msgspec import Struct

from catalogue.clients import ClientHandlers
from catalogue.domain.clients import WrongCredentials
from catalogue.signing_keys import SigningKeys
from shared.auth.tokens import LIFETIME_S, issue
from shared.clock import Clock
from shared.http import Json, Problem, json_responses, refuses
from shared.http.access import KeysUnknown
from shared.http.bodies import read_body
from shared.http.problem_types import SERVICE_UNAVAILABLE, TOO_MANY_REQUESTS
from shared.http.rates import AttemptLimit, Networks
from shared.http.repeated import issued_to
from shared.instants import epoch_s

FORM_TYPE = "application/x-www-form-urlencoded"
_MAX_FORM_BYTES = 4_096
_KEYS_CACHED_S = 60
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FIELDS = {"grant_type": "client_credentials", "client_id": "", "client_secret": ""}
_TOKEN_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        FORM_TYPE: {
            "schema": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in _FIELDS},
                "required": ["grant_type"],
            }
        }
    },
}


class AccessToken(Struct, frozen=True):
    """An answer of RFC 6749, section 5.1: send `access_token` as `Authorization: Bearer`; it lives `expires_in` s."""

    access_token: str
    token_type: str
    expires_in: int


class TokenRefused(Struct, frozen=True):
    """An answer of RFC 6749, section 5.2."""

    error: str
    error_description: str


class TokenLimits(NamedTuple):
    """How often tokens may be asked for from one address, behind which there may be many clients, and by one of them.

    Nobody can use up what a client may do from elsewhere.
    """

    of_address: AttemptLimit
    of_client: AttemptLimit

    @classmethod
    def at(cls, storage: str, trusted: Networks) -> "TokenLimits":
        """Counted at `storage`, or in memory; `trusted` proxies say where requests come from."""
        return cls(
            AttemptLimit("token", most=600, every_s=60, storage=storage, trusted=trusted),
            AttemptLimit("token-client", most=60, every_s=60, storage=storage, trusted=trusted),
        )

    def wait_s(self, request: Request, client: str) -> int | None:
        """After how many seconds it may be tried again; None where it may be now."""
        of_client = self.of_client.wait_at_s(request, client)
        return self.of_address.wait_s(request) if of_client is None else of_client


TYPES = (AccessToken, TokenRefused)


def token_router(
    handlers: ClientHandlers, keys: SigningKeys, clock: Clock, *, audience: str, limits: TokenLimits
) -> APIRouter:
    """`/v1/token` and `/.well-known/jwks.json`, which anybody may ask."""
    routes = APIRouter(tags=["access"])

    @routes.post(
        "/v1/token",
        name="issue_token",
        responses=_token_answers() | refuses(TOO_MANY_REQUESTS),
        openapi_extra={"requestBody": _TOKEN_BODY},
    )
    def token(request: Request, raw: Annotated[bytes, Depends(_form)]) -> Json:
        """An access token for a client's credentials, in the header (Basic) or in the body (RFC 6749, section 4.4)."""
        try:
            id_, secret = _credentials(request, _fields(request, raw))
            if (wait_s := limits.wait_s(request, id_)) is not None:
                raise Problem(TOO_MANY_REQUESTS, headers={"Retry-After": str(wait_s)})
            principal = handlers.authenticate(id_, secret)
            key = keys.current()
        except _InvalidTokenRequest as refused:
            return _token_refused(request, refused.error, refused.description)
        except WrongCredentials:
            return _token_refused(request, "invalid_client", "the client and its secret are not valid now")
        except KeysUnknown as unknown:
            raise Problem(SERVICE_UNAVAILABLE, headers={"Retry-After": "1"}) from unknown
        issued_to(request, principal.name)
        made = issue(principal, key, audience=audience, jti=str(uuid4()), now_s=epoch_s(clock.now()))
        return Json(AccessToken(made, "Bearer", LIFETIME_S), headers=_NO_STORE)

    @routes.get(
        "/.well-known/jwks.json",
        name="get_public_keys",
        responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
    )
    def get_public_keys() -> Json:
        """The keys by which access tokens can be verified (RFC 7517)."""
        return Json(keys.public(), headers={"Cache-Control": f"public, max-age={_KEYS_CACHED_S}"})

    return routes


class _InvalidTokenRequest(Exception):
    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error, self.description = error, description


async def _form(request: Request) -> bytes:
    return await read_body(request, max_bytes=_MAX_FORM_BYTES)


def _fields(request: Request, raw: bytes) -> Mapping[str, str]:
    """The form's fields. Raises `_InvalidTokenRequest`."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise _InvalidTokenRequest("invalid_request", f"expected a body of {FORM_TYPE}")
    try:
        pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(raw), errors="strict")
    except ValueError as fault:
        raise _InvalidTokenRequest("invalid_request", "expected fields of a form in UTF-8") from fault
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _InvalidTokenRequest("invalid_request", "a field is given more than once")
    if "grant_type" not in fields:
        raise _InvalidTokenRequest("invalid_request", "expected grant_type=client_credentials")
    if fields["grant_type"] != "client_credentials":
        raise _InvalidTokenRequest("unsupported_grant_type", "expected grant_type=client_credentials")
    if fields.get("scope"):
        raise _InvalidTokenRequest("invalid_scope", "a client has the roles it was made with: leave scope out")
    return fields


def _credentials(request: Request, fields: Mapping[str, str]) -> tuple[str, str]:
    """Id and secret, of the header or of the body. Raises `_InvalidTokenRequest`."""
    headers = request.headers.getlist("Authorization")
    in_body = "client_id" in fields or "client_secret" in fields
    if len(headers) > 1 or (headers and in_body):
        raise _InvalidTokenRequest("invalid_request", "expected the client's credentials once")
    found = _basic(headers[0]) if headers else (fields.get("client_id", ""), fields.get("client_secret", ""))
    if not all(found):
        raise _InvalidTokenRequest("invalid_client", "expected the client's id and secret")
    return found


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise _InvalidTokenRequest("invalid_client", "expected the scheme Basic")
    try:
        id_, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError) as fault:
        raise _InvalidTokenRequest("invalid_client", "expected an id and a secret in Base64") from fault
    return (unquote_plus(id_), unquote_plus(secret)) if colon else ("", "")


def _token_refused(request: Request, error: str, description: str) -> Json:
    """In RFC 6749's words: 401 where the client is not proved, 400 for everything else."""
    if error != "invalid_client":
        return Json(TokenRefused(error, description), status_code=HTTPStatus.BAD_REQUEST, headers=_NO_STORE)
    challenge = {"WWW-Authenticate": 'Basic realm="tallystick"'} if "Authorization" in request.headers else {}
    headers = {**_NO_STORE, **challenge}
    return Json(TokenRefused(error, description), status_code=HTTPStatus.UNAUTHORIZED, headers=headers)


def _token_answers() -> dict[int | str, dict[str, Any]]:
    refused = json_responses(TokenRefused, {400: "Refused", 401: "The client is not proved"})
    return json_responses(AccessToken, {200: "A token"}) | refused

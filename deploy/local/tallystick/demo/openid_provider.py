"""The demo's own OpenID provider: real OpenID Connect for illustrative people, on this machine and nowhere else.

Nobody has a password. Each person signs in by a link that works once; its key is random for each start. It refuses to
be anywhere but on loopback, and answers nobody from elsewhere.
"""

import secrets
import time
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from shared.web.pages import environment

CODE_VALID_S = 60
_TOKEN_VALID_S = 300
_MOST_WAITING = 1_000
_COOKIE = "tallystick-demo-provider"
_ALGORITHM = "ES256"


class NotOnLoopback(Exception):
    """The provider would be reached from other machines: it knows nobody's password, so that it must not."""


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """An illustrative person: a role, and no name. `group` is what the claim `groups` says of them."""

    id: str
    title: str
    group: str


@dataclass(frozen=True, slots=True)
class _Grant:
    """What an authorization code stands for, until `expires_s` of the process's clock."""

    person: DemoPerson
    challenge: str
    nonce: str
    expires_s: float


class DemoProvider:
    """The provider as an application, for one client: `client_id`, `client_secret`, `return_address`."""

    client_id = "tallystick-demo"

    def __init__(
        self,
        issuer: str,
        people: Mapping[str, DemoPerson],
        *,
        return_address: str,
        continue_at: str,
        link_used: Callable[[DemoPerson, str], None] = lambda _person, _link: None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """A used link leads to `continue_at`; `link_used` is given the person, and their next link.

        Raises `NotOnLoopback`.
        """
        if not _is_loopback(urlsplit(issuer).hostname):
            raise NotOnLoopback("the demo's provider serves this machine alone")
        self.issuer, self._people = issuer, people
        self.client_secret = secrets.token_urlsafe(32)
        self._return_address, self._continue_at = return_address, continue_at
        self._link_used, self._now_s = link_used, now_s
        self._key = ECKey.generate_key("P-256", parameters={"kid": secrets.token_urlsafe(8)})
        self._links: dict[str, DemoPerson] = {}
        self._browsers: dict[str, DemoPerson] = {}
        self._grants: dict[str, _Grant] = {}

    def new_link(self, person: DemoPerson) -> str:
        """An address that signs the person in, once."""
        key = secrets.token_urlsafe(32)
        self._links[key] = person
        return f"{self.issuer}/link?{urlencode({'key': key})}"

    def links(self) -> Mapping[str, str]:
        """For every person's title an address of their own that works once."""
        return {person.title: self.new_link(person) for person in self._people.values()}

    def application(self) -> Starlette:
        """Its routes, below the path of its issuer."""
        path = urlsplit(self.issuer).path
        return Starlette(
            routes=[
                Route(f"{path}/.well-known/openid-configuration", self._here_only(self._configuration)),
                Route(f"{path}/keys", self._here_only(self._keys)),
                Route(f"{path}/authorize", self._here_only(self._authorize)),
                Route(f"{path}/token", self._here_only(self._token), methods=["POST"]),
                Route(f"{path}/link", self._here_only(self._use_link)),
                Route(f"{path}/sign-out", self._here_only(self._sign_out)),
            ]
        )

    def claims(self, person: DemoPerson, nonce: str) -> dict[str, Any]:
        """What the identity token says."""
        now_s = int(self._now_s())
        return {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": person.id,
            "name": person.title,
            "groups": [person.group],
            "nonce": nonce,
            "iat": now_s,
            "exp": now_s + _TOKEN_VALID_S,
        }

    def _here_only(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            if request.client is None or not _is_loopback(request.client.host):
                return _page("elsewhere", status=403)
            response: Response = await answer(request)
            response.headers["Cache-Control"] = "no-store"
            response.headers["Referrer-Policy"] = "no-referrer"
            return response

        return guarded

    async def _configuration(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "end_session_endpoint": f"{self.issuer}/sign-out",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [_ALGORITHM],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }
        )

    async def _keys(self, _: Request) -> Response:
        public = self._key.as_dict(private=False)
        return JSONResponse({"keys": [{**public, "alg": _ALGORITHM, "use": "sig"}]})

    async def _use_link(self, request: Request) -> Response:
        person = self._links.pop(request.query_params.get("key", ""), None)
        if person is None:
            return _page("used", status=403)
        self._link_used(person, self.new_link(person))
        browser = secrets.token_urlsafe(32)
        _keep(self._browsers, browser, person)
        answer = RedirectResponse(self._continue_at, status_code=303)
        answer.set_cookie(_COOKIE, browser, httponly=True, samesite="lax", path=urlsplit(self.issuer).path)
        return answer

    async def _authorize(self, request: Request) -> Response:
        asked = request.query_params
        if (asked.get("client_id"), asked.get("redirect_uri")) != (self.client_id, self._return_address):
            return _page("unknown_client", status=400)
        if asked.get("response_type") != "code" or "openid" not in asked.get("scope", "").split():
            return self._back(asked, error="invalid_request")
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            return self._back(asked, error="invalid_request")
        person = self._browsers.get(request.cookies.get(_COOKIE, ""))
        if person is None:
            return _page("no_link", status=403)
        code = secrets.token_urlsafe(32)
        grant = _Grant(person, asked["code_challenge"], asked.get("nonce", ""), self._now_s() + CODE_VALID_S)
        _keep(self._grants, code, grant)
        return self._back(asked, code=code)

    def _back(self, asked: Mapping[str, str], **answer: str) -> Response:
        parameters = {**answer, "state": asked.get("state", ""), "iss": self.issuer}
        return RedirectResponse(f"{self._return_address}?{urlencode(parameters)}", status_code=303)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        if not self._is_client(request, form):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        grant = self._grants.pop(form.get("code", ""), None)  # whatever comes of it, a code works once
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if (
            grant is None
            or grant.expires_s < self._now_s()
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != self._return_address
            or not compare_digest(challenge.encode(), grant.challenge.encode())
        ):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        token = jwt.encode({"alg": _ALGORITHM, "kid": self._key.kid}, self.claims(grant.person, grant.nonce), self._key)
        return JSONResponse(
            {
                "access_token": secrets.token_urlsafe(32),
                "token_type": "Bearer",
                "expires_in": _TOKEN_VALID_S,
                "id_token": token,
            }
        )

    def _is_client(self, request: Request, form: Mapping[str, str]) -> bool:
        sent = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                name, _, secret = b64decode(encoded, validate=True).decode().partition(":")
            except (NotBase64, UnicodeDecodeError):
                return False
            sent = unquote_plus(name), unquote_plus(secret)
        expected = self.client_id, self.client_secret
        return all(compare_digest(one.encode(), other.encode()) for one, other in zip(sent, expected, strict=True))

    async def _sign_out(self, request: Request) -> Response:
        self._browsers.pop(request.cookies.get(_COOKIE, ""), None)
        answer = _page("signed_out", status=200)
        answer.delete_cookie(_COOKIE, path=urlsplit(self.issuer).path)
        return answer


def _keep(kept: dict[str, Any], key: str, value: object) -> None:
    """`value` is kept under the key; of too many, the oldest goes."""
    while len(kept) >= _MOST_WAITING:
        kept.pop(next(iter(kept)))
    kept[key] = value


def _page(words: str, *, status: int) -> Response:
    template = environment("tallystick").get_template("demo_provider.html")
    return HTMLResponse(template.render(words=words), status_code=status)


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False

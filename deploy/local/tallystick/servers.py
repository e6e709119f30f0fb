"""Where a verb works: on the folder of this machine, or on services that run on servers and are asked over HTTP.

Whatever the environment says of servers, no verb falls back to the folder, whose answers would be about other data.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import msgspec

from shared.startup_errors import InvalidSettings
from tallystick.console import fail

if TYPE_CHECKING:  # importing them takes time, and only verbs that ask servers need them
    from urllib.error import HTTPError
    from urllib.request import OpenerDirector, Request

ADDRESS = "TALLYSTICK_URL"
CLIENT_ID, CLIENT_SECRET = "TALLYSTICK_CLIENT_ID", "TALLYSTICK_CLIENT_SECRET"
# The share of its time after which a token is not relied on: an answer may take a while.
_RENEWED_AFTER = 0.5
SETTINGS = (ADDRESS, "BUS_URL", "STATE_URL", "DATABASE_URL", "MONITOR_DATABASE_URL", "BILLING_DATABASE_URL")
JSON_TYPE = "application/json"
# A what-if looks at every item of the past, one question at a time.
TIMEOUT_S = 600
# The services or their gateway cannot answer now, and can later.
_UNAVAILABLE = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_MAX_PROBLEM_BYTES = 1_048_576
T = TypeVar("T")


class NoAnswer(Exception):
    """The services were not reached, or cannot answer now."""


class WrongAddress(Exception):
    """Another server answered than a service of Tallystick."""


class ServiceFailed(Exception):
    """A service failed while it answered; its log has the instance that the message names."""


class RequestRefused(Exception):
    """The services refused the request, for the reasons that `problem` gives."""

    def __init__(self, status: int, problem: "ProblemAnswer", call: str) -> None:
        faults = (f"\n  {each.place}: {each.detail}" for each in problem.errors)
        super().__init__(f"{problem.title}:{''.join(faults)}" if problem.errors else problem.detail or problem.title)
        self.status, self.problem, self.call = status, problem, call


class CredentialsRefused(Exception):
    """The catalogue does not know the client, or its secret has expired or was taken back."""

    def __init__(self, client: str) -> None:
        super().__init__(f"the credentials of client {client} are not valid now")


class ProblemFault(msgspec.Struct, frozen=True):
    """One fault of a refused request: where it is, in the body or among the parameters, and what is wrong."""

    detail: str = ""
    pointer: str | None = None
    parameter: str | None = None
    reason: str | None = None

    @property
    def place(self) -> str:
        """As people read it: `draft/calendars/0/id`."""
        return self.parameter or (self.pointer or "").removeprefix("#/") or "the request"


class ProblemAnswer(msgspec.Struct, frozen=True):
    """RFC 9457 problem details, of any version of the services, or of whoever answers in their place."""

    title: str = ""
    detail: str = ""
    instance: str = ""
    errors: tuple[ProblemFault, ...] = ()


@dataclass(slots=True)
class ClientCredentials:
    """What proves this command to the services, and the token that it got for them."""

    id: str
    secret: str = field(repr=False)
    _token: str = field(default="", repr=False)
    _fresh_until_s: float = 0.0

    def token(self, address: str) -> str:
        """An access token of the services at `address`: the last one, or another in time before it expires.

        Raises as `ServiceApi`'s calls.
        """
        if monotonic() >= self._fresh_until_s:
            answer = self._answer(address)
            self._token = answer.access_token
            self._fresh_until_s = monotonic() + answer.expires_in * _RENEWED_AFTER
        return self._token

    def _answer(self, address: str) -> "TokenAnswer":
        from urllib.error import HTTPError, URLError
        from urllib.parse import urlencode
        from urllib.request import Request

        form = {"grant_type": "client_credentials", "client_id": self.id, "client_secret": self.secret}
        headers = {"Accept": JSON_TYPE, "Content-Type": "application/x-www-form-urlencoded"}
        request = Request(f"{address}/v1/token", urlencode(form).encode(), headers)  # noqa: S310 (as for every call)
        try:
            with _opener().open(request, timeout=TIMEOUT_S) as answer:
                return msgspec.json.decode(answer.read(_MAX_PROBLEM_BYTES), type=TokenAnswer)
        except HTTPError as refusal:
            with refusal:
                if refusal.code == HTTPStatus.UNAUTHORIZED:
                    raise CredentialsRefused(self.id) from refusal
                raise _failure(request, refusal) from refusal
        except URLError as fault:
            raise NoAnswer(f"{address} was not reached: {fault.reason}") from fault
        except (OSError, ValueError) as fault:
            raise NoAnswer(f"{address} broke off its answer: {fault}") from fault


class TokenAnswer(msgspec.Struct, frozen=True):
    """What the catalogue gives for credentials."""

    access_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class ServiceApi:
    """The public API of all services under one address, that of their gateway. Its calls block.

    They raise `RequestRefused`, `ServiceFailed`, `NoAnswer` and `WrongAddress`. `token` is the access token of whoever
    asks; or it is had from the catalogue for `client`.
    """

    address: str
    token: str = field(default="", repr=False)
    client: "ClientCredentials | None" = None

    def get(self, *path: str, query: Mapping[str, str | None] | None = None, accept: str = JSON_TYPE) -> bytes:
        """What is at `/v1/…`, the parts of `path` quoted; a query's parameter that is None is left out."""
        from urllib.parse import urlencode

        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self._answer("GET", f"{_path(path)}{'?' if given else ''}{urlencode(given)}", None, accept)

    def items(self, *path: str, of: type[T], query: Mapping[str, str | None] | None = None) -> list[T]:
        """The items of a list at `/v1/…`, or of its first page."""
        return msgspec.json.decode(self.get(*path, query=query), type=dict[str, list[of]])["items"]  # type: ignore[valid-type]  # `of` is a type at run time

    def post(self, *path: str, body: object) -> bytes:
        """What `/v1/…` answers to `body` as JSON."""
        return self._answer("POST", _path(path), msgspec.json.encode(body), JSON_TYPE)

    def send(self, *path: str, body: bytes, media_type: str, query: Mapping[str, str]) -> bytes:
        """What `/v1/…` answers to `body`, which is of `media_type`."""
        from urllib.parse import urlencode

        return self._answer("POST", f"{_path(path)}?{urlencode(query)}", body, JSON_TYPE, media_type)

    def put(self, *path: str, body: object) -> bytes:
        """What `/v1/…` answers to `body` as JSON in place of what was there."""
        return self._answer("PUT", _path(path), msgspec.json.encode(body), JSON_TYPE)

    def delete(self, *path: str) -> bytes:
        """What `/v1/…` answers when it is taken away."""
        return self._answer("DELETE", _path(path), None, JSON_TYPE)

    def _answer(self, method: str, path: str, body: bytes | None, accept: str, media_type: str = JSON_TYPE) -> bytes:
        from urllib.error import HTTPError, URLError
        from urllib.request import Request

        headers = {"Accept": accept} | ({} if body is None else {"Content-Type": media_type})
        if token := self.token or (self.client.token(self.address) if self.client else ""):
            headers["Authorization"] = f"Bearer {token}"
        address = f"{self.address}{path}"
        request = Request(address, body, headers, method=method)  # noqa: S310 (`read_address` lets http and https in)
        try:
            with _opener().open(request, timeout=TIMEOUT_S) as answer:
                content: bytes = answer.read()
                return content
        except HTTPError as refusal:
            with refusal:
                raise _failure(request, refusal) from refusal
        except URLError as fault:
            raise NoAnswer(f"{self.address} was not reached: {fault.reason}") from fault
        except (OSError, ValueError) as fault:  # the connection broke within the answer, or what came is no HTTP
            raise NoAnswer(f"{self.address} broke off its answer: {fault}") from fault


def service_api(call: str) -> ServiceApi | None:
    """The API that TALLYSTICK_URL names; None where nothing names servers, so that the folder is meant.

    Ends the command where servers are named, but not the address of the API: `call` is what it would ask, as
    `GET /v1/at-risk`.
    """
    if address := os.environ.get(ADDRESS):
        return ServiceApi(read_address(address), client=_credentials())
    if (name := named_servers()) is not None:
        fail(
            f"{name} is set, so the services run on servers, and {ADDRESS} does not say where they answer {call}.",
            do=f"Set {ADDRESS} to the address of their gateway, as http://gateway:8080. Nothing was read or changed.",
        )
    return None


def _credentials() -> ClientCredentials:
    """Those of the settings; ends the command where there are none."""
    from shared.settings import read_text

    id_, secret = read_text(CLIENT_ID), read_text(CLIENT_SECRET)
    if not id_ or not secret:
        fail(
            f"{ADDRESS} is set, but not {CLIENT_ID} and {CLIENT_SECRET}_FILE: it is not known who asks.",
            do="docs/access.md says how a client is made. Nothing was read or changed.",
        )
    return ClientCredentials(id_, secret)


def require_addresses(*needed: Sequence[str]) -> None:
    """One of each of the settings `needed` is set, or no server is named; ends the command otherwise."""
    name = named_servers()
    missing = [" or ".join(names) for names in needed if not any(map(_is_set, names))]
    if name is not None and missing:
        fail(
            f"{name} is set, so the services run on servers, but not {', not '.join(missing)}.",
            do="docs/running.md lists the addresses that the command needs. Nothing was read or changed.",
        )


def require_folder_only(verb: str, instead: str) -> None:
    """The folder of this machine is meant; ends the command where servers are named: `instead` says what does it."""
    if (name := named_servers()) is not None:
        fail(
            f"{name} is set, and `tallystick {verb}` works on a folder of this machine only.",
            do=f"{instead} Nothing was changed.",
        )


def named_servers() -> str | None:
    """The first setting that names a server, by itself or by a file; None where all state is in the folder."""
    found = (name for each in SETTINGS for name in _names(each) if os.environ.get(name))
    return next(found, None)


def _is_set(setting: str) -> bool:
    return any(map(os.environ.get, _names(setting)))


def _names(setting: str) -> tuple[str, str]:
    """The two variables that may hold a setting."""
    return setting, f"{setting}_FILE"


def read_address(text: str) -> str:
    """The address of an HTTP server, without a slash at its end; raises `InvalidSettings`, repeating none of it."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise InvalidSettings(f"{ADDRESS}: expected an address as http://gateway:8080, without a name or password")
    return text.rstrip("/")


def _path(parts: tuple[str, ...]) -> str:
    from urllib.parse import quote

    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def _failure(request: "Request", refusal: "HTTPError") -> Exception:
    """What an answer other than 2xx means to whoever asked."""
    call, status = f"{request.get_method()} {request.full_url}", refusal.code
    problem = _problem(refusal.read(_MAX_PROBLEM_BYTES))
    phrase = f"{status} {refusal.reason}"
    if status in _UNAVAILABLE:
        return NoAnswer(f"{call} cannot be answered now ({phrase})")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServiceFailed(f"{call} failed ({phrase}), {problem.instance or 'without an instance'}")
    if problem.title or problem.detail:
        return RequestRefused(status, problem, call)
    where = f" to {refusal.headers['Location']}" if status < HTTPStatus.BAD_REQUEST else ""
    return WrongAddress(f"{call} was answered by no service of Tallystick, but with {phrase}{where}")


def _problem(content: bytes) -> ProblemAnswer:
    try:
        return msgspec.json.decode(content, type=ProblemAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ProblemAnswer()


@cache
def _opener() -> "OpenerDirector":
    """It follows no redirection, which would make a GET of a POST."""
    from urllib.request import HTTPRedirectHandler, build_opener

    class NoRedirection(HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            """None: the redirection is the answer."""

    return build_opener(NoRedirection)

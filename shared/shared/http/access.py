"""Who calls, and whether they may: every route names the action that it needs, or is in the table of public ones.

`create_app` refuses to serve a route that does neither. A request is answered with a 401 before anything else of it is
read, with a 403 where no role of its caller's allows the action; other people's data is a matter of the caller's scope.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from fastapi import Depends, FastAPI
from fastapi.dependencies.models import Dependant
from starlette.requests import Request

from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.http.browsers import RenewSession, session_of_request
from shared.http.forms import require_csrf
from shared.http.problem_types import INVALID_QUERY, SERVICE_UNAVAILABLE, UNAUTHENTICATED
from shared.http.problems import Problem

# What anybody may ask, by the path as its route writes it, and why.
PUBLIC = {
    "/problems/{slug}": "what a refusal means is for whoever was refused",
    "/assets/{name}": "style sheets, scripts and the icon",
    "/accessibility": "the accessibility statement",
    "/licences": "the licences of what pages are made of",
    "/openapi.json": "the description of the API, on the same ports as /metrics",
    "/asyncapi.json": "the description of the events, as public as the source",
    "/schemas/{name}": "the schemas of the events, as public as the source",
    "/events": "what integrators send, with examples",
    "/metrics": "on a port for operators alone; the demo's is served to its own machine",
    "/v1/token": "whoever asks for a token proves itself by its client's secret",
    "/.well-known/jwks.json": "the keys by which anybody can check a token",
    "/.well-known/statement-keys.json": "the keys by which anybody can check a statement",
    "/sign-in": "whoever is not signed in yet",
    "/sign-in/start": "the way to the provider of sign-ins",
    "/sign-in/return": "the way back from it, which proves who somebody is",
    "/session/renew": "whoever has a session's cookie gets its next one; anybody else is asked to sign in",
    "/sign-out": "ends the session of whoever asks, who may have none any more",
    "/signed-out": "says that it is done",
    "/me": "shows people who they are themselves; anybody else is asked to sign in",
}
PUBLIC |= {
    f"/api/{service}{suffix}": "the reference of a service's API, as public as the source"
    for service in ("catalogue", "sla-monitor", "billing")
    for suffix in ("", ".json")
}
_REALM = 'Bearer realm="tallystick"'
_RETRY_AFTER_S = 1
_KNOWN = "tallystick.caller"
log = structlog.get_logger()


class InvalidCredential(Exception):
    """What was sent proves nothing. The reason is for the log; the caller learns only that it was refused."""


class KeysUnknown(Exception):
    """The catalogue's keys have not been read yet, so that nobody can be known."""


# A way to be known: who sent the request, or None where it has no credential of that kind.
# Raises `InvalidCredential` and `KeysUnknown`.
WayToBeKnown = Callable[[Request], Principal | None]


class RouteWithoutAction(Exception):
    """A bug: the route neither names the action that it needs nor is in the table of public ones."""


class Authentication:
    """Who sent a request: the first of its ways for which the request has a credential says so."""

    def __init__(self, *ways: WayToBeKnown) -> None:
        self._ways = ways

    def principal(self, request: Request) -> Principal:
        """Raises the problem that answers whoever is not known: a 401, or a 503 while nobody can be."""
        if len(request.headers.getlist("Authorization")) > 1:
            raise Problem(INVALID_QUERY, "the header Authorization is given more than once")
        try:
            found = next((known for way in self._ways if (known := way(request)) is not None), None)
        except InvalidCredential as refused:
            log.info("access.refused", reason=str(refused))
            challenge = f'{_REALM}, error="invalid_token"'
            raise Problem(UNAUTHENTICATED, headers={"WWW-Authenticate": challenge}) from refused
        except KeysUnknown as unknown:
            raise Problem(SERVICE_UNAVAILABLE, headers={"Retry-After": str(_RETRY_AFTER_S)}) from unknown
        if found is None:
            raise Problem(UNAUTHENTICATED, headers={"WWW-Authenticate": _REALM})
        return found


async def known_caller(request: Request) -> Principal:
    """Who sent the request, found once."""
    found: Principal | None = request.scope.get(_KNOWN)
    if found is None:
        found = _authentication_of(request).principal(request)
        if (session := session_of_request(request)) is not None:
            await require_csrf(request, session)
        request.scope[_KNOWN] = found
    return found


def caller_of(scope: Mapping[str, Any]) -> Principal | None:
    """Who was found to have sent a request; None where nobody was asked for or known."""
    return scope.get(_KNOWN)


def require_still_known(request: Request) -> None:
    """Raises the problem of whoever has signed out, or was revoked, since: for an answer that goes on for a while."""
    _authentication_of(request).principal(request)


# Who calls: for handlers of routes that name their action by `requires`.
Caller = Annotated[Principal, Depends(known_caller)]


@dataclass(frozen=True, slots=True)
class _Requirement:
    action: Action

    async def __call__(self, request: Request) -> Principal:
        caller = await known_caller(request)
        caller.require(self.action)
        return caller


def requires(action: Action) -> Any:
    """The dependency by which a route, or all of a router's, names what it lets its caller do."""
    return Depends(_Requirement(action))


async def admit(request: Request) -> None:
    """Whoever may not call the route is refused before anything else of the request is looked at."""
    route = request.scope.get("fastapi", {}).get("effective_route_context", request.scope.get("route"))
    requirements = list(_requirements(getattr(route, "dependant", None)))
    for requirement in requirements:
        await requirement(request)
    if not requirements and "Cookie" in request.headers:
        with suppress(Problem, RenewSession):  # a public page greets whoever is signed in, and nobody else is refused
            _authentication_of(request).principal(request)


def require_actions(app: FastAPI) -> None:
    """Raises `RouteWithoutAction` unless each route names one action, and every other is a public one."""
    for methods, path, dependant in _routes(app):
        actions = {requirement.action for requirement in _requirements(dependant)}
        if len(actions) != (0 if path in PUBLIC else 1):
            named = ", ".join(sorted(action.value for action in actions)) or "none"
            raise RouteWithoutAction(
                f"{'/'.join(sorted(methods))} {path}: expected one action or a public path, got {named}"
            )


def action_of(dependant: Dependant | None) -> Action | None:
    """The action that a route's dependant names; None for a public one."""
    return next((requirement.action for requirement in _requirements(dependant)), None)


def _authentication_of(request: Request) -> Authentication:
    authentication: Authentication = request.app.state.authentication
    return authentication


def _requirements(dependant: Dependant | None) -> Iterator[_Requirement]:
    if dependant is None:
        return
    if isinstance(dependant.call, _Requirement):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _requirements(inner)


def _routes(app: FastAPI) -> Iterator[tuple[set[str], str, Dependant | None]]:
    """Methods, path and dependant of every route, as its routers together write it."""
    for included in app.routes:
        contexts = getattr(included, "effective_route_contexts", None)
        for route in [included] if contexts is None else contexts():
            methods: set[str] = getattr(route, "methods", None) or set()
            yield methods, getattr(route, "path_format", getattr(route, "path", "")), getattr(route, "dependant", None)

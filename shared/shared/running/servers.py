"""The two HTTP servers of a service: the public one, and the one for those who run it, on a port of its own.

Metrics, health and the description of the API are on the second only.
"""

import socket
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import uvicorn
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from shared.http.app import problem_of
from shared.http.openapi import Json
from shared.http.safe_responses import SafeHttp
from shared.running.connections import BoundedRequests, ConnectionLimits, connection_factory
from shared.running.health import Health
from shared.startup_errors import InvalidSettings

_DRAIN_S = 8
_LIMITS = ConnectionLimits()


class Server(uvicorn.Server):
    """Serves until `should_exit`. Signals are the service's own, which has more to end than its HTTP."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


def server(app: ASGIApp, limits: ConnectionLimits = _LIMITS) -> Server:
    """A server of `app`, as `server_config` says."""
    return Server(server_config(app, limits))


def server_config(app: ASGIApp, limits: ConnectionLimits = _LIMITS) -> uvicorn.Config:
    """A server bounded by `limits`, that trusts no forwarded address and does not say what it is."""
    return uvicorn.Config(
        BoundedRequests(app, limits.most_requests),
        http=connection_factory(limits),  # type: ignore[arg-type]  # uvicorn calls it, and calls no other method of it
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_S,
    )


def bind_socket(name: str, host: str, port: int) -> socket.socket:
    """A listening socket; raises `InvalidSettings` where that cannot be. Port 0 takes any that is free."""
    try:
        return socket.create_server((host, port), reuse_port=False)
    except OSError as fault:
        raise InvalidSettings(
            f"{name}_HOST {host} and {name}_PORT {port} cannot be listened at: {fault.strerror}"
        ) from fault


def admin_app(
    *,
    public: FastAPI,
    registry: CollectorRegistry,
    alive: Callable[[], Health],
    ready: Callable[[], Awaitable[Health]],
    ready_for_requests: Callable[[], Awaitable[Health]],
    operator_routes: FastAPI,
    hosts: Collection[str] | None = None,
) -> Starlette:
    """Health, `/metrics` and `/openapi.json` of `public`; every other path is of `operator_routes`.

    It answers only to the names `hosts` (None: to any).
    """

    async def livez(_: Request) -> Response:
        return _health_response(alive())

    async def readyz(_: Request) -> Response:
        return _health_response(await ready())

    async def readyz_for_requests(_: Request) -> Response:
        return _health_response(await ready_for_requests())

    def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    def description(_: Request) -> Response:
        return JSONResponse(public.openapi())

    endpoints: dict[str, Callable[..., Any]] = {
        "/livez": livez,
        "/readyz": readyz,
        "/readyz/requests": readyz_for_requests,
        "/metrics": metrics,
        "/openapi.json": description,
    }
    own = [Route(path, endpoint) for path, endpoint in endpoints.items()]
    handlers: dict[Any, Any] = {HTTPException: problem_of}
    routed = Starlette(routes=[*own, Mount("/", operator_routes)], exception_handlers=handlers)
    routed.add_middleware(SafeHttp, hosts=hosts)
    return routed


def _health_response(health: Health) -> Response:
    status = HTTPStatus.OK if health.ok else HTTPStatus.SERVICE_UNAVAILABLE
    return Json(health, status_code=status)

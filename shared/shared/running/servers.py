"""The two HTTP servers of a service: the public one, and the one for those who run it, on a port of its own.

Metrics, health and the description of the API are on the second only.
"""

import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import uvicorn
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from shared.http.openapi import Json
from shared.running.health import Health
from shared.startup_errors import InvalidSettings

# Connections that wait to be served; more are refused at once, which is kinder than to let them wait.
_MAX_CONNECTIONS = 512
_DRAIN_S = 8


class Server(uvicorn.Server):
    """Serves until `should_exit`. Signals are the service's own, which has more to end than its HTTP."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


def server(app: ASGIApp) -> Server:
    """A server of `app` that trusts no forwarded address and does not say what it is."""
    return Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=_DRAIN_S,
        )
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
) -> Starlette:
    """Health, `/metrics` and `/openapi.json` of `public`; every other path is of `operator_routes`."""

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
    return Starlette(routes=[*own, Mount("/", operator_routes)])


def _health_response(health: Health) -> Response:
    status = HTTPStatus.OK if health.ok else HTTPStatus.SERVICE_UNAVAILABLE
    return Json(health, status_code=status)

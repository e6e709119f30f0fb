"""HTTP requests as metrics: how long answers took, and how many failed, by the route as it is written."""

from collections.abc import Iterator
from time import perf_counter

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as AsgiMessage

from shared.metrics.every_service import HTTP_ERRORS, HTTP_SECONDS

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_STREAM = b"text/event-stream"
_NO_ANSWER = "none"  # the client hung up, or we failed, before there was an answer


class MeasuredHttp:
    """An ASGI application whose requests are timed. Labels are bounded: routes as written, not as asked for.

    Plain ASGI: FastAPI's own middleware would cancel what a client has hung up on.
    """

    def __init__(self, app: FastAPI, registry: CollectorRegistry) -> None:
        self._app: ASGIApp = app
        self._seconds = HTTP_SECONDS.histogram(registry)
        self._errors = HTTP_ERRORS.counter(registry)
        for method, route in _routes(app):
            self._errors.labels(method, route)  # at 0, so that the first error is an increase

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, ended = _NO_ANSWER, None
        begun = perf_counter()

        async def noting(message: AsgiMessage) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = str(message["status"])
                if _is_stream(message):
                    ended = perf_counter()  # how long somebody watches is no slowness
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = _route(scope)
            self._seconds.labels(method, route, status).observe((perf_counter() if ended is None else ended) - begun)
            if status == _NO_ANSWER or status.startswith("5"):
                self._errors.labels(method, route).inc()


def _is_stream(start: AsgiMessage) -> bool:
    return any(name == b"content-type" and value.startswith(_STREAM) for name, value in start.get("headers", ()))


def _routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every method and route that the application answers."""
    for included in app.routes:
        contexts = getattr(included, "effective_route_contexts", None)
        for route in [included] if contexts is None else contexts():
            for method in getattr(route, "methods", None) or ():
                yield method, getattr(route, "path_format", "none")


def _route(scope: Scope) -> str:
    """The route as its routers together write it: `/v1/councils/{id}`; a router's part of it alone has no prefix."""
    whole = scope.get("fastapi", {}).get("effective_route_context", scope.get("route"))
    return getattr(whole, "path_format", "none")

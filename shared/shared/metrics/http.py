"""Requests by route and answer. Plain ASGI: FastAPI's own middleware would cancel what a client has hung up on."""

from time import perf_counter

from prometheus_client import CollectorRegistry, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class MeasuredHttp:
    """An ASGI application whose requests are timed. Labels are bounded: routes as written, not as asked for."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "How long an answer took.",
            ["method", "route", "status"],
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the application answers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = "none"  # the client hung up, or we failed, before there was an answer
        begun = perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._seconds.labels(method, _route(scope), status).observe(perf_counter() - begun)


def _route(scope: Scope) -> str:
    """The route as its routers together write it: `/v1/councils/{id}`; a router's part of it alone has no prefix."""
    whole = scope.get("fastapi", {}).get("effective_route_context", scope.get("route"))
    return getattr(whole, "path_format", "none")

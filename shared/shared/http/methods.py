"""Methods that every path has beside its own: HEAD where it has GET, and OPTIONS; and a 405 that names them all.

A path that ends with a slash too many leads to the one without, by an address on the same server.
"""

import asyncio
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from fastapi.routing import iter_route_contexts
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SLASH_REDIRECT = 307  # with the same method


class CompleteMethods:
    """An ASGI application that answers HEAD, OPTIONS and wrong methods for all paths of `routed`."""

    def __init__(self, app: ASGIApp, routed: Any) -> None:
        self._app, self._routed = app, routed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = self._answer(scope)
        if answer is not None:
            await answer(scope, receive, send)
        elif scope["method"] == "HEAD":
            await _answer_head(self._app, scope, receive, self._naming_methods(scope, send))
        else:
            await self._app(scope, receive, self._naming_methods(scope, send))

    def _answer(self, scope: Scope) -> Response | None:
        """What needs no route: OPTIONS, and the way to a path without its last slash."""
        path = scope["path"]
        if scope["method"] == "OPTIONS" and (allowed := self._allowed(path)):
            return Response(status_code=204, headers={"Allow": ", ".join(allowed)})
        shorter = path.rstrip("/")
        # `//elsewhere` would be the address of another server.
        if shorter != path and shorter and not path.startswith("//") and self._allowed(shorter):
            return Response(status_code=_SLASH_REDIRECT, headers={"Location": _shorter_address(scope)})
        return None

    def _naming_methods(self, scope: Scope, send: Send) -> Send:
        async def name_methods(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 405:
                MutableHeaders(scope=message)["Allow"] = ", ".join(self._allowed(scope["path"]))
            await send(message)

        return name_methods

    def _allowed(self, path: str) -> Sequence[str]:
        """Every method that the path has, sorted; none where there is no such path. `*` is the server as a whole."""
        found = {
            method for pattern, methods in self._routes if path == "*" or pattern.fullmatch(path) for method in methods
        }
        return sorted(found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())) if found else []

    @cached_property
    def _routes(self) -> list[tuple[re.Pattern[str], frozenset[str]]]:
        contexts = ((each.path_regex, each.methods) for each in iter_route_contexts(self._routed.routes))
        return [(pattern, frozenset(methods)) for pattern, methods in contexts if pattern is not None and methods]


async def _answer_head(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """The answer to GET without its content. An endless one is ended as if the client had hung up."""
    asked_as_get = {**scope, "method": "GET"}
    answered = False

    async def receive_until_answered() -> Message:
        return {"type": "http.disconnect"} if answered else await receive()

    async def send_start(message: Message) -> None:
        nonlocal answered
        if message["type"] == "http.response.start":
            answered = True
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        await asyncio.sleep(0)  # here an endless answer is ended

    await app(asked_as_get, receive_until_answered, send_start)
    scope.update({**asked_as_get, "method": "HEAD"})  # the route that was found, for whoever measures


def _shorter_address(scope: Scope) -> str:
    path = scope["raw_path"].decode("ascii").rstrip("/")
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path

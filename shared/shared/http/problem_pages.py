"""Refusals as people read them: a browser that asks for a page gets one, with the words of the problem details."""

from collections.abc import Callable

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from shared.http.problems import PROBLEM_JSON, ProblemDetails

PAGE_TYPE = "text/html"
ProblemPage = Callable[[ProblemDetails], str]
_details = msgspec.json.Decoder(ProblemDetails)


def prefers_page(accept: str) -> bool:
    """Whether an Accept header prefers HTML to JSON: browsers do, programs that accept anything do not."""
    types = parse_accept_header(accept[:1_000], MIMEAccept)
    return types.quality(PAGE_TYPE) > max(types.quality(PROBLEM_JSON), types.quality("application/json"))


class ProblemPages:
    """An ASGI application whose problem details are pages for those who prefer pages."""

    def __init__(self, app: ASGIApp, page: ProblemPage) -> None:
        self._app, self._page = app, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not prefers_page(", ".join(Headers(scope=scope).getlist("accept"))):
            await self._app(scope, receive, _varying(send))
            return
        start: Message | None = None

        async def send_page(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message  # held until its content, of one part, has come
            elif start is None:
                await send(message)
            else:
                content = self._page(_details.decode(message["body"])).encode()
                await send(_page_start(start, len(content)))
                await send({"type": "http.response.body", "body": content})
                start = None

        await self._app(scope, receive, send_page)


def _is_problem(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith(PROBLEM_JSON)


def _varying(send: Send) -> Send:
    async def send_varying(message: Message) -> None:
        if message["type"] == "http.response.start" and _is_problem(message):
            MutableHeaders(scope=message).add_vary_header("Accept")
        await send(message)

    return send_varying


def _page_start(start: Message, length: int) -> Message:
    headers = MutableHeaders(raw=list(start["headers"]))
    headers["content-type"], headers["content-length"] = f"{PAGE_TYPE}; charset=utf-8", str(length)
    headers.add_vary_header("Accept")
    return {**start, "headers": headers.raw}

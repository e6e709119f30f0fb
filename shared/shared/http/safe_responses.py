"""What every answer says to browsers, and to whom a service answers at all: one table of headers, one check of Host.

A page may load only what the service itself serves, runs no script or style that stands in it, and is shown in no
frame of another site. Anything else (JSON, CSV, PDF) may load nothing. Figures are kept in no cache.
"""

import re
from collections.abc import Collection, Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.problem_types import INVALID_HOST, MISDIRECTED_REQUEST
from shared.http.problems import Problem

_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# A form is sent to the service alone: sign-in at another provider begins with a link, not with a form.
_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# A value that a route sets itself stays: assets have names with their hash and are cached for ever.
_ALWAYS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Paths name councils and items: no other site learns them.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HOST = re.compile(r"([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])\.?(?::[0-9]{1,5})?", re.ASCII)


def response_headers(media_type: str) -> Mapping[str, str]:
    """The headers of an answer of that media type, beside those that describe its content."""
    is_page = media_type.partition(";")[0].strip().lower() == "text/html"
    return {**_ALWAYS, "Content-Security-Policy": _PAGE if is_page else _NOTHING}


def host_name(header: str) -> str | None:
    """The name in a Host header in small letters, without port and final dot; None where it is none."""
    found = _HOST.fullmatch(header)
    return found and found[1].lower()


class SafeHttp:
    """An ASGI application that answers only to its `hosts` (None: to any), with `response_headers` on each answer."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None = None) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in response_headers(headers.get("content-type", "")).items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        await (self._app if refusal is None else refusal.response())(scope, receive, send_safely)

    def _refusal(self, scope: Scope) -> Problem | None:
        named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        host = host_name(named[0]) if len(named) == 1 else None
        if host is None:
            return Problem(INVALID_HOST, headers={"Connection": "close"})
        return None if self._hosts is None or host in self._hosts else Problem(MISDIRECTED_REQUEST)

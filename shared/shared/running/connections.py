"""Connections of an HTTP server, bounded in number, in time and in size, so that nobody can take them all.

uvicorn counts every open connection as work, also one that has not sent a whole request: a few hundred of those would
keep everybody else out. Here such connections have a place of their own, and the oldest gives way to a new one.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPMethod, HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httptools
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.http.problem_types import (
    INVALID_HEAD,
    NOT_IMPLEMENTED,
    REQUEST_HEADER_FIELDS_TOO_LARGE,
    REQUEST_TIMEOUT,
    SERVICE_UNAVAILABLE,
    ProblemType,
)
from shared.http.problems import PROBLEM_JSON, Problem
from shared.http.safe_responses import response_headers

_CLOSES_WITHIN_S = 5.0  # a client that goes on sending, or does not read, keeps no connection open for longer
_METHOD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}) [!-~]")  # as RFC 9110 writes one, then a target
_LINE_BYTES = 4  # of a header beside its name and value


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one server bears. Together the two numbers stay below the 1,024 open files that Linux gives a process."""

    most_requests: int = 512
    most_waiting: int = 256  # connections without a whole head of a request
    head_bytes: int = 32_768
    head_s: float = 10.0
    unread_s: float = 60.0  # in which a client takes nothing of its answer


class BoundedRequests:
    """An ASGI application that answers at most so many requests at once; those above are refused, to be sent again."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most, self._now = app, most, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._now >= self._most:
            await _unavailable(scope, receive, send)
            return
        self._now += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._now -= 1


def connection_factory(limits: ConnectionLimits) -> Callable[..., asyncio.Protocol]:
    """What uvicorn makes its connections with; those of one server share its limits."""
    return partial(_BoundedConnection, limits=limits, waiting=OrderedDict())


class _BoundedConnection(HttpToolsProtocol):
    """One connection. It waits from its beginning, or from its last answer, until the head of a request is whole."""

    def __init__(
        self, *given: Any, limits: ConnectionLimits, waiting: "OrderedDict[_BoundedConnection, None]", **named: Any
    ) -> None:
        super().__init__(*given, **named)
        self._limits, self._waiting = limits, waiting
        self._in_head, self._pending_bytes, self._head_bytes = False, 0, 0
        self._fault: ProblemType | None = None  # why its head is about to be refused
        self._is_refused = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait(for_s=self._limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """What was received is parsed; uvicorn's own way would write a line to the log for each that cannot be."""
        if self._is_refused or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        if self._in_head:
            self._pending_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # no other protocol is spoken: the request is answered as any other
        except httptools.HttpParserError:
            self._refuse(self._fault or (NOT_IMPLEMENTED if _names_another_method(data) else INVALID_HEAD))
        if self._in_head and self._pending_bytes > self._limits.head_bytes and not self._is_refused:
            self._refuse(REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._pending_bytes, self._head_bytes = True, 0, 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # what follows a body is no header of the request
            super().on_header(name, value)
            self._count(len(name) + len(value) + _LINE_BYTES)

    def on_headers_complete(self) -> None:
        if self.parser.get_method() == b"CONNECT":
            self._fault = NOT_IMPLEMENTED
            raise ValueError("no tunnels")
        self._take_host_of_target()
        super().on_headers_complete()
        self._in_head = False
        self._wait_no_more()

    def on_response_complete(self) -> None:
        another_begins = bool(self.pipeline)
        super().on_response_complete()
        if not another_begins and not self.transport.is_closing():
            self._wait(for_s=self._limits.head_s)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_timer = self._unread_timer or self.loop.call_later(self._limits.unread_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _count(self, length: int) -> None:
        self._head_bytes += length
        if self._head_bytes > self._limits.head_bytes:
            self._fault = REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError("too long")

    def _take_host_of_target(self) -> None:
        """A target with a host of its own counts before the Host header (RFC 9112, section 3.2.2)."""
        if self.url[:1] not in (b"/", b"*"):
            host = urlsplit(self.url).netloc
            self.headers[:] = [*((name, value) for name, value in self.headers if name != b"host"), (b"host", host)]

    def _wait(self, *, for_s: float) -> None:
        """It waits so long, as the newest; the oldest of too many ends."""
        self._wait_no_more()
        self._waiting[self] = None
        self._head_timer = self.loop.call_later(for_s, self._end_late)
        while len(self._waiting) > self._limits.most_waiting:
            oldest, _ = self._waiting.popitem(last=False)
            oldest._end()

    def _wait_no_more(self) -> None:
        self._waiting.pop(self, None)
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_late(self) -> None:
        if self._in_head and not self._is_refused:
            self._refuse(REQUEST_TIMEOUT)
        else:
            self._end()

    def _refuse(self, kind: ProblemType) -> None:
        """The last answer of the connection. What the client still sends is not read, but lets it read the answer."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._end()  # the answer would stand within another one
            return
        self._is_refused = True
        self.transport.write(_whole_answer(kind, self.server_state.default_headers))
        self.transport.write_eof()
        self._wait(for_s=_CLOSES_WITHIN_S)

    def _end(self) -> None:
        self._wait_no_more()
        self.transport.close()
        self.loop.call_later(_CLOSES_WITHIN_S, self.transport.abort)


def _names_another_method(head: bytes) -> bool:
    """Whether it begins as a request does, but with a method that HTTP does not have."""
    found = _METHOD.match(head)
    return found is not None and found[1].decode() not in HTTPMethod.__members__ and b" HTTP/1." in head


def _whole_answer(kind: ProblemType, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    answer = Problem(kind, headers={**response_headers(PROBLEM_JSON), "Connection": "close"}).response()
    lines = [f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}".encode()]
    lines += [b"%s: %s" % each for each in (*default_headers, *answer.raw_headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + bytes(answer.body)


_unavailable = Problem(
    SERVICE_UNAVAILABLE,
    "too many requests are being answered",
    headers={**response_headers(PROBLEM_JSON), "Connection": "close", "Retry-After": "1"},
).response()

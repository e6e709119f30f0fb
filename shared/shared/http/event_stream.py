"""Server-sent events: a page's content as it is now, and again each time it is another.

Bounded in number and in time: a browser comes back by itself. They end at once when the service stops, which waits for
the answers that it has begun.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import structlog
from starlette.responses import StreamingResponse

from shared.http.problem_types import SERVICE_UNAVAILABLE
from shared.http.problems import Problem

EVENT_STREAM = "text/event-stream"
MOST_STREAMS = 100
_LOOK_EVERY_S = 0.5
_LONGEST_S = 600.0
# Proxies cut a connection on which nothing came for a minute.
_QUIET_S = 15.0
_RETRY_MS = 2000
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second keeps nginx from collecting them
log = structlog.get_logger()


class EventStreams:
    """The streams that a process has open."""

    def __init__(self, *, most: int = MOST_STREAMS) -> None:
        self._most, self._open = most, 0
        self._closed = asyncio.Event()

    def close(self) -> None:
        """All streams end, and no other begins."""
        self._closed.set()

    async def answer(self, look: Callable[[], Awaitable[str]]) -> StreamingResponse:
        """A stream of what `look` finds, as messages. Raises `Problem` where too many are open, and what `look` raises.

        A failure of `look` later on ends the stream: whoever asks again is answered with the problem.
        """
        if self._closed.is_set() or self._open >= self._most:
            raise Problem(SERVICE_UNAVAILABLE, "too many follow this page, or the service is stopping")
        first = await look()
        return StreamingResponse(self._messages(first, look), media_type=EVENT_STREAM, headers=_HEADERS)

    async def _messages(self, shown: str, look: Callable[[], Awaitable[str]]) -> AsyncIterator[str]:
        now = asyncio.get_running_loop().time
        self._open += 1
        try:
            yield f"retry: {_RETRY_MS}\n{_message(shown)}"
            until, quiet_until = now() + _LONGEST_S, now() + _QUIET_S
            while not self._closed.is_set() and now() < until:
                found = await look()
                if found != shown or now() >= quiet_until:
                    yield ": still here\n\n" if found == shown else _message(found)
                    shown, quiet_until = found, now() + _QUIET_S
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closed.wait(), _LOOK_EVERY_S)
        except Problem:
            pass  # refused by now, for its cookie was replaced or its session is over: it asks again by itself
        except Exception as fault:  # noqa: BLE001 (the answer has begun: it can only end, and is asked for again)
            log.warning("stream.failed", fault=type(fault).__name__)
        finally:
            self._open -= 1


def _message(content: str) -> str:
    """One event; a line break in it would end a field."""
    lines = "".join(f"data: {line}\n" for line in content.splitlines())
    return f"{lines}\n"

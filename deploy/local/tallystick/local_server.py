"""An HTTP server on this machine alone, that ends when Ctrl-C asks it to."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from tallystick.console import EXIT_BUSY, fail
from tallystick.options import LAST_PORT

_PORTS_TRIED = 20


class StoppableServer(uvicorn.Server):
    """Ctrl-C and SIGTERM ask it to end, and nothing more: uvicorn alone would raise them again when it has ended.

    It waits for the answers that it has begun, after `close_streams`.
    """

    def __init__(self, config: uvicorn.Config, *, close_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._close_streams = close_streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Nothing is served any more."""
        self._close_streams()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The two signals end the server until it has ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def listening_socket(port: int, report: Callable[[str], None]) -> socket.socket:
    """A socket on the first free port from `port` on; `report` gets a line where it is another one."""
    last = min(port + _PORTS_TRIED - 1, LAST_PORT)
    for candidate in range(port, last + 1):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", candidate))
        except OSError:
            listening.close()
            continue
        if candidate != port:
            report(f"Port {port} is in use or not allowed: this is on {candidate}.")
        return listening
    fail(f"No port from {port} to {last} can be used.", do="Name a free one with --port.", code=EXIT_BUSY)

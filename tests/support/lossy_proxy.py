"""A way to a server on which replies get lost: what was asked is done, and the connection breaks before the answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

CHUNK = 65536


@dataclass(slots=True)
class LossyProxy:
    """A way through the proxy; the connection breaks instead of answering where `drops_reply_to` is true."""

    url: str = ""
    drops_reply_to: Callable[[bytes], bool] = lambda _: False


@asynccontextmanager
async def lossy_proxy(url: str) -> AsyncIterator[LossyProxy]:
    """A way to the server at `url`, for the length of the block."""
    address, way = urlsplit(url), LossyProxy()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_server = await asyncio.open_connection(address.hostname, address.port)
        try:
            await _converse(reader, writer, *to_server, way)
        finally:
            writer.close()
            to_server[1].close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    way.url = f"{address.scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}{address.path}"
    async with server:
        yield way


async def _converse(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answers: asyncio.StreamReader,
    requests: asyncio.StreamWriter,
    way: LossyProxy,
) -> None:
    """One request after another, each small enough to be read at once, until one answer is lost."""
    while request := await reader.read(CHUNK):
        requests.write(request)
        answer = await answers.read(CHUNK)
        if way.drops_reply_to(request):
            return
        writer.write(answer)

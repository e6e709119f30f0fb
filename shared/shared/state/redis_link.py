"""Calls to one Redis: sent once, finished though the caller be cancelled, and `Busy` while Redis is away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final

from redis import exceptions as faults
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from shared.log.processor import Busy

Argument = str | bytes | int

# A second sending of a write that had been done would be refused as somebody else's: whoever asked must look first.
_OURS: Final[Mapping[str, Any]] = {
    "max_connections": 16,
    "timeout": 2,  # seconds to wait for a connection of the pool
    "retry": Retry(NoBackoff(), 0),
    "decode_responses": False,
    "protocol": 2,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}


class Script:
    """A Lua script beside this module, and the name by which Redis knows it once it has run."""

    def __init__(self, name: str) -> None:
        self.text = files(__package__).joinpath(f"{name}.lua").read_text()
        self.digest = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Link:
    """The connections to the Redis at `url`, whose query may hold settings of the client's connections."""

    def __init__(self, url: str) -> None:
        self._client = Redis(connection_pool=BlockingConnectionPool(**{**parse_url(url), **_OURS}))
        self._execute: Callable[..., Awaitable[Any]] = self._client.execute_command
        self._under_way: set[asyncio.Future[Any]] = set()

    async def call(self, *command: Argument) -> Any:
        """What Redis answers, with texts as bytes. Raises `Busy`, and then nobody knows whether it was done."""
        return await self._finish(self._execute(*command))

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """What the script returns; Redis forgets scripts, and then is told its text again. Raises `Busy` as `call`."""
        return await self._finish(self._run(script, keys, arguments))

    async def close(self) -> None:
        """Calls under way have ended, and the connections are closed. Idempotent."""
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._client.aclose()
        await self._client.connection_pool.disconnect()

    async def _run(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        rest = len(keys), *keys, *arguments
        try:
            return await self._execute("EVALSHA", script.digest, *rest)
        except faults.NoScriptError:
            return await self._execute("EVAL", script.text, *rest)

    async def _finish(self, call: Awaitable[Any]) -> Any:
        # A call that is cancelled half way leaves its answer on the connection, for the next caller to take as its own.
        task = asyncio.ensure_future(call)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.shield(task)
        except (faults.AuthenticationError, faults.AuthorizationError):
            raise  # These are errors of the connection to the client, but no waiting mends them.
        except (faults.ConnectionError, faults.TimeoutError, faults.ReadOnlyError) as away:
            raise Busy(f"Redis does not answer now: {away}") from away

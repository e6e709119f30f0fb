"""Calls to one Redis: sent once, finished though the caller be cancelled, and `Busy` while Redis is away.

Before its first use for live state its settings are checked: those with which state is lost in ordinary operation are
refused.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from redis import exceptions as faults
from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.connection import HiredisRespSerializer

from shared.log.processor import Busy
from shared.startup_errors import InvalidSettings

Argument = str | bytes | int

# A second sending of a write that had been done would be refused as somebody else's: whoever asked must look first.
_CONNECTION_SETTINGS: Final[Mapping[str, Any]] = {
    "max_connections": 16,
    "timeout": 2,  # seconds to wait for a connection of the pool
    "retry": Retry(NoBackoff(), 0),
    "decode_responses": False,
    "protocol": 2,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}
_REQUIRED = (
    ("maxmemory_policy", "noeviction", "set maxmemory-policy noeviction, or it drops items when memory runs short"),
    ("aof_enabled", "1", "set appendonly yes, or a restart loses what was written since the last snapshot"),
    ("cluster_enabled", "0", "name a single server (with replicas, if you like), not a node of a cluster"),
)
_pack: Callable[..., list[bytes]] = HiredisRespSerializer().pack
log = structlog.get_logger()


class UnsafeRedis(InvalidSettings):
    """Redis is set up so that live state would be lost in ordinary operation."""


class Script:
    """A Lua script beside this module, and the digest by which Redis runs it once it has run."""

    def __init__(self, name: str) -> None:
        self.text = files(__package__).joinpath(f"{name}.lua").read_text()
        self.digest = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class _PlainConnection(Connection):
    """Packs commands in C, as redis-py's synchronous connections do: a commit has thousands of arguments."""

    def pack_command(self, *args: Any) -> list[bytes]:
        return _pack(*args)


class _TlsConnection(SSLConnection):
    """As `_PlainConnection`, over TLS."""

    def pack_command(self, *args: Any) -> list[bytes]:
        return _pack(*args)


class RedisClient:
    """The connections to the Redis at `url`, whose query may hold settings of the client's connections."""

    def __init__(self, url: str) -> None:
        over_tls = urlsplit(url).scheme == "rediss"
        settings = {
            **parse_url(url),
            **_CONNECTION_SETTINGS,
            "connection_class": _TlsConnection if over_tls else _PlainConnection,
        }
        self._client = Redis(connection_pool=BlockingConnectionPool(**settings))
        self._execute: Callable[..., Awaitable[Any]] = self._client.execute_command
        self._under_way: set[asyncio.Future[Any]] = set()

    async def call(self, *command: Argument) -> Any:
        """What Redis answers, with texts as bytes. Raises `Busy`, and then nobody knows whether it was done."""
        return await self._finish(self._execute(*command))

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """What the script returns; where Redis has forgotten it, its text is sent again. Raises `Busy` as `call`."""
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


async def check_settings(redis: RedisClient) -> None:
    """Redis evicts nothing, writes an append-only file and is no cluster; raises `UnsafeRedis` with all that is wrong.

    Warns when the file is not synced at every write: what is lost then is read again from the log.
    """
    settings = await _info(redis)
    wrong = [
        f"{setting} is {settings[setting]}, expected {required}: {remedy}"
        for setting, required, remedy in _REQUIRED
        if settings.get(setting, required) != required
    ]
    if wrong:
        raise UnsafeRedis("STATE_URL: " + "; ".join(wrong))
    synced = await _appendfsync(redis)
    if synced not in (None, "always"):
        log.warning(
            "redis.not_synced_at_every_write",
            appendfsync=synced,
            advice="a crash of its machine loses the newest commits, which are then read again from the log; "
            "`appendfsync always` avoids it",
        )


async def _info(redis: RedisClient) -> dict[str, str]:
    """What INFO shows, which managed servers answer too; every Redis since 6 has each of `_REQUIRED`.

    The client parses INFO by itself, with numbers for texts that look like them.
    """
    try:
        found: Mapping[Any, Any] = await redis.call("INFO", "everything")
    except faults.ResponseError as refused:
        raise UnsafeRedis(
            f"STATE_URL: Redis does not show its settings ({refused}): allow its user the INFO command, or add "
            "`settings=unchecked` to the address's query when you have made sure of them yourself"
        ) from refused
    return {str(name): str(value) for name, value in found.items()}


async def _appendfsync(redis: RedisClient) -> str | None:
    try:
        found: list[bytes] = await redis.call("CONFIG", "GET", "appendfsync")
    except faults.ResponseError:
        return None  # Managed servers keep CONFIG to themselves.
    return found[1].decode() if found else None

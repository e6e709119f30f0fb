"""Whether a Redis can be trusted with live state: looked at once, before the first use."""

import logging
from typing import Any

from redis.exceptions import ResponseError

from shared.state.redis_link import Link

_log = logging.getLogger(__name__)


class UnsafeRedis(Exception):
    """Redis is set up so that live state would be lost in ordinary operation."""


async def check(link: Link) -> None:
    """Redis evicts nothing, writes an append-only file and is no cluster; raises `UnsafeRedis` with all that is wrong.

    Warns when the file is not synced at every write: what is lost then is read again from the log.
    """
    told = await _info(link)
    wrong = [
        f"{setting} is {told[setting]}, expected {wanted}: {remedy}"
        for setting, wanted, remedy in _WANTED
        if told.get(setting, wanted) != wanted
    ]
    if wrong:
        raise UnsafeRedis("STATE_URL: " + "; ".join(wrong))
    synced = await _appendfsync(link)
    if synced not in (None, "always"):
        _log.warning(
            "Redis has appendfsync %s: a crash of its machine loses the newest commits, which are then read again "
            "from the log; `appendfsync always` avoids it",
            synced,
        )


_WANTED = (
    ("maxmemory_policy", "noeviction", "set maxmemory-policy noeviction, or it drops items when memory runs short"),
    ("aof_enabled", "1", "set appendonly yes, or a restart loses what was written since the last snapshot"),
    ("cluster_enabled", "0", "name a single server (with replicas, if you like), not a node of a cluster"),
)


async def _info(link: Link) -> dict[str, str]:
    """What INFO tells, which managed servers answer too; each of `_WANTED` is told by every Redis since 6."""
    try:
        told = await link.call("INFO", "everything")
    except ResponseError as refused:
        raise UnsafeRedis(
            f"STATE_URL: Redis does not tell its settings ({refused}): allow its user the INFO command, or add "
            "`settings=unchecked` to the address's query when you have made sure of them yourself"
        ) from refused
    return _fields(told)


async def _appendfsync(link: Link) -> str | None:
    try:
        told: list[bytes] = await link.call("CONFIG", "GET", "appendfsync")
    except ResponseError:
        return None  # Managed servers keep CONFIG to themselves.
    return told[1].decode() if told else None


def _fields(told: Any) -> dict[str, str]:
    """The client parses INFO by itself, with numbers for texts that look like them."""
    return {str(name): str(value) for name, value in told.items()}

"""Live state on Redis: eight keys a shard, and one Lua script a commit.

The keys of a shard share a hash tag, so that one script may write them all:

    head        hash of `head` (JSON) and `fence`, which changes with every commit
    queue       sorted set of the ids of unpublished messages, by their position in the order of writing
    outbox      hash from those ids to the messages
    items       hash from key to item
    by_key      sorted set of the same keys, all of score 0 and so in order of key, to be read in pages
    due         sorted set of keys by the second at which they are due
    quarantine  sorted set of the quarantined records, by offset
    identities  set of the digests of what the items hold

Beside them, `tallystick:logs` is a hash of the identities of the topics whose offsets the heads name, and of the
format in which all this is stored.

What Redis loses is read again from the log; `docs/redis.md` says what to set so that this is rare.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from shared.log.port import Fenced, Outgoing, Quarantined, Shard
from shared.paging import paged
from shared.startup_errors import STORED_FORMAT, require_stored_format
from shared.state.port import MAX_BATCH, Change, Head, revision_before
from shared.state.redis_client import Argument, RedisClient, Script, check_settings
from shared.units import EpochSeconds

# Items asked for at once: an answer with more of them, all large, would hold Redis for too long.
_MOST_ASKED = 500
# Positions of the messages of one commit lie between those of the commits before and after it.
_MAX_MESSAGES = 2**20

_LOGS = "tallystick:logs"
_FORMAT = "format"  # no topic is called so: their names end in a version
_REMEDY = "empty that database of Redis (FLUSHDB), or name another one, and rebuild the state from the log"

_COMMIT, _PAGE, _FORGET = Script("commit"), Script("page"), Script("forget")

_head = msgspec.json.Decoder(Head)
_outgoing = msgspec.msgpack.Decoder(Outgoing)
_quarantined = msgspec.msgpack.Decoder(Quarantined)
_pack = msgspec.msgpack.Encoder().encode


class _Keys(NamedTuple):
    """The names of a shard's keys, in the order in which the script of a commit takes them."""

    head: str
    queue: str
    outbox: str
    items: str
    by_key: str
    due: str
    quarantine: str
    identities: str


class RedisStateStore:
    """`ShardStates` on the Redis at `url`; its settings are checked before the first use (raises `UnsafeRedis`).

    Every method raises `shared.log.processor.Busy` while Redis is away. A commit that raised it may have been made all
    the same: the next one with the same `seen` is then `Fenced`.
    """

    def __init__(self, url: str, *, max_batch: int = MAX_BATCH) -> None:
        self.max_batch = max_batch
        address, self._is_checked = _without_acknowledgement(url)
        self._client = RedisClient(address)
        self._is_known_format = False

    async def known_log(self, topic: str) -> str | None:
        redis = await self._redis()
        held = await redis.call("HGET", _LOGS, topic)
        return None if held is None else held.decode()

    async def save_known_log(self, topic: str, identity: str) -> None:
        redis = await self._redis()
        await redis.call("HSET", _LOGS, topic, identity, _FORMAT, STORED_FORMAT)

    async def head(self, shard: Shard) -> Head | None:
        redis = await self._redis()
        held = await redis.call("HGET", _keys(shard).head, "head")
        return None if held is None else _head.decode(held)

    async def items(self, shard: Shard, keys: Collection[str]) -> dict[str, bytes]:
        redis, name, wanted = await self._redis(), _keys(shard).items, list(keys)
        held: list[bytes | None] = []
        for page in paged(wanted, _MOST_ASKED):
            held += await redis.call("HMGET", name, *page)
        return {key: value for key, value in zip(wanted, held, strict=True) if value is not None}

    async def identities_known(self, shard: Shard, digests: Collection[bytes]) -> set[bytes]:
        redis, name, asked = await self._redis(), _keys(shard).identities, list(digests)
        held: list[int] = []
        for page in paged(asked, MAX_BATCH):
            held += await redis.call("SMISMEMBER", name, *page)
        return {digest for digest, is_held in zip(asked, held, strict=True) if is_held}

    async def commit(self, shard: Shard, seen: Head | None, change: Change) -> None:
        before = revision_before(seen, change)
        redis = await self._redis()
        fence = "" if seen is None else _fence(seen)
        if not await redis.run(_COMMIT, _keys(shard), [fence, *_arguments(change)]):
            raise Fenced(f"{shard} is not at revision {before} any more, or not in the same way")

    async def due(self, shard: Shard, *, until_s: EpochSeconds, limit: int) -> list[tuple[str, EpochSeconds]]:
        redis = await self._redis()
        found = await redis.call(
            *("ZRANGE", _keys(shard).due, "-inf", until_s, "BYSCORE", "LIMIT", 0, limit, "WITHSCORES")
        )
        return [(key.decode(), EpochSeconds(int(at))) for key, at in zip(found[::2], found[1::2], strict=True)]

    async def scan(self, shard: Shard, *, after: str, limit: int) -> list[tuple[str, bytes]]:
        redis, names = await self._redis(), _keys(shard)
        keys: list[bytes] = [after.encode()] if after else []
        while True:
            start = b"(" + keys[-1] if keys else b"-"
            keys, values = await redis.run(_PAGE, [names.by_key, names.items], [start, "+", "BYLEX", "LIMIT", 0, limit])
            # A key is listed without an item where a commit was cut short; an empty page would mean the end.
            found = [(key.decode(), value) for key, value in zip(keys, values, strict=True) if value is not None]
            if found or not keys:
                return found

    async def outbox(self, shard: Shard, *, limit: int) -> list[Outgoing]:
        redis, names = await self._redis(), _keys(shard)
        _, messages = await redis.run(_PAGE, [names.queue, names.outbox], [0, limit - 1])
        return [_outgoing.decode(message) for message in messages]

    async def published(self, shard: Shard, ids: Collection[str]) -> None:
        redis, names = await self._redis(), _keys(shard)
        await redis.run(_FORGET, [names.queue, names.outbox], list(ids))

    async def quarantine(self, shard: Shard, *, after_offset: int, limit: int) -> list[Quarantined]:
        redis = await self._redis()
        found = await redis.call(
            *("ZRANGE", _keys(shard).quarantine, f"({after_offset}", "+inf", "BYSCORE", "LIMIT", 0, limit)
        )
        return [_quarantined.decode(record) for record in found]

    async def erase_quarantined(self, shard: Shard, offsets: Collection[int]) -> None:
        redis, name = await self._redis(), _keys(shard).quarantine
        for offset in sorted(offsets):
            for stored in await redis.call("ZRANGE", name, offset, offset, "BYSCORE"):
                erased = _pack(msgspec.structs.replace(_quarantined.decode(stored), key=None, value=None))
                if stored != erased:  # between the two commands it is there twice, and never missing
                    await redis.call("ZADD", name, offset, erased)
                    await redis.call("ZREM", name, stored)

    async def forget(self, shard: Shard) -> None:
        redis = await self._redis()
        await redis.call("UNLINK", *_keys(shard))

    async def close(self) -> None:
        await self._client.close()

    async def _redis(self) -> RedisClient:
        if not self._is_checked:
            await check_settings(self._client)
            self._is_checked = True
        if not self._is_known_format:
            await _require_format(self._client)
            self._is_known_format = True
        return self._client


def _without_acknowledgement(url: str) -> tuple[str, bool]:
    """The address without `settings=unchecked` in its query, and whether it was there."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    kept = [(name, value) for name, value in query if name != "settings"]
    return urlunsplit(parts._replace(query=urlencode(kept))), ("settings", "unchecked") in query


async def _require_format(redis: RedisClient) -> None:
    held: Mapping[bytes, bytes] = await redis.call("HGETALL", _LOGS)
    if held:
        found = int(held.get(_FORMAT.encode(), 0))
        require_stored_format(found, "STATE_URL: the state in Redis", remedy=_REMEDY)


def _keys(shard: Shard) -> _Keys:
    return _Keys(*(f"{{tallystick:{shard}}}:{name}" for name in _Keys._fields))


def _fence(head: Head) -> str:
    """What distinguishes one head from every other, also from one of the same revision, computed after a loss."""
    return f"{head.revision}:{head.next_offset}:{head.clock_ms}"


def _arguments(change: Change) -> list[Argument]:
    """The change as the script of a commit takes it after the fence that was seen."""
    first = change.head.revision * _MAX_MESSAGES
    items, due = change.items.items(), change.due.items()
    quarantined = ((record.offset, _pack(record)) for record in change.quarantined)
    sections: tuple[Sequence[Argument], ...] = (
        _flat((message.id, _pack(message)) for message in change.outbox),
        _flat((position, message.id) for position, message in enumerate(change.outbox, start=first)),
        [digest for digest, is_held in change.identities.items() if not is_held],
        _flat((key, value) for key, value in items if value is not None),
        [key for key, value in items if value is None],
        _flat((at_s, key) for key, at_s in due if at_s is not None),
        [key for key, at_s in due if at_s is None],
        [digest for digest, is_held in change.identities.items() if is_held],
        list(chain.from_iterable(quarantined)),
    )
    counted = chain.from_iterable((len(section), *section) for section in sections)
    return [_fence(change.head), msgspec.json.encode(change.head), *counted]


def _flat(pairs: Iterable[tuple[Argument, Argument]]) -> list[Argument]:
    return list(chain.from_iterable(pairs))

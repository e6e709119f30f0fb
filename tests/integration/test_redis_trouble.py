"""What may go wrong with Redis: lost replies, forgotten scripts, cancelled calls, unsafe settings."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from structlog.testing import capture_logs

from shared.log.port import Fenced, Outgoing, Quarantined, Shard
from shared.log.processor import Busy
from shared.state.port import Change, Head
from shared.state.redis import RedisStateStore
from shared.state.redis_client import UnsafeRedis
from shared.units import EpochMillis, EpochSeconds, Offset
from tests.support import servers
from tests.support.lossy_proxy import lossy_proxy

pytestmark = pytest.mark.anyio

FIRST = Change(
    Head(revision=1, next_offset=Offset(5)),
    items={"a": b"1"},
    due={"a": EpochSeconds(9)},
    outbox=[Outgoing("id", "to.v1", "key", b"message", EpochMillis(0))],
)
SAFE = {"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "always"}


@pytest.fixture
def shard() -> Shard:
    return Shard(f"test-{uuid4()}.v1", 0)


@pytest.fixture
async def states(redis_server: str) -> AsyncIterator[RedisStateStore]:
    states = RedisStateStore(redis_server)
    yield states
    await states.close()


@pytest.fixture
def server(redis_server: str) -> Iterator[Any]:
    """The server itself, to be spoken to past the adapter."""
    with Redis.from_url(redis_server) as server:
        yield server


@pytest.fixture(scope="module")
def redis_server(docker_engine: None) -> Iterator[str]:
    """The address of a server that no other file uses: tests here watch all that it does, and change its settings."""
    with servers.redis() as address:
        yield address


@pytest.fixture
def configured(redis_server: str) -> Iterator[Any]:
    """The server that may be changed, set safely, and again afterwards."""
    with Redis.from_url(redis_server) as server:
        for name, value in SAFE.items():
            server.config_set(name, value)
        yield server
        for name, value in SAFE.items():
            server.config_set(name, value)


# Replies that are lost


async def test_a_commit_whose_reply_is_lost_is_busy_and_then_fenced_and_nothing_is_doubled(
    states: RedisStateStore, shard: Shard, redis_server: str
) -> None:
    async with lossy_proxy(redis_server) as way:
        remote = RedisStateStore(way.url)
        await remote.commit(Shard(shard.topic, 1), None, FIRST)  # from here on the server knows the script
        way.drops_reply_to = lambda request: b"EVAL" in request

        with pytest.raises(Busy):
            await remote.commit(shard, None, FIRST)
        way.drops_reply_to = lambda _: False
        with pytest.raises(Fenced):
            await remote.commit(shard, None, replace(FIRST, items={"a": b"computed again"}))

        assert await remote.head(shard) == FIRST.head
        assert await remote.items(shard, ["a"]) == {"a": b"1"}
        assert await states.outbox(shard, limit=9) == FIRST.outbox
        await remote.close()


async def test_a_call_is_sent_once_however_it_fails(states: RedisStateStore, shard: Shard, redis_server: str) -> None:
    sent: list[bytes] = []
    async with lossy_proxy(redis_server) as way:
        remote = RedisStateStore(way.url)
        await remote.head(shard)

        def drops_reply_to(request: bytes) -> bool:
            if b"HMGET" not in request:
                return False
            sent.append(request)
            return True

        way.drops_reply_to = drops_reply_to

        with pytest.raises(Busy):
            await remote.items(shard, ["a"])

        assert len(sent) == 1
        await remote.close()


async def test_while_no_server_answers_every_call_is_busy() -> None:
    states = RedisStateStore(f"redis://127.0.0.1:{servers.free_port()}/0")

    with pytest.raises(Busy):
        await states.head(Shard("any.v1", 0))

    await states.close()


# What Redis forgets


async def test_a_server_that_forgets_its_scripts_is_sent_them_again(
    states: RedisStateStore, shard: Shard, server: Any
) -> None:
    seen = None
    for revision in range(1, 6):
        server.script_flush()
        head = Head(revision=revision)
        await states.commit(shard, seen, Change(head, items={"a": str(revision).encode()}))
        server.script_flush()
        assert await states.scan(shard, after="", limit=9) == [("a", str(revision).encode())]
        seen = head


async def test_a_head_of_the_same_revision_that_was_computed_after_a_loss_fences_who_saw_the_other(
    states: RedisStateStore, shard: Shard, server: Any
) -> None:
    await states.commit(shard, None, FIRST)
    for key in server.keys(f"*{shard}*"):
        server.delete(key)
    again = replace(FIRST, head=replace(FIRST.head, next_offset=Offset(3)))
    await states.commit(shard, None, again)

    with pytest.raises(Fenced):
        await states.commit(shard, FIRST.head, Change(Head(revision=2, next_offset=Offset(9))))

    assert await states.head(shard) == again.head


async def test_a_commit_of_which_only_the_beginning_came_back_is_made_whole_when_it_is_made_again(
    states: RedisStateStore, shard: Shard, server: Any
) -> None:
    change = replace(
        FIRST,
        items={"a": b"1", "b": b"2", "gone": None},
        due={"a": EpochSeconds(9), "gone": None},
        outbox=[Outgoing(name, "to.v1", "key", b"message", EpochMillis(0)) for name in ("id-1", "id-2")],
        quarantined=[Quarantined(Offset(3), "reason", "detail", None, None, EpochMillis(0))],
    )
    await states.commit(shard, None, change)
    whole = await everything(states, shard)
    with server.monitor() as watched:
        await states.forget(shard)
        await states.commit(shard, None, change)
        server.echo("end")
        commands = [received for received in until_end(watched) if received["client_type"] == "lua"]

    for length in range(len(commands)):
        await states.forget(shard)
        for received in commands[:length]:
            server.execute_command(*unescaped(received["command"]))
        await everything(states, shard)
        if await states.head(shard) is None:
            await states.commit(shard, None, change)

        assert await everything(states, shard) == whole, commands[length - 1]["command"]
    assert len(commands) > 10


def until_end(watched: Any) -> Iterator[dict[str, str]]:
    """The commands that the server got until it got the last one."""
    for received in watched.listen():
        if received["command"] == "ECHO end":
            return
        yield received


def unescaped(command: str) -> list[bytes]:
    return [part.encode().decode("unicode_escape").encode("latin-1") for part in command.split(" ")]


async def everything(states: RedisStateStore, shard: Shard) -> list[object]:
    """All that is stored of a small shard."""
    return [
        await states.head(shard),
        await states.scan(shard, after="", limit=1),
        await states.scan(shard, after="a", limit=1),
        await states.items(shard, ["a", "b"]),
        await states.due(shard, until_s=EpochSeconds(99), limit=9),
        await states.outbox(shard, limit=9),
        await states.quarantine(shard, after_offset=-1, limit=9),
    ]


# Sizes


async def test_a_commit_of_any_size_is_stored_whole(states: RedisStateStore, shard: Shard) -> None:
    keys = [f"item-{number:05}" for number in range(20_001)]
    messages = [Outgoing(key, "to.v1", key, b"", EpochMillis(0)) for key in keys]
    digests = [key.encode() for key in keys]
    head = Head(revision=2)

    await states.commit(
        shard,
        None,
        replace(
            FIRST,
            items=dict.fromkeys(keys, b"1"),
            due=dict.fromkeys(keys, EpochSeconds(7)),
            identities=dict.fromkeys(digests, True),
            outbox=messages,
        ),
    )
    assert len(await states.scan(shard, after="", limit=30_000)) == 20_001
    assert len(await states.due(shard, until_s=EpochSeconds(7), limit=30_000)) == 20_001
    assert await states.outbox(shard, limit=30_000) == messages
    assert await states.identities_known(shard, digests) == set(digests)

    await states.published(shard, keys)
    await states.commit(
        shard,
        FIRST.head,
        Change(
            head,
            items=dict.fromkeys(keys),
            due=dict.fromkeys(keys),
            identities=dict.fromkeys(digests, False),
        ),
    )
    assert await states.scan(shard, after="", limit=9) == []
    assert await states.due(shard, until_s=EpochSeconds(7), limit=9) == []
    assert await states.outbox(shard, limit=9) == []
    assert await states.identities_known(shard, digests) == set()


# Cancelled callers


async def test_nobody_gets_the_answer_to_a_cancelled_call(states: RedisStateStore, shard: Shard) -> None:
    items = {f"item-{number}": f"value-{number}".encode() for number in range(200)}
    await states.commit(shard, None, replace(FIRST, items=items))

    async def ask(number: int) -> None:
        key = f"item-{number}"
        asking = asyncio.create_task(states.items(shard, [key]))
        if number % 3:
            await asyncio.sleep(0.0005 * (number % 7))
            asking.cancel()
        with suppress(asyncio.CancelledError):
            assert await asking == {key: items[key]}

    for _ in range(5):
        await asyncio.gather(*(ask(number) for number in range(200)))


async def test_a_commit_whose_caller_is_cancelled_is_finished_before_the_connections_close(
    redis_server: str, states: RedisStateStore, shard: Shard
) -> None:
    hasty = RedisStateStore(redis_server)
    await hasty.head(shard)
    committing = asyncio.create_task(hasty.commit(shard, None, FIRST))
    await asyncio.sleep(0)
    committing.cancel()
    await hasty.close()

    assert await states.head(shard) == FIRST.head


# Settings


@pytest.mark.parametrize(
    ("setting", "value", "remedy"),
    [
        ("maxmemory-policy", "allkeys-lru", "set maxmemory-policy noeviction"),
        ("appendonly", "no", "set appendonly yes"),
    ],
)
async def test_a_server_that_would_lose_live_state_is_refused_with_the_setting_to_change(
    configured: Any, redis_server: str, setting: str, value: str, remedy: str
) -> None:
    configured.config_set(setting, value)
    states = RedisStateStore(redis_server)

    with pytest.raises(UnsafeRedis, match=remedy):
        await states.head(Shard("any.v1", 0))

    await states.close()


async def test_a_server_synced_every_second_is_warned_about_and_used(configured: Any, redis_server: str) -> None:
    configured.config_set("appendfsync", "everysec")
    states = RedisStateStore(redis_server)

    with capture_logs() as logs:
        assert await states.head(Shard("any.v1", 0)) is None

    assert [(entry["log_level"], entry["appendfsync"]) for entry in logs] == [("warning", "everysec")]
    await states.close()


async def test_a_server_that_hides_its_settings_needs_an_acknowledgement(configured: Any, redis_server: str) -> None:
    configured.acl_setuser(
        "silent", enabled=True, passwords=["+illustrative"], keys="*", commands=["+@all", "-info", "-config"]
    )
    address = redis_server.replace("redis://", "redis://silent:illustrative@")

    silent, trusted = RedisStateStore(address), RedisStateStore(f"{address}?settings=unchecked")
    with pytest.raises(UnsafeRedis, match="settings=unchecked"):
        await silent.head(Shard("any.v1", 0))

    assert await trusted.head(Shard("any.v1", 0)) is None
    await silent.close()
    await trusted.close()

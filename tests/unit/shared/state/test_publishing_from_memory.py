"""Messages leave the outbox for the log: all of them, again where it is uncertain, and without being read back."""

from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import patch

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.contracts.topics import Topic
from shared.log.port import AppendUncertain, Outgoing, Shard
from shared.state.embedded import EmbeddedStateStore
from shared.state.port import Change, Head
from shared.state.publisher import Publisher
from shared.units import EpochMillis, Offset

pytestmark = pytest.mark.anyio

SHARD = Shard("from.v1", 0)
TO = Topic("to.v1", "said", 1, 1, ("nobody",), ("nobody",))


class Stage:
    """A shard whose outbox is written to, and a log that its messages go to."""

    def __init__(self, folder: Path) -> None:
        self.states, self.bus = EmbeddedStateStore(folder / "state.db"), EmbeddedBus(folder / "log.db")
        self.publisher = Publisher(self.states, self.bus)
        self._head: Head | None = None

    async def write(self, *names: str) -> list[Outgoing]:
        """Messages of these ids are in the outbox."""
        messages = [Outgoing(name, TO.name, "key", name.encode(), EpochMillis(0)) for name in names]
        revision = 1 if self._head is None else self._head.revision + 1
        head = Head(revision=revision, first_offset=Offset(0), next_offset=Offset(0))
        await self.states.commit(SHARD, self._head, Change(head=head, items={}, due={}, outbox=messages))
        self._head = head
        return messages

    async def published(self) -> list[bytes | None]:
        """What the log holds."""
        return [record.value for record in await self.bus.read(Shard(TO.name, 0), 0, limit=10_000)]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    await stage.bus.ensure_topics([TO])
    yield stage
    await stage.bus.close()
    await stage.states.close()


async def test_what_waited_before_is_read_and_sent_in_order(stage: Stage) -> None:
    names = [f"{number:04}" for number in range(2 * stage.states.max_batch + 1)]
    await stage.write(*names)

    await stage.publisher.send(SHARD)
    assert await stage.states.outbox(SHARD, limit=1) == []
    await stage.publisher.send(SHARD)

    assert await stage.published() == [name.encode() for name in names]


async def test_what_was_seen_written_is_not_read_back(stage: Stage) -> None:
    await stage.publisher.send(SHARD)
    stage.publisher.written(SHARD, await stage.write("a", "b"))
    stage.publisher.written(SHARD, await stage.write("c"))

    with patch.object(EmbeddedStateStore, "outbox", side_effect=AssertionError("the outbox was read")):
        await stage.publisher.send(SHARD)

    assert await stage.published() == [b"a", b"b", b"c"]
    assert await stage.states.outbox(SHARD, limit=1) == []


async def test_what_was_written_to_an_unknown_outbox_comes_after_what_waits_there(stage: Stage) -> None:
    await stage.write("before")
    stage.publisher.written(SHARD, await stage.write("after"))

    await stage.publisher.send(SHARD)

    assert await stage.published() == [b"before", b"after"]


async def test_more_than_is_remembered_is_sent_all_the_same(stage: Stage) -> None:
    await stage.publisher.send(SHARD)
    names = [f"{number:04}" for number in range(stage.states.max_batch + 1)]
    stage.publisher.written(SHARD, await stage.write(*names))

    await stage.publisher.send(SHARD)

    assert await stage.published() == [name.encode() for name in names]


async def test_what_others_wrote_is_sent_once_the_outbox_was_forgotten(stage: Stage) -> None:
    await stage.publisher.send(SHARD)
    await stage.write("by another")

    stage.publisher.forget(SHARD)
    await stage.publisher.send(SHARD)

    assert await stage.published() == [b"by another"]


async def test_what_the_log_may_not_hold_is_sent_again(stage: Stage) -> None:
    await stage.publisher.send(SHARD)
    stage.publisher.written(SHARD, await stage.write("a"))

    with patch.object(EmbeddedBus, "publish", side_effect=AppendUncertain), pytest.raises(AppendUncertain):
        await stage.publisher.send(SHARD)
    stage.publisher.written(SHARD, await stage.write("b"))
    await stage.publisher.send(SHARD)

    assert await stage.published() == [b"a", b"b"]

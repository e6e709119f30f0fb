"""From a shard's outbox to the log."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.contracts.topics import Topic
from shared.log.port import AppendUncertain, Message, Outgoing, Place, Shard
from shared.state.embedded import EmbeddedStateStore
from shared.state.port import Change, Head
from shared.state.publisher import drain_outbox
from shared.units import EpochMillis
from tests.support.log_reading import read_records, seek_all, values, wait_for_assignment

ONE, TWO = (Topic(name, "key", 1, 400, ("tests",), ("tests",)) for name in ("one.v1", "two.v1"))
SHARD = Shard("provider.work.v1", 0)

pytestmark = pytest.mark.anyio


class HalfUncertain(EmbeddedBus):
    """A log that confirms nothing for one topic while `is_uncertain`."""

    is_uncertain = False

    async def publish(self, topic: str, messages: Sequence[Message]) -> Sequence[Place]:
        if self.is_uncertain and topic == TWO.name:
            raise AppendUncertain("no answer")
        return await super().publish(topic, messages)


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[HalfUncertain]:
    bus = HalfUncertain(tmp_path / "log.db")
    await bus.ensure_topics([ONE, TWO])
    yield bus
    await bus.close()


@pytest.fixture
async def states(tmp_path: Path) -> AsyncIterator[EmbeddedStateStore]:
    states = EmbeddedStateStore(tmp_path / "state.db")
    outbox = [Outgoing(f"{n}", (ONE, TWO)[n == 2].name, "key", str(n).encode(), EpochMillis(n)) for n in range(4)]
    await states.commit(SHARD, None, Change(Head(revision=1), outbox=outbox))
    yield states
    await states.close()


async def held(bus: HalfUncertain, topic: Topic) -> list[bytes]:
    reader = await bus.subscribe("test", [topic.name])
    (shard,) = reader.assigned()
    await wait_for_assignment([reader], frozenset({shard}))
    await seek_all(reader)
    taken = await read_records(reader, (await bus.bounds(shard)).end)
    await reader.close()
    return values(taken)


async def test_messages_reach_their_topics_in_order_and_leave_the_outbox(
    bus: HalfUncertain, states: EmbeddedStateStore
) -> None:
    published = [await drain_outbox(states, bus, SHARD) for _ in range(2)]

    assert published == [4, 0]
    assert (await held(bus, ONE), await held(bus, TWO)) == ([b"0", b"1", b"3"], [b"2"])


async def test_messages_that_may_be_missing_stay_and_are_sent_again(
    bus: HalfUncertain, states: EmbeddedStateStore
) -> None:
    bus.is_uncertain = True
    with pytest.raises(AppendUncertain):
        await drain_outbox(states, bus, SHARD)
    bus.is_uncertain = False

    assert await drain_outbox(states, bus, SHARD) == 4
    assert (await held(bus, ONE), await held(bus, TWO)) == ([b"0", b"1", b"0", b"1", b"3"], [b"2"])

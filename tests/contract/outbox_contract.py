"""What the outbox promises on every database: messages published in order, at least once, and none skipped."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, Select, func, select

from shared.bus.embedded import EmbeddedBus
from shared.contracts.topics import Topic
from shared.log.port import AppendUncertain, Message, Outgoing, Place
from shared.sql.engine import connect, read_transaction
from shared.sql.migrate import migrate
from shared.sql.outbox import add, outbox_table, relay, relay_once, settled_below
from shared.units import EpochMillis
from tests.support.log_reading import read_records, seek_all, shards_of, values, wait_for_assignment

SETTLED_S = 30
OUTBOX = outbox_table(MetaData())
TOPIC = Topic("to.v1", "key", 1, None, ("tests",), ("tests",))


def outgoing(id_: str) -> Outgoing:
    return Outgoing(id_, TOPIC.name, "key", id_.encode(), EpochMillis(0))


class UncertainOnce(EmbeddedBus):
    """A log that takes the next messages without being able to say so, while `uncertain` is set."""

    uncertain = False

    async def publish(self, topic: str, messages: Sequence[Message]) -> Sequence[Place]:
        places = await super().publish(topic, messages)
        if self.uncertain:
            self.uncertain = False
            raise AppendUncertain("the answer was lost")
        return places


class OutboxContract:
    """Run by a subclass for each database; `url` is a fixture of the subclass."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def engine(self, url: str) -> Iterator[Engine]:
        engine = connect(url)
        migrate(engine, "tests.support.migrated")
        yield engine
        engine.dispose()

    @pytest.fixture
    async def bus(self, tmp_path: Path) -> AsyncIterator[UncertainOnce]:
        bus = UncertainOnce(tmp_path / "log.db")
        await bus.ensure_topics([TOPIC])
        yield bus
        await bus.close()

    async def test_messages_are_published_in_order_and_once_when_nothing_fails(
        self, engine: Engine, bus: UncertainOnce
    ) -> None:
        self.write(engine, "a", "b")
        self.write(engine, "c")
        await self.settled(engine)

        published = [await relay_once(engine, bus, outbox=OUTBOX) for _ in range(2)]

        assert published == [3, 0]
        assert await self.published(bus, 3) == [b"a", b"b", b"c"]

    async def test_a_message_that_was_rolled_back_is_never_published(self, engine: Engine, bus: UncertainOnce) -> None:
        with engine.connect() as connection:
            add(connection, OUTBOX, [outgoing("never")])
            connection.rollback()

        assert await relay_once(engine, bus, outbox=OUTBOX) == 0

    async def test_messages_whose_appending_is_uncertain_are_sent_again_in_order(
        self, engine: Engine, bus: UncertainOnce
    ) -> None:
        self.write(engine, "a", "b")
        bus.uncertain = True
        await self.settled(engine)

        published = [await relay_once(engine, bus, outbox=OUTBOX) for _ in range(3)]

        assert published == [0, 2, 0]
        assert await self.published(bus, 4) == [b"a", b"b", b"a", b"b"]

    async def test_a_transaction_that_commits_late_is_not_skipped(self, engine: Engine, bus: UncertainOnce) -> None:
        with engine.begin() as late:
            add(late, OUTBOX, [outgoing("drew its number first")])
            # Where writers queue this one waits for the late one; elsewhere it commits before it.
            other = asyncio.create_task(asyncio.to_thread(self.write, engine, "committed first"))
            await asyncio.wait([other], timeout=0.3)
            await relay_once(engine, bus, outbox=OUTBOX)
        await other
        await self.settled(engine)
        await relay_once(engine, bus, outbox=OUTBOX)

        assert await self.published(bus, 2) == [b"drew its number first", b"committed first"]

    async def test_the_relay_publishes_what_is_written_while_it_runs_and_ends_when_stopped(
        self, engine: Engine, bus: UncertainOnce
    ) -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(relay(engine, bus, stop, outbox=OUTBOX, pause_s=0.01))
        await asyncio.to_thread(self.write, engine, "a")
        assert await self.published(bus, 1) == [b"a"]
        await asyncio.to_thread(self.write, engine, "b")
        assert await self.published(bus, 2) == [b"a", b"b"]

        stop.set()
        await running

        with read_transaction(engine) as connection:
            assert connection.scalar(select(func.count()).select_from(OUTBOX)) == 0

    # What the suite itself needs

    async def settled(self, engine: Engine) -> None:
        """No transaction that is older than what was written runs any more, in any database of the server."""
        unsettled = select(func.count()).select_from(OUTBOX).where(OUTBOX.c.written_by >= settled_below())
        async with asyncio.timeout(SETTLED_S):
            while await asyncio.to_thread(self.count, engine, unsettled):  # noqa: ASYNC110 (nothing signals it)
                await asyncio.sleep(0.01)

    def count(self, engine: Engine, query: Select[int]) -> int:
        with read_transaction(engine) as connection:
            return connection.scalar(query) or 0

    def write(self, engine: Engine, *ids: str) -> None:
        with engine.begin() as connection:
            add(connection, OUTBOX, [outgoing(id_) for id_ in ids])

    async def published(self, bus: EmbeddedBus, count: int) -> list[bytes]:
        reader = await bus.subscribe("test", [TOPIC.name])
        await wait_for_assignment([reader], shards_of(TOPIC))
        await seek_all(reader)
        taken = await read_records(reader, count)
        await reader.close()
        return values(taken)

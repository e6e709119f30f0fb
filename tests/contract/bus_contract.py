"""What every log promises. A log passes by giving a `url` and a way to make retention overtake a reader."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from shared.bus.connect import connect
from shared.contracts.topics import Topic
from shared.log.port import Bounds, Bus, Message, OffsetGone, PartitionMismatch, Shard, Subscription
from shared.units import EpochMillis, Offset
from tests.support.log_reading import ROUND_S, read_records, seek_all, shards_of, values, wait_for_assignment

ROOT = Path(__file__).parents[2]
ENDLESS = 1_000_000


def messages(count: int, *, key: str = "adur:ticket-1") -> list[Message]:
    return [Message(key, str(number).encode()) for number in range(count)]


def spread(topic: Topic, *, each: int = 1) -> list[tuple[Shard, list[Message]]]:
    return [(shard, messages(each)) for shard in sorted(shards_of(topic))]


class BusContract:
    """Run by a subclass for each log; `url` is a fixture of the subclass."""

    pytestmark = pytest.mark.anyio

    async def delete_before(self, bus: Bus, shard: Shard, offset: int) -> None:
        """Retention has taken the records of `shard` below `offset`."""
        raise NotImplementedError

    @pytest.fixture
    async def bus(self, url: str) -> AsyncIterator[Bus]:
        bus = connect(url)
        yield bus
        await bus.close()

    @pytest.fixture
    async def topic(self, bus: Bus) -> Topic:
        """A topic of four partitions that no other test knows."""
        topic = Topic(f"test-{uuid4()}.v1", "council:ticket", 4, 400, ("tests",), ("tests",))
        await bus.ensure_topics([topic])
        return topic

    # Appending

    async def test_records_of_one_key_are_in_one_partition_in_the_order_of_sending(
        self, bus: Bus, topic: Topic
    ) -> None:
        await bus.publish(topic.name, [Message(f"adur:ticket-{n % 7}", str(n).encode()) for n in range(100)])
        reader = await self.member(bus, topic)

        taken = await read_records(reader, 100)

        for ticket in range(7):
            homes = {
                shard for shard, records in taken.items() for r in records if r.key == f"adur:ticket-{ticket}".encode()
            }
            sent = [r.value for home in homes for r in taken[home] if r.key == f"adur:ticket-{ticket}".encode()]
            assert len(homes) == 1
            assert sent == [str(n).encode() for n in range(ticket, 100, 7)]

    @pytest.mark.parametrize(("key", "partition"), [("21", 0), ("foobar", 2), ("abc", 3), ("adur:ict-000123", 0)])
    async def test_a_key_has_the_partition_that_any_kafka_client_gives_it(
        self, bus: Bus, topic: Topic, key: str, partition: int
    ) -> None:
        await bus.publish(topic.name, [Message(key, b"")])

        assert (await bus.bounds(Shard(topic.name, partition))).end == 1

    async def test_a_record_comes_back_as_it_was_sent(self, bus: Bus, topic: Topic) -> None:
        sent = Message(
            "worthing:ticket-ü", b"\x00\xff", (("ce_type", b"opened"), ("ce_type", b"")), EpochMillis(1_427_846_400_000)
        )
        await bus.publish(topic.name, [sent])
        reader = await self.member(bus, topic)

        ((record,),) = (await read_records(reader, 1)).values()

        assert (record.key, record.value) == ("worthing:ticket-ü".encode(), sent.value)
        assert (record.headers, record.timestamp_ms) == (sent.headers, sent.timestamp_ms)

    async def test_a_message_without_a_time_gets_the_time_of_sending(self, bus: Bus, topic: Topic) -> None:
        before_ms = int(datetime.now(UTC).timestamp() * 1000)
        await bus.publish(topic.name, messages(1))
        after_ms = int(datetime.now(UTC).timestamp() * 1000)
        reader = await self.member(bus, topic)

        ((record,),) = (await read_records(reader, 1)).values()

        assert before_ms <= record.timestamp_ms <= after_ms

    async def test_a_mark_reaches_the_partition_it_is_meant_for_whatever_its_key(self, bus: Bus, topic: Topic) -> None:
        for shard, mark in spread(topic):
            await bus.publish_to(shard, mark)

        assert [await bus.bounds(shard) for shard in sorted(shards_of(topic))] == [
            Bounds(Offset(0), Offset(1))
        ] * topic.partitions

    async def test_publishing_says_where_each_message_is(self, bus: Bus, topic: Topic) -> None:
        await bus.publish(topic.name, messages(3))
        sent = [Message(f"adur:ticket-{n % 7}", str(n).encode()) for n in range(40)]

        places = await bus.publish(topic.name, sent)

        for message, place in zip(sent, places, strict=True):
            assert place.offset is not None
            (found,) = await bus.read(Shard(topic.name, place.partition), place.offset, limit=1)
            assert (found.offset, found.value) == (place.offset, message.value)

    async def test_publishing_nothing_appends_nothing(self, bus: Bus, topic: Topic) -> None:
        await bus.publish(topic.name, [])

        assert {await bus.bounds(shard) for shard in shards_of(topic)} == {Bounds(Offset(0), Offset(0))}

    async def test_a_topic_may_be_ensured_again_but_not_with_other_partitions(self, bus: Bus, topic: Topic) -> None:
        other = Topic(topic.name, topic.key, topic.partitions + 1, 400, ("tests",), ("tests",))

        await bus.ensure_topics([topic])
        with pytest.raises(PartitionMismatch):
            await bus.ensure_topics([other])

    async def test_every_client_knows_a_topic_by_the_same_identity_for_ever(
        self, bus: Bus, topic: Topic, url: str
    ) -> None:
        identity = await bus.identity(topic.name)
        await bus.publish(topic.name, messages(3))
        other = connect(url)

        assert identity == await other.identity(topic.name) == await bus.identity(topic.name)
        assert 0 < len(identity) <= 64
        await other.close()

    # Reading

    async def test_nothing_is_delivered_before_the_first_seek(self, bus: Bus, topic: Topic) -> None:
        await bus.publish(topic.name, messages(3))
        reader = await bus.subscribe(self.group(), [topic.name])
        await wait_for_assignment([reader], shards_of(topic))

        assert await reader.poll(max_records=10, timeout_s=ROUND_S) == {}

    async def test_reading_again_from_an_offset_gives_the_same_records_again(self, bus: Bus, topic: Topic) -> None:
        shard = Shard(topic.name, 1)
        await bus.publish_to(shard, messages(9))
        reader = await self.member(bus, topic)
        first = await read_records(reader, 9)

        await reader.seek(shard, first[shard][4].offset)

        assert await read_records(reader, 5) == {shard: first[shard][4:]}

    async def test_a_poll_delivers_no_more_of_a_shard_than_asked_for_and_goes_on_from_there(
        self, bus: Bus, topic: Topic
    ) -> None:
        await bus.publish_to(Shard(topic.name, 0), messages(10))
        await bus.publish_to(Shard(topic.name, 3), messages(2))
        reader = await self.member(bus, topic)

        polls = [await reader.poll(max_records=4, timeout_s=1) for _ in range(4)]

        assert max(len(records) for poll in polls for records in poll.values()) == 4
        assert sum(len(records) for poll in polls for records in poll.values()) == 12

    async def test_the_position_is_that_of_the_record_to_be_delivered_next(self, bus: Bus, topic: Topic) -> None:
        shard = Shard(topic.name, 1)
        await bus.publish_to(shard, messages(3))
        reader = await self.member(bus, topic)

        before = await reader.position(shard)
        await read_records(reader, 2, at_once=2)
        between = await reader.position(shard)
        await read_records(reader, 1)
        after = await reader.position(shard)
        await reader.seek(shard, 1)

        assert [before, between, after, await reader.position(shard)] == [0, 2, 3, 1]

    async def test_a_waiting_poll_is_woken_by_an_append(self, bus: Bus, topic: Topic) -> None:
        reader = await self.member(bus, topic)
        waiting = asyncio.create_task(reader.poll(max_records=10, timeout_s=60))
        await asyncio.sleep(0)

        await bus.publish(topic.name, messages(1))

        assert values(await waiting) == [b"0"]

    async def test_a_waiting_poll_sees_what_another_process_appends(self, bus: Bus, topic: Topic, url: str) -> None:
        reader = await self.member(bus, topic)

        with self.appender(url, topic, "other", 10):
            taken = await read_records(reader, 10)

        assert sorted(values(taken)) == sorted(f"other:{n}".encode() for n in range(10))

    async def test_a_paused_shard_delivers_nothing_until_it_is_resumed(self, bus: Bus, topic: Topic) -> None:
        held, free = Shard(topic.name, 0), Shard(topic.name, 1)
        reader = await self.member(bus, topic)
        reader.pause([held])
        await bus.publish_to(held, messages(2))
        await bus.publish_to(free, messages(1))

        before = await read_records(reader, 1)
        quiet = await reader.poll(max_records=10, timeout_s=ROUND_S)
        reader.resume([held])
        after = await read_records(reader, 2)

        assert before.keys() == {free}
        assert quiet == {}
        assert after.keys() == {held}

    async def test_a_paused_shard_can_be_sought_back_meanwhile(self, bus: Bus, topic: Topic) -> None:
        shard = Shard(topic.name, 0)
        await bus.publish_to(shard, messages(3))
        reader = await self.member(bus, topic)
        taken = await read_records(reader, 3)

        reader.pause([shard])
        await reader.seek(shard, 0)
        reader.resume([shard])

        assert await read_records(reader, 3) == taken

    @pytest.mark.parametrize(("offset", "gone"), [(1, True), (2, False), (5, False), (6, True)])
    async def test_only_what_the_log_still_holds_can_be_read(
        self, bus: Bus, topic: Topic, offset: int, gone: bool
    ) -> None:
        shard = Shard(topic.name, 2)
        await bus.publish_to(shard, messages(5))
        await self.delete_before(bus, shard, 2)
        reader = await bus.subscribe(self.group(), [topic.name])
        await wait_for_assignment([reader], shards_of(topic))

        assert await bus.bounds(shard) == Bounds(Offset(2), Offset(5))
        if gone:
            with pytest.raises(OffsetGone):
                await reader.seek(shard, offset)
        else:
            await reader.seek(shard, offset)
            assert [r.offset for r in (await read_records(reader, 5 - offset)).get(shard, [])] == list(range(offset, 5))

    async def test_a_shard_read_in_no_group_comes_in_pieces_up_to_its_end(self, bus: Bus, topic: Topic) -> None:
        shard, other = Shard(topic.name, 1), Shard(topic.name, 3)
        await bus.publish_to(shard, messages(5))
        await bus.publish_to(other, messages(1))
        member = await self.member(bus, topic)
        delivered = await read_records(member, 6)

        pieces = [await bus.read(shard, start, limit=2) for start in (0, 2, 4, 5)]

        assert [len(piece) for piece in pieces] == [2, 2, 1, 0]
        assert [record for piece in pieces for record in piece] == delivered[shard]
        assert await bus.read(other, 0, limit=9) == delivered[other]

    @pytest.mark.parametrize("offset", [1, 6])
    async def test_only_what_the_log_still_holds_can_be_read_in_no_group(
        self, bus: Bus, topic: Topic, offset: int
    ) -> None:
        shard = Shard(topic.name, 2)
        await bus.publish_to(shard, messages(5))
        await self.delete_before(bus, shard, 2)

        with pytest.raises(OffsetGone):
            await bus.read(shard, offset, limit=9)

    async def test_a_reader_overtaken_by_retention_gets_an_error_and_skips_nothing(
        self, bus: Bus, topic: Topic
    ) -> None:
        shard = Shard(topic.name, 2)
        await bus.publish_to(shard, messages(5))
        reader = await self.member(bus, topic)
        reader.pause([shard])  # else a log may have fetched ahead all that is about to go, and there is no gap

        await self.delete_before(bus, shard, 3)
        reader.resume([shard])

        with pytest.raises(OffsetGone):
            await read_records(reader, 1)

    # Groups

    async def test_two_members_share_the_shards_and_the_one_who_stays_gets_them_all(
        self, bus: Bus, topic: Topic
    ) -> None:
        group = self.group()
        first = await bus.subscribe(group, [topic.name])
        second = await bus.subscribe(group, [topic.name])

        await wait_for_assignment([first, second], shards_of(topic))
        shares = {len(first.assigned()), len(second.assigned())}
        await first.close()
        await wait_for_assignment([second], shards_of(topic))

        assert shares == {topic.partitions // 2}

    async def test_a_shard_gained_from_another_member_waits_for_a_seek(self, bus: Bus, topic: Topic) -> None:
        group = self.group()
        leaving, staying = await bus.subscribe(group, [topic.name]), await bus.subscribe(group, [topic.name])
        await wait_for_assignment([leaving, staying], shards_of(topic))
        kept = staying.assigned()
        await seek_all(staying)

        await leaving.close()
        await wait_for_assignment([staying], shards_of(topic))
        for shard, one in spread(topic):
            await bus.publish_to(shard, one)

        assert (await read_records(staying, len(kept))).keys() == kept
        assert await staying.poll(max_records=10, timeout_s=ROUND_S) == {}

    async def test_a_shard_lost_and_gained_unseen_goes_on_where_it_was(self, bus: Bus, topic: Topic) -> None:
        group = self.group()
        reader = await bus.subscribe(group, [topic.name])
        await wait_for_assignment([reader], shards_of(topic))
        await seek_all(reader)

        await (await bus.subscribe(group, [topic.name])).close()
        for shard, one in spread(topic):
            await bus.publish_to(shard, one)

        assert (await read_records(reader, topic.partitions)).keys() == shards_of(topic)

    async def test_a_shard_seen_to_be_lost_waits_for_a_seek_when_it_returns(self, bus: Bus, topic: Topic) -> None:
        group = self.group()
        reader = await bus.subscribe(group, [topic.name])
        await wait_for_assignment([reader], shards_of(topic))
        await seek_all(reader)

        guest = await bus.subscribe(group, [topic.name])
        await wait_for_assignment([reader, guest], shards_of(topic))
        kept = reader.assigned()
        await guest.close()
        await wait_for_assignment([reader], shards_of(topic))
        for shard, one in spread(topic):
            await bus.publish_to(shard, one)

        assert (await read_records(reader, len(kept))).keys() == kept

    async def test_each_group_gets_every_record(self, bus: Bus, topic: Topic) -> None:
        await bus.publish(topic.name, messages(5))
        readers = [await self.member(bus, topic), await self.member(bus, topic)]

        assert [values(await read_records(reader, 5)) for reader in readers] == [[b"0", b"1", b"2", b"3", b"4"]] * 2

    async def test_a_committed_offset_changes_nothing_for_the_reader(self, bus: Bus, topic: Topic) -> None:
        shard = Shard(topic.name, 0)
        await bus.publish_to(shard, messages(4))
        reader = await self.member(bus, topic)

        await reader.commit(shard, 3)

        assert len((await read_records(reader, 4))[shard]) == 4

    async def test_closing_twice_is_harmless(self, bus: Bus, topic: Topic) -> None:
        reader = await self.member(bus, topic)

        for _ in range(2):
            await reader.close()
            await bus.close()

    # Other processes

    async def test_what_publish_has_returned_for_survives_a_killed_process(
        self, bus: Bus, topic: Topic, url: str
    ) -> None:
        with self.appender(url, topic, "doomed", ENDLESS) as process:
            assert process.stdout is not None
            acknowledged = [int(process.stdout.readline()) for _ in range(20)][-1]
            process.send_signal(signal.SIGKILL)
        ends = [(await bus.bounds(shard)).end for shard in shards_of(topic)]
        reader = await self.member(bus, topic)

        held = {int(value.split(b":")[1]) for value in values(await read_records(reader, sum(ends)))}

        assert held >= set(range(acknowledged))

    async def test_two_processes_that_append_at_once_lose_nothing_and_keep_their_order(
        self, bus: Bus, topic: Topic, url: str
    ) -> None:
        with self.appender(url, topic, "one", 400), self.appender(url, topic, "two", 400):
            reader = await self.member(bus, topic)
            taken = await read_records(reader, 800)

        assert sorted(values(taken)) == sorted(f"{name}:{n}".encode() for name in ("one", "two") for n in range(400))
        for records in taken.values():
            offsets = [record.offset for record in records]
            assert offsets == sorted(set(offsets))
            for key in {record.key for record in records}:
                numbers = [int((record.value or b"").split(b":")[1]) for record in records if record.key == key]
                assert numbers == sorted(numbers)

    # What the suite itself needs

    def group(self) -> str:
        return f"test-{uuid4()}"

    async def member(self, bus: Bus, topic: Topic) -> Subscription:
        """The only member of a new group, reading everything from the first record on."""
        reader = await bus.subscribe(self.group(), [topic.name])
        await wait_for_assignment([reader], shards_of(topic))
        await seek_all(reader)
        return reader

    def appender(self, url: str, topic: Topic, name: str, count: int) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.support.appender", url, topic.name, name, str(count)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

"""What was received over HTTP is published whole, once in effect and in order, however often the process is killed."""

import asyncio
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path

import pytest

from billing.consumer import ingest
from billing.store.sql import SqlStore
from shared.bus.embedded import EmbeddedBus
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.topics import WORK
from shared.log.port import Record, every_shard
from tests.support.event_receiver import AWAY
from tests.support.poison import AT
from tests.support.recharges import completed

HEADERS = {"Content-Type": "application/cloudevents-batch+json"}
ITEMS = 7
PATIENCE_S = 120


class Receiver:
    """The process that receives, and how it is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.support.event_receiver", str(self.folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def takes(self, body: bytes) -> bool:
        """Whether it said that it received the batch. Where it did not, nobody knows."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)) as connection:
            try:
                connection.request("POST", "/v1/events", body, HEADERS)
                return connection.getresponse().status == 202
            except (OSError, HTTPException):
                return False


def batches() -> Iterator[tuple[list[str], bytes]]:
    """Events without end, of a few items in turn; an item's events are numbered in the order of sending."""
    numbers = count()
    while True:
        events = [completed(f"inv-{n % ITEMS}", AT, id=f"{n:06}") for n in (next(numbers) for _ in range(10))]
        yield [event.id for event in events], b"[" + b",".join(map(encode_event, events)) + b"]"


async def logged(folder: Path) -> dict[int, list[Record]]:
    bus = EmbeddedBus(folder / "log.db")
    try:
        return {shard.partition: list(await bus.read(shard, 0, limit=1_000_000)) for shard in every_shard([WORK])}
    finally:
        await bus.close()


def events_of(records: list[Record]) -> list[ItemEvent]:
    found = [decode_event(record.value or b"") for record in records]
    return [event for event in found if isinstance(event, ItemEvent)]


def send_while_killed(folder: Path, kills: int, chance: random.Random) -> list[str]:
    """The ids of all that were acknowledged, after so many kills, half of them while the log was away."""
    receiver, acknowledged = Receiver(folder), list[str]()
    left_before_kill = chance.randint(1, 6)
    for ids, body in batches():
        while not receiver.takes(body):
            receiver.kill()
            receiver.start()
        acknowledged += ids
        left_before_kill -= 1
        if left_before_kill == 0:
            receiver.kill()
            if (kills := kills - 1) < 0:
                return acknowledged
            (folder / AWAY).touch() if chance.random() < 0.5 else (folder / AWAY).unlink(missing_ok=True)
            receiver.start()
            left_before_kill = chance.randint(1, 6)
    raise AssertionError("there are batches without end")


@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.long)])
def test_nothing_is_lost_doubled_or_out_of_order_after_so_many_kills(kills: int, tmp_path: Path) -> None:
    acknowledged = send_while_killed(tmp_path, kills, random.Random(kills))  # noqa: S311 (a seed, no secret)
    (tmp_path / AWAY).unlink(missing_ok=True)
    receiver = Receiver(tmp_path)
    last = encode_event(completed("inv-last", AT))
    assert receiver.takes(b"[" + last + b"]")
    records = _until_the_last_is_published(tmp_path)
    receiver.kill()

    of_items: dict[str, list[str]] = defaultdict(list)
    for event in (event for each in records.values() for event in events_of(each)):
        of_items[event.subject].append(event.id)
    first_seen = {item: list(dict.fromkeys(ids)) for item, ids in of_items.items() if item != "inv-last"}
    assert sorted(id_ for ids in first_seen.values() for id_ in ids) == acknowledged
    assert all(ids == sorted(ids) for ids in first_seen.values())
    assert _billed(tmp_path, records) == len(acknowledged) + 1


def _until_the_last_is_published(folder: Path) -> dict[int, list[Record]]:
    for _ in range(600):
        records = asyncio.run(logged(folder))
        if any(event.subject == "inv-last" for each in records.values() for event in events_of(each)):
            return records
        asyncio.run(asyncio.sleep(0.1))
    raise AssertionError("the last event was never published")


def _billed(folder: Path, records: dict[int, list[Record]]) -> int:
    """How many events billing counts of the log, in which some are twice."""
    with closing(SqlStore.open(f"sqlite:///{folder}/billing.db")) as store:
        for shard in every_shard([WORK]):
            if found := records[shard.partition]:
                ingest(store, shard, found, expected=None)
        return sum(each.counts.applied for each in store.progress())

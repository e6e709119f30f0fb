"""The raw log: every record of a topic, by a plain client and the standard library's JSON."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

POLL_MS = 1000
# Part of the contract of topics.
PARTITIONS = {"catalogue.changes.v1": 1}
MOST_PARTITIONS = 12


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """A record as it lies in the log. `appended_ms` is the broker's clock."""

    partition: int
    offset: int
    appended_ms: int
    event: dict[str, Any]

    @property
    def identity(self) -> tuple[str, str]:
        """What makes it the same event as another record."""
        return self.event["source"], self.event["id"]

    @property
    def content(self) -> str:
        """What it says, in one spelling: the layout of the JSON does not matter, nor its place among others."""
        return json.dumps({name: value for name, value in self.event.items() if name != "sequence"}, sort_keys=True)


async def records(server: str, topic: str) -> AsyncIterator[LoggedRecord]:
    """Every record that `topic` holds now, partition by partition, in the order of the log."""
    async with _reader(server) as reader:
        partitions = _partitions(topic)
        ends = await reader.end_offsets(partitions)
        for partition in partitions:
            reader.assign([partition])
            reader.seek(partition, 0)
            while await reader.position(partition) < ends[partition]:
                for found in (await reader.getmany(partition, timeout_ms=POLL_MS, max_records=5000)).values():
                    for record in found:
                        yield LoggedRecord(record.partition, record.offset, record.timestamp, json.loads(record.value))


async def ends(server: str, topic: str) -> dict[int, int]:
    """The offset after the last record of each partition."""
    async with _reader(server) as reader:
        found = await reader.end_offsets(_partitions(topic))
        return {partition.partition: end for partition, end in found.items()}


@asynccontextmanager
async def _reader(server: str) -> AsyncIterator[Any]:
    reader = AIOKafkaConsumer(bootstrap_servers=server, enable_auto_commit=False)
    try:
        await reader.start()
        yield reader
    finally:
        await reader.stop()


def _partitions(topic: str) -> list[Any]:
    return [TopicPartition(topic, number) for number in range(PARTITIONS.get(topic, MOST_PARTITIONS))]

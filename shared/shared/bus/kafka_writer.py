"""Appending to Kafka: what `append` has returned for is durable, in order, and there once.

A producer that has failed once is not used again: the broker refuses what follows a lost batch, for ever. It is
aborted, and the next append creates a new one.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from shared.bus.kafka_address import KafkaAddress
from shared.bus.kafka_client import FAULTS, MAX_MESSAGE_BYTES, Producer, ProducerBatch, abort, producer, reason_of, stop
from shared.bus.kafka_records import Header, headers_of
from shared.log.port import AppendUncertain, BusError, Message

# An idempotent producer repeats without end, so it is ended here: then whoever sent decides.
APPEND_S = 30.0


class KafkaWriter:
    """The one producer of a process, created at the first append. Safe to share between the tasks of one loop."""

    def __init__(self, address: KafkaAddress, *, append_s: float = APPEND_S) -> None:
        self._address = address
        self._append_s = append_s
        self._current: Producer | None = None
        self._creating = asyncio.Lock()
        self._aborting: set[asyncio.Task[None]] = set()

    async def append(self, topic: str, by_partition: Mapping[int, Sequence[Message]]) -> dict[int, list[int | None]]:
        """All messages are at the end of their partitions of `topic`, on every in-sync replica, in their order.

        Returns their offsets by partition; None for those of a batch that the broker had already.
        Raises `AppendUncertain` when some may not be, `BusError` when one is too large: then none was sent.
        """
        try:
            async with asyncio.timeout(self._append_s):
                return await self._append(topic, by_partition)
        except FAULTS as fault:
            raise AppendUncertain(f"Kafka did not confirm messages for {topic}: {reason_of(fault)}") from fault

    async def close(self) -> None:
        """Nothing is sent any more. Idempotent."""
        if self._current is not None:
            await stop(self._current)
            self._current = None
        await asyncio.gather(*self._aborting)

    async def _append(self, topic: str, by_partition: Mapping[int, Sequence[Message]]) -> dict[int, list[int | None]]:
        current = await self._producer()
        batches = [
            (partition, batch) for partition, messages in by_partition.items() for batch in _batches(current, messages)
        ]
        counts = [batch.record_count() for _, batch in batches]
        try:
            sent = [await _send(current, batch, topic, partition) for partition, batch in batches]
            ended, _ = await asyncio.wait(sent, return_when=asyncio.FIRST_EXCEPTION)
            for future in ended:
                future.result()
        except (*FAULTS, asyncio.CancelledError):
            self._abort(current)
            raise
        offsets: dict[int, list[int | None]] = {}
        for (partition, _), count, future in zip(batches, counts, sent, strict=True):
            offsets.setdefault(partition, []).extend(_offsets(future.result().offset, count))
        return offsets

    async def _producer(self) -> Producer:
        async with self._creating:
            if self._current is None:
                self._current = await _started(self._address)
            return self._current

    def _abort(self, failed: Producer) -> None:
        """Others may be waiting for batches of the same producer, and may have aborted it before."""
        if self._current is failed:
            self._current = None
            aborting = asyncio.create_task(abort(failed))
            self._aborting.add(aborting)
            aborting.add_done_callback(self._aborting.discard)


async def _send(current: Producer, batch: ProducerBatch, topic: str, partition: int) -> "asyncio.Future[Any]":
    future = await current.send_batch(batch, topic, partition=partition)
    future.add_done_callback(_retrieve)
    return future


def _offsets(first: int, count: int) -> Iterable[int | None]:
    """Of a batch whose answer was lost, and which was there when it was sent again, the broker does not say where."""
    return range(first, first + count) if first >= 0 else [None] * count


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Its failure is not reported as never retrieved: whoever sent it may have stopped waiting."""
    if not future.cancelled():
        future.exception()


async def _started(address: KafkaAddress) -> Producer:
    created = producer(address)
    try:
        await created.start()
    except (*FAULTS, asyncio.CancelledError):
        with suppress(*FAULTS):
            await created.stop()
        raise
    return created


def _batches(current: Producer, messages: Iterable[Message]) -> list[ProducerBatch]:
    """`messages` in as few batches as they fit in. An empty batch takes a message of any size."""
    batches: list[ProducerBatch] = []
    for message in messages:
        key, headers = message.key.encode(), headers_of(message)
        _check_size(message, headers)
        if not batches or batches[-1].append(timestamp=None, key=key, value=message.value, headers=headers) is None:
            batches.append(current.create_batch())
            batches[-1].append(timestamp=None, key=key, value=message.value, headers=headers)
    return batches


def _check_size(message: Message, headers: Sequence[Header]) -> None:
    size = len(message.value) + sum(len(name) + len(value) for name, value in headers)
    if size > MAX_MESSAGE_BYTES:
        raise BusError(f"a message under the key {message.key} has {size} bytes, Kafka takes {MAX_MESSAGE_BYTES}")

"""Sends traffic as integrators do: a plain producer that repeats what was not confirmed."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.chaos.traffic import Sending

CHUNK = 1000
PATIENCE_S = 120.0
AGAIN_S = 1.0


class Sender:
    """`sent` grows by each record that the brokers have confirmed."""

    def __init__(self, server: str) -> None:
        self._server = server
        self.sent = 0

    async def send(self, sendings: Iterable[Sending], *, per_s: float) -> None:
        """All of them are in the log, at no more than so many a second."""
        began = monotonic()
        producer = await self._producer()
        try:
            for chunk in _chunks(sendings):
                producer = await self._confirmed(producer, chunk)
                self.sent += len(chunk)
                await asyncio.sleep(max(0.0, began + self.sent / per_s - monotonic()))
        finally:
            await producer.stop()

    async def _confirmed(self, producer: Any, chunk: list[Sending]) -> Any:
        """The chunk is in the log, once or more; returns a producer that is fit for the next one."""
        give_up = monotonic() + PATIENCE_S
        while True:
            try:
                each = [
                    await producer.send(one.topic, key=one.key, value=one.value, headers=one.headers) for one in chunk
                ]
                await asyncio.gather(*each)
            except (KafkaError, OSError, TimeoutError):
                if monotonic() > give_up:
                    raise
                await producer.stop()
                await asyncio.sleep(AGAIN_S)
                producer = await self._producer()
            else:
                return producer

    async def _producer(self) -> Any:
        give_up = monotonic() + PATIENCE_S
        while True:
            producer = AIOKafkaProducer(bootstrap_servers=self._server, acks="all", linger_ms=5)
            try:
                await producer.start()
            except (KafkaError, OSError, TimeoutError):
                await producer.stop()
                if monotonic() > give_up:
                    raise
                await asyncio.sleep(AGAIN_S)
            else:
                return producer


def _chunks(sendings: Iterable[Sending]) -> Iterator[list[Sending]]:
    rest = iter(sendings)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk

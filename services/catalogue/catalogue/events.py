"""Events in over HTTP: received durably in one transaction for all who wait, and published by a relay afterwards."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from catalogue.domain.received_events import EventStatus, ReceivedEvent, may_send_as
from catalogue.ports import ReceivedEventStore, WaitingEvent
from shared.auth.principal import Principal
from shared.clock import Clock
from shared.heartbeat import Heartbeat
from shared.instants import epoch_us
from shared.log.port import Bus, BusUnavailable, Message, Place
from shared.log.processor import Busy
from shared.scope import Scope
from shared.sql.inbox import InsertResult

# What waits in memory for the next transaction; beyond it senders are asked to come back.
MOST_IN_MEMORY = 20_000
# In one transaction: it holds the database's lock on a file.
_MOST_TOGETHER = 5_000
_DAY_US = 86_400_000_000
_FORGET_EVERY_S = 600.0


class Overloaded(Exception):
    """More waits to be published or stored than is held back: send the same again later."""


@dataclass(slots=True)
class _Request:
    sent_by: str
    events: Sequence[ReceivedEvent]
    done: "asyncio.Future[list[InsertResult]]"


@dataclass(slots=True)
class EventHandlers:
    """What integrators do with events. At most `most_waiting` are held back for the log."""

    store: ReceivedEventStore
    clock: Clock
    most_waiting: int
    count_every_s: float = 1.0
    _pending: list[_Request] = field(default_factory=list)
    _in_memory: int = 0
    _committing: "asyncio.Task[None] | None" = None
    _waiting: int = 0
    _counted_at: float = float("-inf")

    async def receive(self, caller: Principal, events: Sequence[ReceivedEvent]) -> list[InsertResult]:
        """What each event is. They are stored durably, all together; none is where one is a conflict.

        Requests that wait for the same disk go in one transaction. Raises `Busy` and `Overloaded`.
        """
        await self._require_capacity(len(events))
        request = _Request(caller.name, events, asyncio.get_running_loop().create_future())
        self._pending.append(request)
        self._in_memory += len(events)
        self._waiting += len(events)  # until they are counted
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit())  # a caller that goes away does not end it
        return await request.done

    async def preview(self, events: Sequence[ReceivedEvent]) -> list[InsertResult]:
        """What each event would be; nothing is stored. Raises `Busy`."""
        return await asyncio.to_thread(self.store.preview, events)

    async def status(self, caller: Principal, source: str, id_: str) -> EventStatus | None:
        """What is known of an event that the caller may have sent; None for any other, known or not."""
        if not may_send_as(caller, source):
            return None
        return await asyncio.to_thread(self.store.status, source, id_, caller.scope)

    async def listed(
        self, caller: Principal, scope: Scope, *, after: int, newest: bool, limit: int
    ) -> list[EventStatus]:
        """Events about councils in `scope` that the caller may have sent, as the store lists them."""
        sources = None if caller.kind == "local" else sorted(caller.sources)
        listed = partial(self.store.listed, scope, sources, after=after, newest=newest, limit=limit)
        return await asyncio.to_thread(listed)

    async def _require_capacity(self, more: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._counted_at >= self.count_every_s:
            self._counted_at = now
            self._waiting = await asyncio.to_thread(self.store.waiting)
        if self._in_memory + more > MOST_IN_MEMORY or self._waiting + more > self.most_waiting:
            raise Overloaded

    async def _commit(self) -> None:
        while self._pending:
            together = self._next()
            requests = [(each.sent_by, each.events) for each in together]
            try:
                results = await self._stored(requests)
            except Exception as failure:  # noqa: BLE001 (whatever it is, those who wait are answered)
                for each in together:
                    if not each.done.done():
                        each.done.set_exception(failure)
            else:
                for each, found in zip(together, results, strict=True):
                    if not each.done.done():
                        each.done.set_result(found)
            self._in_memory -= sum(len(each.events) for each in together)

    def _next(self) -> list[_Request]:
        """The oldest requests whose events fit in one transaction; at least one."""
        count = total = 0
        for request in self._pending:
            total += len(request.events)
            if count and total > _MOST_TOGETHER:
                break
            count += 1
        together, self._pending = self._pending[:count], self._pending[count:]
        return together

    async def _stored(self, requests: Sequence[tuple[str, Sequence[ReceivedEvent]]]) -> list[list[InsertResult]]:
        now_us = epoch_us(self.clock.now())
        try:
            return await asyncio.to_thread(self.store.receive, requests, now_us=now_us)
        except Busy:  # another instance may just have received one of the same events: now it is known
            return await asyncio.to_thread(self.store.receive, requests, now_us=now_us)


class EventRelay:
    """Publishes received events in the order of receiving, at least once, and forgets what is older than is kept.

    It runs beside other relays of the same table without harm: they only publish some events twice.
    """

    def __init__(self, store: ReceivedEventStore, bus: Bus, clock: Clock, *, kept_days: int) -> None:
        self._store, self._bus, self._clock, self._kept_days = store, bus, clock, kept_days
        self.heartbeat = Heartbeat("event relay")

    async def run(self, stop: asyncio.Event, *, pause_s: float = 0.05) -> None:
        """Works until `stop` is set; while the log or the database is away it tries again."""
        loop = asyncio.get_running_loop()
        forget_at = loop.time()
        while not stop.is_set():
            self.heartbeat.beat()
            try:
                done = await self.publish_once()
                if loop.time() >= forget_at:
                    forget_at = loop.time() + (0 if await self._forget() else _FORGET_EVERY_S)
            except (Busy, BusUnavailable):
                done = 0
            if not done:
                await _sleep(stop, pause_s)

    async def publish_all(self) -> int:
        """Nothing waits that was received by now; how many events were published. Raises as `publish_once`."""
        total = 0
        while published := await self.publish_once():
            total += published
        return total

    async def publish_once(self) -> int:
        """How many events were published now. Raises `Busy` and `BusUnavailable`; then they are published again."""
        waiting = await asyncio.to_thread(self._store.oldest_waiting)
        for topic, events in groupby(sorted(waiting, key=lambda each: each.topic), key=lambda each: each.topic):
            await self._publish(topic, list(events))
        return len(waiting)

    async def _publish(self, topic: str, events: Sequence[WaitingEvent]) -> None:
        """An item is in one topic, so that the order of topics is nobody's."""
        places = await self._bus.publish(topic, [Message(each.key, each.value) for each in events])
        found: dict[int, Place] = {each.position: place for each, place in zip(events, places, strict=True)}
        await asyncio.to_thread(self._store.published, found, now_us=epoch_us(self._clock.now()))

    async def _forget(self) -> int:
        before_us = epoch_us(self._clock.now()) - self._kept_days * _DAY_US
        return await asyncio.to_thread(self._store.forget, before_us=before_us)


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

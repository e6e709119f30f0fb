"""Logs of one partition that are read whole into memory, from their beginning: the catalogue, and the decisions."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from uuid import uuid4

from shared.contracts.catalogue import CatalogueEvent
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.decisions import DecisionEvent
from shared.contracts.definitions import Agreement, Council, Partnership, Service
from shared.contracts.topics import CATALOGUE, DECISIONS, Topic
from shared.heartbeat import Heartbeat
from shared.log.port import Bus, BusUnavailable, Message, Record, Shard, Subscription
from shared.scope import Scope
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.decisions import Decisions
from sla_monitor.domain.versions import CatalogueHistory, KnownVersion

_BATCH = 1000
_POLL_S = 0.5
_AGAIN_S = 1.0
# Ended items keep the catalogue of their time; few of those are asked for in a row.
_INDEXES_CACHED = 32


class LogView:
    """Hands every record of `topic` to `apply`, in order. Every instance reads all of it: no group shares it."""

    def __init__(self, bus: Bus, topic: Topic, apply: Callable[[Sequence[Record]], None]) -> None:
        self._bus, self._topic, self._apply = bus, topic, apply
        self._shard = Shard(topic.name, 0)
        self.heartbeat = Heartbeat(topic.name)
        self._subscription: Subscription | None = None
        self._next_offset = 0
        self._turn = asyncio.Lock()  # a subscription is one task's at a time

    async def catch_up(self) -> None:
        """Whatever the log holds now has been applied. May be called while `run` is under way."""
        end = (await self._bus.bounds(self._shard)).end
        while self._next_offset < end:
            await self._read()

    async def run(self, stop: asyncio.Event) -> None:
        """Records are applied soon after they are published, until `stop` is set; a log that is away is waited for."""
        while not stop.is_set():
            try:
                await self._read()
            except BusUnavailable:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _AGAIN_S)
            self.heartbeat.beat()

    async def _read(self) -> None:
        async with self._turn:
            subscription = self._subscription = self._subscription or await self._subscribe()
            try:
                polled = await subscription.poll(max_records=_BATCH, timeout_s=_POLL_S)
            except BusUnavailable:
                self._subscription = None  # this one is of no use any more
                await subscription.close()
                raise
            if records := polled.get(self._shard):
                self._next_offset = records[-1].offset + 1
                self._apply(records)

    async def _subscribe(self) -> Subscription:
        """A subscription that goes on behind the last record that was applied."""
        made = await self._bus.subscribe(f"sla-monitor-{self._topic.name}-{uuid4()}", [self._topic.name])
        try:
            while self._shard not in made.assigned():
                await made.poll(max_records=1, timeout_s=0.1)
            first = (await self._bus.bounds(self._shard)).first
            await made.seek(self._shard, max(first, self._next_offset))
        except BusUnavailable:
            await made.close()
            raise
        return made


class CatalogueView(LogView):
    """`sla_monitor.ports.Catalogue`: the log is compacted, small, and holds every version."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus, CATALOGUE, self._add)
        self._history = CatalogueHistory()
        self.position = 0
        self.agreement_index: AgreementIndex = self._history.versions.agreement_index(known_to=0)
        self._earlier_index = lru_cache(maxsize=_INDEXES_CACHED)(
            lambda position: self._history.versions.agreement_index(known_to=position)
        )

    def agreement_index_known_to(self, position: int) -> AgreementIndex:
        return self.agreement_index if position >= self.position else self._earlier_index(position)

    def known(self, scope: Scope) -> list[KnownVersion]:
        return self._history.versions.all(scope)

    def partnerships(self, scope: Scope) -> list[Partnership]:
        return [each for each in self._history.partnerships() if all(map(scope.allows, each.councils))]

    def agreements(self, scope: Scope) -> list[Agreement]:
        councils = scope.visible(self.agreement_index.councils)
        return [each for council in councils for each in self._history.versions.newest_agreements(council)]

    def name(self, kind: type[Council | Service], id_: str) -> str:
        return self._history.name(kind, id_)

    def ids(self, kind: type[Council | Service]) -> list[str]:
        return self._history.ids(kind)

    def version_counts(self) -> dict[str, int]:
        return self._history.counts()

    def _add(self, records: Sequence[Record]) -> None:
        changes_verdicts = False
        for record in records:
            event = decode_event(record.value or b"")
            if isinstance(event, CatalogueEvent):
                changes_verdicts |= self._history.add(event, position=record.offset + 1)
        if changes_verdicts:
            self.position = records[-1].offset + 1
            self.agreement_index = self._history.versions.agreement_index(known_to=self.position)


class DecisionsView(LogView):
    """`sla_monitor.ports.DecisionsLog`."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus, DECISIONS, self._add)
        self.current = Decisions()
        self.position = 0

    async def append(self, event: DecisionEvent) -> None:
        kind, _, done = str(event.__struct_config__.tag).split(".")[1:4]
        await self._bus.publish(DECISIONS.name, [Message(f"{kind}:{event.subject}:{done}", encode_event(event))])
        await self.catch_up()

    def _add(self, records: Sequence[Record]) -> None:
        for record in records:
            event = decode_event(record.value or b"")
            if not isinstance(event, DecisionEvent):
                raise TypeError(f"expected a decision at offset {record.offset}, got {type(event).__name__}")
            if self.current.apply(event, position=record.offset + 1):
                self.position = record.offset + 1

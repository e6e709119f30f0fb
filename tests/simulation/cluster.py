"""Servers, and the processes that work on them: each the product's own loop, handlers and adapters on its own gate."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Set
from datetime import datetime, timedelta
from typing import Any

from billing.consumer import BillingProcessor, Ingestion
from billing.store.sql import SqlStore
from shared.bus.consumer import ConsumerStatus, consume
from shared.contracts.topics import CATALOGUE
from shared.log.port import Message, OffsetGone, Shard
from sla_monitor.judging.context import EvaluationContext
from sla_monitor.judging.processor import JudgingProcessor
from sla_monitor.store.recorder import VerdictRecorder
from sla_monitor.store.views import CatalogueView, DecisionsView
from tests.simulation.bus import MemoryBus
from tests.simulation.databases import Database, TroubledReadModel, TroubledStore
from tests.simulation.gate import TroubledGate
from tests.simulation.log import Log
from tests.simulation.loop import VirtualLoop
from tests.simulation.partnership import ANNOUNCED, BEGIN, FIRST_KNOWN, JUDGED, METERED, TOPICS
from tests.simulation.states import MemoryStates, StateServer, Watch

MARGIN_S = 60
# Small, so that a backlog takes many writes.
_BATCH = 3


class TrueTime:
    """The time that it really is."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        """The present instant."""
        return BEGIN + timedelta(seconds=self._loop.time())


class SkewedClock:
    """A machine's clock, wrong by `skew_s`."""

    def __init__(self, true: TrueTime) -> None:
        self._true = true
        self.skew_s = 0

    def now(self) -> datetime:
        """What the machine believes."""
        return self._true.now() + timedelta(seconds=self.skew_s)


class Servers:
    """The log, the live state and two databases."""

    def __init__(self, loop: VirtualLoop, watch: Watch) -> None:
        self.time = TrueTime(loop)
        self.log = Log(self.time)
        for topic in TOPICS:
            self.log.create(topic)
        self.states = StateServer(watch)
        self.billing = Database("billing")
        self.read_model = Database("sla_monitor")
        self.publish_catalogue(FIRST_KNOWN)

    def positions(self, shard: Shard) -> list[int | None]:
        """How far each reader of an input shard has come."""
        billed = SqlStore(self.billing.engine).position(shard)
        if shard.topic != JUDGED.name:
            return [billed]
        head = self.states.of(shard).head
        return [billed, None if head is None else head.next_offset]

    def publish_catalogue(self, known: list[tuple[str, bytes]]) -> None:
        """The catalogue says what it knows."""
        self.log.append(CATALOGUE.name, [Message(key, value) for key, value in known])


class Process:
    """A monitor or a biller that can be started, killed and frozen. A restarted one remembers nothing."""

    def __init__(self, name: str, loop: VirtualLoop, servers: Servers, met: Counter[str]) -> None:
        self.name, self._loop, self._servers, self._met = name, loop, servers, met
        self.clock = SkewedClock(servers.time)
        self.died_of: list[BaseException] = []
        self.start()

    def start(self) -> None:
        """A new life begins."""
        self.alive, self.frozen, self.severed = True, False, False
        self.gate = TroubledGate(self._met)
        self.bus = MemoryBus(self._servers.log, self.gate)
        self._stop = asyncio.Event()
        self.judging: JudgingProcessor | None = None
        self.reading = ConsumerStatus("none yet")
        self._begin(self._monitor() if self.name.startswith("monitor") else self._biller())

    def kill(self) -> None:
        """As `kill -9`, between two awaits. The groups notice later."""
        self.alive = self.frozen = False
        self._loop.kill(self.name)
        self.bus.evict()

    def sever(self) -> None:
        """The store that it used was put back to an older state, so it is stopped; a frozen one hears nothing of it."""
        if self.frozen:
            self.severed = True
        else:
            self.kill()

    def run(self, callbacks: int) -> None:
        """At most so many callbacks have run."""
        while callbacks and self.alive and self._loop.run_one(self.name):
            callbacks -= 1

    async def _monitor(self) -> None:
        catalogue, decisions = CatalogueView(self.bus), DecisionsView(self.bus)
        await catalogue.catch_up()
        await decisions.catch_up()
        states = MemoryStates(self._servers.states, self.gate)
        self.judging = judging = JudgingProcessor(
            states, self.bus, EvaluationContext(catalogue, decisions, self.clock, MARGIN_S)
        )
        recording = VerdictRecorder(TroubledReadModel(self._servers.read_model, self.gate))
        self._begin(catalogue.run(self._stop))
        self._begin(decisions.run(self._stop))
        self.reading = ConsumerStatus("sla-monitor")
        self._begin(self._consume("sla-monitor", judging, JUDGED, reading=self.reading))
        self._begin(self._consume("sla-monitor-read-model", recording, ANNOUNCED))

    async def _biller(self) -> None:
        intake = BillingProcessor(Ingestion(TroubledStore(self._servers.billing, self.gate)))
        self._begin(self._consume("billing", intake, CATALOGUE, JUDGED, METERED))

    @property
    def in_doubt(self) -> Set[Shard]:
        """The shards of a monitor of which it is still to compare what was announced."""
        return frozenset() if self.judging is None else self.judging.unreconciled & self.reading.positions.keys()

    def _consume(
        self, group: str, processor: Any, *topics: Any, reading: ConsumerStatus | None = None
    ) -> Coroutine[Any, Any, None]:
        logs = MemoryStates(self._servers.states, self.gate)
        return consume(
            self.bus,
            group=group,
            topics=topics,
            processor=processor,
            known_logs=logs,
            stop=self._stop,
            batch=_BATCH,
            status=reading,
        )

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._loop.spawn(self.name, work).add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """One task that fails takes the process with it, as it does in production."""
        if (fault := task.exception()) is not None:
            self.died_of.append(fault)
            self._met["overtaken"] += isinstance(fault, OffsetGone)
            self.kill()

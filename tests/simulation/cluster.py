"""Servers, and the processes that use them: the product's own loop, handlers and adapters, each with its own faults."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Set
from datetime import datetime, timedelta
from typing import Any

from billing.consumer import BillingProcessor
from billing.store.sql import SqlStore
from shared.bus.consumer import ConsumerStatus, consume
from shared.contracts.topics import CATALOGUE
from shared.log.port import Message, OffsetGone, Shard
from sla_monitor.judging.archiving import Archiver, ArchiveReader
from sla_monitor.judging.processor import JudgingProcessor
from sla_monitor.ports import EvaluationContext
from sla_monitor.store.recorder import VerdictRecorder
from sla_monitor.store.views import CatalogueView, DecisionsView
from tests.simulation.bus import MemoryBus
from tests.simulation.databases import Database, FaultyArchive, FaultyBillingStore, FaultyReadModel
from tests.simulation.faults import PendingFaults
from tests.simulation.log import Log
from tests.simulation.loop import VirtualLoop
from tests.simulation.partnership import ANNOUNCED, BEGIN, INPUTS, JUDGED, PUBLISHED_FIRST, TOPICS
from tests.simulation.states import CommitObserver, MemoryStates, StateServer

MARGIN_S = 60
# Small, so that a backlog takes many writes.
_BATCH = 3


def _at_once(_: str) -> int:
    """Every item may leave live state as soon as it has ended."""
    return 0


class TrueTime:
    """The true time."""

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
        """The true time plus the error."""
        return self._true.now() + timedelta(seconds=self.skew_s)


class Servers:
    """The log, the live state and two databases."""

    def __init__(self, loop: VirtualLoop, observer: CommitObserver) -> None:
        self.time = TrueTime(loop)
        self.log = Log(self.time)
        for topic in TOPICS:
            self.log.create(topic)
        self.states = StateServer(observer)
        self.billing = Database("billing")
        self.read_model = Database("sla_monitor")
        # In production a part of the same database; what happens when that is restored has tests of its own.
        self.archive = Database("sla_monitor")
        # The release that processes run which are started from now on.
        self.release = "1"
        self.publish_catalogue(PUBLISHED_FIRST)

    def positions(self, shard: Shard) -> list[int | None]:
        """How far each of the readers has come that are billing, and of an input the monitor."""
        billed = SqlStore(self.billing.engine).position(shard)
        if shard.topic not in {topic.name for topic in JUDGED}:
            return [billed]
        head = self.states.of(shard).head
        return [billed, None if head is None else head.next_offset]

    def publish_catalogue(self, published: list[tuple[str, bytes]]) -> None:
        """The catalogue has published these."""
        self.log.append(CATALOGUE.name, [Message(key, value) for key, value in published])


class Process:
    """A monitor or a biller that can be started, killed and frozen. A restarted one has nothing in memory."""

    def __init__(self, name: str, loop: VirtualLoop, servers: Servers, occurred: Counter[str]) -> None:
        self.name, self._loop, self._servers, self._occurred = name, loop, servers, occurred
        self.clock = SkewedClock(servers.time)
        self.failures: list[BaseException] = []
        self.start()

    def start(self) -> None:
        """A new process of that name runs."""
        self.alive, self.frozen, self.store_restored = True, False, False
        self.faults = PendingFaults(self._occurred)
        self.bus = MemoryBus(self._servers.log, self.faults)
        self._stop = asyncio.Event()
        self.judging: JudgingProcessor | None = None
        self.status = ConsumerStatus("none yet")
        self._begin(self._monitor() if self.name.startswith("monitor") else self._biller())

    def kill(self) -> None:
        """It is gone, as by `kill -9`, between two awaits. Its groups notice."""
        self.alive = self.frozen = False
        self._loop.kill(self.name)
        self.bus.evict()

    def stop_after_restore(self) -> None:
        """Its store was restored from an older state, so it is stopped; a frozen one is stopped when it thaws."""
        if self.frozen:
            self.store_restored = True
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
        states = MemoryStates(self._servers.states, self.faults)
        context = EvaluationContext(catalogue, decisions, self.clock, MARGIN_S, self._servers.release)
        archive = ArchiveReader(FaultyArchive(self._servers.archive, self.faults))
        self.judging = judging = JudgingProcessor(
            states, self.bus, context, archive, archiver=Archiver(states, archive, context, _at_once, every_s=0)
        )
        recording = VerdictRecorder(FaultyReadModel(self._servers.read_model, self.faults))
        self._begin(catalogue.run(self._stop))
        self._begin(decisions.run(self._stop))
        self.status = ConsumerStatus("sla-monitor")
        self._begin(self._consume("sla-monitor", judging, *JUDGED, status=self.status))
        self._begin(self._consume("sla-monitor-read-model", recording, ANNOUNCED))

    async def _biller(self) -> None:
        ingestion = BillingProcessor(FaultyBillingStore(self._servers.billing, self.faults))
        self._begin(self._consume("billing", ingestion, CATALOGUE, *INPUTS, ANNOUNCED))

    @property
    def unreconciled(self) -> Set[Shard]:
        """A monitor's shards whose announcements it has still to reconcile."""
        return frozenset() if self.judging is None else self.judging.unreconciled & self.status.positions.keys()

    def _consume(
        self, group: str, processor: Any, *topics: Any, status: ConsumerStatus | None = None
    ) -> Coroutine[Any, Any, None]:
        logs = MemoryStates(self._servers.states, self.faults)
        return consume(
            self.bus,
            group=group,
            topics=topics,
            processor=processor,
            known_logs=logs,
            stop=self._stop,
            batch=_BATCH,
            status=status,
        )

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._loop.spawn(self.name, work).add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """One task that fails takes the process with it, as it does in production."""
        if (fault := task.exception()) is not None:
            self.failures.append(fault)
            self._occurred["offset expired"] += isinstance(fault, OffsetGone)
            self.kill()

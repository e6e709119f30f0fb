"""The monitor put together: the only file that knows every part."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from shared.auditing.api import TYPES as AUDIT_TYPES
from shared.auditing.api import router as audit_router
from shared.auditing.log import AuditLog
from shared.bus.access_view import AccessView
from shared.bus.consumer import ConsumerStatus, consume, unread_beyond
from shared.clock import Clock
from shared.contracts.topics import TICKETS, VERDICTS, Topic
from shared.contracts.verdicts import VerdictEvent
from shared.heartbeat import Heartbeat
from shared.http.event_stream import EventStreams
from shared.http.ways import authentication
from shared.instants import epoch_s
from shared.log.failures import PRODUCT_VERSION
from shared.log.port import Bus, BusError, Shard, every_shard
from shared.metrics.every_service import QUARANTINE_OPEN
from shared.metrics.groups import MeasuredProcessor, ShardStatus
from shared.quarantine.api import router as quarantine_router
from shared.quarantine.decisions import QuarantineDecisions
from shared.quarantine.erasing import erase_while_running
from shared.quarantine.intake_api import TYPES as INTAKE_TYPES
from shared.quarantine.intake_api import IntakeState
from shared.quarantine.intake_api import router as intake_router
from shared.quarantine.service import Parked, QuarantineService
from shared.running.api_reference import reference_routes
from shared.running.health import Check, catalogue_check, database_checks
from shared.scope import Scope
from shared.sql.approvals import Approvals
from shared.sql.engine import busy_during_outages
from shared.sql.installation_key import derived_key
from shared.sql.isolation import Database
from shared.sql.migrate import prepare
from shared.sql.progress import SqlKnownLogs
from shared.state.connect import connect as connect_states
from shared.state.port import Head, StateStore
from shared.units import EpochSeconds
from shared.web.pages import site_routes
from sla_monitor import pages
from sla_monitor.decisions import corrections, exclusions, failed_items, waiting
from sla_monitor.domain.archive import leaves_at
from sla_monitor.judging.archiving import Archiver, ArchiveReader
from sla_monitor.judging.processor import JudgingProcessor
from sla_monitor.judging.rebuild import Rebuild
from sla_monitor.metrics import MonitorMetrics
from sla_monitor.ports import EvaluationContext
from sla_monitor.reports.figures import known_targets, read_model_figures
from sla_monitor.reports.routes import REPORTS, known_council
from sla_monitor.reports.routes import router as report_routes
from sla_monitor.reports.sources import Sources
from sla_monitor.reports.today import Board, GroupState, PipelineState, board_router
from sla_monitor.settings import MonitorSettings
from sla_monitor.store.archive import SqlArchive
from sla_monitor.store.items import ITEM_TOPICS, StoredItems
from sla_monitor.store.read_model import SqlReadModel
from sla_monitor.store.recorder import SqlAnnouncementStore, VerdictRecorder
from sla_monitor.store.tables import APPROVALS, AUDIT, INSTALLATION_KEY, KNOWN_LOG, QUARANTINE_DECISIONS
from sla_monitor.store.views import CatalogueView, DecisionsView
from sla_monitor.trial import route as trial
from sla_monitor.trial import what_if

# While one shard waits for its live state or for the log, others are judged.
JUDGED_AT_ONCE = 4
# Announcements of a shard that go into one transaction: the more, the less each costs.
RECORDED_AT_ONCE = 2_000
# The board says within so long that the log does not answer.
_LOG_ANSWERS_S = 2
GROUP = "sla-monitor"
RECORDING_GROUP = f"{GROUP}-read-model"


class MonitorApp:
    """The running parts. `router` answers; `run` works until it is told to stop."""

    name = "sla-monitor"
    title = "Tallystick: the SLA monitor"
    read_model_every_s = 15.0
    types = (
        *(each for report in REPORTS for each in report.types),
        *exclusions.TYPES,
        *corrections.TYPES,
        *failed_items.TYPES,
        *what_if.TYPES,
        *trial.TYPES,
        *INTAKE_TYPES,
        *AUDIT_TYPES,
    )

    def __init__(self, settings: MonitorSettings, *, bus: Bus, clock: Clock, registry: CollectorRegistry) -> None:
        self._bus, self._clock, self._runbooks = bus, clock, settings.runbooks
        self._database = Database.at(settings.database)
        self._engine = self._database.workers
        prepare(self._engine, "sla_monitor")
        self.cursor_key = derived_key(self._engine, INSTALLATION_KEY, "cursors")
        self._states = self._open_states(settings)
        self.registry, self._metrics = registry, MonitorMetrics(registry)
        self._consumer, self._recorder_consumer = ConsumerStatus(GROUP), ConsumerStatus(RECORDING_GROUP)
        self.consumers = (self._consumer, self._recorder_consumer)
        self._announcements = SqlAnnouncementStore(self._engine, freeze_days=settings.freeze_days)
        self._recording = VerdictRecorder(self._announcements, self._count_verdicts)
        self._catalogue, self._decisions = CatalogueView(bus), DecisionsView(bus)
        self._access = AccessView(bus, reader=self.name)
        self.authentication = authentication(self._access, clock, audience=settings.audience, secure=settings.is_secure)
        self.audit = AuditLog(self.name, AUDIT, self._database, bus=bus, clock=clock)
        self.quarantine = QuarantineService(
            GROUP,
            ITEM_TOPICS,
            store=self._states,
            decisions=QuarantineDecisions(self._engine, QUARANTINE_DECISIONS, AUDIT),
            bus=bus,
            clock=clock,
        )
        context = EvaluationContext(self._catalogue, self._decisions, clock, settings.margin_s, PRODUCT_VERSION)
        accepted_below = self.quarantine.accepted_below
        self.archive = archive = SqlArchive(self._engine)
        reader = ArchiveReader(archive)
        leaves = leaves_at(freeze_days=settings.freeze_days, archive_days=settings.archive_days)
        self._judging = JudgingProcessor(
            self._states,
            bus,
            context,
            reader,
            archiver=Archiver(self._states, reader, context, leaves, moved=self._metrics.archived.inc),
            accepted_below=accepted_below,
            decided=self.quarantine.decided,
        )
        # Asking how far the shards are must not change what the running processor remembers of them.
        self._progress_reader = JudgingProcessor(
            self._states, bus, context, ArchiveReader(archive), accepted_below=accepted_below
        )
        self.rebuild = Rebuild(
            self._states, bus, context, ArchiveReader(archive), accepted_below=accepted_below, catch_up=self.catch_up
        )
        self.approvals = Approvals(self._engine, APPROVALS, AUDIT)
        read_model = SqlReadModel(self._database.requests)
        items = StoredItems(self._states, SqlArchive(self._database.requests), self._catalogue, self._decisions)
        self.sources = Sources(read_model, items, self._catalogue, self._decisions, clock)
        self.board, self.streams = Board(self.sources, self._pipeline), EventStreams()
        self.exclusions = exclusions.ExclusionService(self._decisions, clock)
        self.corrections = corrections.CorrectionService(
            self._decisions, self._states, read_model, clock, self.sources.narrowed, unrecorded=self._unrecorded
        )
        self.failed_items = failed_items.FailedItemService(self._decisions, items, clock)
        self.what_if = what_if.WhatIf(self.sources)

    def _open_states(self, settings: MonitorSettings) -> StateStore:
        """Live state; where it cannot be opened the database is closed, which nobody else could do."""
        try:
            return connect_states(settings.state, max_batch=settings.batch_records)
        except BaseException:
            self._database.close()
            raise

    @property
    def router(self) -> APIRouter:
        """The monitor's API, under /v1."""
        routes = APIRouter(prefix="/v1", tags=["sla-monitor"], dependencies=[known_council(self.sources)])
        routes.include_router(report_routes(self.sources))
        routes.include_router(board_router(self.board))
        routes.include_router(exclusions.router(self.exclusions))
        routes.include_router(corrections.router(self.corrections))
        routes.include_router(failed_items.router(self.failed_items))
        routes.include_router(what_if.router(self.what_if))
        routes.include_router(trial.router())
        whole = APIRouter()
        whole.include_router(routes)
        whole.include_router(intake_router(self.intake))
        whole.include_router(audit_router(self.audit))
        return whole

    def pages(self, *, illustrative: bool, runbooks: str = "") -> APIRouter:
        """The monitor's pages; `illustrative` labels every one of them so.

        The board's alerts link to their runbooks at `runbooks`, or where the settings say.
        """
        routes = APIRouter(dependencies=[known_council(self.sources)])
        routes.include_router(pages.router(self.sources, illustrative=illustrative))
        routes.include_router(
            pages.board_router(
                self.sources, self.board, self.streams, illustrative=illustrative, runbooks=runbooks or self._runbooks
            )
        )
        routes.include_router(
            waiting.router(self.exclusions, self.corrections, self._catalogue, illustrative=illustrative)
        )
        return routes

    @property
    def reference(self) -> APIRouter:
        """The reference of its API, which anybody may read."""
        return reference_routes(self.name, self.title, lambda: self.router, self.types)

    def public_routes(self, *, illustrative: bool) -> Sequence[APIRouter]:
        """All that it answers when it runs alone: its API, its pages, and what those link to."""
        return [self.router, self.pages(illustrative=illustrative), self.reference, site_routes()]

    def operator_routes(self) -> Sequence[APIRouter]:
        """Its quarantine."""
        return [quarantine_router(self.quarantine)]

    @property
    def heartbeats(self) -> Sequence[Heartbeat]:
        """The signs of life of the logs that it holds in memory."""
        return self._catalogue.heartbeat, self._decisions.heartbeat, self._access.heartbeat, self.audit.heartbeat

    @property
    def checks(self) -> Mapping[str, Check]:
        """The database, the live state, and whether the catalogue is known."""
        return {
            **database_checks(self._engine, "sla_monitor"),
            "state": self._state_answers,
            "catalogue": catalogue_check(self._version_counts),
            "audit": self.audit.check,
        }

    async def _version_counts(self) -> Mapping[str, int]:
        return self._catalogue.version_counts()

    async def _state_answers(self) -> str:
        await self._states.head(Shard(TICKETS.name, 0))
        return "answers"

    async def catch_up(self) -> None:
        """What the catalogue has published, and what was decided, by now is known."""
        await self._catalogue.catch_up()
        await self._decisions.catch_up()

    async def run(self, stop: asyncio.Event) -> None:
        """Judges and records until `stop` is set; raises what made it impossible to go on."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._access.run(stop))
            tasks.create_task(self.audit.run(stop))
            await self.catch_up()
            tasks.create_task(self._catalogue.run(stop))
            tasks.create_task(self._decisions.run(stop))
            tasks.create_task(self._judge(stop))
            tasks.create_task(self._record(stop))
            tasks.create_task(erase_while_running(self.quarantine, stop))
            try:
                await stop.wait()
            finally:
                self.streams.close()  # else the HTTP server would wait for those who watch

    async def _judge(self, stop: asyncio.Event) -> None:
        await consume(
            self._bus,
            group=GROUP,
            topics=ITEM_TOPICS,
            processor=MeasuredProcessor(self._judging, self._metrics.groups, group=GROUP),
            known_logs=self._states,
            stop=stop,
            batch=self._states.max_batch,
            concurrency=JUDGED_AT_ONCE,
            status=self._consumer,
        )

    async def _record(self, stop: asyncio.Event) -> None:
        await consume(
            self._bus,
            group=RECORDING_GROUP,
            topics=[VERDICTS],
            processor=MeasuredProcessor(self._recording, self._metrics.groups, group=RECORDING_GROUP),
            known_logs=SqlKnownLogs(self._engine, KNOWN_LOG, RECORDING_GROUP),
            stop=stop,
            batch=RECORDED_AT_ONCE,
            status=self._recorder_consumer,
        )

    async def sample(self) -> None:
        """The figures of this instance's shards are as the stores have them now."""
        for each in self.consumers:
            await self._metrics.groups.show_lag(each.group, self._bus, each.positions)
        now_s = epoch_s(self._clock.now())
        councils = self._catalogue.agreement_index.councils
        self._metrics.create_series(known_targets(self._catalogue, now_s), councils)
        shards, halted = self._consumer.positions.keys(), self._consumer.halted
        unreconciled = len(self._judging.unreconciled & shards)
        judged = await self._metrics.sample(self._states, shards, councils, now_s=now_s, unreconciled=unreconciled)
        self._metrics.groups.show(GROUP, judged, owned=shards, halted=halted)
        progress = await asyncio.to_thread(self._announcements.progress)
        mine = self._recorder_consumer.positions.keys()
        recorded = [ShardStatus.of_progress(each) for each in progress if each.shard in mine]
        self._metrics.groups.show(RECORDING_GROUP, recorded, owned=mine)

    async def sample_read_model(self) -> None:
        """The figures of all councils are as the reports have them now, and the quarantine's as it is."""
        quarantined = {shard: head.counts.get("quarantined", 0) for shard, head in (await self.heads()).items()}
        open_ = await self.quarantine.open_by_topic(quarantined)
        figures = await read_model_figures(self.sources)
        self._metrics.read_model.show(
            {**figures, QUARANTINE_OPEN: {(GROUP, topic): count for topic, count in open_.items()}}
        )

    async def _pipeline(self) -> PipelineState:
        """How far judging and recording are; of the log None where it gives no answer in time."""
        heads, now_s = await self.heads(), EpochSeconds(epoch_s(self._clock.now()))
        counts = {shard: head.counts for shard, head in heads.items()}
        due = [at for shard in heads for _, at in await self._states.due(shard, until_s=now_s, limit=1)]
        open_ = await self.quarantine.open_by_topic(
            {shard: found.get("quarantined", 0) for shard, found in counts.items()}
        )
        judged, recorded = _positions(heads), await self._recorded()
        return PipelineState(
            [
                await self._group_state(self._consumer, judged, ITEM_TOPICS),
                await self._group_state(self._recorder_consumer, recorded, [VERDICTS]),
            ],
            quarantine_open=sum(open_.values()),
            parked_records=sum(found.get("parked", 0) for found in counts.values()),
            overdue_s=max((now_s - at for at in due), default=0),
            unreconciled_shards=len(self._judging.unreconciled & self._consumer.positions.keys()),
        )

    async def _group_state(
        self, status: ConsumerStatus, positions: Mapping[Shard, int], topics: Sequence[Topic]
    ) -> GroupState:
        lag = None
        with suppress(BusError, TimeoutError):
            async with asyncio.timeout(_LOG_ANSWERS_S):
                lag = await unread_beyond(self._bus, positions, topics)
        return GroupState(status.group, lag, len(status.paused), list(status.halted.values()))

    def _count_verdicts(self, events: Sequence[VerdictEvent]) -> None:
        self._metrics.count_verdicts(
            events, now_s=epoch_s(self._clock.now()), cause_of=self._decisions.current.cause_of
        )

    async def pending(self) -> int:
        """How much it has still to do: records to judge and to record, shards with something due or to announce."""
        judging = await unread_beyond(self._bus, _positions(await self.heads()), ITEM_TOPICS)
        judging += len(self._judging.unreconciled)  # before what there is to publish: comparing may add to that
        judging += await self._progress_reader.overdue(ITEM_TOPICS)
        return judging + await self._unrecorded()

    async def _unrecorded(self) -> int:
        return await unread_beyond(self._bus, await self._recorded(), [VERDICTS])

    async def _recorded(self) -> Mapping[Shard, int]:
        """The next offset of every shard of announcements of which any was recorded."""
        with busy_during_outages():
            return await asyncio.to_thread(self._announcements.positions)

    async def parked(self) -> list[Parked]:
        """Facts that wait for the catalogue, as it is known now."""
        await self.catch_up()
        return await self.sources.items.parked(Scope.all())

    @property
    def intake(self) -> IntakeState:
        """How far it is with what integrators send."""
        return IntakeState(self.quarantine, self.position, self.sources.items.hindrance)

    async def heads(self) -> dict[Shard, Head]:
        """How far every shard is that was ever judged, with what became of its records."""
        held = {shard: await self._states.head(shard) for shard in every_shard(ITEM_TOPICS)}
        return {shard: head for shard, head in held.items() if head is not None}

    async def position(self, shard: Shard) -> int | None:
        """The offset from which the shard is read next; None where it was never read."""
        head = await self._states.head(shard)
        return None if head is None else head.next_offset

    async def close(self) -> None:
        """Everything is released, once no query reads it any more."""
        await self.sources.close()
        await self._states.close()
        self._database.close()


def _positions(heads: Mapping[Shard, Head]) -> dict[Shard, int]:
    return {shard: head.next_offset for shard, head in heads.items()}


def build(
    settings: MonitorSettings, *, bus: Bus, clock: Clock, registry: CollectorRegistry | None = None
) -> MonitorApp:
    """The monitor, its schema found to be the newest, ready to run. Its figures are in `registry`."""
    return MonitorApp(settings, bus=bus, clock=clock, registry=registry or CollectorRegistry())

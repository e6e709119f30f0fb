"""Billing put together: the only file that knows every part."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from billing import api, partnership_api
from billing.consumer import BillingProcessor
from billing.decisions import ApprovedDecisions
from billing.domain.ingest import TOPICS
from billing.domain.judged import judged_through
from billing.domain.notices import Notice, Recipient, recipient_of
from billing.dry_run import DryRun
from billing.mailing import Mailing
from billing.metrics import BillingMetrics
from billing.partnerships import PartnershipMonths
from billing.routes import closing as closing_routes
from billing.routes import closing_page, payment_pages, query_pages, statement_lists
from billing.routes import documents as document_routes
from billing.routes import payments as payment_routes
from billing.routes import queries as query_routes
from billing.routes import steps as step_routes
from billing.routes import tallies as tally_routes
from billing.routes.payment_pages import PaymentPages
from billing.routes.query_pages import QueryPages
from billing.routes.read_back import ReadBack
from billing.run_metrics import samples_of
from billing.settings import BillingSettings
from billing.smtp import SmtpServer
from billing.statements.acknowledgements import Acknowledgements
from billing.statements.closing import MonthClosing
from billing.statements.compared import ComparedStatements
from billing.statements.drafts import Statements
from billing.statements.overview import StatementLists
from billing.statements.payments import Payments
from billing.statements.queries import Queries
from billing.statements.readiness import LogStates, ReadinessChecks, judged_shards
from billing.statements.recomputation import Recomputation
from billing.statements.run_figures import StatementRun
from billing.statements.steps import StatementSteps
from billing.statements.tallies import Tallies
from billing.store.notices import SqlNotices
from billing.store.sealing_keys import SealingKeys
from billing.store.sql import GROUP, SqlStore
from billing.store.tables import approvals, audit, decisions, installation_key, known_log, outbox
from billing.trial import route as trial
from shared.auditing.api import TYPES as AUDIT_TYPES
from shared.auditing.api import router as audit_router
from shared.auditing.log import AuditLog
from shared.bus.access_view import AccessView
from shared.bus.consumer import ConsumerStatus, consume, unread_beyond
from shared.clock import Clock
from shared.heartbeat import Heartbeat
from shared.http.ways import authentication
from shared.log.port import Bus, Shard
from shared.metrics.definition import Figures
from shared.metrics.groups import MeasuredProcessor, ShardStatus
from shared.period import LONDON, month_of
from shared.quarantine.api import router as quarantine_router
from shared.quarantine.decisions import QuarantineDecisions
from shared.quarantine.erasing import erase_while_running
from shared.quarantine.intake_api import TYPES as INTAKE_TYPES
from shared.quarantine.intake_api import IntakeState, ItemHindrance
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
from shared.sql.outbox import oldest_unpublished, relay, unpublished_count
from shared.sql.progress import ShardProgress, SqlKnownLogs
from shared.web.pages import site_routes

# Records a transaction. Identities come at random, so each writes its own page of the inbox: large batches share pages
# and syncs. 4,000 ingested half as many again a second as 1,000; their in-list stays far below SQL's parameter limits.
BATCH = 4000
# While one shard's batch waits for PostgreSQL and its disk, others are read and checked. SQLite has one writer.
_STORED_AT_ONCE = {"postgresql": 3, "sqlite": 1}


@dataclass(frozen=True, slots=True)
class StatementActions:
    """What people do with statements, as of one clock: close months, query, pay."""

    steps: StatementSteps
    closing: MonthClosing
    queries: Queries
    payments: Payments


class BillingApp:
    """The running parts. `router` answers; `run` works until it is stopped."""

    name = GROUP
    title = "Tallystick: billing"
    read_model_every_s = 60.0
    types = (
        *api.TYPES,
        *step_routes.TYPES,
        *closing_routes.TYPES,
        *document_routes.TYPES,
        *tally_routes.TYPES,
        *query_routes.TYPES,
        *payment_routes.TYPES,
        *trial.TYPES,
        *INTAKE_TYPES,
        *AUDIT_TYPES,
    )

    def __init__(self, settings: BillingSettings, *, bus: Bus, clock: Clock, registry: CollectorRegistry) -> None:
        self._bus = bus
        self._database = Database.at(settings.database)
        self._workers = engine = self._database.workers
        prepare(engine, "billing")
        self.cursor_key = derived_key(engine, installation_key, "cursors")
        self._stored_at_once = _STORED_AT_ONCE[engine.dialect.name]
        self._store = SqlStore(engine, sends_notices=bool(settings.smtp_host))
        self._notices = SqlNotices(engine)
        answering = SqlStore(self._database.requests, memo=self._store.memo)
        self.statements, self.partnerships = Statements(answering, clock), PartnershipMonths(answering, clock)
        self.compared = ComparedStatements(answering, self.statements, clock)
        self.lists = StatementLists(answering, clock)
        # Whoever closes a month sees quarantine, which requests do not.
        self._recomputation = Recomputation(clock)
        self._ready = ReadinessChecks(self._store, self._recomputation, judged_shards)
        self._run = StatementRun(self._store, clock)
        self.sealing_keys = SealingKeys(engine, clock, given=settings.sealing_key, file=settings.sealing_key_file)
        self.acknowledgements = Acknowledgements(self._store, clock)
        self.tallies = Tallies(answering, clock, self.sealing_keys.signer)
        self.decisions = ApprovedDecisions(bus, reader=GROUP)
        self.read_back = ReadBack(bus, self._store.position)
        self.dry_run = DryRun(self._store, clock)
        self.approvals = Approvals(engine, approvals, audit)
        self._known_logs = SqlKnownLogs(engine, known_log, GROUP)
        self._clock, self.registry = clock, registry
        self.audit = AuditLog(GROUP, audit, self._database, bus=bus, clock=clock)
        self._metrics = BillingMetrics(registry)
        self._processor = MeasuredProcessor(BillingProcessor(self._store), self._metrics.groups, group=GROUP)
        self._access = AccessView(bus, reader=GROUP)
        self.authentication = authentication(self._access, clock, audience=settings.audience, secure=settings.is_secure)
        self._relaying, self._mailing = Heartbeat("outbox relay"), self._mailing_by(settings)
        self.heartbeats: Sequence[Heartbeat] = (
            self._relaying,
            self._access.heartbeat,
            self.decisions.heartbeat,
            self.audit.heartbeat,
            *(each.heartbeat for each in self._mailing),
        )
        self._consumer = ConsumerStatus(GROUP)
        self.consumers = (self._consumer,)
        now = self.actions(clock)
        self.steps, self.closing, self.queries, self.payments = now.steps, now.closing, now.queries, now.payments
        self.checks: Mapping[str, Check] = {
            **database_checks(engine, "billing"),
            "catalogue": catalogue_check(self._version_counts),
            "audit": self.audit.check,
        }
        self.quarantine = QuarantineService(
            GROUP,
            TOPICS,
            store=self._store.quarantine,
            decisions=QuarantineDecisions(engine, decisions, audit),
            bus=bus,
            clock=clock,
        )

    def _mailing_by(self, settings: BillingSettings) -> Sequence[Mailing]:
        """What sends mails to councils; none where the settings name no mail server."""
        if not settings.smtp_host:
            return ()
        server, sender, public_url = SmtpServer(settings), settings.mail_from, settings.public_url
        to = self._recipient
        return (Mailing(self._notices, server, self._clock, to, sender=sender, public_url=public_url),)

    def _recipient(self, notice: Notice) -> Recipient | None:
        with self._store.snapshot(Scope.all()) as snapshot:
            return recipient_of(snapshot.terms, notice.council, self._clock.now().astimezone(LONDON).date())

    def actions(self, clock: Clock) -> StatementActions:
        """What people do by that clock."""
        steps = StatementSteps(self._store, clock)
        logs = LogStates(
            self._bus, TOPICS, clock, halted=lambda: self._consumer.halted, positions=self._store.positions
        )
        closing = MonthClosing(self._store, steps, self._ready, logs, clock)
        queries = Queries(self._store, clock, self.decisions.concerns)
        return StatementActions(steps, closing, queries, Payments(self._store, clock))

    def judged_through(self) -> datetime | None:
        """The instant up to which the monitor has judged every partition; None before it has. Blocks."""
        return judged_through(self._store.marks())

    @property
    def router(self) -> APIRouter:
        """Billing's routes: statements, partnerships, tariffs to try, and its audit log."""
        routes = APIRouter()
        routes.include_router(tally_routes.router(self.tallies, self.sealing_keys.public))
        routes.include_router(tally_routes.acknowledgement_router(self.acknowledgements, self.read_back))
        routes.include_router(api.router(self.statements, self.compared))
        routes.include_router(step_routes.router(self.steps, self.read_back, self.closing.ready_now))
        routes.include_router(document_routes.router(self.statements))
        routes.include_router(query_routes.router(self.queries, self.decisions.catch_up, self.read_back))
        routes.include_router(statement_lists.router(self.lists))
        routes.include_router(query_pages.router(QueryPages(self.queries, self.decisions.catch_up, self.read_back)))
        routes.include_router(payment_routes.router(self.payments, self.read_back))
        routes.include_router(payment_pages.router(PaymentPages(self.payments, self.read_back)))
        routes.include_router(closing_routes.router(self.closing, self.read_back))
        routes.include_router(closing_page.router(self.closing, self.read_back, self._clock, self._notices.failed))
        routes.include_router(partnership_api.router(self.partnerships))
        routes.include_router(trial.router())
        routes.include_router(intake_router(self.intake))
        routes.include_router(audit_router(self.audit))
        return routes

    @property
    def reference(self) -> APIRouter:
        """The reference of its API, which anybody may read."""
        return reference_routes(self.name, self.title, lambda: self.router, self.types)

    def public_routes(self, *, illustrative: bool) -> Sequence[APIRouter]:  # noqa: ARG002 (each statement shows it)
        """All that it answers when it runs alone: statements as pages too, with what those pages link to."""
        return [self.router, self.reference, site_routes()]

    def operator_routes(self) -> Sequence[APIRouter]:
        """Its quarantine."""
        return [quarantine_router(self.quarantine)]

    async def parked(self) -> list[Parked]:
        """Events that wait for the catalogue."""
        return await asyncio.to_thread(self.statements.parked, scope=Scope.all())

    async def position(self, shard: Shard) -> int | None:
        """The offset from which the shard is read next; None where it was never read."""
        return await asyncio.to_thread(self._store.position, shard)

    @property
    def intake(self) -> IntakeState:
        """How far it is with what integrators send."""
        return IntakeState(self.quarantine, self.position, self._hindrance)

    async def _hindrance(self, _: Shard, council: str, __: str) -> ItemHindrance | None:
        return await asyncio.to_thread(self.statements.hindrance, council)

    def progress(self) -> list[ShardProgress]:
        """How far each shard has been read, and what became of its records. Blocks."""
        return self._store.progress()

    async def run(self, stop: asyncio.Event) -> None:
        """Ingests usage, verdicts and terms until `stop` is set; raises what made it impossible to go on."""
        await asyncio.to_thread(self.sealing_keys.publish_own)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._access.run(stop))
            tasks.create_task(self.decisions.run(stop))
            tasks.create_task(self.audit.run(stop))
            for mailing in self._mailing:
                tasks.create_task(mailing.run(stop))
            tasks.create_task(self._ingest(stop))
            tasks.create_task(erase_while_running(self.quarantine, stop))
            tasks.create_task(relay(self._workers, self._bus, stop, outbox=outbox, heartbeat=self._relaying))

    async def _ingest(self, stop: asyncio.Event) -> None:
        await consume(
            self._bus,
            group=GROUP,
            topics=TOPICS,
            processor=self._processor,
            known_logs=self._known_logs,
            stop=stop,
            batch=BATCH,
            concurrency=self._stored_at_once,
            status=self._consumer,
        )

    async def sample(self) -> None:
        """The figures of this instance's shards are as the store has them now."""
        await self._metrics.groups.show_lag(GROUP, self._bus, self._consumer.positions)
        progress = await asyncio.to_thread(self.progress)
        owned, halted = self._consumer.positions.keys(), self._consumer.halted
        mine = [ShardStatus.of_progress(each) for each in progress if each.shard in owned]
        self._metrics.groups.show(GROUP, mine, owned=owned, halted=halted)
        waiting = await asyncio.to_thread(unpublished_count, self._workers, outbox)
        first = await asyncio.to_thread(oldest_unpublished, self._workers, outbox)
        self._metrics.show_outbox(waiting, first=first)

    async def sample_read_model(self) -> None:
        """The running month's figures are those of its statements now."""
        quarantined = {each.shard: each.counts.quarantined for each in await asyncio.to_thread(self.progress)}
        open_ = await self.quarantine.open_by_topic(quarantined)
        versions = await self._version_counts()
        month = month_of(self._clock.now())
        statements = await asyncio.to_thread(self.statements.statements, month, scope=Scope.all())
        through = await asyncio.to_thread(self.judged_through)
        age_s = inf if through is None else (self._clock.now() - through).total_seconds()
        run = await asyncio.to_thread(self._run_samples)
        self._metrics.show(statements, versions=versions, open_=open_, judged_age_s=age_s, others=run)

    def _run_samples(self) -> Figures:
        """The figures of the statement run, after what this instance has recomputed is there for all to see."""
        with self._recomputation.newest() as results:
            self._store.keep_recomputations(results)
        mails = self._notices.counts(self._clock.now())
        return samples_of(self._run.figures(), ledger_pence=self._run.ledger_pence(), mails=mails)

    async def _version_counts(self) -> Mapping[str, int]:
        return await asyncio.to_thread(self._store.version_counts)

    async def unread(self) -> int:
        """How many records it has still to ingest, and steps to publish, which it will read then."""
        unpublished = await asyncio.to_thread(unpublished_count, self._workers, outbox)
        with busy_during_outages():
            positions = await asyncio.to_thread(self._store.positions)
        return unpublished + await unread_beyond(self._bus, positions, TOPICS)

    async def close(self) -> None:
        """Everything is released. Idempotent."""
        self._database.close()


def build(
    settings: BillingSettings, *, bus: Bus, clock: Clock, registry: CollectorRegistry | None = None
) -> BillingApp:
    """Billing, its schema found to be the newest, ready to run. No charge depends on the time of day."""
    return BillingApp(settings, bus=bus, clock=clock, registry=registry or CollectorRegistry())

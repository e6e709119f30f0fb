"""The catalogue put together: the only file that knows every part."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from catalogue import api, clients_api, events_api, people_api, proposals_api, token_api, uplift_api
from catalogue.adapters import partnership_files
from catalogue.adapters.clients import SqlClientStore
from catalogue.adapters.people_sql import SqlPeopleStore
from catalogue.adapters.received_events import SqlReceivedEvents
from catalogue.adapters.sql import SqlVersionStore, audit_log, installation_key, outbox, store_outgoing
from catalogue.announcements import key_announcement
from catalogue.clients import ClientHandlers
from catalogue.clients_api import clients_router
from catalogue.domain.versions import DefinitionKey
from catalogue.events import EventHandlers, EventRelay
from catalogue.handlers import CatalogueHandlers, RecordResult, UnknownDefinition
from catalogue.log_repair import AnnouncedVersions, LogAhead, LogDiffers, require_complete_database
from catalogue.metrics import CatalogueMetrics
from catalogue.pages import event_reference, keys
from catalogue.pages import proposals as proposal_pages
from catalogue.pages.keys import KeyPages
from catalogue.ports import StoredProposal
from catalogue.proposals import ProposalHandlers
from catalogue.read_back import Stores, read_back
from catalogue.settings import CatalogueSettings
from catalogue.sign_in_setup import SignIn
from catalogue.signing_keys import SigningKeys, dropped
from catalogue.token_api import TokenLimits, token_router
from shared.auditing.api import TYPES as AUDIT_TYPES
from shared.auditing.api import router as audit_router
from shared.auditing.log import AuditLog
from shared.bus.access_view import AccessView
from shared.bus.consumer import ConsumerStatus
from shared.clock import Clock
from shared.contracts.definitions import Council
from shared.contracts.proposals import PartyWords
from shared.heartbeat import Heartbeat
from shared.holidays import load_holidays
from shared.http.rates import AttemptLimit, trusted_networks
from shared.http.ways import authentication
from shared.log.port import Bus, BusUnavailable, Outgoing
from shared.log.processor import Busy
from shared.running.api_reference import reference_routes
from shared.running.health import Check, NotReady, database_checks
from shared.scope import Scope
from shared.sql.audit import AuditLogDiffers
from shared.sql.engine import busy_during_outages
from shared.sql.installation_key import derived_key
from shared.sql.isolation import Database
from shared.sql.migrate import prepare
from shared.sql.outbox import relay, relay_once, unpublished_count
from shared.web.pages import site_routes

_MOST_COUNCILS_SHOWN = 500
_READ_BACK_AGAIN_S = 1.0


class CatalogueApp:
    """The running parts: `router` answers, `run` announces what was recorded until its stop is set."""

    name = "catalogue"
    title = "Tallystick: the catalogue"
    read_model_every_s = 60.0
    types = (
        *api.API_TYPES,
        *clients_api.TYPES,
        *token_api.TYPES,
        *people_api.PEOPLE_TYPES,
        *proposals_api.TYPES,
        *events_api.TYPES,
        uplift_api.TariffUplift,
        *AUDIT_TYPES,
    )
    consumers: Sequence[ConsumerStatus] = ()

    def __init__(self, settings: CatalogueSettings, *, bus: Bus, clock: Clock, registry: CollectorRegistry) -> None:
        self._bus, self._clock = bus, clock
        self._database = Database.at(settings.database)
        self._engine = self._database.workers
        prepare(self._engine, "catalogue")
        self.cursor_key = derived_key(self._engine, installation_key, "cursors")
        self._versions = SqlVersionStore(self._database)
        holidays = load_holidays(settings.holidays_file)
        self.handlers = CatalogueHandlers(self._versions, holidays)
        self.registry = registry
        self._access = AccessView(bus, reader=self.name)
        self.authentication = authentication(self._access, clock, audience=settings.audience, secure=settings.is_secure)
        self._is_read_back = False
        self.keys = SigningKeys(
            settings.signing_key, settings.signing_key_file, self._access, clock, may_sign=lambda: self._is_read_back
        )
        self._stores = Stores(SqlClientStore(self._engine), SqlPeopleStore(self._engine), self._versions)
        self.clients = ClientHandlers(self._stores.clients, clock)
        self.proposals = ProposalHandlers(self._versions, holidays)
        self._audience = settings.audience
        self._sign_in = SignIn(settings, engine=self._engine, keys=self.keys, issued=self._access.issued, clock=clock)
        self.people = self._sign_in.people
        self._received_events = SqlReceivedEvents(self._database)
        self.events = EventHandlers(self._received_events, clock, settings.events_waiting)
        self._event_limit = AttemptLimit(
            "events-of-source", most=settings.events_per_minute, every_s=60, storage=settings.limits_url
        )
        self._event_relay = EventRelay(self._received_events, bus, clock, kept_days=settings.events_kept_days)
        self._token_limits = TokenLimits.at(settings.limits_url, trusted_networks(settings.trusted_proxies))
        self._metrics = CatalogueMetrics(registry)
        self._relaying = Heartbeat("outbox relay")
        self.audit = AuditLog(self.name, audit_log, self._database, bus=bus, clock=clock)
        self.heartbeats = (self._relaying, self._event_relay.heartbeat, self._access.heartbeat, self.audit.heartbeat)
        self._announced = AnnouncedVersions(bus)
        self.checks: Mapping[str, Check] = {
            **database_checks(self._engine, "catalogue"),
            "versions": self._versions_agree,
            "audit": self.audit.check,
        }

    @property
    def router(self) -> APIRouter:
        """The definitions, the clients, and what anybody may ask: tokens and the public keys."""
        routes = APIRouter()
        # The first that is looked at: most requests are events.
        routes.include_router(events_api.events_router(self.events, self._event_limit))
        routes.include_router(api.router(self.handlers, self.proposals, self._clock))
        routes.include_router(proposals_api.router(self.proposals, self._clock))
        routes.include_router(uplift_api.router(self.handlers))
        routes.include_router(clients_router(self.clients))
        routes.include_router(self._sign_in.router())
        routes.include_router(
            token_router(self.clients, self.keys, self._clock, audience=self._audience, limits=self._token_limits)
        )
        routes.include_router(audit_router(self.audit))
        return routes

    def pages(self) -> APIRouter:
        """The pages of signing in and of whoever has."""
        routes = APIRouter()
        routes.include_router(self._sign_in.pages(self._council_names, self.audit))
        routes.include_router(event_reference.router())
        routes.include_router(proposal_pages.router(self.proposals, self._clock))
        routes.include_router(keys.router(KeyPages(self.clients, self._councils, self._clock)))
        return routes

    @property
    def reference(self) -> APIRouter:
        """The reference of its API, which anybody may read."""
        return reference_routes(self.name, self.title, lambda: self.router, self.types)

    def public_routes(self, *, illustrative: bool) -> Sequence[APIRouter]:  # noqa: ARG002 (its pages show no figures)
        """Its API, its pages, and what those link to."""
        return [self.router, self.pages(), self.reference, site_routes()]

    def _councils(self, scope: Scope) -> Sequence[tuple[str, str]]:
        """Ids and names of the councils in scope, by id: as many as a form can show."""
        found = self.handlers.listing("council", scope, on=None, after="", limit=_MOST_COUNCILS_SHOWN)
        return [(each.key.id, each.definition.name) for each in found if isinstance(each.definition, Council)]

    def _council_names(self, ids: Sequence[str]) -> Sequence[str]:
        return [self._council_name(id_) for id_ in ids]

    def _council_name(self, id_: str) -> str:
        """What the council is called; its id where the catalogue does not know it yet."""
        try:
            found = self.handlers.version(DefinitionKey("council", id_), Scope.of(id_)).definition
        except UnknownDefinition:
            return id_
        return found.name if isinstance(found, Council) else id_

    def load(self, name_or_path: str, *, actor: str) -> RecordResult:
        """A shipped example or a partnership file is recorded; raises `UnknownPartnershipFile`, `InvalidSubmission`."""
        return self.handlers.load(partnership_files.load(name_or_path), at=self._clock.now(), actor=actor)

    async def record(self, name_or_path: str, *, actor: str) -> RecordResult:
        """As `load`, and the log has every version; raises `LogAhead` and `LogDiffers` before anything is recorded."""
        await self.require_complete_database()
        recorded = await asyncio.to_thread(self.load, name_or_path, actor=actor)
        await self.announce()
        return recorded

    async def record_or_propose(self, name_or_path: str, *, actor: str) -> RecordResult | StoredProposal | None:
        """As `record` where nobody has to approve it; else what was proposed, None where all of it is there already.

        Raises also `ProposalRefused`.
        """
        await self.require_complete_database()
        submission, now = partnership_files.load(name_or_path), self._clock.now()
        if not await asyncio.to_thread(self.proposals.is_needed, submission, at=now):
            return await self.record(name_or_path, actor=actor)
        party = PartyWords(side="provider", by=actor, at=now, words="")
        proposed = await asyncio.to_thread(self.proposals.load, submission, party=party)
        await self.publish_waiting()
        return proposed

    async def announce(self) -> int:
        """Every version recorded so far is in the log, and so is the signing key; returns how many the log had lost.

        Raises `LogDiffers`, and `LogAhead` where the database has lost some instead.
        """
        await self.publish_waiting()
        lost = await asyncio.to_thread(self.handlers.announce, await self._announced.read())
        if self.keys.is_given:
            await self._access.catch_up()
            await self._announce(self.keys.unpublished(self.keys.key))
        await self.publish_waiting()
        return lost

    async def restore(self, *, actor: str) -> int:
        """Every version that the log holds is in the database; returns how many it had lost. Raises `LogDiffers`."""
        await self.audit.require_complete()
        return await asyncio.to_thread(self.handlers.restore, await self._announced.read(), actor=actor)

    async def require_complete_database(self) -> None:
        """Raises `LogAhead` where the log holds versions that the database has lost, `LogDiffers` where other ones."""
        await self.audit.require_complete()
        announced = await self._announced.read()
        require_complete_database(await asyncio.to_thread(self.handlers.compare, announced))

    async def drop_key(self, kid: str) -> None:
        """The log says that nothing signed by the key is accepted any more. Raises `InvalidSettings`."""
        await self._access.catch_up()
        now = self._clock.now()
        await self._announce([key_announcement(dropped(self._access.issued, kid, now), now)])
        await self.publish_waiting()

    async def bootstrap(self, id_: str, secret: str) -> None:
        """The operators' first client exists and is announced. Raises `RefusedClient`."""
        await self.audit.require_complete()
        await asyncio.to_thread(self.clients.bootstrap, id_, secret)
        await self.publish_waiting()

    async def publish_key(self) -> None:
        """The log holds the key that this catalogue signs by, and it signs from now on. Before `run`, or instead."""
        await self.read_back()
        await self._access.catch_up()
        await self.keys.publish(self._announce, asyncio.Event())
        await self.publish_waiting()
        await self._access.catch_up()

    async def read_back(self) -> int:
        """What was taken back or decided, as the log has it, holds in the database; how much of it had been lost.

        Raises `Busy`, `BusUnavailable` and `AuditLogDiffers`.
        """
        await self.audit.require_complete()
        await self._announced.read()
        taken_back, proposals = self._announced.taken_back, self._announced.proposals
        with busy_during_outages():
            found = await asyncio.to_thread(read_back, self._stores, taken_back, proposals, self._clock)
        self._is_read_back = True
        return found

    async def _begin_signing(self, stop: asyncio.Event) -> None:
        """Nothing is signed before `read_back`; what is away is waited for."""
        while not stop.is_set():
            with suppress(Busy, BusUnavailable, AuditLogDiffers):
                await self.read_back()
                await self.keys.publish(self._announce, stop)
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _READ_BACK_AGAIN_S)

    async def publish_waiting(self) -> None:
        """Whatever waits to be announced is in the log."""
        while await self.unannounced():
            await relay_once(self._engine, self._bus, outbox=outbox)

    async def _versions_agree(self) -> str:
        announced = await self._announced.read()
        try:
            found = await asyncio.to_thread(self.handlers.compare, announced)
            require_complete_database(found)
        except (LogAhead, LogDiffers) as fault:
            raise NotReady(str(fault)) from fault
        if found.missing_in_log:
            raise NotReady(f"the log lacks {len(found.missing_in_log)} versions: run `python -m catalogue announce`")
        return f"{len(announced)} in the log"

    async def unannounced(self) -> int:
        """How many versions the log does not hold yet."""
        return await asyncio.to_thread(unpublished_count, self._engine, outbox)

    async def publish_events(self) -> int:
        """The log holds every event that came in over HTTP; how many it had not held."""
        return await self._event_relay.publish_all()

    async def unpublished_events(self) -> int:
        """How many events that came in over HTTP the log is not known to hold."""
        return await asyncio.to_thread(self._received_events.waiting)

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._access.run(stop))
            tasks.create_task(self._begin_signing(stop))
            tasks.create_task(self.audit.run(stop))
            tasks.create_task(relay(self._engine, self._bus, stop, outbox=outbox, heartbeat=self._relaying))
            tasks.create_task(self._event_relay.run(stop))

    async def _announce(self, messages: Sequence[Outgoing]) -> None:
        await asyncio.to_thread(store_outgoing, self._engine, messages)

    def operator_routes(self) -> Sequence[APIRouter]:
        """None: it reads no other service's events, so that it quarantines nothing."""
        return []

    async def sample(self) -> None:
        """What is announced and what waits is as the database has it now."""
        recorded, waiting, first = await asyncio.to_thread(self._versions.counts)
        waiting["event"] = await self.unpublished_events()
        self._metrics.show(recorded, waiting, first=first)

    async def sample_read_model(self) -> None:
        """Nothing: it keeps no figures of councils."""

    async def close(self) -> None:
        self._database.close()


def build(
    settings: CatalogueSettings, *, bus: Bus, clock: Clock, registry: CollectorRegistry | None = None
) -> CatalogueApp:
    """The catalogue on a database of the newest schema, ready to run. Its metrics are in `registry`."""
    return CatalogueApp(settings, bus=bus, clock=clock, registry=registry or CollectorRegistry())

"""An installation that people sign in to: the catalogue's parts, a provider on loopback, and several browsers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from joserfc.jwk import KeySet, OKPKey

from catalogue import people_api
from catalogue.adapters.openid import OpenIdClient, OpenIdProvider
from catalogue.adapters.people_sql import SqlPeopleStore
from catalogue.adapters.sql import audit_log, outbox
from catalogue.domain.people import Access, ClaimedAccess, Identity
from catalogue.pages.sign_in import SignInPages, router
from catalogue.people import CookieSigner, PeopleService, SignInService
from shared.auditing.log import AuditLog
from shared.auth.issued import public_key
from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.auth.sessions import SessionLimits
from shared.bus.access_view import AccessView
from shared.bus.connect import connect as connect_bus
from shared.contracts.access import SigningKeyData, SigningKeyPublished
from shared.contracts.codec import encode_event
from shared.contracts.topics import CATALOGUE, TOPICS
from shared.http import Caller, Json, create_app, requires
from shared.http.browsers import SessionCookies
from shared.http.rates import AttemptLimit
from shared.http.ways import authentication
from shared.log.port import Bus, Message
from shared.scope import Scope
from shared.sql.isolation import Database
from shared.sql.migrate import prepare
from shared.sql.outbox import relay_once, unpublished_count
from tallystick.demo.openid_provider import DemoPerson
from tests.support.openid import ErringProvider, provider_on_loopback

HOST = "https://tallystick.test"
AUDIENCE = "tallystick"
HTML = {"Accept": "text/html"}
OPERATOR = Principal.of("tsp_first", "person", ["operator"], Scope.all())
LIMITS = SessionLimits()
_KEY = OKPKey.generate_key()
KEY = OKPKey.import_key({**_KEY.as_dict(private=True), "kid": _KEY.thumbprint()})


class SettableClock:
    """The wall clock, put forward or back."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """The time that it shows."""
        return datetime.now(UTC) + self.offset

    def advance(self, seconds: float) -> None:
        """It shows so many seconds more."""
        self.offset += timedelta(seconds=seconds)


class Installation:
    """Its parts, by what tests ask of them. `settle` waits until every service knows what the catalogue announced."""

    def __init__(self, database: Database, bus: Bus, provider: ErringProvider, *, mapping: str, attempts: int) -> None:
        engine = database.workers
        self.engine, self.bus, self.provider, self.clock = engine, bus, provider, SettableClock()
        self.view = AccessView(bus, reader="test")
        store = SqlPeopleStore(engine)
        self.people = PeopleService(store, self.clock)
        client = OpenIdClient(
            provider.issuer, provider.client_id, provider.client_secret, f"{HOST}/sign-in/return", "groups"
        )
        self.sign_ins = SignInService(
            store,
            OpenIdProvider(client, now_s=lambda: int(time.time())),
            CookieSigner(lambda: KEY, lambda: KeySet([KEY]), AUDIENCE),
            self.clock,
            mapping=ClaimedAccess.read(mapping),
            limits=LIMITS,
        )
        self.audit = AuditLog("catalogue", audit_log, database, bus=bus, clock=self.clock)
        self.pages = SignInPages(
            sign_ins=self.sign_ins,
            people=self.people,
            cookies=SessionCookies(self.view.issued, self.clock, audience=AUDIENCE, secure=True),
            attempts=AttemptLimit("sign-in", most=attempts, every_s=600),
            limits=LIMITS,
            councils=lambda ids: [f"{id_.title()} District Council" for id_ in ids],
            contact="access@provider.example",
            audit=self.audit,
        )
        self.app = self._application()

    def give(self, person: DemoPerson, *roles: str, councils: tuple[str, ...] | None = None) -> str:
        """The person's id, once an operator has given them access."""
        identity = Identity(issuer=self.provider.issuer, subject=person.id, name=person.title)
        return self.people.give(identity, Access(roles=roles, councils=councils), by=OPERATOR).id

    def browser(self) -> TestClient:
        """A browser that nobody has signed in at. It follows no redirection by itself."""
        return TestClient(self.app, base_url=HOST, follow_redirects=False, headers=HTML)

    def sign_in(self, browser: TestClient, person: DemoPerson, next_: str = "/figures") -> httpx2.Response:
        """What the browser is answered when it comes back from the provider."""
        return browser.get(self.return_address(browser, person, next_))

    def return_address(self, browser: TestClient, person: DemoPerson, next_: str = "/figures") -> str:
        """Where the provider sends the browser back to, once the person has signed in there."""
        start = browser.get("/sign-in/start", params={"next": next_})
        assert start.status_code == 303, start.text
        with httpx2.Client() as elsewhere:
            elsewhere.get(self.provider.new_link(person))
            back = elsewhere.get(start.headers["Location"])
        address = urlsplit(back.headers["Location"])
        return f"{address.path}?{address.query}"

    def settle(self) -> None:
        """What the catalogue announced is known everywhere."""
        anyio.run(self._settle)

    async def _settle(self) -> None:
        # On a server that other tests use too, what was written before their transactions end waits for them.
        while unpublished_count(self.engine, outbox):
            await relay_once(self.engine, self.bus, outbox=outbox)
        await self.view.catch_up()

    def _application(self) -> FastAPI:
        figures = APIRouter()

        @figures.get("/figures", dependencies=[requires(Action.READ_FIGURES)])
        def read(caller: Caller, council: str | None = None) -> Json:
            """Who asks."""
            return Json({"caller": caller.name, "councils": caller.scope.councils, "council": council})

        @figures.post("/v1/figures", dependencies=[requires(Action.READ_FIGURES)])
        def change(caller: Caller) -> Json:
            """Who changes something."""
            return Json({"caller": caller.name})

        return create_app(
            "Test",
            [router(self.pages), people_api.router(self.people, issuer=self.provider.issuer), figures],
            types=people_api.PEOPLE_TYPES,
            authentication=authentication(self.view, self.clock, audience=AUDIENCE, secure=True),
        )


@contextmanager
def installation(folder: Path, database: str, *, mapping: str = "", attempts: int = 1_000) -> Iterator[Installation]:
    """An installation whose services know the catalogue's key."""
    bus = connect_bus(f"sqlite:///{folder}/log.db")
    opened = Database.at(database)
    prepare(opened.workers, "catalogue")
    try:
        anyio.run(_publish_key, bus)
        with provider_on_loopback(f"{HOST}/sign-in/return") as provider:
            made = Installation(opened, bus, provider, mapping=mapping, attempts=attempts)
            made.settle()
            yield made
    finally:
        opened.close()
        anyio.run(bus.close)


async def _publish_key(bus: Bus) -> None:
    await bus.ensure_topics(TOPICS)
    public: dict[str, Any] = KEY.as_dict(private=False)
    data = SigningKeyData(kid=public["kid"], x=public["x"])
    assert public_key(data).kid == KEY.kid
    event = SigningKeyPublished(id="key-1", source="/catalogue", time=datetime.now(UTC), subject=data.kid, data=data)
    await bus.publish(CATALOGUE.name, [Message(f"signing-key:{data.kid}", encode_event(event))])

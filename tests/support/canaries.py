"""Councils whose every word can be recognised, on services with databases of their own, and callers with real tokens.

Whatever is a council's carries its canary word: name, agreement, target, tariff, items, exclusion. So one regular
expression finds in any answer, header or log line what it should not hold.
"""

import io
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

from fastapi import FastAPI
from joserfc.jwk import KeySet, OKPKey
from pypdf import PdfReader
from starlette.requests import Request

from billing.app import build as build_billing
from billing.settings import BillingSettings
from catalogue.app import build as build_catalogue
from catalogue.settings import CatalogueSettings
from shared.auth.principal import Principal
from shared.auth.tokens import TokenVerifier, issue
from shared.bus.connect import connect
from shared.clock import Clock, WallClock
from shared.contracts.codec import encode_event
from shared.contracts.definitions import AnyDefinition
from shared.contracts.topics import TICKETS, TOPICS
from shared.http import Authentication, create_app
from shared.instants import epoch_s
from shared.log.port import Message
from shared.scope import Scope
from shared.units import EpochMillis
from shared.web.pages import site_routes
from sla_monitor.app import build as build_monitor
from sla_monitor.settings import MonitorSettings
from tallystick.stack import Stack
from tests.support.callers import SIGNING_KEY
from tests.support.definitions import agreement, calendar, council, objective, provider, service, target, tariff
from tests.support.monitoring import ticket

_CANARY = re.compile(r"canary([0-9]{2})", re.IGNORECASE)
_AUDIENCE = "canaries"
MONTH = "2026-03"


def canary(number: int) -> str:
    """The word of a council, which is its id too."""
    return f"canary{number:02}"


def canaries_in(*texts: str) -> set[str]:
    """The councils that the texts tell of."""
    return {f"canary{found}" for text in texts for found in _CANARY.findall(text)}


def words_of(content_type: str, content: bytes) -> str:
    """What a reader of the answer can read; of a PDF its text."""
    if not content_type.startswith("application/pdf"):
        return content.decode("utf-8", errors="replace")
    return "".join("".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages)


def definitions(words: Sequence[str]) -> list[AnyDefinition]:
    """What the councils share, and of each an agreement and a tariff of its own."""
    shared: list[AnyDefinition] = [
        provider(),
        calendar(),
        service("ict", counted_by="tickets-resolved", unit="ticket", unit_name="ticket"),
    ]
    own: list[AnyDefinition] = []
    for word in words:
        resolve = target(id=f"{word}-target", service="ict", measure="resolution-time", objective=objective())
        own += [
            council(word, name=f"{word} Borough"),
            tariff(f"{word}-tariff", service="ict", name=f"{word} tickets"),
            agreement(
                f"{word}-agreement", council=word, title=f"{word} ICT", targets=(resolve,), tariffs=(f"{word}-tariff",)
            ),
        ]
    return [*shared, *own]


@asynccontextmanager
async def services(folder: Path, database_of: Callable[[str], str], *, clock: Clock) -> AsyncIterator[Stack]:
    """The services on databases of their own, with nothing in them."""
    async with AsyncExitStack() as exits:
        bus = connect(f"sqlite:///{folder}/log.db")
        exits.push_async_callback(bus.close)
        await bus.ensure_topics(TOPICS)
        of_catalogue = CatalogueSettings(
            TALLYSTICK_VAR=folder, DATABASE_URL=database_of("catalogue"), SIGNING_KEY=SIGNING_KEY
        )
        catalogue = build_catalogue(of_catalogue, bus=bus, clock=clock)
        exits.push_async_callback(catalogue.close)
        of_monitor = MonitorSettings(
            TALLYSTICK_VAR=folder, DATABASE_URL=database_of("sla_monitor"), SLA_CLOCK_MARGIN_S=0
        )
        monitor = build_monitor(of_monitor, bus=bus, clock=clock)
        exits.push_async_callback(monitor.close)
        of_billing = BillingSettings(TALLYSTICK_VAR=folder, DATABASE_URL=database_of("billing"))
        billing = build_billing(of_billing, bus=bus, clock=clock)
        exits.push_async_callback(billing.close)
        yield Stack(folder, bus, catalogue=catalogue, monitor=monitor, billing=billing)


@asynccontextmanager
async def canaries(
    folder: Path, database_of: Callable[[str], str], words: Sequence[str], *, clock: Clock
) -> AsyncIterator[Stack]:
    """The services with the councils' tickets of March 2026 judged and charged.

    Of each council: a ticket that was late, one that was not, one that is open, and an approved exclusion.
    """
    async with services(folder, database_of, clock=clock) as stack:
        await stack.record(definitions(words))
        await stack.bus.publish(TICKETS.name, list(_messages(words)))
        await stack.drain()
        yield stack


def _messages(words: Iterable[str]) -> Iterable[Message]:
    for word in words:
        for name, *lines in (
            ("late", ("Mon 2026-03-02 09:00", "opened"), ("Fri 2026-03-20 16:00", "resolved")),
            ("good", ("Mon 2026-03-02 09:00", "opened"), ("Tue 2026-03-03 16:00", "resolved")),
            ("open", ("Mon 2026-03-30 09:00", "opened")),
        ):
            for event in ticket(*lines, item=f"{word}-{name}", council=word):
                sent_ms = EpochMillis(int(event.time.timestamp() * 1000))
                yield Message(event.key, encode_event(event), timestamp_ms=sent_ms)


class Callers:
    """Tokens for the councils' people, and the application that knows them by these alone."""

    def __init__(self) -> None:
        self._key = OKPKey.generate_key("Ed25519", parameters={"kid": "of-a-test"})
        self._verifier = TokenVerifier(lambda: KeySet([self._key]), dict, audience=_AUDIENCE)

    def headers(self, *words: str) -> dict[str, str]:
        """Of somebody in the councils' finance, who may see these; without any, of the provider's operator."""
        scope = Scope.of(*words) if words else Scope.all()
        role = "council-finance" if words else "operator"
        caller = Principal.of(f"finance-{uuid4()}", "person", [role], scope)
        token = issue(caller, self._key, audience=_AUDIENCE, jti=str(uuid4()), now_s=epoch_s(WallClock().now()))
        return {"Authorization": f"Bearer {token}"}

    def application(self, stack: Stack) -> FastAPI:
        """All services' API, and the monitor's pages, in one application."""
        routers = [
            stack.catalogue.router,
            stack.monitor.router,
            stack.billing.router,
            stack.monitor.pages(illustrative=False),
            site_routes(),
        ]
        types = [*stack.catalogue.types, *stack.monitor.types, *stack.billing.types]
        known = Authentication(self._known)
        return create_app("Canaries", routers, types=types, authentication=known)

    def _known(self, request: Request) -> Principal | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            return None
        return self._verifier.principal(token, now_s=epoch_s(WallClock().now()))

"""Events in over HTTP: received a second in batches of 100 by one process, with its relay at work beside it.

The requests go through the whole application (parsing, rights, validation, one durable transaction), in one process and
without a socket: what a server and a network cost is theirs.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.types import ASGIApp, Message

from catalogue.app import build
from catalogue.settings import CatalogueSettings
from shared.auth.principal import Principal
from shared.bus.embedded import EmbeddedBus
from shared.clock import FixedClock
from shared.contracts.codec import encode_event
from shared.contracts.topics import TOPICS
from shared.http import Authentication, create_app
from shared.scope import Scope
from tests.support.poison import AT
from tests.support.recharges import SOURCE, completed

EVENTS = 20_000
BATCH = 100
SENDERS = 8
TARGET_PER_S = 5_000
_SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": "/v1/events",
    "raw_path": b"/v1/events",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"bench"), (b"content-type", b"application/cloudevents-batch+json")],
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 2),
}


def run() -> None:
    """Prints the rates of receiving, and of receiving and publishing, beside the target."""
    received, published = asyncio.run(_rates())
    for label, rate in (("received durably", received), ("received and published", published)):
        line = f"events over HTTP, batches of {BATCH}, {label:<24}"
        sys.stdout.write(f"{line} {rate:>10,.0f} /s  {rate / TARGET_PER_S:5.2f} of {TARGET_PER_S:,}\n")


async def _rates() -> tuple[float, float]:
    with TemporaryDirectory() as folder:
        bus = EmbeddedBus(Path(folder, "log.db"))
        await bus.ensure_topics(TOPICS)
        settings = CatalogueSettings(TALLYSTICK_VAR=Path(folder), EVENTS_PER_MINUTE=100_000_000)
        app = build(settings, bus=bus, clock=FixedClock(datetime.fromisoformat(AT).astimezone(UTC)))
        caller = Principal.of("bench", "machine", ["integrator"], Scope.of("ashby"), sources=[SOURCE])
        api = create_app("bench", [app.router], authentication=Authentication(lambda _: caller), types=app.types)
        stop = asyncio.Event()
        relaying = asyncio.create_task(app.run(stop))
        bodies = list(_bodies())
        began = time.perf_counter()
        await asyncio.gather(*(_send(api, bodies[sender::SENDERS]) for sender in range(SENDERS)))
        received_s = time.perf_counter() - began
        while await app.unpublished_events():  # noqa: ASYNC110 (nothing announces it)
            await asyncio.sleep(0.01)
        published_s = time.perf_counter() - began
        stop.set()
        await relaying
        await app.close()
        await bus.close()
    return EVENTS / received_s, EVENTS / published_s


def _bodies() -> list[bytes]:
    events = [encode_event(completed(f"inv-{n}", AT)) for n in range(EVENTS)]
    return [b"[" + b",".join(events[start : start + BATCH]) + b"]" for start in range(0, EVENTS, BATCH)]


async def _send(api: ASGIApp, bodies: list[bytes]) -> None:
    for body in bodies:
        status = await _status(api, body)
        if status != 202:
            raise RuntimeError(f"expected 202, got {status}")


async def _status(api: ASGIApp, body: bytes) -> int:
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [*_SCOPE["headers"], (b"content-length", str(len(body)).encode())]
    await api({**_SCOPE, "headers": headers}, receive, send)
    return statuses[0]

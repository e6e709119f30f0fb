"""Many made-up tickets of twenty councils, six events each over some hours, as a service desk would send them."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from shared.contracts.catalogue import AgreementVersioned, CalendarVersioned, VersionData
from shared.contracts.codec import encode_event
from shared.contracts.definitions import Agreement
from shared.contracts.topics import CATALOGUE, TICKETS
from shared.ids import derived_id
from shared.log.port import Bus, Message
from shared.units import EpochMillis
from tests.support.histories import calendar

COUNCILS = [f"council-{number:02}" for number in range(20)]
KINDS = ("opened", "assigned", "responded", "paused", "resumed", "resolved")
ITEMS = 20_000
EVENTS = ITEMS * len(KINDS)
FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)
_OVER_S = 20 * 86_400
_DATA: dict[str, dict[str, str]] = {
    "opened": {"service": "ict"},
    "paused": {"reason": "asked", "awaiting": "council"},
    "resolved": {"outcome": "done"},
}


async def fill(bus: Bus, *, items: int = ITEMS) -> None:
    """The catalogue's log holds an agreement a council, 8 working hours to resolve, and the tickets' log the events."""
    await bus.publish(CATALOGUE.name, list(catalogue()))
    page: list[Message] = []
    for message in messages(items=items):
        page.append(message)
        if len(page) == 1000:
            await bus.publish(TICKETS.name, page)
            page = []
    await bus.publish(TICKETS.name, page)


def messages(*, items: int) -> Iterator[Message]:
    """The events in order of happening, the same ones every time."""
    chance = random.Random(7)  # noqa: S311 (made-up data, repeatable)
    happened: list[tuple[float, int, str]] = []
    for number in range(items):
        at_s = chance.random() * _OVER_S
        for kind in KINDS:
            at_s += chance.expovariate(1 / 3600)
            happened.append((at_s, number, kind))
    for at_s, number, kind in sorted(happened):
        yield message(number, kind, FIRST + timedelta(seconds=int(at_s)))


def message(number: int, kind: str, at: datetime, *, again: int = 0, sequence: str = "") -> Message:
    """The event of the ticket of that number; `again` distinguishes those of the same kind."""
    council, item = COUNCILS[number % len(COUNCILS)], f"T-{number:07}"
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": derived_id("tickets", item, kind, again),
        "source": f"/desk/{council}",
        "type": f"tallystick.ticket.{kind}.v1",
        "subject": item,
        "council": council,
        "time": at,
        "datacontenttype": "application/json",
        "data": _DATA.get(kind, {}),
        **({"sequence": sequence} if sequence else {}),
    }
    return Message(
        f"{council}:{item}", msgspec.json.encode(event), timestamp_ms=EpochMillis(int(at.timestamp() * 1000))
    )


def catalogue() -> Iterator[Message]:
    """What the catalogue published: one calendar, and an agreement a council."""
    about: dict[str, Any] = {"source": "/catalogue", "time": FIRST - timedelta(days=90)}
    office = VersionData(version=1, definition=calendar())
    yield Message("calendar:office:1", encode_event(CalendarVersioned(id="c", subject="office", data=office, **about)))
    for council in COUNCILS:
        data = VersionData(version=1, definition=_agreement(council))
        event = AgreementVersioned(id=council, subject=council, data=data, **about)
        yield Message(f"agreement:{council}:1", encode_event(event))


def _agreement(council: str) -> Agreement:
    target = {
        "id": "resolve",
        "service": "*",
        "measure": "resolution-time",
        "within": "8 working hours",
        "calendar": "office",
        "warn_at": [75],
    }
    about = {"id": f"{council}-ict", "council": council, "provider": "joint-services", "title": "Illustrative"}
    return msgspec.convert({**about, "effective_from": "2025-01-01", "targets": [target]}, Agreement)

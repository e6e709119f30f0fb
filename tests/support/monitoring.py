"""A monitor on the embedded adapters, fed with the events of a catalogue and a provider."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.bus.connect import connect
from shared.contracts.catalogue import (
    AgreementVersioned,
    CalendarVersioned,
    PartnershipVersioned,
    VersionData,
)
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.definitions import Agreement, Calendar, Partnership
from shared.contracts.envelope import ItemEvent
from shared.contracts.items import (
    CompletedData,
    NewItemData,
    NoData,
    PausedData,
    TicketAsked,
    TicketOpened,
    TicketPaused,
    TicketReopened,
    TicketResolved,
    TicketResumed,
)
from shared.contracts.topics import CATALOGUE, TICKETS, TOPICS, VERDICTS, Topic
from shared.contracts.verdicts import VerdictEvent
from shared.log.port import Bus, Message, Quarantined, Shard, every_shard
from shared.scope import Scope
from shared.state.port import Head
from shared.units import EpochMillis
from sla_monitor.app import MonitorApp, build
from sla_monitor.settings import MonitorSettings
from tests.support.histories import LONDON

# Longer than any history of a test; those of archiving say how long.
NEVER_ARCHIVED = 3660


class MovableClock:
    """A wall clock that the test moves."""

    def __init__(self, at: str) -> None:
        self._at = local(at)

    def now(self) -> datetime:
        """The instant it was last moved to."""
        return self._at

    def move(self, to: str) -> None:
        """Time went on to `Mon 2026-03-02 09:00` in London."""
        self._at = local(to)


def local(text: str) -> datetime:
    """The aware instant of a weekday and a local time, as `histories.at` reads them."""
    return datetime.fromisoformat(text.partition(" ")[2]).replace(tzinfo=LONDON).astimezone(UTC)


class Monitor:
    """A running monitor, its log, and what it announced so far."""

    def __init__(self, app: MonitorApp, bus: Bus, clock: MovableClock) -> None:
        self.app, self.bus, self.clock = app, bus, clock

    async def publish_catalogue(self, *definitions: Agreement | Calendar | Partnership, version: int = 1) -> None:
        """The catalogue has published these versions."""
        for definition in definitions:
            event = _versioned(definition, version)
            await self.bus.publish(CATALOGUE.name, [Message(event.subject, encode_event(event))])

    async def send(self, *events: ItemEvent, at: str | None = None, topic: Topic = TICKETS) -> None:
        """The provider sends events, each when it happened or all of them at `at`."""
        sent = None if at is None else int(local(at).timestamp() * 1000)
        for event in events:
            stamp = int(event.time.timestamp() * 1000) if sent is None else sent
            await self.bus.publish(
                topic.name, [Message(event.key, encode_event(event), timestamp_ms=EpochMillis(stamp))]
            )

    async def send_raw(self, key: str, value: bytes, *, at: str) -> None:
        """Any bytes are sent as a record."""
        stamp = int(local(at).timestamp() * 1000)
        await self.bus.publish(TICKETS.name, [Message(key, value, timestamp_ms=EpochMillis(stamp))])

    async def wait_until_idle(self) -> None:
        """The monitor has no work left."""
        await self.app.catch_up()
        while await self.app.pending():  # noqa: ASYNC110 (what it does is stored, not signalled)
            await asyncio.sleep(0.01)

    async def announced(self) -> list[VerdictEvent]:
        """Every message on sla.verdicts.v1, one item's in order."""
        events: list[VerdictEvent] = []
        subscription = await self.bus.subscribe(f"test-{id(object())}", [VERDICTS.name])
        shards = every_shard([VERDICTS])
        for shard in shards:
            await subscription.seek(shard, 0)
        while records := await subscription.poll(max_records=500, timeout_s=0.05):
            for held in records.values():
                events += [
                    event for record in held if isinstance(event := decode_event(record.value or b""), VerdictEvent)
                ]
        await subscription.close()
        return events

    async def kinds(self) -> list[str]:
        """What was announced, by kind, in order of when it happened."""
        events = sorted(await self.announced(), key=lambda event: (event.time, event.id))
        return [type(event).__name__ for event in events]

    async def quarantined_records(self) -> list[Quarantined]:
        """Every record in quarantine."""
        return [entry.record async for entry in self.app.quarantine.entries(Scope.all(), decided=True)]

    async def heads(self) -> dict[Shard, Head]:
        """The head of every shard that was ever written."""
        return await self.app.heads()


@asynccontextmanager
async def monitor(
    folder: Path, *, now: str, state_url: str = "", archive_days: int = NEVER_ARCHIVED
) -> AsyncIterator[Monitor]:
    """A monitor that runs on `folder` until the block is left; its live state is there too unless it has an address."""
    stop = asyncio.Event()
    opened = idle_monitor(folder, now=now, state_url=state_url, archive_days=archive_days)
    async with opened as on, asyncio.TaskGroup() as tasks:
        tasks.create_task(on.app.run(stop))
        try:
            yield on
        finally:
            stop.set()


@asynccontextmanager
async def idle_monitor(
    folder: Path, *, now: str, state_url: str = "", archive_days: int = NEVER_ARCHIVED
) -> AsyncIterator[Monitor]:
    """As `monitor`, but nothing runs."""
    bus, clock = connect(f"sqlite:///{folder}/log.db"), MovableClock(now)
    await bus.ensure_topics(TOPICS)
    settings = MonitorSettings(
        TALLYSTICK_VAR=folder, SLA_CLOCK_MARGIN_S=0, STATE_URL=state_url, SLA_ARCHIVE_DAYS=archive_days
    )
    app = build(settings, bus=bus, clock=clock)
    try:
        yield Monitor(app, bus, clock)
    finally:
        await app.close()
        await bus.close()


TicketEvent = TicketOpened | TicketResolved | TicketPaused | TicketResumed | TicketAsked | TicketReopened


def ticket(
    *lines: tuple[str, str],
    item: str = "T1",
    council: str = "adur",
    service: str = "ict",
    value_pence: int | None = None,
) -> list[TicketEvent]:
    """The events of one ticket: lines of when and `opened`, `asked`, `paused`, `resumed`, `resolved` or `reopened`."""
    accepted = NewItemData(service=service, value_pence=value_pence)
    return [_event(when, what, accepted, item=item, council=council) for when, what in lines]


def _event(when: str, what: str, accepted: NewItemData, *, item: str, council: str) -> TicketEvent:
    # Of two councils' tickets of one name each has ids of its own.
    source = f"/test/{council}"
    about: dict[str, Any] = {"id": f"{item}:{when}:{what}", "source": source, "subject": item, "council": council}
    at = local(when)
    match what:
        case "opened":
            return TicketOpened(**about, time=at, data=accepted)
        case "asked":
            return TicketAsked(**about, time=at, data=NoData())
        case "reopened":
            return TicketReopened(**about, time=at, data=NoData())
        case "paused":
            return TicketPaused(**about, time=at, data=PausedData(reason="waiting", awaiting="council"))
        case "resumed":
            return TicketResumed(**about, time=at, data=NoData())
        case "resolved":
            return TicketResolved(**about, time=at, data=CompletedData())
    raise ValueError(f"no such event: {what}")


def _versioned(
    definition: Agreement | Calendar | Partnership, version: int
) -> AgreementVersioned | CalendarVersioned | PartnershipVersioned:
    kind = type(definition).__name__.lower()
    about: dict[str, Any] = {
        "id": f"{kind}:{definition.id}:{version}",
        "source": "/catalogue",
        "subject": f"{kind}:{definition.id}:{version}",
        "time": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=version),
    }
    if isinstance(definition, Agreement):
        return AgreementVersioned(**about, data=VersionData(version=version, definition=definition))
    if isinstance(definition, Partnership):
        return PartnershipVersioned(**about, data=VersionData(version=version, definition=definition))
    return CalendarVersioned(**about, data=VersionData(version=version, definition=definition))

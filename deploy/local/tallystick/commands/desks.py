"""The services' quarantines, opened where their settings say: the local folder, or servers."""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from billing.app import BillingApp
from billing.app import build as build_billing
from billing.settings import BillingSettings
from shared.bus.connect import connect
from shared.clock import WallClock
from shared.contracts.topics import TOPICS
from shared.log.port import BusError, Shard
from shared.quarantine.service import NotQuarantined, QuarantineEntry, QuarantineService
from shared.scope import Scope
from shared.settings import read_settings
from shared.sql.migrate import SchemaOutdated
from shared.startup_errors import InvalidSettings
from sla_monitor.app import MonitorApp
from sla_monitor.app import build as build_monitor
from sla_monitor.settings import MonitorSettings
from tallystick.console import fail

_SERVICES = ("sla-monitor", "billing")


@dataclass(frozen=True, slots=True)
class QuarantinedBy:
    """A record in the quarantine of one service."""

    quarantine: QuarantineService
    entry: QuarantineEntry


_UNUSABLE = (InvalidSettings, SchemaOutdated, BusError)
_DIGITS = re.compile(r"[0-9]{1,18}")  # what databases hold
# The same record may be set aside by both services: one place, and whoever holds it there.
Places = Mapping[str, Sequence[QuarantinedBy]]


def run(work: Coroutine[None, None, None]) -> None:
    """The work is done; what the settings name may be unusable, which ends the command."""
    try:
        asyncio.run(work)
    except _UNUSABLE as fault:
        fail(f"{fault}.", do="BUS_URL, STATE_URL, DATABASE_URL and TALLYSTICK_VAR say where the services keep theirs.")


@asynccontextmanager
async def opened(service: str | None) -> AsyncIterator[Sequence[QuarantineService]]:
    """The desk of `service`, or of both; closed on the way out."""
    async with readers(service) as apps:
        yield [app.quarantine for app in apps]


@asynccontextmanager
async def readers(service: str | None) -> AsyncIterator[Sequence[MonitorApp | BillingApp]]:
    """`service`, or both that read what providers send, not at work; closed on the way out."""
    if service not in {None, *_SERVICES}:
        fail(f"There is no quarantine of {service!r}.", do=f"Name one of {', '.join(_SERVICES)}.")
    monitor, billing = read_settings(MonitorSettings), read_settings(BillingSettings)
    if service is None and billing.database_url:
        fail("DATABASE_URL is of one service only.", do=f"Say whose with --service {' or '.join(_SERVICES)}.")
    async with AsyncExitStack() as stack:
        bus = connect(monitor.bus)
        stack.push_async_callback(bus.close)
        await bus.ensure_topics(TOPICS)
        apps: list[MonitorApp | BillingApp] = []
        if service != "billing":
            apps.append(build_monitor(monitor, bus=bus, clock=WallClock()))
            stack.push_async_callback(apps[-1].close)
        if service != "sla-monitor":
            apps.append(build_billing(billing, bus=bus, clock=WallClock()))
            stack.push_async_callback(apps[-1].close)
        yield apps


async def held(desks: Sequence[QuarantineService], *, because: str | None, decided: bool) -> Places:
    """What is open, or all with what was `decided`, by place."""
    found: defaultdict[str, list[QuarantinedBy]] = defaultdict(list)
    for quarantine in desks:
        async for entry in quarantine.entries(Scope.all(), decided=decided):
            if because in {None, entry.record.reason}:
                found[entry.place].append(QuarantinedBy(quarantine, entry))
    return found


async def held_at(desks: Sequence[QuarantineService], place: str) -> Sequence[QuarantinedBy]:
    """Who holds the record at `place`; ends the command where nobody does."""
    name, _, offset = place.rpartition("@")
    shard = shard_of(name)
    if not _DIGITS.fullmatch(offset):
        fail(f"{place!r} is no place of a record.", do="Write for example provider.work.v1/3@1042.")
    found: list[QuarantinedBy] = []
    for quarantine in desks:
        try:
            found.append(QuarantinedBy(quarantine, await quarantine.entry(Scope.all(), shard, int(offset))))
        except NotQuarantined:
            continue
    if not found:
        fail(f"Nothing was set aside at {place}.", do="`tallystick quarantine list --decided` shows what was.")
    return found


def shard_of(name: str) -> Shard:
    """The shard that is written as `provider.work.v1/3`; ends the command where none is."""
    topic, _, partition = name.rpartition("/")
    if not topic or not _DIGITS.fullmatch(partition):
        fail(f"{name!r} is no shard.", do="Write for example provider.work.v1/3.")
    return Shard(topic, int(partition))

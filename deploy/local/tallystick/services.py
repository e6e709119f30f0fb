"""Services opened where their settings name their log, state and databases: the local folder, or servers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from shared.clock import WallClock
from shared.contracts.topics import TOPICS
from tallystick.console import fail
from tallystick.stack import require_folder

if TYPE_CHECKING:  # importing the services takes a second: `--help` of a verb does not wait for them
    from billing.app import BillingApp
    from sla_monitor.app import MonitorApp

_SERVICES = ("sla-monitor", "billing")


@asynccontextmanager
async def open_services(service: str | None) -> AsyncIterator["Sequence[MonitorApp | BillingApp]"]:
    """`service`, or both that read what providers send, not running; closed on the way out."""
    from billing.app import build as build_billing
    from billing.settings import BillingSettings
    from shared.bus.connect import connect
    from shared.settings import read_settings
    from shared.sql.engine import busy_during_outages
    from sla_monitor.app import build as build_monitor
    from sla_monitor.settings import MonitorSettings

    if service not in {None, *_SERVICES}:
        fail(f"There is no service {service!r} with a quarantine.", do=f"Name one of {', '.join(_SERVICES)}.")
    monitor, billing = read_settings(MonitorSettings), read_settings(BillingSettings)
    addresses = [monitor.bus_url, monitor.database_url]
    require_folder(monitor.var, unless=addresses if service == "billing" else [*addresses, monitor.state_url])
    if service is None and billing.database_url:
        fail("DATABASE_URL is of one service only.", do=f"Say whose with --service {' or '.join(_SERVICES)}.")
    async with AsyncExitStack() as stack:
        bus = connect(monitor.bus)
        stack.push_async_callback(bus.close)
        await bus.ensure_topics(TOPICS)
        apps: list[MonitorApp | BillingApp] = []
        with busy_during_outages():
            if service != "billing":
                apps.append(build_monitor(monitor, bus=bus, clock=WallClock()))
                stack.push_async_callback(apps[-1].close)
            if service != "sla-monitor":
                apps.append(build_billing(billing, bus=bus, clock=WallClock()))
                stack.push_async_callback(apps[-1].close)
        yield apps

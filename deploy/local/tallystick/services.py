"""Services opened where their settings name their log, state and databases: the local folder, or servers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from shared.clock import WallClock
from shared.contracts.topics import TOPICS
from tallystick.console import fail
from tallystick.servers import ADDRESS, require_addresses
from tallystick.stack import require_data

if TYPE_CHECKING:  # importing the services takes a second: `--help` of a verb does not wait for them
    from billing.app import BillingApp
    from billing.settings import BillingSettings
    from sla_monitor.app import MonitorApp
    from sla_monitor.settings import MonitorSettings

MONITOR, BILLING = "sla-monitor", "billing"
DATABASE = "DATABASE_URL"
OWN_DATABASE = {MONITOR: "MONITOR_DATABASE_URL", BILLING: "BILLING_DATABASE_URL"}


@asynccontextmanager
async def open_services(service: str | None) -> AsyncIterator["Sequence[MonitorApp | BillingApp]"]:
    """`service`, or both that read what providers send, not running; closed on the way out."""
    from billing.app import build as build_billing
    from shared.bus.connect import connect
    from shared.sql.engine import busy_during_outages
    from sla_monitor.app import build as build_monitor
    from sla_monitor.settings import MonitorSettings

    settings = _settings(service)
    async with AsyncExitStack() as stack:
        bus = connect(settings[0].bus)
        stack.push_async_callback(bus.close)
        await bus.ensure_topics(TOPICS)
        apps: list[MonitorApp | BillingApp] = []
        with busy_during_outages():
            for each in settings:
                if isinstance(each, MonitorSettings):
                    apps.append(build_monitor(each, bus=bus, clock=WallClock()))
                else:
                    apps.append(build_billing(each, bus=bus, clock=WallClock()))
                stack.push_async_callback(apps[-1].close)
        yield apps


def _settings(service: str | None) -> "list[MonitorSettings | BillingSettings]":
    """Of `service`, or of both; ends the command where the environment does not say where all of it is."""
    from billing.settings import BillingSettings
    from shared.settings import read_settings, read_text
    from sla_monitor.settings import MonitorSettings

    kinds: dict[str, type[MonitorSettings | BillingSettings]] = {MONITOR: MonitorSettings, BILLING: BillingSettings}
    if service not in {None, *kinds}:
        fail(f"There is no service {service!r} with a quarantine.", do=f"Name one of {', '.join(kinds)}.")
    one, own = read_text(DATABASE), {name: read_text(setting) for name, setting in OWN_DATABASE.items()}
    if service is None and one and not all(own.values()):
        do = f"Set {' and '.join(OWN_DATABASE.values())}, or say whose it is with --service {' or '.join(kinds)}."
        fail(f"{DATABASE} is of one service only.", do=do)
    opened = list(kinds) if service is None else [service]
    if read_text("BUS_URL") or read_text(ADDRESS):
        databases = ((OWN_DATABASE[name], *([DATABASE] if service else [])) for name in opened)
        require_addresses(["BUS_URL"], *([["STATE_URL"]] if MONITOR in opened else []), *databases)
    found = [read_settings(kinds[name], DATABASE_URL=own[name] or one) for name in opened]
    states = [each.state_url for each in found if isinstance(each, MonitorSettings)]
    require_data(found[0].var, unless=[found[0].bus_url, *states, *(each.database_url for each in found)])
    return found

"""What judges without storing, put together."""

from shared.clock import Clock
from shared.log.port import Bus
from shared.state.connect import connect
from sla_monitor.judging.dry_run import RebuildDryRun
from sla_monitor.settings import MonitorSettings
from sla_monitor.store.views import CatalogueView, DecisionsView


class DryRunApp:
    """On live state and the log, beside the instances at work. It needs no database."""

    def __init__(self, settings: MonitorSettings, *, bus: Bus, clock: Clock) -> None:
        self._states = connect(settings.state)
        self._catalogue, self._decisions = CatalogueView(bus), DecisionsView(bus)
        self.foreseeing = RebuildDryRun(
            self._states, self._catalogue, self._decisions, clock, margin_s=settings.margin_s
        )

    async def learn(self) -> None:
        """What the catalogue has announced, and what was ruled, by now is known."""
        await self._catalogue.catch_up()
        await self._decisions.catch_up()

    async def close(self) -> None:
        """Everything is released."""
        await self._states.close()

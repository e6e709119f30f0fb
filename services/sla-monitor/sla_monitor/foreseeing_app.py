"""What judges without storing, put together."""

from shared.bus.port import Bus
from shared.clock import Clock
from shared.state.connect import connect
from sla_monitor.adapters.catalogue_view import CatalogueView
from sla_monitor.adapters.rulings_view import RulingsView
from sla_monitor.handlers.foreseeing import Foreseeing
from sla_monitor.settings import Settings


class ForeseeingApp:
    """On live state and the log, beside the instances at work. It needs no database."""

    def __init__(self, settings: Settings, *, bus: Bus, clock: Clock) -> None:
        self._states = connect(settings.state)
        self._catalogue, self._rulings = CatalogueView(bus), RulingsView(bus)
        self.foreseeing = Foreseeing(self._states, self._catalogue, self._rulings, clock, margin_s=settings.margin_s)

    async def learn(self) -> None:
        """What the catalogue has announced, and what was ruled, by now is known."""
        await self._catalogue.catch_up()
        await self._rulings.catch_up()

    async def close(self) -> None:
        """Everything is released."""
        await self._states.close()

"""Now and then a service is down for a council: seldom and briefly, except in its bad fortnight."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random

from shared.contracts.items import OutageData, OutageEnded, OutageStarted
from shared.period import LONDON, Month
from tallystick.demo.arrivals import arrivals
from tallystick.demo.envelopes import DemoItem
from tallystick.demo.randomness import about
from tallystick.demo.staff_hours import StaffHours
from tallystick.demo.volumes import in_trouble

_A_MONTH = 0.6
_BRIEF_H, _LONG_H, _SPREAD = 0.5, 2.5, 0.7


def outages_of(
    rng: Random, month: Month, *, council: str, service: str, staff_hours: StaffHours
) -> Iterator[OutageStarted | OutageEnded]:
    """Each outage's beginning and end. Outages last by the clock on the wall, staffed or not."""
    data = OutageData(service=service)
    for number, began in enumerate(
        arrivals(rng, month, expected=_A_MONTH, service=service, staff_hours=staff_hours), start=1
    ):
        troubled = in_trouble(service, began.astimezone(LONDON).date())
        hours = about(rng, _LONG_H if troubled else _BRIEF_H, spread=_SPREAD)
        item = DemoItem(council, f"{council}-{service}-outage-{month.year}{month.month:02}-{number:02}")
        yield OutageStarted(**item.envelope("outage-started", began), data=data)
        ended = began + timedelta(seconds=round(hours * 3600))
        yield OutageEnded(**item.envelope("outage-ended", ended), data=data)

"""Availability: which share of the service hours of a period the service was there. Integer seconds throughout.

Outages are united, counted inside the service hours only, and what is excluded leaves both sides of the share (R46).
"""

from collections.abc import Iterable

from msgspec import Struct

from sla_monitor.domain.working_time.compiled import WorkingTime
from sla_monitor.domain.working_time.intervals import Interval, merged, without


class Availability(Struct, frozen=True):
    """Seconds of service hours, and those of them in which the service was out."""

    service_s: int
    outage_s: int

    @property
    def good_s(self) -> int:
        """Seconds of service hours in which the service was there."""
        return self.service_s - self.outage_s


def availability(
    hours: WorkingTime, *, outages: Iterable[Interval], excluded: Iterable[Interval], start: int, end: int
) -> Availability:
    """What holds of `[start, end)`. Spans are in epoch seconds, in any order, and may overlap or lie outside it.

    Raises `BeyondHorizon`.
    """
    holes = merged(excluded)
    down = merged((max(begun, start), min(over, end)) for begun, over in outages)
    return Availability(
        service_s=_open_seconds(hours, without(merged([(start, end)]), holes)),
        outage_s=_open_seconds(hours, without(down, holes)),
    )


def _open_seconds(hours: WorkingTime, spans: Iterable[Interval]) -> int:
    return sum(hours.between(start, end) for start, end in spans)

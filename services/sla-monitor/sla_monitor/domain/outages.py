"""Outages as they are known: when a service was down for a council."""

from collections.abc import Sequence

from msgspec import Struct

from sla_monitor.domain.clock.timeline import FOREVER
from sla_monitor.domain.facts import AnyFact, OutageBegan, OutageOver
from sla_monitor.domain.item import OUTAGE_MARK


class Outage(Struct, frozen=True):
    """A service was down in [start, end), epoch seconds; `end` is FOREVER while it still is."""

    id: str
    council: str
    service: str
    start: int
    end: int


def outage_of(key: str, facts: Sequence[AnyFact]) -> Outage | None:
    """From the first start told to the first end after it; None while no start is known."""
    council, _, name = key.removeprefix(OUTAGE_MARK).partition(":")
    began = next((fact for fact in facts if isinstance(fact, OutageBegan)), None)
    if began is None:
        return None
    ends = (fact.at_s for fact in facts if isinstance(fact, OutageOver) and fact.at_s >= began.at_s)
    return Outage(name, council, began.service, began.at_s, next(ends, FOREVER))

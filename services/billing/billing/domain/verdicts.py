"""What billing keeps of a verdict that the monitor published: the latest on one target of one item.

Events of an item are read in the order in which they were sent, so the latest in the log is the verdict that holds.
Each counts in the month that it names itself, on whatever day it arrives.
"""

from datetime import date
from typing import Literal

from msgspec import Struct

from billing.domain.metering import Origin, london_day
from shared.contracts.scalars import Stream
from shared.contracts.verdicts import (
    TargetBreached,
    TargetMet,
    VerdictCorrected,
    VerdictEvent,
    VerdictKey,
    VerdictRetracted,
    verdict_key,
)
from shared.instants import epoch_us

# retracted: the verdict holds no longer; the item counts in no month until another is published
ReceivedOutcome = Literal["met", "breached", "retracted"]


class VerdictReceived(Struct, frozen=True, gc=False):
    """The verdict of a key, from `council` to `cycle` as in `VerdictKey`; `month` is written 2026-03.

    `offset` is where in the item's partition it was published.
    """

    origin: Origin
    council: str
    agreement: str
    target: str
    stream: Stream
    item: str
    cycle: int
    service: str
    month: str
    day: date
    outcome: ReceivedOutcome
    value_pence: int | None
    offset: int

    @property
    def key(self) -> VerdictKey:
        """Which verdict it is."""
        return VerdictKey(self.council, self.agreement, self.target, self.stream, self.item, self.cycle)


def verdict_of(event: VerdictEvent, offset: int) -> VerdictReceived | None:
    """The verdict that `event`, at `offset`, publishes or retracts; None for a warning."""
    match event:
        case TargetMet(data=data) | TargetBreached(data=data) | VerdictCorrected(data=data):
            return _received(event, offset, data.month, data.outcome, data.value_pence)
        case VerdictRetracted(data=data):
            return _received(event, offset, data.was_month, "retracted", None)
        case _:
            return None


def _received(
    event: VerdictEvent, offset: int, month: str, outcome: ReceivedOutcome, value_pence: int | None
) -> VerdictReceived:
    origin = Origin(event.source, event.id, epoch_us(event.time))
    return VerdictReceived(
        origin,
        *verdict_key(event),
        service=event.data.service,
        month=month,
        day=london_day(origin.at_us),
        outcome=outcome,
        value_pence=value_pence,
        offset=offset,
    )

"""Usage that no ticket or work item carries: readings, headcounts, licences."""

from datetime import date

from msgspec import field

from shared.contracts.envelope import EventData, ItemEvent
from shared.contracts.items import Attributes
from shared.contracts.scalars import EventId, Id, Quantity, SignedQuantity, Source


class UsageData(EventData, frozen=True, kw_only=True):
    """A quantity of a service's unit of work."""

    service: Id
    quantity: Quantity
    unit: Id | None = None  # when given, it must be the service's unit
    business_date: date | None = None  # for facts known by date only; it, and not `time`, chooses the month
    attributes: Attributes = field(default_factory=dict)  # what meters may select by: grade, site


class ReversalData(EventData, frozen=True, kw_only=True):
    """The source and id of the reading that is reversed, whole."""

    service: Id
    reversed_source: Source
    reversed_id: EventId


class AdjustmentData(EventData, frozen=True, kw_only=True):
    """The source and id of the reading that was wrong, and by how much: it counts `quantity` more, or less."""

    service: Id
    quantity: SignedQuantity
    adjusted_source: Source
    adjusted_id: EventId


class UsageRecorded(ItemEvent, frozen=True, kw_only=True, tag="tallystick.usage.recorded.v1"):
    """A council used a quantity of a service; `subject` names the reading."""

    data: UsageData


class UsageReversed(ItemEvent, frozen=True, kw_only=True, tag="tallystick.usage.reversed.v1"):
    """An earlier reading was wrong and does not count. `subject` is the subject of that reading."""

    data: ReversalData


class UsageAdjusted(ItemEvent, frozen=True, kw_only=True, tag="tallystick.usage.adjusted.v1"):
    """An earlier reading counts a quantity more or less, on its own day. `subject` is the subject of that reading."""

    data: AdjustmentData


UsageEvent = UsageRecorded | UsageReversed | UsageAdjusted

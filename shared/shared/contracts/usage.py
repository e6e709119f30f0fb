"""Usage that no ticket or work item carries: readings, headcounts, licences."""

from datetime import date

from shared.contracts.envelope import EventData, ItemEvent
from shared.contracts.scalars import EventId, Id, Quantity, Source


class UsageData(EventData, frozen=True, kw_only=True):
    """A quantity of a service's unit of work."""

    service: Id
    quantity: Quantity
    unit: Id | None = None  # when given, it must be the service's unit
    business_date: date | None = None  # for facts known by date only; it, and not `time`, chooses the month


class ReversalData(EventData, frozen=True, kw_only=True):
    """The source and id of the reading that is reversed, whole."""

    service: Id
    reversed_source: Source
    reversed_id: EventId


class UsageRecorded(ItemEvent, frozen=True, kw_only=True, tag="tallystick.usage.recorded.v1"):
    """A council used a quantity of a service; `subject` names the reading."""

    data: UsageData


class UsageReversed(ItemEvent, frozen=True, kw_only=True, tag="tallystick.usage.reversed.v1"):
    """An earlier reading was wrong and does not count. `subject` is the subject of that reading."""

    data: ReversalData


UsageEvent = UsageRecorded | UsageReversed

"""Events made and encoded, ready to be appended to their topic."""

from datetime import datetime
from typing import NamedTuple

from shared.contracts.codec import encode_event
from shared.contracts.envelope import EventData
from shared.ids import derived_id
from shared.instants import epoch_us
from tallystick.replay.event_types import TOPIC, Kind, ReplayEventType
from tallystick.replay.rows import RowCounts


class TimedEvent(NamedTuple):
    """An event as it goes into the log: when it happened, in microseconds of the epoch, where to, and its bytes."""

    at_us: int
    topic: str
    key: str
    value: bytes


class EventBuilder:
    """Makes the events of one file's items. An id says what the event is, so a second replay makes the same ones."""

    def __init__(self, source: str, kind: Kind, counts: RowCounts) -> None:
        self._source = source
        self._topic = TOPIC[kind]
        self._events = counts.events

    def make(
        self, happening: ReplayEventType, *, council: str, item: str, at: datetime, data: EventData, occurrence: int = 1
    ) -> TimedEvent:
        """The event, encoded. `occurrence` counts those of its type from 1 on within the item."""
        event = happening.make(
            id=derived_id("replay", self._source, council, item, happening.name, occurrence),
            source=self._source,
            time=at,
            subject=item,
            council=council,
            data=data,
        )
        self._events[happening.event_type] += 1
        return TimedEvent(epoch_us(at), self._topic, event.key, encode_event(event))

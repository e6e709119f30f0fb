"""What integrators send: each type of event with its topic, and the one check of a whole event before it is in the log.

Whoever takes events in elsewhere than at the log asks here, so that what is accepted there is no poison later.
"""

from typing import get_args

from shared.contracts.items import FactWithdrawn, TicketEvent, WorkEvent
from shared.contracts.topics import TICKETS, TOPIC_OF_STREAM, USAGE, WORK
from shared.contracts.usage import UsageEvent
from shared.log.validation import InvalidRecord, check_personal_data, check_time, validate

ProvidedEvent = TicketEvent | WorkEvent | UsageEvent | FactWithdrawn
PROVIDED: frozenset[type[ProvidedEvent]] = frozenset(get_args(ProvidedEvent))
_TOPIC = {
    type_: topic.name
    for topic, events in ((TICKETS, TicketEvent), (WORK, WorkEvent), (USAGE, UsageEvent))
    for type_ in get_args(events)
}


def topic_of(event: ProvidedEvent) -> str:
    """The topic to which the event belongs."""
    if isinstance(event, FactWithdrawn):
        return TOPIC_OF_STREAM[event.data.stream]
    return _TOPIC[type(event)]


def topics_of(type_: type[ProvidedEvent]) -> list[str]:
    """The topics that carry events of a type: more than one where it is about any kind of item."""
    return [_TOPIC[type_]] if type_ in _TOPIC else sorted(set(TOPIC_OF_STREAM.values()))


def read_provided(value: bytes | None, *, now_ms: int) -> ProvidedEvent | InvalidRecord:
    """The event that an integrator sends now, or why every service would quarantine it. Never raises."""
    event = validate(value, PROVIDED)
    if isinstance(event, InvalidRecord):
        return event
    return check_personal_data(value or b"") or check_time(event, now_ms) or event

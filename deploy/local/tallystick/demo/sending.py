"""Illustrative events brought to the log, in order of arrival."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from shared.contracts.codec import encode_event
from shared.contracts.envelope import ItemEvent
from shared.log.port import Bus, Message

_AT_ONCE = 4000


async def send(bus: Bus, events: Sequence[tuple[str, ItemEvent]], *, report: Callable[[int], None]) -> None:
    """Every event is in the log under its topic. `report` is told how many are, again and again."""
    latest_ms = 0
    for start in range(0, len(events), _AT_ONCE):
        topics: dict[str, list[Message]] = defaultdict(list)
        for topic, event in events[start : start + _AT_ONCE]:
            # The log's clock goes on only: an event that came late was written when it came.
            latest_ms = max(latest_ms, int(event.time.timestamp() * 1000))
            topics[topic].append(Message(event.key, encode_event(event), timestamp_ms=latest_ms))
        for topic, messages in topics.items():
            await bus.publish(topic, messages)
        report(min(start + _AT_ONCE, len(events)))

"""What networks do to events: some arrive hours after they happened, some arrive twice."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from shared.contracts.envelope import ItemEvent

_LATE, _TWICE = 0.006, 0.004


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event, the topic it is sent to, and when it gets there."""

    at: datetime
    topic: str
    event: ItemEvent


def deliveries(rng: Random, topic: str, events: Iterable[ItemEvent]) -> Iterator[Delivery]:
    """Every event at least once, most of them at once."""
    for event in events:
        delay = timedelta(minutes=rng.randrange(90, 2400)) if rng.random() < _LATE else timedelta()
        yield Delivery(event.time + delay, topic, event)
        if rng.random() < _TWICE:
            yield Delivery(event.time + delay + timedelta(seconds=rng.randrange(5, 1200)), topic, event)

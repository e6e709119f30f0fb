"""The demo's events: how one is made, their random numbers, and how late or often a network delivers them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar

from shared.contracts.envelope import EventData, ItemEvent
from shared.ids import derived_id

SOURCE = "/demo/illustrative-year"
_LATE, _TWICE = 0.006, 0.004

AnEvent = TypeVar("AnEvent")


@dataclass(frozen=True, slots=True)
class DemoItem:
    """What a chain of events is about; `subject` is an opaque id."""

    council: str
    subject: str

    def event(self, make: Callable[..., AnEvent], at: datetime, data: EventData) -> AnEvent:
        """An event of the type `make`; one item has each type at most once at an instant."""
        return make(
            id=self.id_of(make, at),
            source=SOURCE,
            time=at,
            subject=self.subject,
            council=self.council,
            data=data,
        )

    def id_of(self, make: Callable[..., object], at: datetime) -> str:
        """The id of its event of that type and instant."""
        type_: Any = make
        name = type_.__struct_config__.tag.split(".")[2]
        return derived_id("illustrative", self.council, self.subject, name, at.isoformat())


def stream(seed: int, *names: str) -> Random:
    """The random numbers of what `names` single out; the same for the same seed, on every machine."""
    return Random("\x1f".join([str(seed), *names]))  # noqa: S311 (illustrative data has to repeat; nothing is secret)


def about(rng: Random, median: float, *, spread: float) -> float:
    """A log-normal duration around `median`: mostly near it, now and then several times as long."""
    return rng.lognormvariate(0.0, spread) * median


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

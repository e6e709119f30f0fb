"""What is sent of a file, and what of it need not be: the log holds it already, and the services have applied it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING

from shared.contracts.topics import USAGE
from shared.log.port import Bounds, Bus, Message, Shard
from shared.units import EpochMillis, Offset
from tallystick.publish import publish
from tallystick.replay.events import TimedEvent
from tallystick.replay.results import EventResults, Intake, QuarantinedEvents, results_between
from tallystick.replay.rows import RowCounts
from tallystick.replay.scratch import FirstValues, Scratch, StoredCounts

if TYPE_CHECKING:  # importing the services takes a second: `--help` does not wait for them
    from tallystick.stack import Stack

Moved = Callable[[int], None]
_AT_ONCE = 4_000
# Looking through the log takes a tenth of the time of sending events again: a much longer one is not looked through.
_LOG_PER_EVENT = 4


@dataclass(slots=True)
class Sent:
    """What was made of one file, and how far the services were `before`.

    `items` counts its events by the key of their item; `known` of them were not sent, as `KnownEvents` says.
    """

    before: Intake
    items: StoredCounts
    rows: RowCounts = field(default_factory=RowCounts)
    events: int = 0
    known: int = 0
    topics: set[str] = field(default_factory=set)

    def unjudged(self, after: Intake) -> frozenset[str]:
        """The keys of the items that Tallystick failed to judge."""
        return frozenset(key for key in self.items if after.leaves_unjudged(key)) if after.any_unjudged else frozenset()

    def results(self, after: Intake, quarantined: Sequence[QuarantinedEvents]) -> EventResults:
        """What became of the events by `after`."""
        return results_between(
            self.before, after, events=self.events, known=self.known, items=self.items, quarantined=quarantined
        )


class KnownEvents:
    """The events that the log holds and both services have applied: sent again, each would change nothing.

    None of a shard of which either service has quarantined anything, for that may be what it did with the event.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._values = FirstValues[int](scratch)
        self._any = False

    def holds(self, event: TimedEvent) -> bool:
        """Whether the event is one of them."""
        return self._any and self._values.get(_digest(event.value)) is not None

    async def find(self, stack: "Stack", before: Intake, *, events: int) -> None:
        """Tickets and work of the log are known, unless that takes longer than to send `events`."""
        bounds = {shard: each for shard, each in before.bounds.items() if shard.topic != USAGE.name}
        if sum(each.end - each.first for each in bounds.values()) > _LOG_PER_EVENT * events:
            return
        for shard, each in bounds.items():
            if shard not in before.quarantined:
                await self._read(stack.bus, shard, each)

    async def _read(self, bus: Bus, shard: Shard, bounds: Bounds) -> None:
        start = bounds.first
        while start < bounds.end:
            records = await bus.read(shard, start, limit=_AT_ONCE)
            self._values.add((_digest(record.value or b""), 1) for record in records)
            self._any, start = True, Offset(records[-1].offset + 1)


async def send(stack: "Stack", events: Iterator[TimedEvent], sent: Sent, known: KnownEvents, moved: Moved) -> None:
    """Every event is in the log under its topic; `sent` counts them, and `moved` gets how many there are by now."""

    def new() -> Iterator[tuple[str, Message]]:
        while batch := list(islice(events, _AT_ONCE)):
            sent.events += len(batch)
            sent.items.add(event.key for event in batch if event.topic != USAGE.name)
            unknown = [event for event in batch if not known.holds(event)]
            sent.known += len(batch) - len(unknown)
            sent.topics.update(event.topic for event in batch)
            moved(sent.events)
            yield from map(_message, unknown)

    await publish(stack.bus, new(), lambda _: None)


def _message(event: TimedEvent) -> tuple[str, Message]:
    """The log's clock is the event's own time: a replay must not judge the past by today's date."""
    return event.topic, Message(event.key, event.value, timestamp_ms=EpochMillis(max(event.at_us // 1000, 0)))


def _digest(value: bytes) -> str:
    return blake2b(value, digest_size=16).hexdigest()

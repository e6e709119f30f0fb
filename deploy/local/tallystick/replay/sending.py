"""What is sent of a file: only what it changes of what its source sent before."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from shared.contracts.codec import AnyEvent, UndecodableEvent, decode_event
from shared.contracts.topics import TICKETS, USAGE, WORK
from shared.log.port import Bounds, Bus, Message, Shard, every_shard
from shared.scope import Scope
from shared.units import EpochMillis, Offset
from tallystick.publish import publish
from tallystick.replay.changes import ExportChanges, ExportDifference
from tallystick.replay.events import TimedEvent
from tallystick.replay.export_register import ExportRegister
from tallystick.replay.mapping_schema import AnyItems, MappingContent
from tallystick.replay.results import EventResults, Intake, QuarantinedEvents, results_between
from tallystick.replay.rows import RowCounts
from tallystick.replay.scratch import StoredCounts

if TYPE_CHECKING:  # importing the services takes a second: `--help` does not wait for them
    from tallystick.stack import Stack

Moved = Callable[[int], None]
Places = frozenset[tuple[Shard, int]]
_AT_ONCE = 4_000


class TooManyGone(Exception):
    """So many items would go that somebody must approve it; the message says how, and nothing was sent."""


@dataclass(slots=True)
class Sent:
    """What was made of one file, and how far the services were `before`.

    `items` counts its events by the key of their item; `changes` says what of them was sent.
    """

    before: Intake
    items: StoredCounts
    rows: RowCounts = field(default_factory=RowCounts)
    changes: ExportDifference = field(default_factory=ExportDifference)
    events: int = 0
    topics: set[str] = field(default_factory=set)

    def unjudged(self, after: Intake) -> frozenset[str]:
        """The keys of the items that Tallystick failed to judge."""
        return frozenset(key for key in self.items if after.leaves_unjudged(key)) if after.any_unjudged else frozenset()

    def results(self, after: Intake, quarantined: Iterable[QuarantinedEvents]) -> EventResults:
        """What became of the events by `after`, withdrawals included."""
        return results_between(
            self.before,
            after,
            events=self.events + self.changes.withdrawn,
            known=self.changes.known,
            kept=self.changes.kept,
            items=self.items,
            quarantined=quarantined,
        )


def topic_of(content: MappingContent) -> str:
    """The topic to which the events of a file go."""
    if isinstance(content, AnyItems):
        return TICKETS.name if content.kind == "ticket" else WORK.name
    return USAGE.name


async def quarantined_places(stack: "Stack") -> Places:
    """Where either service holds in quarantine what it never applied."""
    found: set[tuple[Shard, int]] = set()
    for service in (stack.monitor.quarantine, stack.billing.quarantine):
        async for entry in service.entries(Scope.all(), decided=True):
            found.add((entry.shard, entry.record.offset))
    return frozenset(found)


async def read_sent(bus: Bus, topic: str, exported: ExportChanges, *, source: str, unless: Places) -> None:
    """What the source ever sent to the topic is known to `exported`, but for what lies at the places `unless`."""
    marker = msgspec.json.encode(source)
    for shard in every_shard(each for each in (TICKETS, WORK, USAGE) if each.name == topic):
        bounds: Bounds = await bus.bounds(shard)
        start = bounds.first
        while start < bounds.end:
            records = await bus.read(shard, start, limit=_AT_ONCE)
            values = [
                record.value
                for record in records
                if record.value and marker in record.value and (shard, record.offset) not in unless
            ]
            await asyncio.to_thread(exported.add_sent, list(_decoded(values)))
            start = Offset(records[-1].offset + 1)


def _decoded(values: Iterable[bytes]) -> Iterator[tuple[AnyEvent, bytes]]:
    for value in values:
        try:
            yield decode_event(value), value
        except UndecodableEvent:
            continue  # which is in quarantine, or belongs to a later release


def compared(
    exported: ExportChanges, events: Iterable[TimedEvent], sent: Sent, register: ExportRegister, moved: Moved
) -> Iterable[TimedEvent]:
    """What is to be sent of the events, all of which `sent` counts; `moved` gets how many have been compared."""
    batches, first = iter(events), not exported.any_sent and exported.is_newest(register)
    while batch := list(islice(batches, _AT_ONCE)):
        sent.events += len(batch)
        sent.items.add(event.key for event in batch)
        sent.topics.update(event.topic for event in batch)
        if not first:
            exported.add_stated(batch)
        moved(sent.events)
    if first:
        sent.changes = ExportDifference(new=sent.events)
        return events
    sent.changes = exported.compare(register, sent.rows.refused_lines.keys())
    return exported.events(events)


async def send(bus: Bus, events: Iterable[TimedEvent], moved: Moved) -> None:
    """Every event is in the log under its topic; `moved` gets how many there are by now."""
    await publish(bus, map(message_of, events), moved)


def message_of(event: TimedEvent) -> tuple[str, Message]:
    """The log's clock is the event's own time: a replay must not judge the past by today's date."""
    return event.topic, Message(event.key, event.value, timestamp_ms=EpochMillis(max(event.at_us // 1000, 0)))

"""The events of a file as the records that they would be, in their order of sending; or why a line is none."""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, get_args

from msgspec import Struct

from billing.domain.ingest import ingest_record
from shared.contracts.codec import UndecodableEvent, UnknownEventType, decode_event
from shared.contracts.items import FactWithdrawn, TicketEvent, TicketOpened, WorkEvent, WorkReceived
from shared.contracts.scalars import Stream
from shared.contracts.topics import PARTITIONS, TICKETS, USAGE, WORK
from shared.contracts.usage import UsageEvent
from shared.instants import epoch_ms
from shared.log.partitioner import partition_of
from shared.log.port import Message, Record, Shard
from shared.log.validation import InvalidRecord, check_personal_data
from shared.units import EpochMillis, Offset
from tallystick.replay.opened import BROKEN
from tallystick.replay.table import UnreadableFile

ProviderEvent = TicketEvent | WorkEvent | UsageEvent | FactWithdrawn
_TOPIC: dict[type, str] = {
    type_: topic.name
    for topic, events in ((TICKETS, TicketEvent), (WORK, WorkEvent), (USAGE, UsageEvent))
    for type_ in get_args(events)
}
_WITHDRAWN_FROM: dict[Stream, str] = {"ticket": TICKETS.name, "work": WORK.name, "service": WORK.name}
# The reason of rows that make no event.
ROW = "ROW"
# The reasons of lines and rows that are no event at all.
NO_EVENT = frozenset({ROW, "UNREADABLE", "UNKNOWN_TYPE"})
_OPENINGS = (TicketOpened, WorkReceived)


class Refusal(Struct, frozen=True):
    """What of the file will not be sent: where it is, by which rule, and what to put right."""

    where: str
    reason: str
    detail: str


class FileLine(NamedTuple):
    """What is to be an event, and where in the file it comes from."""

    where: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Candidate:
    """A valid event as the record of `shard` that it would be, with the event's own time."""

    where: str
    shard: Shard
    record: Record
    event: ProviderEvent

    @property
    def message(self) -> Message:
        """The event as it is sent."""
        return Message(self.event.key, self.record.value or b"", timestamp_ms=self.record.timestamp_ms)


def events_of_lines(path: Path) -> Iterator[FileLine]:
    """Each line that is not blank, without the spaces around it; raises `UnreadableFile` for a file that breaks off."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as lines:
            for number, line in enumerate(lines, start=1):
                if value := line.strip():
                    yield FileLine(f"line {number}", value)
    except BROKEN as fault:
        raise UnreadableFile(f"{path.name} cannot be read to its end: {fault}") from fault


def read_candidate(line: FileLine, *, now_ms: int) -> Candidate | Refusal:
    """The line as a record, validated as every service would; a time after `now_ms` is no time of sending."""
    try:
        event = decode_event(line.value)
    except UndecodableEvent as fault:
        return Refusal(line.where, "UNKNOWN_TYPE" if isinstance(fault, UnknownEventType) else "UNREADABLE", str(fault))
    topic = _WITHDRAWN_FROM[event.data.stream] if isinstance(event, FactWithdrawn) else _TOPIC.get(type(event))
    if topic is None or not isinstance(event, ProviderEvent):
        return Refusal(line.where, "FOREIGN_TYPE", "providers do not send events of this type")
    key = event.key.encode()
    shard = Shard(topic, partition_of(key, PARTITIONS))
    record = Record(Offset(0), key, line.value, (), EpochMillis(min(now_ms, max(0, epoch_ms(event.time)))))
    if (personal := check_personal_data(line.value)) is not None:
        return Refusal(line.where, personal.reason, personal.detail)
    ingested = ingest_record(shard, record)
    if isinstance(ingested, InvalidRecord):
        return Refusal(line.where, ingested.reason, ingested.detail)
    return Candidate(line.where, shard, record, event)


def in_sending_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Item by item, and of each item its opening last.

    No item is judged before its opening is known: so it is judged once, by all that the file says of it. In the order
    of happening, whatever has long been due would be announced as missed, and then corrected.
    """
    first: dict[tuple[Shard, str], int] = {}
    listed = list(candidates)
    for each in listed:
        of = each.shard, each.event.key
        first[of] = min(first.get(of, each.record.timestamp_ms), each.record.timestamp_ms)
    return sorted(
        listed,
        key=lambda each: (
            first[each.shard, each.event.key],
            each.event.key,
            isinstance(each.event, _OPENINGS),
            each.event.time,
            each.event.id,
        ),
    )

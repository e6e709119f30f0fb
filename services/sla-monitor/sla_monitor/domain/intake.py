"""Whether a record can be believed: what it must be before it may touch an item."""

from msgspec import Struct

from shared.bus.partitioner import partition_of
from shared.bus.port import Record, Shard
from shared.contracts.clockwork import TimeAdvanced
from shared.contracts.codec import UndecodableEvent, decode_event
from shared.contracts.topics import PARTITIONS, REPLAYABLE_DAYS
from sla_monitor.domain.facts import US, ItemEvent, microseconds

# Clocks of honest senders differ by less; a later time would move deadlines that nobody has reached (R38).
MOST_AHEAD_S = 300
MOST_BYTES = 256 * 1024


class Refused(Struct, frozen=True):
    """Why a record goes to quarantine: a code to count by, and what to put right. Never the value itself."""

    reason: str
    detail: str


Accepted = ItemEvent | TimeAdvanced


def read_record(shard: Shard, record: Record) -> Accepted | Refused:
    """The event that a record of `shard` holds, or why it is none of the monitor's."""
    if not record.value:
        return Refused("EMPTY", "the record has no value")
    if len(record.value) > MOST_BYTES:
        return Refused("TOO_LARGE", f"expected at most {MOST_BYTES} bytes, got {len(record.value)}")
    try:
        event = decode_event(record.value)
    except UndecodableEvent as fault:
        return Refused("UNREADABLE", str(fault))
    if isinstance(event, TimeAdvanced):
        return event
    if not isinstance(event, Accepted):
        return Refused("FOREIGN_TYPE", f"{type(event).__name__} does not belong on {shard.topic}")
    return _misplaced(shard, record, event) or _mistimed(record, event) or event


def _misplaced(shard: Shard, record: Record, event: ItemEvent) -> Refused | None:
    key = event.key.encode()
    if record.key != key:
        return Refused("KEY_MISMATCH", "the record's key is not council:subject of its event")
    if partition_of(key, PARTITIONS) != shard.partition:
        return Refused("KEY_PARTITION_MISMATCH", "the record's key belongs to another partition")
    return None


def _mistimed(record: Record, event: ItemEvent) -> Refused | None:
    ahead_s = microseconds(event.time) / US - record.timestamp_ms / 1000
    if ahead_s > MOST_AHEAD_S:
        return Refused("FUTURE_TIME", f"dated {ahead_s:.0f} s after it was sent; at most {MOST_AHEAD_S} s is believed")
    if -ahead_s > REPLAYABLE_DAYS * 86_400:
        return Refused("TOO_OLD", f"dated over {REPLAYABLE_DAYS} days before it was sent: send it as a replay")
    return None

"""Whether a record can be believed: what it must be before any service takes it in.

One judgement for all services, so that a record which one of them sets aside is set aside by every other that reads
it, for the same reason. A record is refused for what it *is*; a council or service that nobody knows yet is no fault.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypeVar, cast

import msgspec

from shared.contracts.clockwork import TimeAdvanced
from shared.contracts.codec import AnyEvent, UndecodableEvent, UnknownEventType, decode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.items import TicketOpened, WorkReceived
from shared.contracts.topics import PARTITIONS, REPLAYABLE_DAYS, TICKETS, USAGE, WORK
from shared.contracts.usage import UsageRecorded
from shared.json_values import NotStrictJson, strict_json
from shared.log.partitioner import partition_of
from shared.log.port import Quarantined, Record, Shard

Reason = Literal[
    "EMPTY",
    "TOO_LARGE",
    "UNREADABLE",
    "UNKNOWN_TYPE",
    "FOREIGN_TYPE",
    "TIME_OUT_OF_RANGE",
    "KEY_MISMATCH",
    "KEY_PARTITION_MISMATCH",
    "FUTURE_TIME",
    "TOO_OLD",
    "ID_REUSE_CONFLICT",
]
E = TypeVar("E")

MAX_EVENT_BYTES = 256 * 1024
# Clocks of honest senders differ by less; a later time would move deadlines that nobody has reached.
MAX_AHEAD = timedelta(minutes=5)
MAX_AGE = timedelta(days=REPLAYABLE_DAYS)
_MOST_AHEAD_S, _OLDEST_S = MAX_AHEAD.total_seconds(), MAX_AGE.total_seconds()
_YEARS = range(2000, 2101)  # outside of them, local dates and integer microseconds are not worth trusting
# Anybody may write there; what our own services write is placed and dated by code of ours.
_PROVIDERS = frozenset({TICKETS.name, WORK.name, USAGE.name})
_NUL = rb"\u0000"  # JSON has no other way to write it
_OTHER_TIME: dict[type, Callable[..., date | None]] = {
    TicketOpened: lambda event: event.data.due_at,
    WorkReceived: lambda event: event.data.due_at,
    UsageRecorded: lambda event: event.data.business_date,
    TimeAdvanced: lambda event: event.data.to,
}


@dataclass(frozen=True, slots=True)
class InvalidRecord:
    """Why a record goes to quarantine: a code to count by, and what to put right. Never the value itself."""

    reason: Reason
    detail: str


CONFLICT = InvalidRecord("ID_REUSE_CONFLICT", "expected the content that was first received under this source and id")


def as_quarantined(record: Record, refused: InvalidRecord) -> Quarantined:
    """The record as quarantine keeps it: its own bytes, and why."""
    return Quarantined(record.offset, refused.reason, refused.detail, record.key, record.value, record.timestamp_ms)


def read_event(shard: Shard, record: Record, carried: frozenset[type[E]]) -> E | InvalidRecord:
    """The event that a record of `shard` holds, one of `carried`, or why it is none. Never raises."""
    if not record.value:
        return InvalidRecord("EMPTY", "expected an event, got a record without a value")
    if len(record.value) > MAX_EVENT_BYTES:
        return InvalidRecord("TOO_LARGE", f"expected at most {MAX_EVENT_BYTES} bytes, got {len(record.value)}")
    try:
        event = decode_event(record.value)
        _require_strictness(record.value)
    except UnknownEventType as fault:
        return InvalidRecord("UNKNOWN_TYPE", str(fault))
    except (UndecodableEvent, NotStrictJson) as fault:
        return InvalidRecord("UNREADABLE", str(fault))
    if type(event) not in carried:
        return InvalidRecord("FOREIGN_TYPE", f"{shard.topic} does not carry events of this type")
    # The line above is what the cast says: a set of types cannot narrow a union for the type checker.
    return _misdated(event) or _misplaced(shard, record, event) or _mistimed(shard, record, event) or cast(E, event)


def _require_strictness(value: bytes) -> None:
    """Raises `NotStrictJson` for what the typed decode lets pass: doubled keys, NUL, bad text in unknown attributes."""
    if _NUL in value:
        raise NotStrictJson("a text holds the character NUL, which databases refuse")
    try:
        again = msgspec.json.encode(msgspec.json.decode(value))
        # What comes out as it went in, but for spaces, cannot have lost a doubled key. Most senders' JSON does.
        if again == value or again == msgspec.json.format(value, indent=-1):
            return
    except msgspec.ValidationError as fault:  # without a type to decode to, only a number can be invalid
        raise NotStrictJson("a number is out of range") from fault
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the slow reader words the fault
    strict_json(value)


def _misdated(event: AnyEvent) -> InvalidRecord | None:
    other = _OTHER_TIME.get(type(event))
    also = None if other is None else other(event)
    if event.time.year in _YEARS and (also is None or also.year in _YEARS):
        return None
    return InvalidRecord("TIME_OUT_OF_RANGE", f"expected years from {_YEARS[0]} to {_YEARS[-1]}")


def _misplaced(shard: Shard, record: Record, event: AnyEvent) -> InvalidRecord | None:
    if not isinstance(event, ItemEvent):
        return None
    key = event.key.encode()
    if record.key != key:
        return InvalidRecord("KEY_MISMATCH", "expected the key council:subject, which keeps an item in one partition")
    if shard.topic in _PROVIDERS and partition_of(key, PARTITIONS) != shard.partition:
        return InvalidRecord(
            "KEY_PARTITION_MISMATCH", "the record's key belongs to another partition: leave it to the key"
        )
    return None


def _mistimed(shard: Shard, record: Record, event: AnyEvent) -> InvalidRecord | None:
    if shard.topic not in _PROVIDERS or not isinstance(event, ItemEvent):
        return None
    ahead_s = event.time.timestamp() - record.timestamp_ms / 1000
    if -_OLDEST_S <= ahead_s <= _MOST_AHEAD_S:
        return None
    if ahead_s > 0:
        return InvalidRecord("FUTURE_TIME", f"dated {ahead_s:.0f} s after it was sent; at most {MAX_AHEAD} is believed")
    return InvalidRecord("TOO_OLD", f"dated over {MAX_AGE.days} days before it was sent: send it as a replay")

"""Whether a record holds a valid event that is where it belongs, or the reason for which it is quarantined.

`validate` looks at the bytes alone, so that whoever takes events in over HTTP can use it; `check_place` at where and
when the log holds them; `read_event` does both. One rule for all services: a record that one of them quarantines is
quarantined by every other that reads it, for the same reason. A record is refused for what it *is*; a council or
service that nobody knows yet is no fault.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeVar, cast, get_args

from shared.contracts.cloudevents import NotCloudEvent, canonical_members, structured_kafka
from shared.contracts.codec import AnyEvent, UndecodableEvent, UnknownEventType, decode_event
from shared.contracts.envelope import VERSION_NOT_SENT, ItemEvent, TimeAdvanced
from shared.contracts.items import FactWithdrawn, TicketOpened, WorkReceived
from shared.contracts.personal_data import personal_data_faults, redacted
from shared.contracts.topics import PARTITIONS, REPLAYABLE_DAYS, TICKETS, TOPIC_OF_STREAM, USAGE, WORK
from shared.contracts.usage import UsageRecorded
from shared.faults import Fault
from shared.instants import epoch_ms
from shared.json_values import NotStrictJson, strict_json
from shared.log.failures import CodeFailure
from shared.log.partitioner import partition_of
from shared.log.port import Quarantined, Record, Shard
from shared.log.strictness import is_surely_strict, require_strictness
from shared.period import YEARS
from shared.validation import value_faults

Reason = Literal[
    "EMPTY",
    "TOO_LARGE",
    "UNREADABLE",
    "UNKNOWN_TYPE",
    "FOREIGN_TYPE",
    "FOREIGN_SOURCE",
    "TIME_OUT_OF_RANGE",
    "KEY_MISMATCH",
    "KEY_PARTITION_MISMATCH",
    "FUTURE_TIME",
    "TOO_OLD",
    "ID_REUSE_CONFLICT",
    "PERSONAL_DATA",
    "TOO_MANY_EVENTS",
    "FAILED",
]
E = TypeVar("E")

MAX_EVENT_BYTES = 256 * 1024
# Clocks of honest senders differ by less; a later time would move deadlines that nobody has reached.
MAX_AHEAD = timedelta(minutes=5)
MAX_AGE = timedelta(days=REPLAYABLE_DAYS)
# The header of a record that an operator has sent again from quarantine; its value is the place that it had there.
REDRIVEN = "tallystick-redriven-from"
# Records from this release on are looked through for personal data; what was accepted before stays in the figures.
PERSONAL_DATA_FROM = datetime(2026, 12, 1, tzinfo=UTC)
_PERSONAL_DATA_FROM_MS = epoch_ms(PERSONAL_DATA_FROM)
_MAX_AHEAD_S, _MAX_AGE_S = MAX_AHEAD.total_seconds(), MAX_AGE.total_seconds()
# Anybody may write there; what Tallystick's services write elsewhere is placed and dated by its own code.
_PROVIDERS = frozenset({TICKETS.name, WORK.name, USAGE.name})
_WRONG_YEAR = f"expected years from {YEARS[0]} to {YEARS[-1]}"
_FOREIGN = "expected an event of a type that this topic carries"
_OTHER_STREAM = "expected a stream of this topic: send a withdrawal where the fact was sent"
_NO_VERSION = Fault(("specversion",), "is missing: expected 1.0")
_TWO_PLACES = b'"data_base64"'
_NOT_ITS_OWN = "expected the event's own source: nobody withdraws what another source sent"
# The field of the data that holds another date than the event's own time.
_OTHER_DATES: dict[type, str] = {
    TicketOpened: "due_at",
    WorkReceived: "due_at",
    UsageRecorded: "business_date",
    TimeAdvanced: "to",
}
_TYPES = {kind.__struct_config__.tag: kind for kind in get_args(AnyEvent)}


@dataclass(frozen=True, slots=True)
class InvalidRecord:
    """Why a record goes to quarantine: a code to count by, and what to put right. Never the value itself.

    `detail` is the first fault in words. `faults` are all that were found in the bytes, in the order of the contract's
    fields; they may name keys that the sender chose.
    """

    reason: Reason
    detail: str
    faults: tuple[Fault, ...] = ()


# Found by whoever has the earlier event; the record alone does not show it.
CONFLICT = InvalidRecord("ID_REUSE_CONFLICT", "expected the content that was first received under this source and id")


# Found by whoever has the other events of the item.
TOO_MANY = InvalidRecord("TOO_MANY_EVENTS", "the item has 10,000 events: no more are accepted for it")


def failed_to_read(failure: CodeFailure) -> InvalidRecord:
    """Nothing need be wrong with the record: another release may read it."""
    return InvalidRecord("FAILED", f"a bug in Tallystick came up while it was read: {failure}")


def as_quarantined(record: Record, refused: InvalidRecord) -> Quarantined:
    """The record as quarantine keeps it: its own bytes, and why. Of binary mode the attributes are kept with them.

    Of personal data neither the texts nor the key are kept, which may be one.
    """
    redriven = any(name == REDRIVEN for name, _ in record.headers)
    refusal = refused.reason, refused.detail
    try:
        value = event_value(record)
    except NotCloudEvent:
        value = record.value
    key = record.key
    if refused.reason == "PERSONAL_DATA":
        key, value = redacted(key or b""), redacted(value or b"")
    return Quarantined(record.offset, *refusal, key, value, record.timestamp_ms, redriven)


def event_value(record: Record) -> bytes | None:
    """The event of a record in structured mode, whatever mode it was sent in; raises `NotCloudEvent`."""
    return structured_kafka(record.value, record.headers) if record.headers else record.value


def read_event(shard: Shard, record: Record, carried: frozenset[type[E]]) -> E | InvalidRecord:
    """The event that a record of `shard` holds, one of `carried`, or why the record is invalid. Never raises."""
    try:
        value = event_value(record)
        event = validate(value, carried)
    except NotCloudEvent as refused:
        return _no_cloud_event(refused)
    if isinstance(event, InvalidRecord):
        return event
    if shard.topic in _PROVIDERS and record.timestamp_ms >= _PERSONAL_DATA_FROM_MS and value:
        return check_personal_data(value) or check_place(shard, record, event) or event
    return check_place(shard, record, event) or event


def check_personal_data(value: bytes) -> InvalidRecord | None:
    """Why the bytes of an event that is valid are refused for what they hold of people; None for nothing."""
    if not (found := personal_data_faults(value)):
        return None
    return _invalid("PERSONAL_DATA", found[0].message, *found)


def validate(value: bytes | None, carried: frozenset[type[E]]) -> E | InvalidRecord:
    """The event that `value` holds, one of `carried`, or everything that is wrong with it. Never raises."""
    if not value:
        return _invalid("EMPTY", "expected an event, got a record without a value")
    if len(value) > MAX_EVENT_BYTES:
        return _invalid("TOO_LARGE", f"expected at most {MAX_EVENT_BYTES} bytes, got {len(value)}")
    event = _decoded(value)
    if isinstance(event, InvalidRecord):
        return event
    if type(event) not in carried:
        return _invalid("FOREIGN_TYPE", _FOREIGN, Fault(("type",), _FOREIGN))
    # Its type is in `carried`: a set of types cannot narrow a union for the type checker.
    return _unacceptable(event) or cast(E, event)


def check_place(shard: Shard, record: Record, event: object) -> InvalidRecord | None:
    """Why the event of `record` does not belong where or when the log holds it; None where it does."""
    if not isinstance(event, ItemEvent):
        return None
    if record.key != (key := event.key.encode()):
        return InvalidRecord("KEY_MISMATCH", "expected the key council:subject, which keeps an item in one partition")
    if shard.topic not in _PROVIDERS:
        return None
    if type(event) is FactWithdrawn and shard.topic != TOPIC_OF_STREAM[event.data.stream]:
        return InvalidRecord("FOREIGN_TYPE", _OTHER_STREAM)
    if partition_of(key, PARTITIONS) != shard.partition:
        return InvalidRecord(
            "KEY_PARTITION_MISMATCH", "the record's key belongs to another partition: leave it to the key"
        )
    return check_time(event, record.timestamp_ms)


def check_time(event: ItemEvent, sent_ms: int) -> InvalidRecord | None:
    """Why the event cannot have been sent at `sent_ms`; None where it can."""
    ahead_s = event.time.timestamp() - sent_ms / 1000
    return None if -_MAX_AGE_S <= ahead_s <= _MAX_AHEAD_S else _mistimed(ahead_s)


def _unacceptable(event: AnyEvent) -> InvalidRecord | None:
    """Why the event is invalid although each of its fields is well formed."""
    if type(event) is FactWithdrawn and event.data.withdrawn_source != event.source:
        return _invalid("FOREIGN_SOURCE", _NOT_ITS_OWN, Fault(("data", "withdrawn_source"), _NOT_ITS_OWN))
    if (event.time.year not in YEARS or type(event) in _OTHER_DATES) and (misdated := _year_faults(event)):
        return _invalid("TIME_OUT_OF_RANGE", misdated[0].message, *misdated)
    return None


def _mistimed(ahead_s: float) -> InvalidRecord:
    if ahead_s > 0:
        ahead = f"dated {ahead_s:.0f} s after it was sent; at most {MAX_AHEAD} is accepted"
        return _invalid("FUTURE_TIME", ahead, Fault(("time",), ahead))
    aged = f"dated over {MAX_AGE.days} days before it was sent: send it as a replay"
    return _invalid("TOO_OLD", aged, Fault(("time",), aged))


def _invalid(reason: Reason, detail: str, *faults: Fault) -> InvalidRecord:
    return InvalidRecord(reason, detail, faults or (Fault((), detail),))


def _decoded(value: bytes) -> AnyEvent | InvalidRecord:
    canonical = value
    try:
        event = _decoded_directly(value)
        if event is None:
            canonical = _canonical(value)
            event = decode_event(canonical)
        if not is_surely_strict(canonical, event):
            require_strictness(canonical)
    except UnknownEventType as fault:
        return _invalid("UNKNOWN_TYPE", str(fault), *_decoding_faults(canonical))
    except (UndecodableEvent, NotStrictJson) as fault:
        return _invalid("UNREADABLE", str(fault), *_decoding_faults(canonical))
    except NotCloudEvent as fault:
        return _no_cloud_event(fault)
    return _invalid("UNREADABLE", str(_NO_VERSION), _NO_VERSION) if event.specversion is VERSION_NOT_SENT else event


def _decoded_directly(value: bytes) -> AnyEvent | None:
    """The event, where it is written as our own are; None where it is written in another way, or not at all."""
    try:
        return None if _TWO_PLACES in value else decode_event(value)
    except UndecodableEvent:
        return None


def _canonical(value: bytes) -> bytes:
    require_strictness(value)
    return canonical_members(value) or value


def _no_cloud_event(refused: NotCloudEvent) -> InvalidRecord:
    return _invalid("UNREADABLE", str(refused), Fault((refused.attribute,), refused.expected))


def _decoding_faults(value: bytes) -> list[Fault]:
    """All faults of bytes that do not decode; none where they are no JSON, or nothing more is found."""
    try:
        plain = strict_json(value)
    except NotStrictJson:
        return []
    if not isinstance(plain, dict):
        return [Fault((), "expected an object")]
    expected = _TYPES.get(plain["type"]) if isinstance(plain.get("type"), str) else None
    if expected is None:
        return [Fault(("type",), "expected a type of event that this release knows")]
    return value_faults(plain, expected) + ([] if "specversion" in plain else [_NO_VERSION])


def _year_faults(event: AnyEvent) -> list[Fault]:
    """Dates outside the years in which local dates and integer microseconds can be trusted."""
    found = [] if event.time.year in YEARS else [Fault(("time",), _WRONG_YEAR)]
    field = _OTHER_DATES.get(type(event))
    other: date | None = getattr(event.data, field) if field else None
    if field and other is not None and other.year not in YEARS:
        found.append(Fault(("data", field), _WRONG_YEAR))
    return found

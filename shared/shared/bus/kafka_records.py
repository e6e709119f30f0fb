"""Messages and records between the port's form and Kafka's.

Topics have the time of appending (LogAppendTime), by which Kafka also deletes. A message that has a time of its own
carries it in a header, and a reader gets that time back (ADR 12).
"""

from collections.abc import Sequence

from shared.bus.kafka_client import RawRecord
from shared.log.port import Message, Record
from shared.units import EpochMillis

TIME_HEADER = "tallystick-time-ms"
_LONGEST_TIME = len("253402300799999")  # the last millisecond of the year 9999

Header = tuple[str, bytes]


def headers_of(message: Message) -> list[Header]:
    """The headers to send: the message's own and, when it has one, its time."""
    if message.timestamp_ms is None:
        return list(message.headers)
    return [*message.headers, (TIME_HEADER, b"%d" % message.timestamp_ms)]


def records_of(raw: Sequence[RawRecord]) -> list[Record]:
    """What was fetched, in its order."""
    return [_record(record) for record in raw]


def _record(raw: RawRecord) -> Record:
    if not raw.headers:
        return Record(raw.offset, raw.key, raw.value, (), raw.timestamp)
    if len(raw.headers) == 1 and raw.headers[0][0] == TIME_HEADER:  # what Tallystick's own messages have
        return Record(raw.offset, raw.key, raw.value, (), _time_ms(raw))
    shown = tuple((name, value or b"") for name, value in raw.headers if name != TIME_HEADER)
    return Record(raw.offset, raw.key, raw.value, shown, _time_ms(raw))


def _time_ms(raw: RawRecord) -> EpochMillis:
    """The time that the sender gave, unless it lies after the append.

    Shards' clocks follow this time and never go back: a date in the future would turn open items into breaches.
    """
    for name, value in raw.headers:
        if name == TIME_HEADER and value is not None and value.isdigit() and len(value) <= _LONGEST_TIME:
            return min(EpochMillis(int(value)), raw.timestamp)
    return raw.timestamp

"""A message's own time travels in a header, and comes back as the record's time."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from shared.bus.kafka_records import TIME_HEADER, headers_of, records_of
from shared.log.port import Message, Record
from shared.units import EpochMillis, Offset

APPENDED_MS, SEVENTH = EpochMillis(1_774_000_000_000), Offset(7)


@dataclass
class Fetched:
    """A record as aiokafka gives it."""

    headers: Sequence[tuple[str, bytes | None]]
    offset: Offset = SEVENTH
    timestamp: EpochMillis = APPENDED_MS
    key: bytes | None = b"adur:ticket-1"
    value: bytes | None = None


def test_a_message_keeps_its_own_time_and_headers_on_the_way() -> None:
    sent = Message("adur:ticket-1", b"", (("ce_type", b"opened"),), EpochMillis(1_427_846_400_000))

    (record,) = records_of([Fetched(headers=tuple(headers_of(sent)))])

    assert record == Record(Offset(7), b"adur:ticket-1", None, sent.headers, EpochMillis(1_427_846_400_000))


@pytest.mark.parametrize(
    ("header", "time_ms"),
    [
        (b"0", 0),
        (b"1773999999999", 1_773_999_999_999),
        (b"1774000000000", APPENDED_MS),
        (b"1774000000001", APPENDED_MS),  # a time after the append would move a shard's clock into the future
        (b"253402300799999", APPENDED_MS),
        (b"9" * 5_000, APPENDED_MS),
        (b"-1", APPENDED_MS),
        (b"1e3", APPENDED_MS),
        (b" 12", APPENDED_MS),
        ("١٢".encode(), APPENDED_MS),
        (b"", APPENDED_MS),
        (None, APPENDED_MS),
    ],
)
def test_a_header_that_is_no_time_before_the_append_leaves_the_record_the_brokers_time(
    header: bytes | None, time_ms: int
) -> None:
    (record,) = records_of([Fetched(headers=((TIME_HEADER, header), ("other", None)))])

    assert (record.timestamp_ms, record.headers) == (time_ms, (("other", b""),))

"""Every kind of invalid record, with the reason for which it is quarantined. All name the same item."""

import json
from dataclasses import dataclass

from shared.contracts.codec import encode_event
from shared.contracts.schema import examples
from shared.contracts.topics import WORK
from shared.log.partitioner import partition_of
from shared.log.port import Record, Shard
from shared.log.validation import MAX_EVENT_BYTES, Reason
from shared.units import EpochMillis, Offset
from tests.support.recharges import ASHBY, SOURCE, completed, opened, received, withdrawn

AT = "2026-05-07T12:00:00+00:00"
ITEM = "inv-1"
KEY = f"{ASHBY.id}:{ITEM}".encode()
SHARD = Shard(WORK.name, partition_of(KEY, WORK.partitions))
# The event that the poison would have been: those around it are of the same item, so of the same shard.
COMPLETED = completed(ITEM, AT, units="3")
GOOD = encode_event(COMPLETED)
ELSEWHERE = next(
    name for name in map(str, range(99)) if partition_of(f"ashby:{name}".encode(), WORK.partitions) != SHARD.partition
)


@dataclass(frozen=True, slots=True)
class Poison:
    """A record sent at noon, an hour after the item was received."""

    kind: str
    reason: Reason
    value: bytes | None
    key: bytes | None = KEY

    def record(self, offset: int) -> Record:
        """The record as the log has it."""
        return Record(Offset(offset), self.key, self.value, (), EpochMillis(int(COMPLETED.time.timestamp() * 1000)))


def _with(old: str, new: str) -> bytes:
    assert old.encode() in GOOD, old
    return GOOD.replace(old.encode(), new.encode())


def _and(member: str) -> bytes:
    """The event with one more member."""
    return GOOD[:-1] + b"," + member.encode() + b"}"


def _at(time: str) -> bytes:
    return _with('"time":"2026-05-07T12:00:00Z"', f'"time":{time}')


def _council(council: str) -> bytes:
    return _with('"council":"ashby"', f'"council":"{council}"')


def _received(data: str) -> bytes:
    event = encode_event(received(ITEM, AT, id="received-again"))
    assert b'"data":{' in event
    return event.replace(b'"data":{', b'"data":{' + data.encode() + b",")


def _withdrawal(source: str) -> bytes:
    return encode_event(withdrawn(received(ITEM, AT), AT, of_source=source))


_DATA = '"data":{"units":"3"}'
_VERDICT = json.dumps(examples()["tallystick.sla.breached.v1"]).encode()
_SEVENTEEN = ",".join(f'"{number}":"x"' for number in range(17))

POISON = [
    Poison("no value", "EMPTY", None),
    Poison("an empty value", "EMPTY", b""),
    Poison("one byte", "UNREADABLE", b"{"),
    Poison("one byte too many", "TOO_LARGE", GOOD + b" " * (MAX_EVENT_BYTES + 1 - len(GOOD))),
    Poison("not UTF-8", "UNREADABLE", b"\xff\xfe\x00"),
    Poison("not UTF-8 where nobody looks", "UNREADABLE", GOOD[:-1] + b',"note":"\xff\xfe"}'),
    Poison("UTF-16", "UNREADABLE", GOOD.decode().encode("utf-16")),
    Poison("a byte order mark", "UNREADABLE", b"\xef\xbb\xbf" + GOOD),
    Poison("an array", "UNREADABLE", b"[" + GOOD + b"]"),
    Poison("a text", "UNREADABLE", b'"completed"'),
    Poison("two events at once", "UNREADABLE", GOOD + GOOD),
    Poison("a key twice", "UNREADABLE", _with('"council":"ashby"', '"council":"bexhill","council":"ashby"')),
    Poison("a key twice in the data", "UNREADABLE", _with('"units":"3"', '"units":"9","units":"3"')),
    Poison("a key twice, spelt in two ways", "UNREADABLE", _with('"units":"3"', r'"units":"3","\u0075nits":"9"')),
    Poison("not a number", "UNREADABLE", _with('"units":"3"', '"units":NaN')),
    Poison("infinity where nobody looks", "UNREADABLE", _and('"worth":Infinity')),
    Poison("a number beyond all numbers", "UNREADABLE", _and('"worth":1e999')),
    Poison("a number of 5,000 digits", "UNREADABLE", _and('"worth":' + "9" * 5000)),
    Poison("units as a number", "UNREADABLE", _with('"units":"3"', '"units":3')),
    Poison("negative units", "UNREADABLE", _with('"units":"3"', '"units":"-3"')),
    Poison("units in exponents", "UNREADABLE", _with('"units":"3"', '"units":"1e3"')),
    Poison("100,000 brackets", "UNREADABLE", _and('"deep":' + "[" * 100_000 + "]" * 100_000)),
    Poison("an unknown type", "UNKNOWN_TYPE", _with("work.completed.v1", "work.finished.v1")),
    Poison("the next version of a type", "UNKNOWN_TYPE", _with("work.completed.v1", "work.completed.v2")),
    Poison("another topic's type", "FOREIGN_TYPE", encode_event(opened(ITEM, AT))),
    Poison("what only the monitor says", "FOREIGN_TYPE", _VERDICT),
    Poison("a withdrawal of what another source sent", "FOREIGN_SOURCE", _withdrawal("/others")),
    Poison("another version of CloudEvents", "UNREADABLE", _with('"specversion":"1.0"', '"specversion":"2.0"')),
    Poison("another item's key", "KEY_MISMATCH", GOOD, b"ashby:inv-2"),
    Poison("no key", "KEY_MISMATCH", GOOD, None),
    Poison("a key that is no text", "KEY_MISMATCH", GOOD, b"\xff"),
    Poison("another subject than the key's", "KEY_MISMATCH", _with('"subject":"inv-1"', '"subject":"inv-2"')),
    Poison(
        "another partition than the key's",
        "KEY_PARTITION_MISMATCH",
        encode_event(completed(ELSEWHERE, AT)),
        f"ashby:{ELSEWHERE}".encode(),
    ),
    Poison("a time without a zone", "UNREADABLE", _at('"2026-05-07T12:00:00"')),
    Poison("a date for a time", "UNREADABLE", _at('"2026-05-07"')),
    Poison("seconds since 1970", "UNREADABLE", _at("1778155200")),
    Poison("a leap second", "UNREADABLE", _at('"2026-05-07T12:00:60Z"')),
    Poison("the first hours of year 1", "TIME_OUT_OF_RANGE", _at('"0001-01-01T00:00:00+14:00"')),
    Poison("the last hours of year 9999", "TIME_OUT_OF_RANGE", _at('"9999-12-31T23:59:59-14:00"')),
    Poison("five minutes and a second ahead", "FUTURE_TIME", _at('"2026-05-07T12:05:01Z"')),
    Poison("a day ahead", "FUTURE_TIME", _at('"2026-05-08T12:00:00Z"')),
    Poison("401 days old", "TOO_OLD", _at('"2025-04-01T12:00:00Z"')),
    Poison("1970", "TIME_OUT_OF_RANGE", _at('"1970-01-01T00:00:00Z"')),
    Poison(
        "due in the last hours of year 9999", "TIME_OUT_OF_RANGE", _received('"due_at":"9999-12-31T23:59:59-14:00"')
    ),
    Poison("worth more than there is", "UNREADABLE", _received('"value_pence":' + "9" * 30)),
    Poison("seventeen attributes", "UNREADABLE", _received('"attributes":{' + _SEVENTEEN + "}")),
    Poison("NUL in the council", "UNREADABLE", _council(r"ash\u0000by")),
    Poison("braces in the council", "UNREADABLE", _council("{ashby}")),
    Poison("slashes in the council", "UNREADABLE", _council("../ashby")),
    Poison("an invisible character in the council", "UNREADABLE", _council("ash\u202eby")),
    Poison("NUL in the id", "UNREADABLE", _with(COMPLETED.id, r"a\u0000b")),
    Poison("half a surrogate pair in the id", "UNREADABLE", _with(COMPLETED.id, r"a\ud800b")),
    Poison("an id of 129 characters", "UNREADABLE", _with(COMPLETED.id, "i" * 129)),
    Poison("no council", "UNREADABLE", _with('"council":"ashby",', "")),
    Poison("no version of CloudEvents", "UNREADABLE", _with('"specversion":"1.0",', "")),
    Poison("no type", "UNREADABLE", _with('"type":"tallystick.work.completed.v1"', '"kind":"x"')),
    Poison("a type of null", "UNREADABLE", _with('"type":"tallystick.work.completed.v1"', '"type":null')),
    Poison("data in two places", "UNREADABLE", _and('"data_base64":"e30="')),
    Poison("data that is not Base64", "UNREADABLE", _with(_DATA, '"data_base64":"{}"')),
    Poison("data in Base64 that is not JSON", "UNREADABLE", _with(_DATA, '"data_base64":"PGEvPg=="')),
    Poison("data of XML", "UNREADABLE", _with('"application/json"', '"text/xml"')),
    Poison("no source", "UNREADABLE", _with(f'"source":"{SOURCE}",', "")),
    Poison("a known id with other content", "ID_REUSE_CONFLICT", _with(COMPLETED.id, received(ITEM, AT).id)),
]

"""When a shard's mark is due, and what it says: how far the shard has been judged, and what of it is open (ADR 41).

A mark says no more than its head: everything due before `through`, whole seconds, of the records below `next_offset`.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

import msgspec
from msgspec import Struct

from shared.contracts.envelope import split_item_key
from shared.contracts.judged import JudgedThrough, JudgedThroughData, OpenWork
from shared.contracts.scalars import ID_PATTERN
from shared.contracts.topics import VERDICTS
from shared.ids import derived_id
from shared.instants import instant
from shared.log.partitioner import partition_of
from shared.log.port import Quarantined, Shard
from shared.log.validation import MAX_EVENT_BYTES
from shared.period import LONDON
from shared.state.port import Head, Marked
from sla_monitor.domain.announcements import SOURCE
from sla_monitor.domain.item import OUTAGE_MARK

# 1 January 2000. No event has such a time: the clock has not begun, or is held.
BEFORE_EVERYTHING_MS = 946_684_800_000
# While something changes, marks of one shard lie so far apart at least, but for the one after a day's end.
LEAST_APART_S = 60
# While nothing does, the shard is marked again after so long: 24 shards make 576 marks a day.
AT_REST_S = 3_600

_NOTHING_OPEN = "[]"
_texts = msgspec.json.Encoder()


class _Naming(Struct):
    """As much of an invalid event as says whose it is."""

    council: str = ""


_naming = msgspec.json.Decoder(_Naming)


def is_mark_due(head: Head, through_ms: int) -> bool:
    """Whether a shard that could be marked as judged through `through_ms` should be, for what its head alone says."""
    marked = head.marked
    if through_ms <= BEFORE_EVERYTHING_MS:
        return False
    passed_s = through_ms // 1000 - marked.through_ms // 1000
    if not marked.open or passed_s >= AT_REST_S:
        return True
    if passed_s >= LEAST_APART_S and _has_moved(head):
        return True
    return _london_day(through_ms) > _london_day(marked.through_ms)


def has_open_work(head: Head) -> bool:
    """Whether anything may be open of the shard, or was by its last mark; decisions of people change it."""
    return bool(head.counts.get("quarantined") or head.parked or head.failed or head.marked.open != _NOTHING_OPEN)


def _has_moved(head: Head) -> bool:
    """Whether anything was judged or became due since the last mark."""
    marked = head.marked
    return (head.next_offset, head.clock_ms) != (marked.next_offset, marked.clock_ms)


def _london_day(at_ms: int) -> int:
    return instant(at_ms // 1000).astimezone(LONDON).toordinal()


def open_work(head: Head, quarantined: Mapping[str | None, int]) -> tuple[OpenWork, ...]:
    """What of a shard no verdict says, by council; first what names none.

    A council that is held has failed items, and they stand for its others.
    """
    failed: Counter[str | None] = Counter(split_item_key(key.removeprefix(OUTAGE_MARK))[0] for key in head.failed)
    councils = {*head.parked, *quarantined, *failed}
    found = [
        OpenWork(
            council=council,
            parked=head.parked.get(council or "", 0),
            quarantined=quarantined.get(council, 0),
            failed=failed[council],
        )
        for council in sorted(councils, key=lambda council: council or "")
    ]
    return tuple(each for each in found if each.parked or each.quarantined or each.failed)


def open_text(open_: Sequence[OpenWork]) -> str:
    """What is open, as a head keeps it: equal work gives equal text."""
    return _texts.encode(tuple(open_)).decode()


def mark_of(shard: Shard, marked: Marked) -> JudgedThrough:
    """The mark that a shard was `marked` with; its id is derived from all that it says."""
    through_s = marked.through_ms // 1000
    parts = (shard.topic, shard.partition, marked.since, marked.next_offset, through_s, marked.open)
    about = {"topic": shard.topic, "partition": shard.partition, "open": msgspec.json.decode(marked.open)}
    fields = {"next_offset": marked.next_offset, "through": instant(through_s), "since": marked.since}
    data = msgspec.convert({**about, **fields}, JudgedThroughData)
    return JudgedThrough(
        id=derived_id("judged-through", *parts), source=SOURCE, time=data.through, subject=str(shard), data=data
    )


@cache
def mark_key(shard: Shard) -> str:
    """A key by which a record is in the partition of sla.verdicts.v1 where the verdicts on the shard's items are."""
    keys = (f"{shard}#{number}" for number in range(1_000))
    return next(key for key in keys if partition_of(key.encode(), VERDICTS.partitions) == shard.partition)


def council_named(record: Quarantined) -> str | None:
    """The council that an invalid record names in its event, else in its key; None where it names none."""
    in_key, colon, _ = (record.key or b"").decode(errors="replace").partition(":")
    named = _council_in_event(record.value or b""), in_key if colon else ""
    return next((council for council in named if re.match(ID_PATTERN, council)), None)


def _council_in_event(value: bytes) -> str:
    if len(value) > MAX_EVENT_BYTES:
        return ""
    try:
        return _naming.decode(value).council
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""

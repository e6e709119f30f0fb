"""The events of a backfill, kept on disk: each once, in pages of whole items; the new ones as they are sent."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

from shared.contracts.codec import decode_event
from shared.log.content import content_digest
from shared.log.port import Message, Record, Shard
from shared.log.validation import CONFLICT
from shared.units import EpochMillis, Offset
from tallystick.backfill.candidates import Candidate, ProviderEvent, Refusal, in_sending_order
from tallystick.replay.scratch import FirstValues, Scratch, Sorted

# Events in memory at a time, about 4 KB each; an item's are never parted.
PAGE = 20_000
ShardPage = tuple[Shard, list[Candidate]]


class _Kept(NamedTuple):
    """A candidate as it is kept; `first_ms` is when the first event of its item happened, `place` its place there."""

    topic: str
    partition: int
    key: str
    where: str
    timestamp_ms: int
    value: bytes
    first_ms: int = 0
    place: int = 0

    @property
    def candidate(self) -> Candidate:
        """As it was read."""
        event = cast("ProviderEvent", decode_event(self.value))  # as it was when it was kept
        record = Record(Offset(0), self.key.encode(), self.value, (), EpochMillis(self.timestamp_ms))
        return Candidate(self.where, Shard(self.topic, self.partition), record, event)


class BackfillPages:
    """The events that were read, and which of them are new.

    `known` counts those that say nothing new, `refused` says why others will not be sent.
    """

    def __init__(self, scratch: Scratch) -> None:
        self.known, self.new_count, self.read_count = 0, 0, 0
        self.refused: list[Refusal] = []
        self.councils: set[str] = set()
        self._contents = FirstValues[bytes](scratch)
        self._read = Sorted(scratch, _Kept, key=lambda kept: (kept.topic, kept.partition, kept.key))
        self._new = Sorted(scratch, _Kept, key=lambda kept: (kept.topic, kept.partition, kept.key, kept.place))
        self._to_send = Sorted(scratch, _Kept, key=lambda kept: (kept.first_ms, kept.key, kept.topic, kept.place))

    def add(self, read: Iterable[Candidate]) -> None:
        """The events are among them, each once; one with other content under the id of another is refused."""
        for each in read:
            self.read_count += 1
            digest = content_digest(each.event)
            name = f"{each.event.source} {each.event.id}"
            if (first := self._contents.get(name)) is None:
                self._contents.setdefault(name, digest)
                self._read.add([_kept(each)])
            elif first == digest:
                self.known += 1
            else:
                self.refuse_conflict(each)

    def refuse_conflict(self, each: Candidate) -> None:
        """It has other content than what is known under its source and id."""
        self.refused.append(Refusal(each.where, CONFLICT.reason, CONFLICT.detail))

    def note_new(self, new: Iterable[Candidate]) -> list[Candidate]:
        """The events, whole items of one partition, are new: as they are sent."""
        ordered = in_sending_order(new)
        first: dict[str, int] = {}
        for each in ordered:
            first[each.event.key] = min(first.get(each.event.key, each.record.timestamp_ms), each.record.timestamp_ms)
        for place, each in enumerate(ordered):
            kept = _kept(each)._replace(first_ms=first[each.event.key], place=place)
            self._new.add([kept])
            self._to_send.add([kept])
            self.councils.add(each.event.council)
        self.new_count += len(ordered)
        return ordered

    def pages(self) -> Iterator[ShardPage]:
        """All that were read, by partition, in pages of whole items."""
        return _paged(self._read)

    def new_pages(self) -> Iterator[ShardPage]:
        """Those that are new, likewise, each item's as they are sent."""
        return _paged(self._new)

    def new(self) -> Iterator[Candidate]:
        """Those that are new, in no order that matters."""
        return (kept.candidate for kept in self._new)

    def messages(self) -> Iterator[tuple[str, Message]]:
        """Those that are new with their topics, item by item, in the order of their first events."""
        return ((kept.topic, kept.candidate.message) for kept in self._to_send)


def _kept(each: Candidate) -> _Kept:
    shard, record = each.shard, each.record
    return _Kept(shard.topic, shard.partition, each.event.key, each.where, record.timestamp_ms, record.value or b"")


def _paged(kept: Iterable[_Kept]) -> Iterator[ShardPage]:
    shard: Shard | None = None
    key, page = "", list[Candidate]()
    for each in kept:
        of = Shard(each.topic, each.partition)
        if shard is not None and page and (of != shard or (each.key != key and len(page) >= PAGE)):
            yield shard, page
            page = []
        shard, key = of, each.key
        page.append(each.candidate)
    if shard is not None and page:
        yield shard, page

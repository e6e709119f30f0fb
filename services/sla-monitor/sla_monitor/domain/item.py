"""What is stored of one item, a ticket or an outage: its facts and what was published about it."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from enum import Enum
from hashlib import blake2b

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.contracts.envelope import split_item_key
from shared.contracts.verdicts import VerdictData
from shared.log.port import Record
from sla_monitor.domain.clock.timeline import FOREVER, read_timeline
from sla_monitor.domain.facts import (
    AnyFact,
    ItemEvent,
    OutageBegan,
    OutageOver,
    is_of_an_outage,
    order_key,
    sequence_key,
    standing_facts,
)


class LastPublished(Struct, frozen=True, array_like=True):
    """The last verdict published of one target and cycle; None when none holds (never published, or retracted).

    `revision` counts the verdict events so far; `warned` are the labels of the warnings sent.
    """

    verdict: VerdictData | None = None
    revision: int = 0
    warned: tuple[str, ...] = ()


NOTHING_PUBLISHED = LastPublished()


class ItemFailure(Struct, frozen=True, array_like=True):
    """Tallystick failed to judge the item: an exception of the type `error` came up at `place` in its own code.

    It has failed since the shard's clock showed `since_s` (epoch seconds), last by the release `version`, with the
    records below `next_offset` read.
    """

    error: str
    place: str
    since_s: int
    version: str
    next_offset: int


class Item(Struct, array_like=True):
    """Facts in order of happening, and what was published, by `agreement/target/cycle`.

    While it has `failed` it gets its facts, but nothing is judged or published about it.

    `waiting`: no agreement is known yet. `known_to` is the position of the catalogue by which it is evaluated: the
    newest while it is open; afterwards it stays, so that a holiday proclaimed later changes nothing that has ended
    (R10). `unread` are the (source, id) of facts that came back with an archived item and whose records the shard has
    still to read again. One that is `recalled` came back so, and live state does not hold its identities yet.
    """

    facts: list[AnyFact] = []
    announced: dict[str, LastPublished] = {}
    waiting: bool = False
    known_to: int = 0
    failed: ItemFailure | None = None
    unread: list[tuple[str, str]] = []
    recalled: bool = False


class FactResult(Enum):
    """Whether an item got a new fact, had it already, had it in another place, or has another under its id.

    Or it has so many that it takes no more.
    """

    NEW = "applied"
    DUPLICATE = "duplicate"
    REORDERED = "reordered"
    CONFLICT = "conflict"
    TOO_MANY = "too many"


# A ticket of a year has a few hundred; each batch with a fact of the item writes all of them.
MAX_FACTS = 10_000
Identities = MutableMapping[tuple[str, str], AnyFact]


# The keys of outages sort before those of other items, so that a shard's outages can be read alone.
OUTAGE_MARK = "!"
LAST_OUTAGE = "!~"  # `~` sorts after every character of an id

_decoder = msgspec.msgpack.Decoder(Item)
_encoder = msgspec.msgpack.Encoder()


def item_key(event: ItemEvent, record: Record) -> str:
    """Under which key live state keeps what the event is about."""
    key = event.key if record.key is None else record.key.decode()  # they are the same, or the record were invalid
    return f"{OUTAGE_MARK}{key}" if is_of_an_outage(event) else key


def load_item(stored: bytes) -> Item:
    """The item that `dump_item` stored."""
    return _decoder.decode(stored)


def dump_item(item: Item) -> bytes:
    """The item as bytes; equal items give equal bytes."""
    return _encoder.encode(item)


def insert_fact(item: Item, fact: AnyFact, identities: Identities | None = None) -> FactResult:
    """The item holds the fact once, in its place; the same identity with other content changes nothing.

    A sequence is no content: of two sendings of one fact the smaller one counts, whichever came first.
    `identities` are the item's facts by source and id, and are kept so; without them each fact is looked at.
    """
    known = _same_identity(item.facts, fact) if identities is None else identities.get((fact.source, fact.id))
    if known is None:
        if len(item.facts) >= MAX_FACTS:
            return FactResult.TOO_MANY
        result = FactResult.NEW
    else:
        result = _compare_again(known, fact)
        if result is not FactResult.REORDERED:
            return result
        del item.facts[bisect_left(item.facts, order_key(known), key=order_key)]
    _put_in_order(item.facts, fact)
    if identities is not None:
        identities[fact.source, fact.id] = fact
    return result


def _put_in_order(facts: list[AnyFact], fact: AnyFact) -> None:
    if not facts or facts[-1].at_us < fact.at_us:  # as nearly always: nothing else need be compared
        facts.append(fact)
    else:
        insort(facts, fact, key=order_key)


def identities_of(facts: Sequence[AnyFact]) -> Identities:
    """The facts by source and id."""
    return {(fact.source, fact.id): fact for fact in facts}


def holds(item: Item, fact: AnyFact, identities: Identities | None = None) -> bool:
    """Whether the item has a fact of the same source and id; `identities` are as for `insert_fact`."""
    if identities is None:
        return _same_identity(item.facts, fact) is not None
    return (fact.source, fact.id) in identities


def identity_digest(fact: AnyFact) -> bytes:
    """16 bytes that stand for the fact's source and id: two of a thousand million are alike once in 10²⁰ times."""
    return blake2b(f"{fact.source}\0{fact.id}".encode(), digest_size=16).digest()


def digests_of(items: Iterable[Item]) -> Iterator[bytes]:
    """The digests of all facts of `items`."""
    return (identity_digest(fact) for item in items for fact in item.facts)


def _same_identity(facts: Sequence[AnyFact], fact: AnyFact) -> AnyFact | None:
    for known in facts:
        if known.id == fact.id and known.source == fact.source:
            return known
    return None


def _compare_again(known: AnyFact, fact: AnyFact) -> FactResult:
    if known == fact:
        return FactResult.DUPLICATE
    if known != replace(fact, sequence=known.sequence):
        return FactResult.CONFLICT
    if sequence_key(known.sequence) < sequence_key(fact.sequence):
        return FactResult.DUPLICATE
    return FactResult.REORDERED


def is_open(item: Item) -> bool:
    """Whether it has not ended, or waits for its agreement."""
    timeline, _ = read_timeline(item.facts, as_of_s=FOREVER - 1)
    return item.waiting or (timeline is not None and timeline.ended is None)


class Outage(Struct, frozen=True):
    """A service was down in [start, end), epoch seconds; `end` is FOREVER while it still is."""

    id: str
    council: str
    service: str
    start: int
    end: int


def outage_of(key: str, facts: Sequence[AnyFact]) -> Outage | None:
    """The outage stored under `key`, from its first start to the first end after it; None while no start is known."""
    council, name = split_item_key(key.removeprefix(OUTAGE_MARK))
    facts = standing_facts(facts, as_of_s=FOREVER)
    began = next((fact for fact in facts if isinstance(fact, OutageBegan)), None)
    if began is None:
        return None
    ends = (fact.at_s for fact in facts if isinstance(fact, OutageOver) and fact.at_s >= began.at_s)
    return Outage(name, council, began.service, began.at_s, next(ends, FOREVER))

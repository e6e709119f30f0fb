"""What is stored of one item: its facts and what was announced about it."""

from enum import Enum

import msgspec
from msgspec import Struct

from shared.contracts.verdicts import VerdictData
from sla_monitor.domain.facts import AnyFact, order_key


class LastPublished(Struct, frozen=True, array_like=True):
    """The last word sent out on one target and cycle: `said` is None when nothing holds (never, or retracted).

    `revision` counts the verdict messages so far; `warned` are the percentages sent.
    """

    said: VerdictData | None = None
    revision: int = 0
    warned: tuple[int, ...] = ()


class Item(Struct, array_like=True):
    """Facts in order of happening, and announcements by `target/cycle`. `waiting`: no agreement is known yet.

    `known_to` is the position of the catalogue by which it is judged: while it is open the newest; afterwards it stays,
    so that a holiday proclaimed later changes nothing that has ended (R10).
    """

    facts: list[AnyFact] = []
    announced: dict[str, LastPublished] = {}
    waiting: bool = False
    known_to: int = 0


class FactResult(Enum):
    """What became of a fact that was offered to an item."""

    NEW = "applied"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


# Outages are kept before all items: those of a shard can be read without reading its items.
OUTAGE_MARK = "!"
LAST_OUTAGE = "!~"  # `~` sorts after every character of an id

_decoder = msgspec.msgpack.Decoder(Item)
_encoder = msgspec.msgpack.Encoder()


def load_item(stored: bytes) -> Item:
    """The item that `dump_item` stored."""
    return _decoder.decode(stored)


def dump_item(item: Item) -> bytes:
    """The item as bytes; equal items give equal bytes."""
    return _encoder.encode(item)


def insert_fact(item: Item, fact: AnyFact) -> FactResult:
    """The item holds the fact once, in its place; the same identity with other content changes nothing."""
    for held in item.facts:
        if held.id == fact.id and held.source == fact.source:
            return FactResult.DUPLICATE if held == fact else FactResult.CONFLICT
    in_order = not item.facts or order_key(item.facts[-1]) < order_key(fact)
    item.facts.append(fact)
    if not in_order:
        item.facts.sort(key=order_key)
    return FactResult.NEW

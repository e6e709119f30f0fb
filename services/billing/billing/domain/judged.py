"""How far the monitor has judged, by its marks: what says that a month's verdicts are complete, and what is still open.

A mark holds for one partition of the monitor's input. Of those published, the one with the latest `since` holds, among
them the one that reaches farthest: a mark says less than one before it only where the monitor says so by `since`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec import Struct

from billing.domain.metering import Origin
from shared.contracts.judged import JudgedThrough, OpenWork
from shared.contracts.topics import TICKETS, WORK
from shared.instants import epoch_us
from shared.log.port import Shard, every_shard

_JUDGED = frozenset(every_shard((TICKETS, WORK)))
_texts = msgspec.json.Encoder(order="deterministic")
_open = msgspec.json.Decoder(tuple[OpenWork, ...])


class MarkReceived(Struct, frozen=True, gc=False):
    """A mark as it is stored; `open` is JSON, `offset` its place in sla.verdicts.v1."""

    origin: Origin
    topic: str
    partition: int
    since: int
    next_offset: int
    through_us: int
    open: str
    offset: int


@dataclass(frozen=True, slots=True)
class JudgedMark:
    """Everything due before `through` of the records below `next_offset` is judged, but for what is `open`.

    `open` is by council, and what names none is under None.
    """

    shard: Shard
    next_offset: int
    through: datetime
    open: tuple[OpenWork, ...] = ()


def mark_received(event: JudgedThrough, offset: int) -> MarkReceived:
    """The mark that `event` publishes at `offset`."""
    data = event.data
    return MarkReceived(
        Origin(event.source, event.id, epoch_us(event.time)),
        topic=data.topic,
        partition=data.partition,
        since=data.since,
        next_offset=data.next_offset,
        through_us=epoch_us(data.through),
        open=_texts.encode(data.open).decode(),
        offset=offset,
    )


def open_of(stored: str) -> tuple[OpenWork, ...]:
    """What is open, as `MarkReceived` has it."""
    return _open.decode(stored)


def judged_through(marks: Iterable[JudgedMark]) -> datetime | None:
    """The instant before which everything due has been judged: the earliest of all partitions; None where one lacks."""
    through = {mark.shard: mark.through for mark in marks}
    return min(through[shard] for shard in _JUDGED) if through.keys() >= _JUDGED else None


def open_by_council(marks: Iterable[JudgedMark]) -> Mapping[str | None, OpenWork]:
    """What no verdict says yet, over all partitions, by council; what names none under None."""
    parked, quarantined, failed = Counter[str | None](), Counter[str | None](), Counter[str | None]()
    for each in (each for mark in marks for each in mark.open):
        parked[each.council] += each.parked
        quarantined[each.council] += each.quarantined
        failed[each.council] += each.failed
    return {
        council: OpenWork(
            council=council, parked=parked[council], quarantined=quarantined[council], failed=failed[council]
        )
        for council in parked
    }

"""What keeps a month's statements from being issued, in words, with where to deal with each and an id to decide by.

What names a council blocks that council; what names none blocks all and is listed once. A decision of a person ("does
not concern this period") is about what was there then: an id covers the content, so that what comes later blocks again.
What only needs time, or shows that something is wrong here, cannot be decided away.
"""

import hashlib
from calendar import month_name
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from billing.domain.charge_line import plain
from billing.domain.differences import FigureDifference
from billing.domain.open_records import OpenRecord
from billing.domain.usage import UnbilledReason, UnbilledUsage
from shared.contracts.topics import STATEMENTS, TICKETS, WORK
from shared.log.port import Bounds, Shard, every_shard
from shared.period import LONDON, Month

BlockerKind = Literal[
    "unread",  # records that were sent by the cut-off are not read
    "statements-unread",  # nor all that was issued and decided before: a number could be given twice
    "halted",  # a partition goes on only once people have decided
    "not-judged",  # verdicts of the month can still change
    "quarantined",  # records could not be read
    "failed",  # Tallystick failed on records or items
    "parked",  # usage waits for a council or an agreement
    "unbilled",  # usage that would be charged once something missing is here
    "not-computed",  # there is no draft
    "differs",  # the draft is not what its rows come to
]
DECIDABLE: frozenset[BlockerKind] = frozenset({"quarantined", "failed", "parked", "unbilled"})
_QUARANTINE, _FAILED_ITEMS, _STATEMENTS = "/v1/quarantine", "/v1/failed-items", "/v1/statements"
_JUDGED = every_shard((TICKETS, WORK))
# What was due as the last day closed is missed once the next working day opens: that is five days later at most.
DECIDED_AFTER = timedelta(days=5)
_SHOWN = 3  # differences that a sentence names

# Usage that no line charges, and that would be charged once what is missing is here. The other reasons are how the
# service is agreed: nothing is missing, and the statement lists them.
WAITING: Mapping[UnbilledReason, str] = {
    "unknown-service": "counts once the catalogue knows the service",
    "item-not-opened": "counts once the event that opened the item, and names its service, is here",
    "wrong-unit": "names a unit that is not the service's: its sender must reverse it and send it in that unit",
    "no-number": "lacks the number that the service's meter reads: its sender must correct it",
    "without-reading": "counts once the reading that it adjusts is here",
}


@dataclass(frozen=True, slots=True)
class BlockerDecision:
    """Who decided that something keeps a month from being issued no longer, and why."""

    by: str
    words: str


@dataclass(frozen=True, slots=True)
class Blocker:
    """`count` of something (`what` says it in a sentence) that keeps `council` from being issued a month; None: all.

    `href` is where it is dealt with; None where it passes by itself. One that is `decided` blocks no more.
    """

    id: str
    kind: BlockerKind
    council: str | None
    what: str
    count: int
    href: str | None = None
    decided: BlockerDecision | None = None

    @property
    def blocks(self) -> bool:
        """Whether nothing may be issued because of it."""
        return self.decided is None

    @property
    def is_decidable(self) -> bool:
        """Whether a person may decide that it does not concern the period."""
        return self.kind in DECIDABLE


@dataclass(frozen=True, slots=True)
class UnjudgedItems:
    """Of a partition of the monitor: how many records wait and how many items failed, of one council or of none."""

    council: str | None
    parked: int
    failed: int


@dataclass(frozen=True, slots=True)
class JudgedShard:
    """A partition of tickets or work: all that was due before `through` is judged, but for what is `open`."""

    shard: Shard
    through: datetime
    open: tuple[UnjudgedItems, ...] = ()


Decisions = Mapping[str, BlockerDecision]  # by the id of what was decided about


def unread(positions: Mapping[Shard, int], held: Mapping[Shard, Bounds]) -> Iterator[Blocker]:
    """One for each topic of which billing has not read all that the log held at the cut-off."""
    missing: defaultdict[str, int] = defaultdict(int)
    for shard, bounds in held.items():
        missing[shard.topic] += max(bounds.end - positions.get(shard, bounds.first), 0)
    for topic, count in sorted(missing.items()):
        if count:
            kind: BlockerKind = "statements-unread" if topic == STATEMENTS.name else "unread"
            what = f"{_many(count, 'record')} of {topic} sent by the cut-off {_is(count)} not read yet"
            yield Blocker(f"{kind}.{_digest(topic)}", kind, None, what, count)


def halted(messages: Mapping[Shard, str]) -> Iterator[Blocker]:
    """One for each partition that waits for people."""
    for shard, message in sorted(messages.items()):
        yield Blocker(f"halted.{_digest(shard.topic, shard.partition)}", "halted", None, message, 1, _QUARANTINE)


def not_judged(judged: Collection[JudgedShard], month: Month, council: str) -> Iterator[Blocker]:
    """Where verdicts of the month, from which the council's credits follow, can still change."""
    reached = {each.shard for each in judged if each.through >= month.end_at + DECIDED_AFTER}
    count = sum(shard not in reached for shard in _JUDGED)
    if count:
        what = (
            f"service credits of {_named(month.first_day)} are not final: the monitor judges until the end of "
            f"{_last_judged(month)} what falls due in it, and has so far done so for {len(_JUDGED) - count} of "
            f"{len(_JUDGED)} partitions of tickets and work"
        )
        yield Blocker(f"not-judged.{_digest(council)}", "not-judged", council, what, count)


def _last_judged(month: Month) -> str:
    """The last day on which what was due in the month is judged, in London: `5 December 2026`."""
    end = (month.end_at + DECIDED_AFTER - timedelta(microseconds=1)).astimezone(LONDON)
    return f"{end.day} {_named(end.date())}"


def _named(day: date) -> str:
    """The month of a day: `December 2026`."""
    return f"{month_name[day.month]} {day.year}"


def open_at_the_monitor(judged: Iterable[JudgedShard], councils: Collection[str]) -> Iterator[Blocker]:
    """What the monitor has not judged: of each of `councils`, those with credits, and once what names no council."""
    parked: defaultdict[str | None, list[tuple[Shard, int]]] = defaultdict(list)
    failed: defaultdict[str | None, list[tuple[Shard, int]]] = defaultdict(list)
    for each in sorted(judged, key=lambda one: one.shard):
        for items in each.open:
            if items.council is None or items.council in councils:
                parked[items.council].append((each.shard, items.parked))
                failed[items.council].append((each.shard, items.failed))
    yield from _at_the_monitor("parked", "record", "wait for the catalogue at the monitor", parked, None)
    yield from _at_the_monitor("failed", "item", "could not be judged", failed, _FAILED_ITEMS)


def quarantined(records: Iterable[OpenRecord], month: Month, decisions: Decisions) -> Iterator[Blocker]:
    """The open records that may concern the month, by kind, council and partition: one, or one decided and one new.

    Offsets of a partition ascend: a decision covers its records up to the last one that there was.
    """
    groups: defaultdict[tuple[BlockerKind, str | None, Shard], list[OpenRecord]] = defaultdict(list)
    for record in records:
        if record.concerns(month):
            kind: BlockerKind = "failed" if record.reason == "FAILED" else "quarantined"
            groups[kind, record.council, record.shard].append(record)
    for (kind, council, shard), found in sorted(groups.items(), key=lambda each: (*each[0][::2], each[0][1] or "")):
        prefix = f"{kind}.{_digest(council or '', shard.topic, shard.partition)}"
        covered, decision = _covered(prefix, decisions)
        before = [record for record in found if record.offset <= covered]
        after = [record for record in found if record.offset > covered]
        if before:
            yield replace(_of_records(f"{prefix}.{covered}", kind, council, before), decided=decision)
        if after:
            yield _of_records(f"{prefix}.{after[-1].offset}", kind, council, after)


def parked(council: str, waits_for: UnbilledReason, events: int) -> Blocker:
    """Usage of a council that has no statement in the month."""
    unknown = waits_for == "unknown-council"
    why = "the catalogue has no such council" if unknown else "it has no agreement in the month"
    what = f"{_many(events, 'event')} of {council} {_is(events, 'waits', 'wait')}: {why}"
    return Blocker(f"parked.{_digest(council, waits_for, events)}", "parked", council, what, events, _STATEMENTS)


def unbilled(council: str, month: Month, usage: Iterable[UnbilledUsage]) -> Iterator[Blocker]:
    """Usage that no line charges, and would be charged once what is missing is here."""
    for each in usage:
        if (waits := WAITING.get(each.reason)) is not None:
            quantity = plain(each.quantity)
            id_ = f"unbilled.{_digest(council, each.reason, each.service or '', each.events, quantity)}"
            what = f"{_many(each.events, 'event')} of {each.service or 'no known service'} not billed: {waits}"
            yield Blocker(id_, "unbilled", council, what, each.events, f"{_STATEMENTS}/{council}/{month}")


def not_computed(council: str, month: Month, why: str) -> Blocker:
    """The month has no draft, because of a bug or of terms that price no such usage."""
    what = f"the statement could not be computed: {why}"
    return Blocker(f"not-computed.{_digest(council)}", "not-computed", council, what, 1, _href(council, month))


def differs(council: str, month: Month, found: Sequence[FigureDifference]) -> Iterator[Blocker]:
    """The draft is not what its rows come to, or does not add up."""
    if found:
        shown = "; ".join(each.text for each in found[:_SHOWN])
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        what = f"an independent recomputation differs: {shown}{more}"
        yield Blocker(f"differs.{_digest(council)}", "differs", council, what, len(found), _href(council, month))


def with_decisions(blockers: Iterable[Blocker], decisions: Decisions) -> tuple[Blocker, ...]:
    """The blockers, each with the decision about it; what cannot be decided away blocks whatever was decided."""
    return tuple(
        replace(each, decided=decisions[each.id]) if each.is_decidable and each.id in decisions else each
        for each in blockers
    )


def _of_records(id_: str, kind: BlockerKind, council: str | None, records: Sequence[OpenRecord]) -> Blocker:
    first = records[0]
    whose = "that may name any council" if council is None else f"of {council}"
    why = "Tallystick failed to read" if kind == "failed" else "in quarantine"
    noun = _many(len(records), "record")
    what = f"{noun} {whose} {why}, the first at {first.shard}@{first.offset} ({first.reason})"
    return Blocker(id_, kind, council, what, len(records), _QUARANTINE)


def _at_the_monitor(
    kind: BlockerKind,
    noun: str,
    verb: str,
    found: Mapping[str | None, Sequence[tuple[Shard, int]]],
    href: str | None,
) -> Iterator[Blocker]:
    for council, counts in sorted(found.items(), key=lambda each: each[0] or ""):
        count = sum(number for _, number in counts)
        if count:
            content = (f"{shard}={number}" for shard, number in counts if number)
            whose = "that may name any council" if council is None else f"of {council}"
            what = f"{_many(count, noun)} {whose} {verb}"
            yield Blocker(f"{kind}.monitor-{_digest(council or '', *content)}", kind, council, what, count, href)


def _covered(prefix: str, decisions: Decisions) -> tuple[int, BlockerDecision | None]:
    """The last offset that a decision about the group covers; -1 where there is none."""
    found = [
        (int(offset), decision)
        for id_, decision in decisions.items()
        for group, _, offset in (id_.rpartition("."),)
        if group == prefix and offset.isdecimal()
    ]
    return max(found, key=lambda each: each[0], default=(-1, None))


def _href(council: str, month: Month) -> str:
    return f"{_STATEMENTS}/{council}/{month}"


def _digest(*content: str | int) -> str:
    text = "\x1f".join(map(str, content))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _is(count: int, one: str = "is", many: str = "are") -> str:
    return one if count == 1 else many

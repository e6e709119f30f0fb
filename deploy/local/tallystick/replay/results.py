"""What became of the events that one replay sent: each has one result, and the results add up to what was sent."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.contracts.envelope import split_item_key
from shared.contracts.topics import TICKETS, USAGE, WORK
from shared.log.port import Bounds, Shard, every_shard
from shared.log.validation import CONFLICT
from shared.quarantine.service import QuarantineEntry
from shared.scope import Scope
from shared.web.formats import counted

if TYPE_CHECKING:  # importing the services takes a second: `--help` does not wait for them
    from tallystick.stack import Stack

SENT_TO = (TICKETS, WORK, USAGE)
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Intake:
    """How far the services have read what replays send, and what became of it, at one instant.

    Tickets and work are counted as the monitor counts them, and readings as billing does. `parked_readings` has those
    that wait for the catalogue, by council. `failed` are the keys of items that Tallystick failed to judge, and `held`
    the councils of which it judges none because too many have. `quarantined` are the shards of which either service
    has ever quarantined anything.
    """

    bounds: Mapping[Shard, Bounds]
    next_offset: Mapping[Shard, int]
    counts: Counter[str]
    parked_readings: Counter[str]
    failed: frozenset[str]
    held: frozenset[str]
    quarantined: frozenset[Shard] = frozenset()

    @property
    def sent(self) -> int:
        """How many events the log was ever sent."""
        return sum(each.end for each in self.bounds.values())

    @property
    def any_unjudged(self) -> bool:
        """Whether any item has failed, or any council is held."""
        return bool(self.failed or self.held)

    def leaves_unjudged(self, key: str) -> bool:
        """Whether the item under `key` has failed, or its council is held."""
        return self.any_unjudged and (key in self.failed or split_item_key(key)[0] in self.held)

    @property
    def unread(self) -> int:
        """How many of them the services have still to read."""
        return sum(each.end - self.next_offset.get(shard, each.first) for shard, each in self.bounds.items())


async def intake_of(stack: "Stack", *, topics: Collection[str] = ()) -> Intake:
    """What the services have read by now; failed items and held councils are those of the `topics`."""
    bounds = {shard: await stack.bus.bounds(shard) for shard in every_shard(SENT_TO)}
    heads = await stack.monitor.heads()
    metered = await asyncio.to_thread(stack.billing.progress)
    readings = [each for each in metered if each.shard.topic == USAGE.name]
    counts: Counter[str] = Counter()
    for head in heads.values():
        counts.update(head.counts)
    for each in readings:
        counts.update(applied=each.counts.applied, duplicate=each.counts.duplicate, quarantined=each.counts.quarantined)
    reached: dict[Shard, int] = {shard: head.next_offset for shard, head in heads.items()}
    reached |= {each.shard: each.next_offset for each in readings}
    parked = Counter({each.council: each.records for each in await stack.billing.parked()}) if readings else Counter()
    of_topics = [head for shard, head in heads.items() if shard.topic in topics]
    failed = frozenset(key for head in of_topics for key in head.failed)
    councils = frozenset(council for head in of_topics for council in head.held)
    quarantined = {shard for shard, head in heads.items() if head.counts.get("quarantined")}
    quarantined |= {each.shard for each in metered if each.counts.quarantined}
    return Intake(bounds, reached, counts, parked, failed, councils, frozenset(quarantined))


@dataclass(frozen=True, slots=True)
class QuarantinedEvents:
    """Events that are in quarantine for one reason: how many, and the places of the first of them."""

    reason: str
    detail: str
    events: int
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventResults:
    """The events of a replay by what became of them. `others` were sent by somebody else meanwhile, and count too.

    `kept` were not sent: a later export, or an item of which a row was refused, keeps what was sent before.
    `failed` are kept, but Tallystick failed to judge their items. `unread` lie behind a partition that is
    halted, or was given up.
    """

    sent: int
    others: int
    applied: int
    known: int
    quarantined: int
    parked: int
    failed: int
    unread: int
    kept: int = 0
    reasons: tuple[QuarantinedEvents, ...] = ()

    @property
    def unaccounted(self) -> int:
        """Events without a result, or with two: 0, or a bug in Tallystick."""
        results = self.applied + self.known + self.kept + self.quarantined + self.parked + self.failed + self.unread
        return self.sent + self.others - results

    @property
    def complete(self) -> bool:
        """Whether every event is applied, now or by an earlier replay: in every service, whichever one counts it."""
        return not (self.quarantined or self.reasons or self.parked or self.failed or self.unread)

    def lines(self) -> Iterator[str]:
        """The results as people read them."""
        named = {
            "applied": self.applied,
            "already known": self.known,
            "not sent": self.kept,
            "quarantined": self.quarantined,
            "parked": self.parked,
            "failed": self.failed,
            "not read": self.unread,
        }
        shown = [f"{count:,} {name}" for name, count in named.items() if count or name == "applied"]
        meanwhile = f" and {self.others:,} of other senders" if self.others else ""
        yield f"{counted(self.sent, 'event')}{meanwhile} = {' + '.join(shown)}"
        if self.known:
            yield "  already known: sent before with the same content: an event counts once"
        if self.failed:
            yield "  failed: kept, but a bug in Tallystick keeps their items unjudged: `tallystick quarantine list`"
        for each in self.reasons:
            yield f"  quarantined: {each.reason}: {each.events:,}: {each.detail}"
            yield from (f"    tallystick quarantine show {place}" for place in each.places)
            if each.events > len(each.places):
                yield "    tallystick quarantine list shows them all"


def results_between(
    before: Intake,
    after: Intake,
    *,
    events: int,
    known: int,
    kept: int = 0,
    items: Mapping[str, int],
    quarantined: Iterable[QuarantinedEvents],
) -> EventResults:
    """What became of a file's `events`: `known` were there `before`, `kept` were not sent, the others were after it.

    `items` counts the events by the key of their item.

    The services count facts of failed items as applied, for they keep them. Of a failed item that was sent before, as
    many as were sent now are taken for failed, and never more than were applied.
    """
    counts = Counter(after.counts)
    counts.subtract(before.counts)
    unjudged = sum(count for key, count in items.items() if after.leaves_unjudged(key)) if after.any_unjudged else 0
    failed = min(unjudged, counts["applied"])
    new_parked = after.parked_readings - before.parked_readings
    return EventResults(
        sent=events,
        others=after.sent - before.sent - (events - known - kept),
        applied=counts["applied"] - new_parked.total() - failed,
        known=known + counts["duplicate"],
        quarantined=counts["quarantined"],
        parked=counts["parked"] + new_parked.total(),
        failed=failed,
        unread=after.unread,
        kept=kept,
        reasons=tuple(quarantined),
    )


@dataclass(slots=True)
class _Reason:
    detail: str
    places: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class QuarantinedSince:
    """Events in quarantine by reason, and the keys of the items that they are about."""

    reasons: list[QuarantinedEvents]
    keys: frozenset[str]


async def quarantined_since(stack: "Stack", before: Intake) -> QuarantinedSince:
    """What either service has quarantined of the events that came after `before`."""
    found: dict[str, _Reason] = {}
    seen: dict[str, bytes] = {}
    for service in (stack.monitor.quarantine, stack.billing.quarantine):
        async for entry in service.entries(Scope.all(), decided=True):
            if _is_since(entry, before) and entry.place not in seen:
                seen[entry.place] = entry.record.key or b""
                found.setdefault(entry.record.reason, _Reason(_advice(entry))).places.append(entry.place)
    reasons = [
        QuarantinedEvents(reason, each.detail, len(each.places), tuple(each.places[:_SHOWN]))
        for reason, each in sorted(found.items())
    ]
    return QuarantinedSince(reasons, frozenset(key.decode(errors="replace") for key in seen.values()))


def _is_since(entry: QuarantineEntry, before: Intake) -> bool:
    bounds = before.bounds.get(entry.shard)
    return bounds is not None and entry.record.offset >= bounds.end


def _advice(entry: QuarantineEntry) -> str:
    if entry.record.reason != CONFLICT.reason:
        return entry.record.detail
    return (
        "other content was sent before under the same id, by somebody else who uses this `source`. That stays: give "
        "the mapping a source of its own"
    )

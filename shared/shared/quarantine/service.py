"""What an operator does with quarantined records: look at them, redrive them, discard them, accept a flood of them.

Nothing is ever taken out of quarantine: a decision is added beside the record. A record that is redriven gets a new
offset in the log and is judged again there; at its old offset it stays counted as quarantined, so that every offset
has one result for ever.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from shared.clock import Clock
from shared.contracts.envelope import split_item_key
from shared.contracts.topics import Topic
from shared.log.flood import MAX_QUARANTINED, counts, halting_offset
from shared.log.port import Bus, Message, Quarantined, Shard, every_shard
from shared.log.validation import REDRIVEN
from shared.quarantine.decisions import Action, Decision, QuarantineDecisions
from shared.scope import Scope
from shared.sql.engine import busy_during_outages

WaitsFor = Literal["council", "agreement", "calendar"]
_PAGE = 100  # each may hold 256 KiB


class NotQuarantined(LookupError):
    """There is no record at that place in quarantine, or none that the caller may see."""


class CannotRedrive(ValueError):
    """As it was sent, the record is invalid for every release of Tallystick."""


class QuarantineStore(Protocol):
    """Where a service keeps its quarantined records; its live state is one such place."""

    async def quarantine(self, shard: Shard, *, after_offset: int, limit: int) -> list[Quarantined]:
        """Quarantined records by ascending offset, beginning after `after_offset` (-1: from the first)."""
        ...

    async def erase_quarantined(self, shard: Shard, offsets: Collection[int]) -> None:
        """Quarantined records at `offsets` have neither key nor bytes any more; the rest of each stays."""
        ...


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """A quarantined record and the latest decision about it; open while there is none."""

    shard: Shard
    record: Quarantined
    decision: Decision | None

    @property
    def place(self) -> str:
        """Where it is in the log: `provider.work.v1/3@1042`."""
        return f"{self.shard}@{self.record.offset}"


class AlreadyDecided(ValueError):
    """Somebody has already decided about the record."""

    def __init__(self, entry: QuarantineEntry) -> None:
        by = "" if entry.decision is None else f" {entry.decision.action} by {entry.decision.actor}"
        super().__init__(f"{entry.place} was{by}")


@dataclass(frozen=True, slots=True, order=True)
class Parked:
    """The valid records of one council that wait until the catalogue knows one thing.

    They count as soon as it does. `oldest` is the London day of the first of them.
    """

    council: str
    waits_for: WaitsFor
    records: int
    oldest: date


@dataclass(frozen=True, slots=True)
class _OpenCount:
    """How many records of a shard were undecided when its store had `quarantined` and `decided` were decided about."""

    quarantined: int
    decided: int
    open: int


class QuarantineService:
    """The quarantine of one service. Any process may use it, while the service runs and while it does not."""

    def __init__(
        self,
        service: str,
        topics: Sequence[Topic],
        *,
        store: QuarantineStore,
        decisions: QuarantineDecisions,
        bus: Bus,
        clock: Clock,
    ) -> None:
        self.service = service
        self._shards = sorted(every_shard(topics))
        self._store, self._decisions, self._bus, self._clock = store, decisions, bus, clock
        self._open: dict[Shard, _OpenCount] = {}

    async def entries(
        self, scope: Scope, *, decided: bool = False, after: tuple[Shard, int] | None = None
    ) -> AsyncIterator[QuarantineEntry]:
        """Open entries, or all with those already `decided`; by shard and offset, beginning after the place `after`.

        A record whose key names no council is only seen by who may see every council. One page is in memory at a time.
        """
        for shard in self._shards:
            if after is not None and shard < after[0]:
                continue
            decisions = await self._latest_decisions(shard)
            offset = after[1] if after is not None and shard == after[0] else -1
            while page := await self._store.quarantine(shard, after_offset=offset, limit=_PAGE):
                offset = page[-1].offset
                for record in page:
                    if is_visible(record, scope) and (decided or record.offset not in decisions):
                        yield QuarantineEntry(shard, record, decisions.get(record.offset))

    async def open_by_topic(self, quarantined: Mapping[Shard, int]) -> dict[str, int]:
        """How many records nobody has decided about, by topic; `quarantined` is how many its store has of each shard.

        A shard is counted again only when it has more of them, or of decisions.
        """
        open_ = {shard.topic: 0 for shard in self._shards}
        for shard in self._shards:
            if quarantined.get(shard, 0):
                open_[shard.topic] += await self._open_of(shard, quarantined[shard])
        return open_

    async def _open_of(self, shard: Shard, quarantined: int) -> int:
        decisions = await self._latest_decisions(shard)
        known = self._open.get(shard)
        if known is None or (known.quarantined, known.decided) != (quarantined, len(decisions)):
            offset, count = -1, 0
            while page := await self._store.quarantine(shard, after_offset=offset, limit=_PAGE):
                offset = page[-1].offset
                count += sum(record.offset not in decisions for record in page)
            known = self._open[shard] = _OpenCount(quarantined, len(decisions), count)
        return known.open

    async def entry(self, scope: Scope, shard: Shard, offset: int) -> QuarantineEntry:
        """The entry at that place; raises `NotQuarantined`."""
        if shard in self._shards:
            for record in await self._store.quarantine(shard, after_offset=offset - 1, limit=1):
                if record.offset == offset and is_visible(record, scope):
                    return QuarantineEntry(shard, record, (await self._latest_decisions(shard)).get(offset))
        raise NotQuarantined(f"{self.service} has no quarantined record at {shard}@{offset}")

    async def redrive(self, entry: QuarantineEntry, *, actor: str, reason: str) -> Decision:
        """The record is in the log once more, as it was sent, and the decision is kept; raises `CannotRedrive`.

        May be repeated: events are known by their ids, so that a record sent twice counts once. Its header `REDRIVEN`
        keeps it from counting towards a flood where it is still invalid.
        """
        await self._bus.publish(entry.shard.topic, [_as_sent(entry)])
        return await self._decide(entry.shard, entry.record.offset, "re-driven", actor, reason)

    async def note_redriven(self, entry: QuarantineEntry, *, actor: str, reason: str) -> Decision:
        """As `redrive`, where another service, which had quarantined the record too, has redriven it already."""
        return await self._decide(entry.shard, entry.record.offset, "re-driven", actor, reason)

    async def discard(self, entry: QuarantineEntry, *, actor: str, reason: str) -> Decision:
        """The record will not be redriven; its bytes are kept. Raises `AlreadyDecided` unless the entry is open."""
        if entry.decision is not None:
            raise AlreadyDecided(entry)
        return await self._decide(entry.shard, entry.record.offset, "discarded", actor, reason)

    async def erase_gone(self) -> int:
        """Key and bytes are erased of what somebody has decided about and the log no longer holds; returns of how many.

        Place, reason and decision stay. While nobody has decided, a record may still have to be redriven.
        """
        return sum([await self._erase_gone(shard) for shard in self._shards])

    async def _erase_gone(self, shard: Shard) -> int:
        first, erased, offset = (await self._bus.bounds(shard)).first, 0, -1
        if not first:
            return 0
        decisions = await self._latest_decisions(shard)
        while offset < first and (page := await self._store.quarantine(shard, after_offset=offset, limit=_PAGE)):
            offset = page[-1].offset
            gone = [each.offset for each in page if each.offset < first and each.offset in decisions and _has_any(each)]
            if gone:
                await self._store.erase_quarantined(shard, gone)
                erased += len(gone)
        return erased

    async def accept_flood(self, shard: Shard, *, actor: str, reason: str) -> Decision:
        """Any number of the records that `shard` holds by now may be quarantined; later ones are counted from zero."""
        end = (await self._bus.bounds(shard)).end
        return await self._decide(shard, end, "flood-accepted", actor, reason)

    async def may_be_halted(self, shard: Shard) -> bool:
        """Whether one more invalid record, of those in the log, would make a flood of what is quarantined.

        Where it would not, `shard` is not halted; only the running service knows whether it is.
        """
        end = (await self._bus.bounds(shard)).end
        newest: list[int] = []
        offset = await self.accepted_below(shard) - 1
        while page := await self._store.quarantine(shard, after_offset=offset, limit=_PAGE):
            offset = page[-1].offset
            counted = (record.offset for record in page if counts(record))
            newest = [*newest, *counted][-MAX_QUARANTINED:]
        return bool(newest) and offset + 1 < end and halting_offset(newest, [offset + 1]) is not None

    def reads(self, shard: Shard) -> bool:
        """Whether the service reads `shard`, and may hold records of it."""
        return shard in self._shards

    async def decisions(self) -> list[Decision]:
        """Every decision of this quarantine, the oldest first."""
        found = [decision for shard in self._shards for decision in await asyncio.to_thread(self._decisions.of, shard)]
        return sorted(found, key=lambda decision: decision.decided_at)

    async def accepted_below(self, shard: Shard) -> int:
        """The offset below which floods of `shard` are accepted; raises `Busy` while the database is away."""
        with busy_during_outages():
            return await asyncio.to_thread(self._decisions.accepted_below, shard)

    async def decided(self, shard: Shard) -> Collection[int]:
        """The offsets of the records about which somebody has decided; raises `Busy` while the database is away."""
        with busy_during_outages():
            return (await self._latest_decisions(shard)).keys()

    async def _latest_decisions(self, shard: Shard) -> dict[int, Decision]:
        """The latest decision about each record of the shard, by offset."""
        decisions = await asyncio.to_thread(self._decisions.of, shard)
        return {decision.offset: decision for decision in decisions if decision.action != "flood-accepted"}

    async def _decide(self, shard: Shard, offset: int, action: Action, actor: str, reason: str) -> Decision:
        decision = Decision(shard, offset, action, actor, reason, self._clock.now())
        await asyncio.to_thread(self._decisions.add, decision)
        return decision


def is_visible(record: Quarantined, scope: Scope) -> bool:
    """Whether the scope allows the council of the record's key; one that names none is only seen by who sees all."""
    return scope.councils is None or scope.allows(split_item_key(_key(record))[0])


def _has_any(record: Quarantined) -> bool:
    """Whether anything that was sent is kept of the record."""
    return record.key is not None or record.value is not None


def _key(record: Quarantined) -> str:
    """The record's key, empty where it has none that an event can have."""
    try:
        return (record.key or b"").decode()
    except UnicodeDecodeError:
        return ""


def _as_sent(entry: QuarantineEntry) -> Message:
    """The record with its own key, bytes and time: what is late stays late, what has a wrong clock stays wrong."""
    record, key = entry.record, _key(entry.record)
    if not record.value:
        why = "has no value" if record.reason == "EMPTY" else "has no bytes any more, as the log has none of it"
        raise CannotRedrive(f"{entry.place} {why}: it can only be discarded")
    if not key:
        raise CannotRedrive(f"{entry.place} has no key that an event can have: it can only be discarded")
    redriven_from = (REDRIVEN, entry.place.encode())
    return Message(key, record.value, headers=(redriven_from,), timestamp_ms=record.timestamp_ms)

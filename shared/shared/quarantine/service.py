"""What an operator does with records set aside: look, offer again, discard, let a flood pass.

Nothing is ever taken out of quarantine: a decision is added beside the record. One that is offered again gets a new
place in the log and a fate of its own there; at its old place it stays counted as set aside, so that every offset has
one fate for ever.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.clock import Clock
from shared.contracts.topics import Topic
from shared.log.port import Bus, Message, Quarantined, Shard, every_shard
from shared.quarantine.decisions import Action, Decision, QuarantineDecisions
from shared.sql.outage import busy_during_outages

_PAGE = 100  # each may hold 256 KiB


class NotQuarantined(LookupError):
    """There is no record at that place in quarantine."""


class AlreadyDecided(ValueError):
    """Somebody has decided about the record already."""


class CannotRedrive(ValueError):
    """As it was sent the record can never be believed, whatever is deployed."""


class QuarantineStore(Protocol):
    """Where a service keeps what it has set aside; its live state is one such place."""

    async def quarantine(self, shard: Shard, *, after_offset: int, limit: int) -> list[Quarantined]:
        """Records set aside, by ascending offset, beginning after `after_offset` (-1: from the first)."""
        ...


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """A record set aside, and the last word about it; open while there is none."""

    shard: Shard
    record: Quarantined
    decision: Decision | None

    @property
    def place(self) -> str:
        """Where it is in the log: `provider.work.v1/3@1042`."""
        return f"{self.shard}@{self.record.offset}"


class QuarantineService:
    """The quarantine of one service. Any process may use it, while the service runs and while it does not."""

    def __init__(
        self,
        service: str,
        topics: Sequence[Topic],
        *,
        aside: QuarantineStore,
        decisions: QuarantineDecisions,
        bus: Bus,
        clock: Clock,
    ) -> None:
        self.service = service
        self._shards = sorted(every_shard(topics))
        self._aside, self._decisions, self._bus, self._clock = aside, decisions, bus, clock

    async def entries(
        self, *, decided: bool = False, beyond: tuple[Shard, int] | None = None
    ) -> AsyncIterator[QuarantineEntry]:
        """What is open, or all with what was `decided`; by shard and offset, beginning after the place `beyond`.

        One page is in memory at a time.
        """
        for shard in self._shards:
            if beyond is not None and shard < beyond[0]:
                continue
            words = await self._words(shard)
            after = beyond[1] if beyond is not None and shard == beyond[0] else -1
            while page := await self._aside.quarantine(shard, after_offset=after, limit=_PAGE):
                after = page[-1].offset
                for record in page:
                    if decided or record.offset not in words:
                        yield QuarantineEntry(shard, record, words.get(record.offset))

    async def entry(self, shard: Shard, offset: int) -> QuarantineEntry:
        """The record set aside there; raises `NotQuarantined`."""
        if shard in self._shards:
            for record in await self._aside.quarantine(shard, after_offset=offset - 1, limit=1):
                if record.offset == offset:
                    return QuarantineEntry(shard, record, (await self._words(shard)).get(offset))
        raise NotQuarantined(f"{self.service} has set aside nothing at {shard}@{offset}")

    async def redrive(self, entry: QuarantineEntry, *, actor: str, reason: str) -> Decision:
        """The record is in the log once more, as it was sent, and that is written down; raises `CannotRedrive`.

        May be repeated: events are known by their ids, so that a record offered twice counts once.
        """
        await self._bus.publish(entry.shard.topic, [_as_sent(entry)])
        return await self._decide(entry.shard, entry.record.offset, "re-driven", actor, reason)

    async def note_redriven(self, entry: QuarantineEntry, *, actor: str, reason: str) -> Decision:
        """As `redrive`, where the record is in the log once more already: another service had set it aside too."""
        return await self._decide(entry.shard, entry.record.offset, "re-driven", actor, reason)

    async def discard(self, entry: QuarantineEntry, *, actor: str, reason: str) -> Decision:
        """The record is not to be offered again; its bytes stay. Raises `AlreadyDecided` where it is open no longer."""
        if entry.decision is not None:
            raise AlreadyDecided(f"{entry.place} was {entry.decision.action} by {entry.decision.actor}")
        return await self._decide(entry.shard, entry.record.offset, "discarded", actor, reason)

    async def accept_flood(self, shard: Shard, *, actor: str, reason: str) -> Decision:
        """What the log holds of `shard` by now may be set aside, however much of it; later records are counted anew.

        Raises `NotQuarantined` for a shard that the service does not read.
        """
        if shard not in self._shards:
            raise NotQuarantined(f"{self.service} does not read {shard}")
        return await self._decide(shard, (await self._bus.bounds(shard)).end, "flood-accepted", actor, reason)

    async def decisions(self) -> list[Decision]:
        """All that was ever decided here, the oldest first."""
        told = [decision for shard in self._shards for decision in await asyncio.to_thread(self._decisions.of, shard)]
        return sorted(told, key=lambda decision: decision.decided_at)

    async def accepted_below(self, shard: Shard) -> int:
        """The offset below which floods of `shard` are accepted; raises `Busy` while the database is away."""
        with busy_during_outages():
            return await asyncio.to_thread(self._decisions.accepted_below, shard)

    async def _words(self, shard: Shard) -> dict[int, Decision]:
        """The last word about each record of the shard."""
        told = await asyncio.to_thread(self._decisions.of, shard)
        return {decision.offset: decision for decision in told if decision.action != "flood-accepted"}

    async def _decide(self, shard: Shard, offset: int, action: Action, actor: str, reason: str) -> Decision:
        decision = Decision(shard, offset, action, actor, reason, self._clock.now())
        await asyncio.to_thread(self._decisions.add, decision)
        return decision


def _as_sent(entry: QuarantineEntry) -> Message:
    """The record with its own key, bytes and time: what is late stays late, what has a wrong clock stays wrong."""
    record = entry.record
    if not record.value:
        raise CannotRedrive(f"{entry.place} has no value: it can only be discarded")
    try:
        key = (record.key or b"").decode()
    except UnicodeDecodeError:
        key = ""
    if not key:
        raise CannotRedrive(f"{entry.place} has no key that any event has: it can only be discarded")
    return Message(key, record.value, timestamp_ms=record.timestamp_ms)

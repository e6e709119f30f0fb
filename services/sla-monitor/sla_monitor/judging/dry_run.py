"""What records would change, were they in the log: judged by the code that judges, and stored nowhere."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.clock import Clock
from shared.contracts.envelope import TimeAdvanced
from shared.log.port import Bounds, Outgoing, Record, Shard
from shared.log.validation import InvalidRecord
from shared.state.port import Head, StateStore
from sla_monitor.domain.facts import AnyFact, fact_of, read_record
from sla_monitor.domain.item import FactResult, Item, insert_fact, load_item
from sla_monitor.judging.batch import ShardBatch, item_key
from sla_monitor.judging.item_cache import ItemCache
from sla_monitor.ports import Catalogue, DecisionsLog


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """What one shard would announce, and how many facts more than now would wait for the catalogue."""

    announced: Sequence[Outgoing]
    parked: int


class RebuildDryRun:
    """Reads live state and changes nothing. The items are judged as if their shard had caught up with the present."""

    def __init__(
        self, states: StateStore, catalogue: Catalogue, decisions: DecisionsLog, clock: Clock, *, margin_s: int
    ) -> None:
        self._states, self._clock, self._margin_ms = states, clock, margin_s * 1000
        self._catalogue, self._decisions = catalogue, decisions

    async def fates(self, shard: Shard, records: Sequence[Record]) -> list[FactResult]:
        """What its item would take each record for; all of them are events that can be believed."""
        facts = [_fact(shard, record) for record in records]
        items = await self._items(shard, [key for key, _ in facts])
        return [insert_fact(items.setdefault(key, Item()), fact) for key, fact in facts]

    async def judge(self, shard: Shard, records: Sequence[Record]) -> DryRunResult:
        """What would follow, had the shard read `records` next, whatever their offsets."""
        now_ms = int(self._clock.now().timestamp() * 1000)
        head = await self._states.head(shard) or Head()
        batch = ShardBatch(
            shard, head, ItemCache(), now_ms=now_ms, catalogue=self._catalogue, decisions=self._decisions
        )
        batch.take([_at(record, offset) for offset, record in enumerate(records, start=head.next_offset)])
        batch.move_clock(now_ms - self._margin_ms)
        keys = list(batch.keys)
        batch.judge(keys, await self._states.items(shard, keys))
        change = batch.change()
        counts = Counter(change.head.counts)
        counts.subtract(head.counts)
        return DryRunResult(change.outbox, counts["parked"])

    async def behind(self, held: Mapping[Shard, Bounds]) -> int:
        """How many records of those `held` are still to be judged.

        Announcements still to be made, and news of the catalogue or of decisions, count as one a shard.
        """
        return sum([await self._behind(shard, bounds) for shard, bounds in held.items()])

    async def _behind(self, shard: Shard, held: Bounds) -> int:
        head = await self._states.head(shard)
        if head is None:
            return held.end - held.first
        news = head.catalogue_position < self._catalogue.position or head.decisions_position < self._decisions.position
        return max(0, held.end - head.next_offset) + news + len(await self._states.outbox(shard, limit=1))

    async def _items(self, shard: Shard, keys: Sequence[str]) -> dict[str, Item]:
        stored = await self._states.items(shard, list(dict.fromkeys(keys)))
        return {key: load_item(blob) for key, blob in stored.items()}


def _fact(shard: Shard, record: Record) -> tuple[str, AnyFact]:
    event = read_record(shard, record)
    if isinstance(event, InvalidRecord | TimeAdvanced):
        raise TypeError(f"expected an event of an item, got {event}")
    return item_key(event, record), fact_of(event)


def _at(record: Record, offset: int) -> Record:
    return Record(offset, record.key, record.value, record.headers, record.timestamp_ms)

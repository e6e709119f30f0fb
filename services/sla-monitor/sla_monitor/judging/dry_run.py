"""What records would change, were they in the log: judged by the code that judges, and stored nowhere."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Engine

from shared.clock import Clock
from shared.contracts.envelope import TimeAdvanced
from shared.log.port import Bounds, Bus, Outgoing, Record, Shard
from shared.log.validation import InvalidRecord
from shared.sql.engine import close
from shared.sql.isolation import Database
from shared.sql.migrate import prepare
from shared.startup_errors import InvalidSettings
from shared.state.connect import connect
from shared.state.port import Head
from sla_monitor.domain.facts import AnyFact, fact_of, read_record
from sla_monitor.domain.item import FactResult, identity_digest, item_key
from sla_monitor.judging.archiving import ArchiveReader
from sla_monitor.judging.batch import ShardBatch
from sla_monitor.judging.item_cache import CachedItem, IdentityLedger, ItemCache
from sla_monitor.ports import EvaluationContext
from sla_monitor.settings import DryRunSettings
from sla_monitor.store.archive import SqlArchive
from sla_monitor.store.views import CatalogueView, DecisionsView


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """What one shard would announce, and how many facts more than now would wait for the catalogue."""

    announced: Sequence[Outgoing]
    parked: int


class JudgingDryRun:
    """Reads live state, the archive and the log beside running instances, and changes nothing.

    Items are judged as if their shard had caught up with the present. Where nobody named the archive, a shard that has
    left items to one is refused: raises `InvalidSettings`.
    """

    def __init__(self, settings: DryRunSettings, *, bus: Bus, clock: Clock) -> None:
        self._states = connect(settings.state)
        self._engine = _open_database(settings.archive)
        self._archive = None if self._engine is None else ArchiveReader(SqlArchive(self._engine))
        self._catalogue, self._decisions = CatalogueView(bus), DecisionsView(bus)
        self._context = EvaluationContext(self._catalogue, self._decisions, clock, settings.margin_s)

    async def catch_up(self) -> None:
        """What the catalogue has published, and what was decided, by now is known."""
        await self._catalogue.catch_up()
        await self._decisions.catch_up()

    async def insert_results(self, shard: Shard, records: Sequence[Record]) -> list[FactResult]:
        """Whether each record would be new to its item, a duplicate or a conflict; all of them are valid events.

        In the order of the records, as in the log: of two items with one (source, id) the first has it.
        """
        facts = [_fact(shard, record) for record in records]
        head = await self._states.head(shard) or Head()
        stored = await self._held(shard, list(dict.fromkeys(key for key, _ in facts)), head)
        items = {key: CachedItem.load(stored.get(key)) for key, _ in facts}
        digests = [identity_digest(fact) for _, fact in facts]
        identities = IdentityLedger(await self._states.identities_known(shard, digests))
        return [identities.insert(items[key], fact, digest) for (key, fact), digest in zip(facts, digests, strict=True)]

    async def judge(self, shard: Shard, records: Sequence[Record]) -> DryRunResult:
        """What would follow, had the shard read `records` next, whatever their offsets."""
        head = await self._states.head(shard) or Head()
        batch = ShardBatch(shard, head, ItemCache(), self._context)
        batch.add(
            [
                msgspec.structs.replace(record, offset=offset)
                for offset, record in enumerate(records, start=head.next_offset)
            ]
        )
        batch.move_clock(self._context.judged_to_ms)
        keys = list(batch.keys)
        known = await self._states.identities_known(shard, batch.digests)
        batch.judge(keys, await self._held(shard, keys, head), known=known)
        change = batch.change()
        counts = Counter(change.head.counts)
        counts.subtract(head.counts)
        return DryRunResult(change.outbox, counts["parked"])

    async def _held(self, shard: Shard, keys: Sequence[str], head: Head) -> dict[str, bytes]:
        """Those of `keys` that exist, in live state or archived."""
        live = await self._states.items(shard, keys)
        absent = [key for key in keys if key not in live]
        if self._archive is None:
            if absent and head.archived:
                raise InvalidSettings(
                    "some ended items are in the monitor's database only: name it in MONITOR_DATABASE_URL"
                )
            return live
        await self._archive.start(shard, head)
        return live | await self._archive.recall(shard, absent, next_offset=head.next_offset)

    async def behind(self, held: Mapping[Shard, Bounds]) -> int:
        """How many records of those `held` are still to be judged.

        Announcements still to be made, and a newer catalogue or newer decisions, count as one a shard.
        """
        return sum([await self._behind(shard, bounds) for shard, bounds in held.items()])

    async def _behind(self, shard: Shard, held: Bounds) -> int:
        head = await self._states.head(shard)
        if head is None:
            return held.end - held.first
        waiting = self._context.is_outdated(head) + len(await self._states.outbox(shard, limit=1))
        return max(0, held.end - head.next_offset) + waiting

    async def close(self) -> None:
        """Everything is released."""
        await self._states.close()
        if self._engine is not None:
            close(self._engine)


def _open_database(url: str) -> Engine | None:
    """The monitor's database, with the newest schema; None without an address."""
    if not url:
        return None
    engine = Database.at(url).workers
    prepare(engine, "sla_monitor")
    return engine


def _fact(shard: Shard, record: Record) -> tuple[str, AnyFact]:
    event = read_record(shard, record)
    if isinstance(event, InvalidRecord | TimeAdvanced):
        raise TypeError(f"expected an event of an item, got {event}")
    return item_key(event, record), fact_of(event)

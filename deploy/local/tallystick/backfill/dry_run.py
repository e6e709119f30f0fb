"""Where a backfill looks and what it finds: the services' stores and the log as their settings name them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from billing.app import BillingApp
from billing.app import build as build_billing
from billing.domain.ingest import TOPICS as METERED
from billing.domain.statement_delta import StatementDelta
from billing.settings import BillingSettings
from shared.bus.connect import connect
from shared.clock import Clock
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.topics import TICKETS, TOPICS, VERDICTS, WORK
from shared.contracts.verdicts import VerdictEvent
from shared.log.partitioner import partition_of
from shared.log.port import Bounds, Bus, Record, Shard, every_shard
from shared.period import Month, month_of
from shared.settings import read_settings
from shared.sql.engine import busy_during_outages
from sla_monitor.domain.verdict_changes import verdict_changes
from sla_monitor.judging.dry_run import DryRunResult, JudgingDryRun
from sla_monitor.settings import MonitorSettings
from tallystick.backfill.candidates import Candidate
from tallystick.backfill.deduplication import Deduplicated, deduplicate, records_of
from tallystick.backfill.report import Changes, changes

_JUDGED = frozenset({TICKETS.name, WORK.name})


@dataclass(frozen=True, slots=True)
class BackfillDryRun:
    """What judges and what rates, at hand and not at work. Instances at work are not disturbed."""

    bus: Bus
    monitor: JudgingDryRun
    billing: BillingApp
    clock: Clock

    async def behind(self, held: Mapping[Shard, Bounds]) -> int:
        """How many of the records `held` the services have still to take in, and announcements to make."""
        judged = {shard: bounds for shard, bounds in held.items() if shard.topic in _JUDGED}
        progress = await asyncio.to_thread(self.billing.progress)
        reached = {each.shard: each.next_offset for each in progress}
        unread = sum(max(0, bounds.end - reached.get(shard, bounds.first)) for shard, bounds in held.items())
        return unread + await self.monitor.behind(judged)

    async def held(self) -> dict[Shard, Bounds]:
        """What the log holds now of all that the two services read."""
        shards = every_shard(METERED)
        return {shard: await self.bus.bounds(shard) for shard in shards}

    async def deduplicate(self, offers: Sequence[Candidate]) -> Deduplicated:
        """Which of the events nobody knows yet."""
        with busy_during_outages():
            return await deduplicate(offers, judging=self.monitor, dry_run=self.billing.dry_run)

    async def changes(self, new: Sequence[Candidate], *, seen: Callable[[int], None]) -> Changes:
        """What the events would change, were they sent; `seen` is told how many more have been judged.

        Raises `Busy` while a database is away.
        """
        records = records_of(new)
        foreseen: list[DryRunResult] = []
        for shard, held in records.items():
            if shard.topic in _JUDGED:
                foreseen.append(await self.monitor.judge(shard, held))
            seen(len(held))
        announced = [decode_event(message.value) for each in foreseen for message in each.announced]
        said = [event for event in announced if isinstance(event, VerdictEvent)]
        moved = await self.statement_deltas(records, said)
        parked = sum(each.parked for each in foreseen)
        return changes(new, parked=parked, difference=verdict_changes(said), moved=moved)

    async def statement_deltas(
        self, records: Mapping[Shard, Sequence[Record]], said: Sequence[VerdictEvent]
    ) -> list[StatementDelta]:
        """What the provider's records and the monitor's words would do to statements. Raises `Busy` as `changes`."""
        rehearsed = {**records, **_verdict_records(said)}
        councils = {_council(record) for held in rehearsed.values() for record in held}
        months = [Month.parse(each.month) for each in verdict_changes(said).verdicts if each.month is not None]
        until = max([month_of(self.clock.now()), *months])
        with busy_during_outages():
            return await asyncio.to_thread(self.billing.dry_run.statement_deltas, rehearsed, councils, until=until)


@asynccontextmanager
async def open_dry_run(clock: Clock) -> AsyncIterator[BackfillDryRun]:
    """What the environment's settings name; `DATABASE_URL` is billing's. All of it is closed on the way out."""
    monitor_settings, billing_settings = read_settings(MonitorSettings), read_settings(BillingSettings)
    async with AsyncExitStack() as stack:
        bus = connect(monitor_settings.bus)
        stack.push_async_callback(bus.close)
        await bus.ensure_topics(TOPICS)
        with busy_during_outages():
            billing = build_billing(billing_settings, bus=bus, clock=clock)
        stack.push_async_callback(billing.close)
        monitor = JudgingDryRun(monitor_settings, bus=bus, clock=clock)
        stack.push_async_callback(monitor.close)
        yield BackfillDryRun(bus, monitor, billing, clock)


def _verdict_records(said: Sequence[VerdictEvent]) -> dict[Shard, list[Record]]:
    records: dict[Shard, list[Record]] = defaultdict(list)
    for event in said:
        key = event.key.encode()
        shard = Shard(VERDICTS.name, partition_of(key, VERDICTS.partitions))
        records[shard].append(Record(0, key, encode_event(event), (), 0))
    return records


def _council(record: Record) -> str:
    return (record.key or b"").decode().partition(":")[0]

"""A dry run of events that the log does not hold: which are new, and what they would change."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from billing.app import BillingApp
from billing.app import build as build_billing
from billing.domain.ingest import TOPICS as METERED
from billing.dry_run import StatementDelta
from billing.settings import BillingSettings
from shared.bus.connect import connect
from shared.clock import Clock
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.envelope import split_item_key
from shared.contracts.topics import TICKETS, TOPICS, USAGE, VERDICTS, WORK
from shared.contracts.verdicts import VerdictEvent
from shared.log.content import content_digest
from shared.log.partitioner import partition_of
from shared.log.port import Bounds, Bus, Record, Shard, every_shard
from shared.log.validation import CONFLICT
from shared.period import Month, month_of
from shared.settings import read_settings, read_text
from shared.sql.engine import busy_during_outages
from shared.sql.inbox import InsertResult
from shared.units import EpochMillis, Offset
from shared.web.formats import counted
from sla_monitor.domain.item import FactResult
from sla_monitor.domain.verdict_changes import verdict_changes
from sla_monitor.judging.dry_run import DryRunResult, JudgingDryRun
from sla_monitor.settings import DryRunSettings
from tallystick.backfill.candidates import Candidate, Refusal
from tallystick.backfill.report import Changes, changes
from tallystick.servers import ADDRESS, require_addresses
from tallystick.services import BILLING, DATABASE, OWN_DATABASE
from tallystick.stack import require_data

_InsertResult = InsertResult | FactResult | None
_NEW: frozenset[_InsertResult] = frozenset({InsertResult.NEW, FactResult.NEW})
_CONFLICT: frozenset[_InsertResult] = frozenset(
    {InsertResult.CONFLICT, FactResult.CONFLICT, FactResult.TOO_MANY}  # all are quarantined
)
_JUDGED = frozenset({TICKETS.name, WORK.name})


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """The events to be sent, how many are known already, and what is refused."""

    new: Sequence[Candidate]
    known: int
    refused: Sequence[Refusal]


@dataclass(frozen=True, slots=True)
class Behind:
    """How many records the monitor has still to judge and billing to ingest, by partition."""

    judged: Counter[Shard]
    metered: Counter[Shard]

    @property
    def records(self) -> int:
        """How many it is in all."""
        return self.judged.total() + self.metered.total()

    def __str__(self) -> str:
        services = {"the monitor": +self.judged, "billing": +self.metered}
        worst = {name: each.most_common(1)[0] for name, each in services.items() if each}
        return ", ".join(
            f"{name} {counted(services[name].total(), 'record')} (of {shard}: {count:,})"
            for name, (shard, count) in worst.items()
        )


@dataclass(frozen=True, slots=True)
class BackfillDryRun:
    """Judging and rating beside the running instances, which are not disturbed.

    Every method raises `Busy` while a database is away.
    """

    bus: Bus
    monitor: JudgingDryRun
    billing: BillingApp
    clock: Clock

    async def behind(self, held: Mapping[Shard, Bounds]) -> Behind:
        """What of the records `held` the services have still to ingest, and announcements to make."""
        progress = await asyncio.to_thread(self.billing.progress)
        reached = {each.shard: each.next_offset for each in progress}
        metered = {shard: max(0, bounds.end - reached.get(shard, bounds.first)) for shard, bounds in held.items()}
        judged = {
            shard: await self.monitor.behind({shard: bounds})
            for shard, bounds in held.items()
            if shard.topic in _JUDGED
        }
        return Behind(judged=Counter(judged), metered=Counter(metered))

    async def held(self) -> dict[Shard, Bounds]:
        """What the log holds now of all that the two services read."""
        return {shard: await self.bus.bounds(shard) for shard in every_shard(METERED)}

    async def deduplicate(self, candidates: Sequence[Candidate]) -> Deduplicated:
        """Which events no service knows: new where any reader would ingest it and none refuses it."""
        unique, known, refused = _without_repetitions(candidates)
        new: list[Candidate] = []
        with busy_during_outages():
            for shard, held in _by_shard(unique).items():
                for each, results in zip(held, await self._insert_results(shard, held), strict=True):
                    if _CONFLICT & results:
                        refused.append(_conflict(each))
                    elif _NEW & results:
                        new.append(each)
                    else:
                        known += 1
        return Deduplicated(new, known, refused)

    async def changes(self, new: Sequence[Candidate], *, seen: Callable[[int], None]) -> Changes:
        """What the events would change, were they sent; `seen` gets how many more have been judged."""
        records = {shard: [each.record for each in held] for shard, held in _by_shard(new).items()}
        results: list[DryRunResult] = []
        for shard, held in records.items():
            if shard.topic in _JUDGED:
                results.append(await self.monitor.judge(shard, held))
            seen(len(held))
        announced = [decode_event(message.value) for each in results for message in each.announced]
        verdicts = [event for event in announced if isinstance(event, VerdictEvent)]
        deltas = await self.statement_deltas(records, verdicts)
        parked = sum(each.parked for each in results)
        return changes(new, parked=parked, verdicts=verdict_changes(verdicts), statements=deltas)

    async def statement_deltas(
        self, records: Mapping[Shard, Sequence[Record]], verdicts: Sequence[VerdictEvent]
    ) -> list[StatementDelta]:
        """What the providers' records and the monitor's verdicts would do to statements."""
        applied = {**records, **_verdict_records(verdicts)}
        councils = {_council(record) for held in applied.values() for record in held}
        months = [Month.parse(each.month) for each in verdict_changes(verdicts).verdicts if each.month is not None]
        until = max([month_of(self.clock.now()), *months])
        with busy_during_outages():
            return await asyncio.to_thread(self.billing.dry_run.statement_deltas, applied, councils, until=until)

    async def _insert_results(self, shard: Shard, held: Sequence[Candidate]) -> list[set[_InsertResult]]:
        """For each event, what billing and, where it reads the topic, the monitor would say to it."""
        records = [each.record for each in held]
        metered: Sequence[_InsertResult] = await asyncio.to_thread(self.billing.dry_run.insert_results, shard, records)
        judged: Sequence[_InsertResult] = [None] * len(held)
        if shard.topic != USAGE.name:
            judged = await self.monitor.insert_results(shard, records)
        return [set(results) for results in zip(metered, judged, strict=True)]


@asynccontextmanager
async def open_dry_run(clock: Clock) -> AsyncIterator[BackfillDryRun]:
    """What the environment's settings name; `DATABASE_URL` is billing's. All of it is closed on the way out."""
    billing_database = read_text(OWN_DATABASE[BILLING]) or read_text(DATABASE)
    if read_text("BUS_URL") or read_text(ADDRESS):
        require_addresses(["BUS_URL"], ["STATE_URL"], [OWN_DATABASE[BILLING], DATABASE])
    monitor_settings = read_settings(DryRunSettings, DATABASE_URL=billing_database)
    billing_settings = read_settings(BillingSettings, DATABASE_URL=billing_database)
    addresses = monitor_settings.bus_url, monitor_settings.state_url, billing_settings.database_url
    require_data(monitor_settings.var, unless=addresses)
    async with AsyncExitStack() as stack:
        bus = connect(monitor_settings.bus)
        stack.push_async_callback(bus.close)
        await bus.ensure_topics(TOPICS)
        with busy_during_outages():
            billing = build_billing(billing_settings, bus=bus, clock=clock)
        stack.push_async_callback(billing.close)
        with busy_during_outages():
            monitor = JudgingDryRun(monitor_settings, bus=bus, clock=clock)
        stack.push_async_callback(monitor.close)
        yield BackfillDryRun(bus, monitor, billing, clock)


def _verdict_records(verdicts: Sequence[VerdictEvent]) -> dict[Shard, list[Record]]:
    records: dict[Shard, list[Record]] = defaultdict(list)
    for event in verdicts:
        key = event.key.encode()
        shard = Shard(VERDICTS.name, partition_of(key, VERDICTS.partitions))
        records[shard].append(Record(Offset(0), key, encode_event(event), (), EpochMillis(0)))
    return records


def _council(record: Record) -> str:
    return split_item_key((record.key or b"").decode())[0]


def _by_shard(candidates: Iterable[Candidate]) -> dict[Shard, list[Candidate]]:
    shards: dict[Shard, list[Candidate]] = defaultdict(list)
    for each in candidates:
        shards[each.shard].append(each)
    return shards


def _without_repetitions(candidates: Iterable[Candidate]) -> tuple[list[Candidate], int, list[Refusal]]:
    """Each event once, how many were repetitions, and those with other content under the same id."""
    first: dict[tuple[str, str], bytes] = {}
    unique: list[Candidate] = []
    repeated = 0
    refused: list[Refusal] = []
    for each in candidates:
        identity, digest = (each.event.source, each.event.id), content_digest(each.event)
        if identity not in first:
            unique.append(each)
            first[identity] = digest
        elif first[identity] == digest:
            repeated += 1
        else:
            refused.append(_conflict(each))
    return unique, repeated, refused


def _conflict(each: Candidate) -> Refusal:
    return Refusal(each.where, CONFLICT.reason, CONFLICT.detail)

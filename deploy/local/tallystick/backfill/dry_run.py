"""A dry run of events that the log does not hold: which are new, and what they would change."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence, Set
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import chain

from billing.app import BillingApp
from billing.app import build as build_billing
from billing.domain.ingest import TOPICS as METERED
from billing.dry_run import ShardRecords, StatementDelta
from billing.settings import BillingSettings
from shared.bus.connect import connect
from shared.clock import Clock
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.topics import TICKETS, TOPICS, USAGE, VERDICTS, WORK
from shared.contracts.verdicts import VerdictEvent
from shared.log.partitioner import partition_of
from shared.log.port import Bounds, Bus, Record, Shard, every_shard
from shared.period import Month, month_of
from shared.settings import read_settings, read_text
from shared.sql.engine import busy_during_outages
from shared.sql.inbox import InsertResult
from shared.units import EpochMillis, Offset
from shared.web.formats import counted
from sla_monitor.domain.item import FactResult
from sla_monitor.domain.verdict_changes import verdict_changes
from sla_monitor.judging.dry_run import JudgingDryRun
from sla_monitor.settings import DryRunSettings
from tallystick.backfill.candidates import Candidate
from tallystick.backfill.pages import BackfillPages
from tallystick.backfill.report import Changes, changes
from tallystick.servers import ADDRESS, named_servers, require_addresses
from tallystick.services import BILLING, DATABASE, OWN_DATABASE
from tallystick.stack import clock_as_judged, require_data

_InsertResult = InsertResult | FactResult | None
_NEW: frozenset[_InsertResult] = frozenset({InsertResult.NEW, FactResult.NEW})
_CONFLICT: frozenset[_InsertResult] = frozenset(
    {InsertResult.CONFLICT, FactResult.CONFLICT, FactResult.TOO_MANY}  # all are quarantined
)
_JUDGED = frozenset({TICKETS.name, WORK.name})


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

    `clock` is the present, also where items are judged as of an earlier instant. Every method raises `Busy` while a
    database is away.
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

    async def changes(self, pages: BackfillPages, *, seen: Callable[[int], None]) -> Changes:
        """What the events would change, were they sent: new where any reader would ingest it and none refuses it.

        What is new of them is noted in `pages`; `seen` gets how many more have been judged.
        """
        announced: list[VerdictEvent] = []
        parked = 0
        for shard, held in pages.pages():
            new = pages.note_new(await self._new(shard, held, pages))
            if new and shard.topic in _JUDGED:
                judged = await self.monitor.judge(shard, [each.record for each in new])
                events = [decode_event(message.value) for message in judged.announced]
                announced += [event for event in events if isinstance(event, VerdictEvent)]
                parked += judged.parked
            seen(len(held))
        records = ((shard, [each.record for each in held]) for shard, held in pages.new_pages())
        deltas = await self.statement_deltas(records, pages.councils, announced)
        return changes(pages.new(), parked=parked, verdicts=verdict_changes(announced), statements=deltas)

    async def statement_deltas(
        self, records: Iterable[ShardRecords], councils: Set[str], verdicts: Sequence[VerdictEvent]
    ) -> list[StatementDelta]:
        """What the providers' records, of those councils, and the monitor's verdicts would do to statements."""
        applied = chain(records, _verdict_records(verdicts).items())
        of_verdicts = {event.council for event in verdicts}
        months = [Month.parse(each.month) for each in verdict_changes(verdicts).verdicts if each.month is not None]
        until = max([month_of(self.clock.now()), *months])
        with busy_during_outages():
            return await asyncio.to_thread(
                self.billing.dry_run.statement_deltas, applied, {*councils, *of_verdicts}, until=until
            )

    async def _new(self, shard: Shard, held: Sequence[Candidate], pages: BackfillPages) -> list[Candidate]:
        """Those of the events that no service knows; conflicts are refused, and what is known is counted."""
        new: list[Candidate] = []
        with busy_during_outages():
            for each, results in zip(held, await self._insert_results(shard, held), strict=True):
                if _CONFLICT & results:
                    pages.refuse_conflict(each)
                elif _NEW & results:
                    new.append(each)
                else:
                    pages.known += 1
        return new

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
    """What the environment's settings name; `DATABASE_URL` is billing's. All of it is closed on the way out.

    A replayed folder is judged as of its last replay, as whatever ingests the events there will do.
    """
    billing_database = read_text(OWN_DATABASE[BILLING]) or read_text(DATABASE)
    if read_text("BUS_URL") or read_text(ADDRESS):
        require_addresses(["BUS_URL"], ["STATE_URL"], [OWN_DATABASE[BILLING], DATABASE])
    monitor_settings = read_settings(DryRunSettings, DATABASE_URL=billing_database)
    replayed = clock_as_judged(monitor_settings.var) if named_servers() is None else None
    if replayed is not None:
        monitor_settings = monitor_settings.model_copy(update={"margin_s": 0})
    judged_by = replayed or clock
    billing_settings = read_settings(BillingSettings, DATABASE_URL=billing_database)
    addresses = monitor_settings.bus_url, monitor_settings.state_url, billing_settings.database_url
    require_data(monitor_settings.var, unless=addresses)
    async with AsyncExitStack() as stack:
        bus = connect(monitor_settings.bus)
        stack.push_async_callback(bus.close)
        await bus.ensure_topics(TOPICS)
        with busy_during_outages():
            billing = build_billing(billing_settings, bus=bus, clock=judged_by)
        stack.push_async_callback(billing.close)
        with busy_during_outages():
            monitor = JudgingDryRun(monitor_settings, bus=bus, clock=judged_by)
        stack.push_async_callback(monitor.close)
        yield BackfillDryRun(bus, monitor, billing, clock)


def _verdict_records(verdicts: Sequence[VerdictEvent]) -> dict[Shard, list[Record]]:
    records: dict[Shard, list[Record]] = defaultdict(list)
    for event in verdicts:
        key = event.key.encode()
        shard = Shard(VERDICTS.name, partition_of(key, VERDICTS.partitions))
        records[shard].append(Record(Offset(0), key, encode_event(event), (), EpochMillis(0)))
    return records

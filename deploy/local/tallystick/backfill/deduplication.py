"""Which events of a file nobody knows yet."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from billing.domain.ingest import content_digest
from billing.dry_run import DryRun
from shared.contracts.topics import USAGE
from shared.log.port import Record, Shard
from shared.log.validation import CONFLICT
from shared.sql.inbox import InsertResult
from sla_monitor.domain.item import FactResult
from sla_monitor.judging.dry_run import JudgingDryRun
from tallystick.backfill.candidates import Candidate, Refusal

_Word = InsertResult | FactResult | None
_NEW: frozenset[_Word] = frozenset({InsertResult.NEW, FactResult.NEW})
_CONFLICT: frozenset[_Word] = frozenset({InsertResult.CONFLICT, FactResult.CONFLICT})


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """The events to be sent, how many are known already, and what is refused."""

    new: Sequence[Candidate]
    known: int
    refused: Sequence[Refusal]


async def deduplicate(offers: Iterable[Candidate], *, judging: JudgingDryRun, dry_run: DryRun) -> Deduplicated:
    """Each event asked for at whoever reads its topic: new where anybody would take it in and nobody refuses it."""
    once, known, refused = _once(offers)
    new: list[Candidate] = []
    for shard, held in by_shard(once).items():
        records = [each.record for each in held]
        metered: Sequence[_Word] = await asyncio.to_thread(dry_run.insert_results, shard, records)
        judged: Sequence[_Word] = [None] * len(held)
        if shard.topic != USAGE.name:
            judged = await judging.insert_results(shard, records)
        for each, words in zip(held, zip(metered, judged, strict=True), strict=True):
            if _CONFLICT.intersection(words):
                refused.append(_conflict(each))
            elif _NEW.intersection(words):
                new.append(each)
            else:
                known += 1
    return Deduplicated(new, known, refused)


def by_shard(offers: Iterable[Candidate]) -> dict[Shard, list[Candidate]]:
    """The events by the shard that they would be in, each in the order given."""
    shards: dict[Shard, list[Candidate]] = defaultdict(list)
    for each in offers:
        shards[each.shard].append(each)
    return shards


def records_of(offers: Iterable[Candidate]) -> dict[Shard, list[Record]]:
    """As `by_shard`, of the records alone."""
    return {shard: [each.record for each in held] for shard, held in by_shard(offers).items()}


def _once(offers: Iterable[Candidate]) -> tuple[list[Candidate], int, list[Refusal]]:
    """Each event once, how many were repetitions, and those that say something else under the same id."""
    first: dict[tuple[str, str], bytes] = {}
    once: list[Candidate] = []
    repeated = 0
    refused: list[Refusal] = []
    for each in offers:
        identity, digest = (each.event.source, each.event.id), content_digest(each.event)
        if identity not in first:
            once.append(each)
        elif first[identity] == digest:
            repeated += 1
        else:
            refused.append(_conflict(each))
        first.setdefault(identity, digest)
    return once, repeated, refused


def _conflict(each: Candidate) -> Refusal:
    return Refusal(each.where, CONFLICT.reason, CONFLICT.detail)

"""Records of the log become stored facts: in batches, each with its next offset in one transaction."""

import asyncio
from collections.abc import Sequence

import structlog

from billing.domain.ingest import AcceptedEvent, ingest_record
from billing.ports import IngestBatch, IngestStore
from shared.log.failures import CodeFailure, attempt
from shared.log.flood import Flood, halt_message
from shared.log.port import Quarantined, Record, Shard
from shared.log.processor import CaughtUp, Halted
from shared.log.validation import InvalidRecord, as_quarantined, failed_to_read
from shared.sql.engine import busy_during_outages

log = structlog.get_logger()


class BillingProcessor:
    """`shared.log.processor.Processor` over billing's store, its blocking work kept off the event loop.

    The position that a batch must find in the store is the one last loaded or written here. A stale worker's is
    behind, and the store refuses its batch.
    """

    def __init__(self, store: IngestStore) -> None:
        self._store = store
        self._positions: dict[Shard, int | None] = {}

    async def position(self, shard: Shard) -> int | None:
        with busy_during_outages():
            self._positions[shard] = await asyncio.to_thread(self._store.position, shard)
        return self._positions[shard]

    async def apply(self, shard: Shard, records: Sequence[Record]) -> int:
        """Facts, quarantine and next offset are stored in one transaction; raises `Busy` while the database is away."""
        expected = self._positions[shard]
        with busy_during_outages():
            reached = await asyncio.to_thread(ingest, self._store, shard, records, expected=expected)
        self._positions[shard] = reached
        return reached

    async def idle(self, shard: Shard, *, caught_up: CaughtUp) -> None:
        """Nothing is due: usage has no timers."""


def ingest(store: IngestStore, shard: Shard, records: Sequence[Record], *, expected: int | None) -> int:
    """The records are stored, and the offset after them is returned. `expected` is the stored position. Blocks.

    `records` is not empty and ascends by offset. Raises `Fenced` when the stored position is another. A flood of
    invalid records ends the batch early; raises `Halted` where its first record does.
    """
    batch = ingest_batch(shard, records)
    try:
        store.apply(batch, expected=expected)
    except Flood as flood:
        before = [record for record in records if record.offset < flood.offset]
        if not before:
            raise Halted(halt_message(shard, flood.offset)) from flood
        return ingest(store, shard, before, expected=expected)
    return batch.next_offset


def ingest_batch(shard: Shard, records: Sequence[Record]) -> IngestBatch:
    """The records by what becomes of them, from their own bytes alone; one that fails is quarantined alone (R59)."""
    accepted: list[AcceptedEvent] = []
    invalid: list[Quarantined] = []
    ignored = 0
    for record in records:
        match attempt(ingest_record, shard, record):
            case AcceptedEvent() as event:
                accepted.append(event)
            case InvalidRecord() as fault:
                invalid.append(as_quarantined(record, fault))
            case CodeFailure() as failure:
                invalid.append(as_quarantined(record, failed_to_read(failure)))
                log.error("billing.record_failed", record=f"{shard}@{record.offset}", steps=failure.steps)
            case None:
                ignored += 1
    return IngestBatch(shard, records[0].offset, records[-1].offset + 1, accepted, ignored, invalid)

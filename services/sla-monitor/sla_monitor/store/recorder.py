"""Recording what the monitor announced, so that questions need no replay."""

import asyncio
from collections.abc import Sequence

from shared.contracts.codec import decode_event
from shared.contracts.verdicts import VerdictEvent
from shared.log.port import Record, Shard
from shared.log.processor import CaughtUp
from shared.sql.outage import busy_during_outages
from sla_monitor.ports import AnnouncementStore


class VerdictRecorder:
    """The processor of sla.verdicts.v1. Only the monitor writes there: a record it cannot read is a fault of ours."""

    def __init__(self, records: AnnouncementStore) -> None:
        self._records = records
        self._expected: dict[Shard, int | None] = {}

    async def position(self, shard: Shard) -> int | None:
        """The stored next offset."""
        with busy_during_outages():
            self._expected[shard] = await asyncio.to_thread(self._records.position, shard)
        return self._expected[shard]

    async def apply(self, shard: Shard, records: Sequence[Record]) -> int:
        """The announcements are recorded once each; raises `Busy` while the database is away."""
        events = [_verdict_event(record) for record in records]
        after = records[-1].offset + 1
        with busy_during_outages():
            await asyncio.to_thread(
                self._records.record,
                shard,
                expected=self._expected.get(shard),
                first=records[0].offset,
                after=after,
                events=events,
            )
        self._expected[shard] = after
        return after

    async def idle(self, shard: Shard, *, caught_up: CaughtUp) -> None:
        """Nothing waits for time to pass."""


def _verdict_event(record: Record) -> VerdictEvent:
    event = decode_event(record.value or b"")
    if not isinstance(event, VerdictEvent):
        raise TypeError(f"expected a verdict at offset {record.offset}, got {type(event).__name__}")
    return event

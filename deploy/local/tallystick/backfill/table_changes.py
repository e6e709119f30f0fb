"""The events that an export changes of what the log holds of its source: new facts, and withdrawals."""

import asyncio
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shared.instants import epoch_us
from shared.log.port import Shard
from shared.scope import Scope
from tallystick.backfill.candidates import ROW, FileLine, Refusal
from tallystick.backfill.dry_run import BackfillDryRun
from tallystick.replay.changes import ExportChanges, ExportDifference
from tallystick.replay.events import TimedEvent
from tallystick.replay.export_register import open_register
from tallystick.replay.mapping import ReplayMapping
from tallystick.replay.rows import RejectedRow, RowCounts
from tallystick.replay.scratch import Scratch
from tallystick.replay.sending import read_sent, topic_of
from tallystick.replay.translate import translate

_AT_ONCE = 4_000


class TableChanges(NamedTuple):
    """The events to be sent, read once; why rows make none; and what changes, in numbers."""

    events: Iterator[FileLine]
    refused: list[Refusal]
    changes: ExportDifference


async def changes_of_table(
    mapping: ReplayMapping, path: Path, dry_run: BackfillDryRun, scratch: Scratch
) -> TableChanges:
    """What the export changes of all that the log holds of its source; raises `UnreadableFile`.

    Its events are read from `scratch`. Exports are compared in the order in which they are sent: nobody remembers as of
    when another machine's was.
    """
    content = mapping.content
    span = None if content.complete is None else content.complete.span(ZoneInfo(content.zone))
    refused: list[Refusal] = []
    counts = RowCounts()

    def reject(rejected: RejectedRow) -> None:
        refused.append(Refusal(f"line {rejected.line}", ROW, rejected.reason))

    with open_register(None) as register:
        exported = ExportChanges(scratch, content.source, as_of_us=epoch_us(dry_run.clock.now()), complete=span)
        work = partial(translate, counts=counts, rejects=reject, scratch=scratch)
        stated = await asyncio.to_thread(work, mapping, path)
        unless = await _quarantined(dry_run)
        await read_sent(dry_run.bus, topic_of(content), exported, source=content.source, unless=unless)
        for batch in _batches(iter(stated)):
            exported.add_stated(batch)
        changes = exported.compare(register, counts.refused_lines.keys())
    events = (FileLine(timed.key, timed.value) for timed in exported.events(stated))
    return TableChanges(events, refused, changes)


def _batches(stated: Iterator[TimedEvent]) -> Iterator[list[TimedEvent]]:
    while batch := list(islice(stated, _AT_ONCE)):
        yield batch


async def _quarantined(dry_run: BackfillDryRun) -> frozenset[tuple[Shard, int]]:
    """Where billing, which reads all topics, holds in quarantine what it never applied."""
    entries = dry_run.billing.quarantine.entries(Scope.all(), decided=True)
    return frozenset([(entry.shard, int(entry.record.offset)) async for entry in entries])

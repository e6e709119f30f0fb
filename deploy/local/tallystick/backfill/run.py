"""A backfill from file to log: a dry run of past events first; the same for real when exactly that is approved."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rich.progress import Progress

from shared.clock import WallClock
from shared.instants import epoch_ms
from shared.sql.approvals import Approval
from shared.web.formats import counted
from tallystick.authorisation import Authorisation
from tallystick.backfill.candidates import (
    NO_EVENT,
    Candidate,
    FileLine,
    Refusal,
    events_of_lines,
    in_sending_order,
    read_candidate,
)
from tallystick.backfill.dry_run import BackfillDryRun, open_dry_run
from tallystick.backfill.report import BackfillReport, Changes
from tallystick.backfill.table_changes import changes_of_table
from tallystick.console import EXIT_BUSY, fail, progress
from tallystick.publish import publish
from tallystick.replay.mapping import ReplayMapping
from tallystick.replay.table import UnreadableFile

# All of them are held in memory, about 4 KB each, and billing ingests nothing during their dry run.
MAX_EVENTS = 200_000
# How long the services may come no further before the command gives up.
PATIENCE_S = 30.0
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class BackfillOptions:
    """What is to be sent; `mapping` None for a file of events. `approved` is a digest, and who approved it."""

    file: Path
    mapping: ReplayMapping | None
    approved: tuple[str, Authorisation] | None


async def run_backfill(options: BackfillOptions) -> BackfillReport:
    """What the events would change; where exactly that is approved, the new ones are in the log."""
    read = None if options.mapping is not None else await asyncio.to_thread(_read_lines, options.file)
    async with open_dry_run(WallClock()) as dry_run:
        with progress() as bars:
            await _wait_for_services(dry_run, bars)
            found, refused, known = read or await _read_table(options.file, options.mapping, dry_run)
            unique = await dry_run.deduplicate(found)
            new = in_sending_order(unique.new)
            bar = bars.add_task("Dry run", total=len(new) + 1)
            changes = await dry_run.changes(new, seen=lambda count: bars.advance(bar, count))
            bars.advance(bar)
        if options.approved is not None and new:
            await _apply(options.approved, changes, new, dry_run, file=options.file.name)
        return BackfillReport(changes, known + unique.known, [*refused, *unique.refused])


_Read = tuple[list[Candidate], list[Refusal], int]


def _read_lines(file: Path) -> _Read:
    """The events of a file of events, and what of it is none."""
    candidates, refused = _candidates(events_of_lines(file), file)
    if not candidates:
        _require_events(file.name, refused, mapped=False)
    return candidates, refused, 0


async def _read_table(file: Path, mapping: ReplayMapping | None, dry_run: BackfillDryRun) -> _Read:
    """What an export changes, why rows of it make no event, and how many of its events are known already."""
    if mapping is None:
        return [], [], 0
    found = await changes_of_table(mapping, file, dry_run, limit=MAX_EVENTS + 1)
    candidates, refused = _candidates(found.events, file)
    refused = [*found.refused, *refused]
    if not candidates and not found.changes.known:
        _require_events(file.name, refused, mapped=True)
    return candidates, refused, found.changes.known


def _candidates(events: Iterable[FileLine], file: Path) -> tuple[list[Candidate], list[Refusal]]:
    now_ms = epoch_ms(WallClock().now())
    found = [read_candidate(line, now_ms=now_ms) for line in islice(events, MAX_EVENTS + 1)]
    if len(found) > MAX_EVENTS:
        raise UnreadableFile(f"{file.name} has more than {MAX_EVENTS:,} events: split it between items")
    refused = [each for each in found if isinstance(each, Refusal)]
    return [each for each in found if isinstance(each, Candidate)], refused


def _require_events(name: str, refused: Sequence[Refusal], *, mapped: bool) -> None:
    """Raises `UnreadableFile` where there is nothing in the file, or nothing that is an event, valid or not."""
    if not refused:
        raise UnreadableFile(f"{name}: the file is empty")
    if all(each.reason in NO_EVENT for each in refused):
        first = f"{refused[0].where}: {refused[0].detail}"
        if mapped:
            raise UnreadableFile(f"{name}: no row makes an event ({first})")
        raise UnreadableFile(f"{name}: no line is an event; is this a CSV? Give --mapping ({first})")


async def _wait_for_services(dry_run: BackfillDryRun, bars: Progress) -> None:
    """The services have ingested what the log held; ends the command where they come no further for a while.

    What they have still to ingest might be the very events of the file.
    """
    await dry_run.monitor.catch_up()
    held, now = await dry_run.held(), asyncio.get_running_loop().time
    behind, since = await dry_run.behind(held), now()
    total = behind.records
    bar = bars.add_task("Waiting for the services", total=total)
    while behind.records:
        if now() - since > PATIENCE_S:
            fail(
                f"The services have still to ingest {counted(behind.records, 'record')}: {behind}.",
                do="Start them if none is running; /readyz of each names what halts it. Run it again when they have "
                "ingested all. Nothing was sent.",
                code=EXIT_BUSY,
            )
        await asyncio.sleep(_LOOK_EVERY_S)
        reached, behind = behind.records, await dry_run.behind(held)
        since = now() if behind.records != reached else since
        bars.update(bar, completed=max(0, total - behind.records))
    bars.update(bar, completed=total)


async def _apply(
    approved: tuple[str, Authorisation],
    changes: Changes,
    new: Sequence[Candidate],
    dry_run: BackfillDryRun,
    *,
    file: str,
) -> None:
    digest, by = approved
    if digest != changes.digest:
        fail(
            f"This is not what was approved: its digest is {changes.digest}.",
            do="Nothing was sent. The services know more now: read the new report, and approve that.",
        )
    approval = Approval(digest, dry_run.clock.now(), f"backfill {file}", len(new), by.actor, by.reason)
    await asyncio.to_thread(dry_run.billing.approvals.add, approval)
    with progress() as bars:
        bar = bars.add_task("Sending", total=len(new))
        messages = ((each.shard.topic, each.message) for each in new)
        await publish(dry_run.bus, messages, lambda count: bars.update(bar, completed=count))

"""A backfill from file to log: a dry run of past events first; the same for real when exactly that is approved."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from shared.clock import WallClock
from shared.instants import epoch_ms
from shared.sql.approvals import Approval
from shared.web.formats import counted
from tallystick.authorisation import Authorisation
from tallystick.backfill.candidates import NO_EVENT, FileLine, Refusal, events_of_lines, read_candidate
from tallystick.backfill.dry_run import BackfillDryRun, open_dry_run
from tallystick.backfill.ingest_here import ingest_here
from tallystick.backfill.pages import BackfillPages
from tallystick.backfill.report import BackfillReport, Changes
from tallystick.backfill.table_changes import changes_of_table
from tallystick.console import EXIT_BUSY, fail, one_line, progress
from tallystick.publish import publish
from tallystick.replay.mapping import ReplayMapping
from tallystick.replay.scratch import Scratch
from tallystick.replay.table import UnreadableFile

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
    """What the events would change; where exactly that is approved, the new ones are in the log.

    In a folder in which nobody runs the services, they have then judged and metered them, too.
    """
    report = await _run(options)
    if options.approved is not None and report.new:
        await ingest_here()
    return report


async def _run(options: BackfillOptions) -> BackfillReport:
    with closing(Scratch()) as scratch:
        pages = BackfillPages(scratch)
        if options.mapping is None:
            await asyncio.to_thread(_read_lines, options.file, pages)
        async with open_dry_run(WallClock()) as dry_run:
            await dry_run.monitor.catch_up()
            if (await dry_run.behind(await dry_run.held())).records:
                await ingest_here()
            with progress() as bars:
                await _wait_for_services(dry_run, bars)
                if options.mapping is not None:
                    await _read_table(options.file, options.mapping, dry_run, pages, scratch)
                bar = bars.add_task("Dry run", total=pages.read_count - pages.known - len(pages.refused) + 1)
                changes = await dry_run.changes(pages, seen=lambda count: bars.advance(bar, count))
                bars.update(bar, completed=pages.read_count, total=pages.read_count)
            if options.approved is not None and pages.new_count:
                await _apply(options.approved, changes, pages, dry_run, file=one_line(options.file.name))
            return BackfillReport(changes, pages.known, pages.refused)


def _read_lines(file: Path, pages: BackfillPages) -> None:
    """The events of a file of events are in `pages`, and what of it is none."""
    _read(events_of_lines(file), pages)
    if not pages.read_count:
        _require_events(file.name, pages.refused, mapped=False)


async def _read_table(
    file: Path, mapping: ReplayMapping, dry_run: BackfillDryRun, pages: BackfillPages, scratch: Scratch
) -> None:
    """What an export changes is in `pages`, why rows of it make no event, and how many of its events are known."""
    found = await changes_of_table(mapping, file, dry_run, scratch)
    pages.refused += found.refused
    pages.known += found.changes.known
    await asyncio.to_thread(_read, found.events, pages)
    if not pages.read_count and not found.changes.known:
        _require_events(file.name, pages.refused, mapped=True)


def _read(events: Iterable[FileLine], pages: BackfillPages) -> None:
    now_ms = epoch_ms(WallClock().now())
    for line in events:
        read = read_candidate(line, now_ms=now_ms)
        if isinstance(read, Refusal):
            pages.refused.append(read)
        else:
            pages.add([read])


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
    pages: BackfillPages,
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
    approval = Approval(digest, dry_run.clock.now(), f"backfill {file}", pages.new_count, by.actor, by.reason)
    await asyncio.to_thread(dry_run.billing.approvals.add, approval)
    with progress() as bars:
        bar = bars.add_task("Sending", total=pages.new_count)
        await publish(dry_run.bus, pages.messages(), lambda count: bars.update(bar, completed=count))

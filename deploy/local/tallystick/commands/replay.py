"""`tallystick replay`: a CSV of an existing system becomes events, verdicts and usage."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from shared.clock import FixedClock, WallClock
from shared.scope import Scope
from shared.web.formats import counted
from tallystick.console import EXIT_BUG, EXIT_INCOMPLETE, answer, err, progress, require_writable, var_folder
from tallystick.draining import NoProgress
from tallystick.options import Json, LookupOption, input_file, lookup_files, read_instant
from tallystick.replay import summary
from tallystick.replay.mapping import read_mapping
from tallystick.replay.results import intake_of, quarantined_since
from tallystick.replay.rows import reject_file
from tallystick.replay.scratch import Scratch, StoredCounts, open_scratch
from tallystick.replay.sending import KnownEvents, Sent, send
from tallystick.replay.summary import ReplayOptions, ReplayResult
from tallystick.replay.translate import translate
from tallystick.replay.trial import trial_definitions
from tallystick.stack import Stack, exclusive_use, open_stack
from tallystick.verdict_file import (
    ReplayedItems,
    Tally,
    catalogue_names,
    tally_verdicts,
    unknown_readings,
)

app = typer.Typer(add_completion=False)


@app.command()
def replay(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    file: Annotated[Path, input_file("A CSV, plain or .gz.")],
    mapping: Annotated[str, typer.Option(help="A mapping that comes with Tallystick, or the path of one.")],
    as_of: Annotated[
        datetime | None, typer.Option(parser=read_instant, metavar="INSTANT", help="Judge as of it, with an offset.")
    ] = None,
    verdicts: Annotated[Path | None, typer.Option(help="Write one line for each item and target.")] = None,
    rejects: Annotated[Path | None, typer.Option(help="Write refused rows here.", show_default="in the state")] = None,
    lookup: LookupOption = None,
    as_json: Json = False,
) -> None:
    """The events of a CSV (plain or .gz) are in the log, judged and metered; refused rows are in the rejects file.

    Ends with 1 where a row or an event is not applied: the answer says which, and where to look.
    """
    folder = var_folder()
    name = file.name.removesuffix(".gz").removesuffix(".csv")
    refused = rejects or folder / "rejects" / f"{name}.csv"
    options = ReplayOptions(file, read_mapping(mapping, lookups=lookup_files(lookup)), as_of, verdicts, refused)
    with exclusive_use(folder):
        require_writable(verdicts)
        require_writable(rejects)
        with open_scratch(folder) as scratch:  # left when no thread of the replay is left
            result = asyncio.run(_replay(options, folder, scratch))
    answer(summary.as_json(options, result), summary.lines(options, result), as_json=as_json)
    if unaccounted := result.rows.unaccounted or result.events.unaccounted:
        err.print(
            f"{counted(unaccounted, 'row or event')} unaccounted for. This is a bug in Tallystick: please report it."
        )
        raise SystemExit(EXIT_BUG)
    if not result.complete:
        raise SystemExit(EXIT_INCOMPLETE)


async def _replay(options: ReplayOptions, folder: Path, scratch: Scratch) -> ReplayResult:
    clock = WallClock() if options.as_of is None else FixedClock(options.as_of)
    async with open_stack(folder, clock=clock, margin_s=0) as stack:
        require_writable(options.rejects)  # in the state folder, by default, so only where that is not refused
        with progress() as bars:
            added = await _define(options, stack, bars)
            if await stack.pending():
                # What lies in the log already is none of this replay's: it is counted from here on.
                await stack.drain_showing(bars, "Reading what was there before")
            sent = Sent(await intake_of(stack), StoredCounts(scratch))
            began = time.monotonic()
            await _send(options, stack, sent, scratch, bars)
            stuck = await _drain(stack, bars)
            seconds = time.monotonic() - began
            after = await intake_of(stack, topics=sent.topics)
            quarantined = await quarantined_since(stack, sent.before)
            names = await catalogue_names(stack)
            source, rows = options.mapping.content.source, sent.rows
            file = ReplayedItems(source, sent.items, rows.refused_lines, quarantined.keys, sent.unjudged(after))
            tally = partial(tally_verdicts, items=file, names=names, scratch=scratch)
            items = await _judged(stack, options.verdicts, tally, len(sent.items), bars)
        return ReplayResult(
            rows=rows,
            definitions_added=added,
            events=sent.results(after, quarantined.reasons),
            seconds=seconds,
            items=items,
            unknown=items.unknown + unknown_readings(rows.readings, names),
            stuck=stuck,
        )


class _NobodyWaits(Exception):
    """The command was interrupted while a thread worked for it."""


class _Bar:
    """A progress bar that a worker thread moves; once it is left, a thread that still moves it ends."""

    def __init__(self, bars: Progress, title: str, total: int | None = None) -> None:
        self._bars, self._task, self._left = bars, bars.add_task(title, total=total), False

    def __enter__(self) -> "_Bar":
        return self

    def moved(self, count: int) -> None:
        """So many are done by now."""
        if self._left:
            raise _NobodyWaits
        self._bars.update(self._task, completed=count)

    def full(self, count: int) -> None:
        """So many are done, and that was all."""
        self._bars.update(self._task, completed=count, total=count)

    def __exit__(self, *_: object) -> None:
        self._left = True


async def _define(options: ReplayOptions, stack: Stack, bars: Progress) -> int:
    """What the mapping's trial asks for is in the catalogue; returns how many versions were added."""
    if options.mapping.content.trial is None:
        return 0
    with _Bar(bars, f"Reading the names in {options.file.name}") as bar:
        found = await asyncio.to_thread(trial_definitions, options.mapping, options.file)
        bar.full(len(found))
    return await stack.record(found)


async def _send(options: ReplayOptions, stack: Stack, sent: Sent, scratch: Scratch, bars: Progress) -> None:
    """The events of the file are in the log, and its refused rows are written."""
    rows, known = sent.rows, KnownEvents(scratch)
    with _Bar(bars, f"Reading {options.file.name}") as reading, reject_file(options.rejects) as rejects:
        work = partial(translate, counts=rows, rejects=rejects, scratch=scratch, progressed=reading.moved)
        events = await asyncio.to_thread(work, options.mapping, options.file)
        if made := rows.events.total():  # every row has been read; readings are read while they are sent
            reading.full(rows.rows)
            await known.find(stack, sent.before, events=made)
        with _Bar(bars, "Sending", made or None) as sending:
            await send(stack, events, sent, known, sending.moved)
            sending.full(sent.events)
        reading.full(rows.rows)


async def _drain(stack: Stack, bars: Progress) -> NoProgress | None:
    """All that was sent is judged and metered; or what keeps the services from it."""
    try:
        await stack.drain_showing(bars, "Judging and metering")
    except NoProgress as stuck:
        return stuck
    return None


async def _judged(
    stack: Stack, path: Path | None, tally: Callable[..., Awaitable[Tally]], total: int, bars: Progress
) -> Tally:
    """What `tally` finds of the `total` items of the file; the verdicts are written to `path` where it is given."""
    from sla_monitor.reports.items import every_item

    answers = every_item(stack.monitor.sources, Scope.all())
    with _Bar(bars, "Counting verdicts" if path is None else "Writing verdicts", total) as bar:
        with nullcontext() if path is None else path.open("w", encoding="utf-8", newline="") as text:
            found = await tally(answers, text=text, moved=bar.moved)
        bar.full(total)
    return found

"""A replay: the events of a file are sent, judged and metered, and what became of each is counted."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.progress import Progress

from shared.clock import FixedClock, HeldClock, WallClock
from shared.scope import Scope
from tallystick.console import progress, require_writable
from tallystick.draining import NoProgress
from tallystick.replay.results import intake_of, quarantined_since
from tallystick.replay.rows import reject_file
from tallystick.replay.scratch import Scratch, StoredCounts
from tallystick.replay.sending import KnownEvents, Sent, send
from tallystick.replay.summary import ReplayOptions, ReplayResult
from tallystick.replay.translate import translate
from tallystick.replay.trial import trial_definitions
from tallystick.stack import Stack, open_stack
from tallystick.verdict_file import (
    ReplayedItems,
    Tally,
    catalogue_names,
    tally_verdicts,
    unknown_readings,
)

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


async def run_replay(options: ReplayOptions, folder: Path, scratch: Scratch) -> ReplayResult:
    """What became of the rows and events of the file; all that can be judged and metered by now has been."""
    clock = WallClock() if options.as_of is None else FixedClock(options.as_of)
    judged_by = HeldClock(clock)
    async with open_stack(folder, clock=clock, judged_by=judged_by, margin_s=0) as stack:
        require_writable(options.rejects)  # in the state folder, by default, so only where that is not refused
        with progress() as bars:
            added = await _define(options, stack, bars)
            # What lies in the log already is none of this replay's: it is counted from here on. A replay that was ended
            # while it sent has left the beginning of its file there: that is judged by the log's own time alone, or
            # what the rest of the file says would come too late for its months.
            with judged_by.held_at(_BEGINNING):
                if await stack.pending():
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

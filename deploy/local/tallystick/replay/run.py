"""A replay: the events of a file are sent, judged and metered, and what became of each is counted."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, TextIO
from zoneinfo import ZoneInfo

from rich.progress import Progress

from shared.clock import FixedClock, HeldClock, WallClock
from shared.contracts.envelope import split_item_key
from shared.instants import epoch_us
from shared.scope import Scope
from shared.sql.approvals import Approval
from tallystick.console import one_line, progress, replaced, require_writable
from tallystick.draining import NoProgress
from tallystick.replay.changes import GOING_UNASKED, ExportChanges, ExportDifference
from tallystick.replay.effects import Before, before, effects_since
from tallystick.replay.export_register import ExportRegister
from tallystick.replay.results import intake_of, quarantined_since
from tallystick.replay.rows import reject_file
from tallystick.replay.scratch import Scratch, StoredCounts
from tallystick.replay.sending import (
    Sent,
    TooManyGone,
    compared,
    quarantined_places,
    read_sent,
    send,
    topic_of,
)
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


async def run_replay(options: ReplayOptions, folder: Path, scratch: Scratch, register: ExportRegister) -> ReplayResult:
    """What became of the rows and events of the file; all that can be judged and metered by now has been.

    Raises `TooManyGone`, before anything is sent.
    """
    # Its instant is one, the beginning of the second where nobody names another: each item is judged as of it, and
    # whoever asks later is answered as of it.
    clock = FixedClock(options.as_of or WallClock().now().replace(microsecond=0))
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
            content, as_of_us = options.mapping.content, epoch_us(clock.now())
            span = None if content.complete is None else content.complete.span(ZoneInfo(content.zone))
            exported = ExportChanges(scratch, content.source, as_of_us=as_of_us, complete=span)
            sent = Sent(await intake_of(stack), StoredCounts(scratch))
            began = time.monotonic()
            then = await _send(options, _Export(stack, exported, register, sent), scratch, bars)
            stuck = await _drain(stack, bars)
            seconds = time.monotonic() - began
            after = await intake_of(stack, topics=sent.topics)
            quarantined = await quarantined_since(stack, sent.before)
            if stuck is None:
                exported.note(register, sent.items, sent.rows.refused_lines)
                register.note_judged(as_of_us)
            names = await catalogue_names(stack)
            source, rows = content.source, sent.rows
            file = ReplayedItems(source, sent.items, rows.refused_lines, quarantined.keys, sent.unjudged(after))
            tally = partial(tally_verdicts, items=file, names=names, scratch=scratch)
            items = await _judged(stack, options.verdicts, tally, len(sent.items), bars)
            effects = None if then is None else await effects_since(stack, then, _councils(exported))
        return ReplayResult(
            rows=rows,
            definitions_added=added,
            events=sent.results(after, quarantined.reasons),
            changes=sent.changes,
            effects=effects,
            seconds=seconds,
            items=items,
            unknown=items.unknown + unknown_readings(rows.readings, names),
            stuck=stuck,
        )


class _Export(NamedTuple):
    """An export on its way into the log."""

    stack: Stack
    changes: ExportChanges
    register: ExportRegister
    sent: Sent


def _councils(exported: ExportChanges) -> set[str]:
    return {split_item_key(key)[0] for key in exported.changed_keys()}


class _NobodyWaits(Exception):
    """The command was interrupted while a thread worked for it."""


class _Bar:
    """A progress bar that a worker thread moves; once it is left, a thread that still moves it ends."""

    def __init__(self, bars: Progress, title: str, total: int | None = None, *, of_bytes: bool = False) -> None:
        self._bars, self._task, self._left = bars, bars.add_task(one_line(title), total=total, of_bytes=of_bytes), False
        self._total = total

    def __enter__(self) -> "_Bar":
        return self

    def moved(self, count: int) -> None:
        """So many are done by now."""
        if self._left:
            raise _NobodyWaits
        self._bars.update(self._task, completed=count if self._total is None else min(count, self._total))

    def full(self, count: int) -> None:
        """So many are done, and that was all."""
        self._bars.update(self._task, completed=count, total=count)

    def __exit__(self, *_: object) -> None:
        self._left = True


async def _define(options: ReplayOptions, stack: Stack, bars: Progress) -> int:
    """What the mapping's trial asks for is in the catalogue; returns how many versions were added."""
    if options.mapping.content.trial is None:
        return 0
    size = options.file.stat().st_size
    with _Bar(bars, f"Reading the names in {options.file.name}", size, of_bytes=True) as bar:
        found = await asyncio.to_thread(trial_definitions, options.mapping, options.file, progressed=bar.moved)
        bar.full(size)
    return await stack.record(found)


async def _send(options: ReplayOptions, export: _Export, scratch: Scratch, bars: Progress) -> Before | None:
    """What the file changes is in the log, and its refused rows are written; returns what held before.

    None where it changes nothing that was sent before.
    """
    stack, exported, sent = export.stack, export.changes, export.sent
    rows, content = sent.rows, options.mapping.content
    size = options.file.stat().st_size
    with (
        _Bar(bars, f"Reading {options.file.name}", size, of_bytes=True) as reading,
        reject_file(options.rejects) as rejects,
    ):
        work = partial(translate, counts=rows, rejects=rejects, scratch=scratch, progressed=reading.moved)
        events = await asyncio.to_thread(work, options.mapping, options.file)
        reading.full(size)
    unless = await quarantined_places(stack)
    await read_sent(stack.bus, topic_of(content), exported, source=content.source, unless=unless)
    with _Bar(bars, "Comparing", rows.events.total()) as comparing:
        to_send = await asyncio.to_thread(compared, exported, events, sent, export.register, comparing.moved)
        comparing.full(sent.events)
    _require_approved(options, sent.changes)
    keys = list(exported.changed_keys())
    then = await before(stack, keys) if keys else None
    await _record_approval(options, stack, sent.changes)
    with _Bar(bars, "Sending", sent.changes.new + sent.changes.withdrawn) as sending:
        await send(stack.bus, to_send, sending.moved)
        sending.full(sent.changes.new + sent.changes.withdrawn)
    return then


def _require_approved(options: ReplayOptions, changes: ExportDifference) -> None:
    if options.dry_run or not changes.too_many_gone:
        return
    if options.approved is None or options.approved[0] != changes.digest:
        raise TooManyGone(
            f"{changes.gone:,} of the {changes.span:,} items of the span are not in {options.file.name}, which is said "
            f"to be complete for it. That is more than {GOING_UNASKED:.0%}, so nothing was sent. Look at it with "
            f"--dry-run; to withdraw them, run it again with --approve {changes.digest} --reason TEXT"
        )


async def _record_approval(options: ReplayOptions, stack: Stack, changes: ExportDifference) -> None:
    if options.approved is not None and changes.too_many_gone:
        digest, by = options.approved
        at, subject = WallClock().now(), f"replay {one_line(options.file.name)}"
        approval = Approval(digest, at, subject, changes.new + changes.withdrawn, by.actor, by.reason)
        await asyncio.to_thread(stack.billing.approvals.add, approval)


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
        with nullcontext() if path is None else _verdict_file(path) as text:
            found = await tally(answers, text=text, moved=bar.moved)
        bar.full(total)
    return found


@contextmanager
def _verdict_file(path: Path) -> Iterator[TextIO]:
    with replaced(path) as written, written.open("w", encoding="utf-8", newline="") as text:
        yield text

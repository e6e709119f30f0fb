"""`tallystick replay`: a CSV of an existing system becomes events, verdicts and usage."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from rich.progress import Progress

from shared.clock import FixedClock, WallClock
from shared.log.port import Message
from tallystick.console import EXIT_IN_USE, fail, out, progress
from tallystick.lock import FolderInUse, exclusive_use
from tallystick.replay.counts import RowCounts
from tallystick.replay.event_builder import TimedEvent
from tallystick.replay.mapping import BadMapping, NoSuchMapping, ReplayMapping, read_mapping
from tallystick.replay.rejects import reject_file
from tallystick.replay.table import UnreadableFile
from tallystick.replay.targets import UnusableTemplate
from tallystick.replay.translate import translate
from tallystick.replay.trial import trial_definitions
from tallystick.stack import Stack, open_stack
from tallystick.verdict_file import tally_verdicts

_AT_ONCE = 4000


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What is to be replayed, and what is wanted of it. `as_of` None: the present instant."""

    file: Path
    mapping: str
    lookups: dict[str, Path]
    as_of: datetime | None
    verdicts: Path | None
    rejects: Path
    folder: Path


def replay(order: ReplayOptions) -> None:
    """The file's events are in the log and have been judged and metered; refused rows are in the rejects file."""
    mapping = _mapping(order)
    try:
        with exclusive_use(order.folder):
            asyncio.run(_replay(order, mapping))
    except FolderInUse as busy:
        fail(f"{busy}.", do="Stop it, or set TALLYSTICK_VAR to another folder. Nothing was read.", code=EXIT_IN_USE)
    except (UnreadableFile, UnusableTemplate) as fault:
        fail(str(fault), do="Mend the file or the mapping and replay again: what was read already is not read twice.")


def _mapping(order: ReplayOptions) -> ReplayMapping:
    try:
        return read_mapping(order.mapping, lookups=order.lookups)
    except (NoSuchMapping, BadMapping) as fault:
        fail(str(fault), do="Nothing was read. docs/replay.md describes mapping files.")


async def _replay(order: ReplayOptions, mapping: ReplayMapping) -> None:
    clock = WallClock() if order.as_of is None else FixedClock(order.as_of)
    async with open_stack(order.folder, clock=clock, margin_s=0) as stack:
        with progress() as bars:
            added = await stack.record(await asyncio.to_thread(trial_definitions, mapping, order.file))
            counts = RowCounts()
            began = time.monotonic()
            appended = await _append(order, mapping, stack, counts, bars)
            await _settle(stack, bars)
            took = time.monotonic() - began
            tally = await _judged(order, mapping, stack)
    _tell(order, counts, tally, added=added, appended=appended, took=took)


async def _append(order: ReplayOptions, mapping: ReplayMapping, stack: Stack, counts: RowCounts, bars: Progress) -> int:
    bar = bars.add_task(f"Reading {order.file.name}", total=None)
    appended = 0
    order.rejects.parent.mkdir(parents=True, exist_ok=True)
    with reject_file(order.rejects) as rejects:
        events = await asyncio.to_thread(translate, mapping, order.file, counts=counts, rejects=rejects)
        while chunk := await asyncio.to_thread(_chunk, events):
            for topic, messages in _by_topic(chunk).items():
                await stack.bus.publish(topic, messages)
            appended += len(chunk)
            bars.update(bar, completed=appended)
    bars.update(bar, total=appended)
    return appended


def _chunk(events: Iterator[TimedEvent]) -> list[TimedEvent]:
    return list(islice(events, _AT_ONCE))


def _by_topic(chunk: list[TimedEvent]) -> dict[str, list[Message]]:
    """The log's clock is the event's own time: a replay must not judge the past by today's date."""
    topics: dict[str, list[Message]] = defaultdict(list)
    for event in chunk:
        topics[event.topic].append(Message(event.key, event.value, timestamp_ms=max(event.at_us // 1000, 0)))
    return topics


async def _settle(stack: Stack, bars: Progress) -> None:
    total = await stack.pending()
    bar = bars.add_task("Judging and metering", total=total)
    await stack.drain(lambda left: bars.update(bar, completed=max(total - left, 0)))
    bars.update(bar, completed=total)


async def _judged(order: ReplayOptions, mapping: ReplayMapping, stack: Stack) -> Counter[str]:
    if order.verdicts is not None:
        order.verdicts.parent.mkdir(parents=True, exist_ok=True)
    text = nullcontext() if order.verdicts is None else order.verdicts.open("w", encoding="utf-8", newline="")
    with text as lines:
        return await tally_verdicts(stack.monitor.questions.everything(), source=mapping.form.source, text=lines)


def _tell(
    order: ReplayOptions, counts: RowCounts, tally: Counter[str], *, added: int, appended: int, took: float
) -> None:
    for line in counts.lines():
        out.print(line, highlight=False)
    if counts.refused:
        out.print(f"  refused rows, with line and reason: {order.rejects}", highlight=False)
    if added:
        out.print(f"{added:,} definitions added to the catalogue for the trial", highlight=False)
    out.print(
        f"{appended:,} events judged and metered in {took:.1f} s: {appended / took:,.0f} a second", highlight=False
    )
    for verdict, count in sorted(tally.items()):
        out.print(f"  {verdict}: {count:,}", highlight=False)
    if order.verdicts is not None:
        out.print(f"Verdicts: {order.verdicts}", highlight=False)
    if counts.unaccounted:
        fail(f"{counts.unaccounted:,} rows are unaccounted for.", do="Please report this as a fault of Tallystick.")

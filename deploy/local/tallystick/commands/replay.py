"""`tallystick replay`: a CSV of an existing system becomes events, verdicts and usage."""

import asyncio
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from shared.clock import FixedClock, WallClock
from shared.contracts.topics import USAGE
from shared.log.port import Message
from shared.scope import Scope
from shared.units import EpochMillis
from shared.web.formats import counted
from tallystick.console import EXIT_BUG, EXIT_INCOMPLETE, answer, err, progress, require_writable, var_folder
from tallystick.draining import NoProgress
from tallystick.options import Json, LookupOption, input_file, lookup_files, read_instant
from tallystick.publish import publish
from tallystick.replay import summary
from tallystick.replay.events import TimedEvent
from tallystick.replay.mapping import read_mapping
from tallystick.replay.results import Intake, intake_of, quarantined_since, results_between
from tallystick.replay.rows import RowCounts, reject_file
from tallystick.replay.summary import ReplayOptions, ReplayResult
from tallystick.replay.translate import translate
from tallystick.replay.trial import trial_definitions
from tallystick.stack import Stack, exclusive_use, open_stack
from tallystick.verdict_file import (
    CatalogueNames,
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
        result = asyncio.run(_replay(options, folder))
    answer(summary.as_json(options, result), summary.lines(options, result), as_json=as_json)
    if unaccounted := result.rows.unaccounted or result.events.unaccounted:
        err.print(
            f"{counted(unaccounted, 'row or event')} unaccounted for. This is a bug in Tallystick: please report it."
        )
        raise SystemExit(EXIT_BUG)
    if not result.complete:
        raise SystemExit(EXIT_INCOMPLETE)


async def _replay(options: ReplayOptions, folder: Path) -> ReplayResult:
    clock = WallClock() if options.as_of is None else FixedClock(options.as_of)
    async with open_stack(folder, clock=clock, margin_s=0) as stack:
        require_writable(options.rejects)  # in the state folder, by default, so only where that is not refused
        with progress() as bars:
            added = await stack.record(await asyncio.to_thread(trial_definitions, options.mapping, options.file))
            if await stack.pending():
                # What lies in the log already is none of this replay's: it is counted from here on.
                await stack.drain_showing(bars, "Reading what was there before")
            sent = _Sent(await intake_of(stack))
            began = time.monotonic()
            await _append(options, stack, sent, bars)
            stuck = await _drain(stack, bars)
            seconds = time.monotonic() - began
            return await _result(options, stack, sent, added=added, seconds=seconds, stuck=stuck)


@dataclass(slots=True)
class _Sent:
    """What was sent of one file, and how far the services were `before`."""

    before: Intake
    rows: RowCounts = field(default_factory=RowCounts)
    events: int = 0
    items: Counter[str] = field(default_factory=Counter)
    topics: set[str] = field(default_factory=set)

    def message(self, event: TimedEvent) -> tuple[str, Message]:
        """The log's clock is the event's own time: a replay must not judge the past by today's date."""
        self.topics.add(event.topic)
        if event.topic != USAGE.name:
            self.items[event.key] += 1
        return event.topic, Message(event.key, event.value, timestamp_ms=EpochMillis(max(event.at_us // 1000, 0)))


async def _append(options: ReplayOptions, stack: Stack, sent: _Sent, bars: Progress) -> None:
    bar = bars.add_task(f"Reading {options.file.name}", total=None)
    with reject_file(options.rejects) as rejects:
        events = await asyncio.to_thread(translate, options.mapping, options.file, counts=sent.rows, rejects=rejects)
        messages = map(sent.message, events)
        sent.events = await publish(stack.bus, messages, lambda count: bars.update(bar, completed=count))
    bars.update(bar, total=sent.events)


async def _drain(stack: Stack, bars: Progress) -> NoProgress | None:
    """All that was sent is judged and metered; or what keeps the services from it."""
    try:
        await stack.drain_showing(bars, "Judging and metering")
    except NoProgress as stuck:
        return stuck
    return None


async def _result(
    options: ReplayOptions, stack: Stack, sent: _Sent, *, added: int, seconds: float, stuck: NoProgress | None
) -> ReplayResult:
    after = await intake_of(stack, topics=sent.topics)
    quarantined = await quarantined_since(stack, sent.before)
    names = await catalogue_names(stack)
    failed = frozenset(key for key in sent.items if after.leaves_unjudged(key))
    file = ReplayedItems(options.mapping.content.source, sent.items, sent.rows.refused_lines, quarantined.keys, failed)
    items = await _write_verdicts(options, stack, file, names)
    readings = unknown_readings(sent.rows.readings, names)
    return ReplayResult(
        rows=sent.rows,
        definitions_added=added,
        events=results_between(sent.before, after, sent=sent.events, items=sent.items, quarantined=quarantined.reasons),
        seconds=seconds,
        items=items,
        unknown=items.unknown + readings,
        stuck=stuck,
    )


async def _write_verdicts(options: ReplayOptions, stack: Stack, items: ReplayedItems, names: CatalogueNames) -> Tally:
    from sla_monitor.reports.items import every_item

    file = options.verdicts
    with nullcontext() if file is None else file.open("w", encoding="utf-8", newline="") as text:
        return await tally_verdicts(every_item(stack.monitor.sources, Scope.all()), items, names, text=text)

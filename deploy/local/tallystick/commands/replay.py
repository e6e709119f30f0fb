"""`tallystick replay`: a CSV of an existing system becomes events, verdicts and usage."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from shared.clock import FixedClock, WallClock
from shared.log.port import Message
from shared.scope import Scope
from shared.units import EpochMillis
from shared.web.formats import counted
from tallystick.console import EXIT_BUG, answer, err, progress, require_writable, var_folder
from tallystick.options import Json, LookupOption, input_file, lookup_files, read_instant
from tallystick.publish import publish
from tallystick.replay.events import TimedEvent
from tallystick.replay.mapping import ReplayMapping, read_mapping
from tallystick.replay.rows import RowCounts, reject_file
from tallystick.replay.translate import translate
from tallystick.replay.trial import trial_definitions
from tallystick.stack import Stack, exclusive_use, open_stack
from tallystick.verdict_file import tally_verdicts

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What is to be replayed, and where its files go. `as_of` None: the present instant."""

    file: Path
    mapping: ReplayMapping
    as_of: datetime | None
    verdicts: Path | None
    rejects: Path


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What became of the file's rows, and the verdicts on its items by kind."""

    rows: RowCounts
    definitions_added: int
    events: int
    seconds: float
    verdicts: Counter[str]


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
    """The events of a CSV (plain or .gz) are in the log, judged and metered; refused rows are in the rejects file."""
    folder = var_folder()
    name = file.name.removesuffix(".gz").removesuffix(".csv")
    refused = rejects or folder / "rejects" / f"{name}.csv"
    options = ReplayOptions(file, read_mapping(mapping, lookups=lookup_files(lookup)), as_of, verdicts, refused)
    with exclusive_use(folder):
        require_writable(verdicts)
        require_writable(rejects)
        result = asyncio.run(_replay(options, folder))
    answer(_as_json(options, result), _lines(options, result), as_json=as_json)
    if result.rows.unaccounted:
        rows = counted(result.rows.unaccounted, "row")
        err.print(f"{rows} unaccounted for. This is a bug in Tallystick: please report it.")
        raise SystemExit(EXIT_BUG)


async def _replay(options: ReplayOptions, folder: Path) -> ReplayResult:
    clock = WallClock() if options.as_of is None else FixedClock(options.as_of)
    async with open_stack(folder, clock=clock, margin_s=0) as stack:
        require_writable(options.rejects)  # in the state folder, by default, so only where that is not refused
        with progress() as bars:
            added = await stack.record(await asyncio.to_thread(trial_definitions, options.mapping, options.file))
            rows = RowCounts()
            began = time.monotonic()
            events = await _append(options, stack, rows, bars)
            await stack.drain_showing(bars, "Judging and metering")
            seconds = time.monotonic() - began
            return ReplayResult(rows, added, events, seconds, await _write_verdicts(options, stack))


async def _append(options: ReplayOptions, stack: Stack, rows: RowCounts, bars: Progress) -> int:
    bar = bars.add_task(f"Reading {options.file.name}", total=None)
    with reject_file(options.rejects) as rejects:
        events = await asyncio.to_thread(translate, options.mapping, options.file, counts=rows, rejects=rejects)
        appended = await publish(stack.bus, map(_message, events), lambda count: bars.update(bar, completed=count))
    bars.update(bar, total=appended)
    return appended


def _message(event: TimedEvent) -> tuple[str, Message]:
    """The log's clock is the event's own time: a replay must not judge the past by today's date."""
    return event.topic, Message(event.key, event.value, timestamp_ms=EpochMillis(max(event.at_us // 1000, 0)))


async def _write_verdicts(options: ReplayOptions, stack: Stack) -> Counter[str]:
    from sla_monitor.reports.items import every_item

    file = options.verdicts
    with nullcontext() if file is None else file.open("w", encoding="utf-8", newline="") as text:
        answers = every_item(stack.monitor.sources, Scope.all())
        return await tally_verdicts(answers, source=options.mapping.content.source, text=text)


def _as_json(options: ReplayOptions, result: ReplayResult) -> dict[str, Any]:
    files = {"rejects_file": str(options.rejects), "verdicts_file": options.verdicts and str(options.verdicts)}
    return {"result": result, **files}


def _lines(options: ReplayOptions, result: ReplayResult) -> Iterator[str]:
    yield from result.rows.lines()
    if result.rows.refused:
        yield f"  refused rows, with line and reason: {options.rejects}"
    if result.definitions_added:
        yield f"{counted(result.definitions_added, 'definition')} added to the catalogue for the trial"
    speed = f"{result.events / result.seconds:,.0f} a second"
    yield f"{counted(result.events, 'event')} judged and metered in {result.seconds:.1f} s: {speed}"
    yield from (f"  {verdict}: {count:,}" for verdict, count in sorted(result.verdicts.items()))
    if options.verdicts is not None:
        yield f"Verdicts: {options.verdicts}"

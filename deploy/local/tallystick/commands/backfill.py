"""`tallystick backfill`: what past events would change is told first, and done when exactly that is approved."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec
from rich.progress import Progress

from shared.clock import Clock, WallClock
from shared.log.port import Bus, Message
from shared.log.processor import Busy
from shared.sql.approvals import Approval
from tallystick.backfill.candidates import (
    Candidate,
    Refusal,
    candidate,
    events_of_lines,
    events_of_table,
    in_sending_order,
)
from tallystick.backfill.dry_run import BackfillDryRun, open_dry_run
from tallystick.backfill.report import BackfillReport, Changes, lines
from tallystick.commands import desks
from tallystick.commands.deciding import Authorisation
from tallystick.console import EXIT_IN_USE, fail, out, progress
from tallystick.replay.mapping import BadMapping, NoSuchMapping, ReplayMapping, read_mapping
from tallystick.replay.table import UnreadableFile
from tallystick.replay.targets import UnusableTemplate

# All of them are held in memory, about 4 KB each, and billing takes nothing in while they are rehearsed.
MAX_EVENTS = 200_000
_AT_ONCE = 4_000
_PATIENCE_S = 30.0
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class BackfillOptions:
    """What is to be filled in; `mapping` None for a file of events. `approved` is a digest with somebody's word."""

    file: Path
    mapping: str | None
    lookups: dict[str, Path]
    json: Path | None
    approved: tuple[str, Authorisation] | None


def backfill(order: BackfillOptions, *, clock: Clock | None = None) -> None:
    """The report is printed; where its digest is the approved one, the new events are in the log."""
    mapping = _mapping(order)
    try:
        desks.run(_backfill(order, mapping, clock or WallClock()))
    except (UnreadableFile, UnusableTemplate) as fault:
        fail(str(fault), do="Mend the file or the mapping. Nothing was sent.")
    except Busy as busy:
        fail(f"{busy}.", do="Run it again later. Nothing was sent.", code=EXIT_IN_USE)


def _mapping(order: BackfillOptions) -> ReplayMapping | None:
    if order.mapping is None:
        return None
    try:
        return read_mapping(order.mapping, lookups=order.lookups)
    except (NoSuchMapping, BadMapping) as fault:
        fail(str(fault), do="Nothing was read. docs/replay.md describes mapping files.")


async def _backfill(order: BackfillOptions, mapping: ReplayMapping | None, clock: Clock) -> None:
    async with open_dry_run(clock) as sight:
        with progress() as bars:
            offers, refused = await asyncio.to_thread(_read, order, mapping, clock)
            await _caught_up(sight, bars)
            sifted = await sight.sift(offers)
            new = in_sending_order(sifted.new)
            bar = bars.add_task("Judging and rating in thought", total=len(new) + 1)
            changes = await sight.changes(new, seen=lambda judged: bars.advance(bar, judged))
            bars.advance(bar)
        report = BackfillReport(changes, sifted.known, [*refused, *sifted.refused])
        await _tell(order, report)
        if order.approved is not None and new:
            await _apply(order.approved, changes, new, sight, file=order.file.name)


def _read(order: BackfillOptions, mapping: ReplayMapping | None, clock: Clock) -> tuple[list[Candidate], list[Refusal]]:
    now_ms = int(clock.now().timestamp() * 1000)
    refused: list[Refusal] = []
    told = events_of_lines(order.file) if mapping is None else events_of_table(mapping, order.file, refused)
    offered = [candidate(line, now_ms=now_ms) for line in islice(told, MAX_EVENTS + 1)]
    if len(offered) > MAX_EVENTS:
        raise UnreadableFile(f"{order.file.name} has more than {MAX_EVENTS:,} events: split it between items")
    refused += [each for each in offered if isinstance(each, Refusal)]
    return [each for each in offered if isinstance(each, Candidate)], refused


async def _caught_up(sight: BackfillDryRun, bars: Progress) -> None:
    """The services have taken in what the log held; the command ends where they do not come to it in time.

    What they have still to take in might be the very events of the file.
    """
    await sight.monitor.learn()
    held = await sight.held()
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE_S
    total = await sight.behind(held)
    bar = bars.add_task("Waiting for the services", total=total)
    while behind := await sight.behind(held):
        bars.update(bar, completed=max(0, total - behind))
        if loop.time() > until:
            fail(
                f"The services have still to take in {behind:,} records.",
                do="Run it again when they have; start them if none is at work. Nothing was sent.",
                code=EXIT_IN_USE,
            )
        await asyncio.sleep(_LOOK_EVERY_S)
    bars.update(bar, completed=total)


async def _tell(order: BackfillOptions, report: BackfillReport) -> None:
    for line in lines(report):
        _say(line)
    if order.json is not None:
        shown = msgspec.json.encode({"digest": report.changes.digest, **msgspec.structs.asdict(report)})
        await asyncio.to_thread(order.json.write_bytes, msgspec.json.format(shown) + b"\n")
    if not report.new:
        _say("No difference: there is nothing to send.")
        return
    _say(f"digest: {report.changes.digest}")
    if order.approved is None:
        _say("Nothing was stored or sent. To do exactly this, run it again with --approve DIGEST --reason TEXT.")


async def _apply(
    approved: tuple[str, Authorisation], changes: Changes, new: Sequence[Candidate], sight: BackfillDryRun, *, file: str
) -> None:
    digest, word = approved
    if digest != changes.digest:
        fail(
            f"This is not what was approved: its digest is {changes.digest}.",
            do="The services know more than when it was shown. Read it again, and approve that. Nothing was sent.",
        )
    approval = Approval(digest, sight.clock.now(), f"backfill {file}", len(new), word.actor, word.reason)
    await asyncio.to_thread(sight.billing.approvals.add, approval)
    await _send(sight.bus, new)
    _say(f"{len(new):,} events sent. Approved by {word.actor}: {word.reason}")


async def _send(bus: Bus, new: Sequence[Candidate]) -> None:
    topics: dict[str, list[Message]] = defaultdict(list)
    for each in new:
        topics[each.shard.topic].append(each.message)
    with progress() as bars:
        bar = bars.add_task("Sending", total=len(new))
        for topic, messages in topics.items():
            for start in range(0, len(messages), _AT_ONCE):
                await bus.publish(topic, messages[start : start + _AT_ONCE])
                bars.advance(bar, len(messages[start : start + _AT_ONCE]))


def _say(line: str) -> None:
    out.print(line, highlight=False, markup=False, soft_wrap=True)

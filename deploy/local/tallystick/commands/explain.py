"""`tallystick explain`: why an item's verdicts are what they are, in words."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from shared.clock import WallClock
from shared.period import LONDON
from sla_monitor.handlers.questions import ItemAnswer
from sla_monitor.schemas import ItemBody, VerdictBody, item_body
from tallystick.console import fail, out
from tallystick.stack import opened


def explain(item: str, *, council: str | None, as_json: bool, folder: Path) -> None:
    """The item's verdicts and the stretches of time behind them are printed."""
    found = asyncio.run(_find(item, council, folder))
    if not found:
        fail(
            f"No item {item!r} is known here.", do=f"State was read from {folder}; TALLYSTICK_VAR names another folder."
        )
    if len(found) > 1:
        councils = ", ".join(answer.council for answer in found)
        fail(f"More than one council has an item {item!r}: {councils}.", do="Add --council.")
    body = item_body(found[0])
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(body)).decode())  # noqa: T201 (for other programs: no console marks)
    else:
        for line in told(body):
            out.print(line, highlight=False, markup=False, soft_wrap=True)


async def _find(item: str, council: str | None, folder: Path) -> list[ItemAnswer]:
    async with opened(folder, clock=WallClock()) as stack:
        await stack.monitor.learn()
        return await stack.monitor.questions.items(item, council=council)


def told(item: ItemBody) -> Iterator[str]:
    """The item as a service manager reads it; times are those of Europe/London."""
    yield f"{item.item} of {item.council}, {item.service or 'service not known yet'}: {item.state}"
    for verdict in item.verdicts:
        yield ""
        yield from _told_verdict(verdict)
    if item.announced:
        yield ""
        yield "Announced:"
        for said in item.announced:
            cause = f", because of {said.cause}" if said.cause else ""
            yield f"  {_when(said.at)}  {said.target}: {said.kind}{cause}"
    yield from (f"Note: {note}" for note in item.notes)


def _told_verdict(verdict: VerdictBody) -> Iterator[str]:
    cycle = f", cycle {verdict.cycle}" if verdict.cycle > 1 else ""
    yield f"{verdict.target}{cycle}: {verdict.verdict.upper()}, {verdict.reason} ({verdict.measure}, {verdict.within})"
    calendar = f", calendar {verdict.calendar} version {verdict.calendar_version}" if verdict.calendar else ""
    yield f"  by agreement {verdict.agreement} version {verdict.agreement_version}{calendar}"
    if verdict.due_at is not None:
        yield f"  due {_when(verdict.due_at)}"
    yield (
        f"  counted {_duration(verdict.counted_s)}, paused {_duration(verdict.paused_s)}, "
        f"outside hours {_duration(verdict.closed_s)}"
    )
    for warning in verdict.warnings:
        yield f"  {warning.percent}% used up {_when(warning.at)}"
    for stretch in verdict.trace:
        span = f"{_when(stretch.start_at)} to {_when(stretch.end_at)}"
        yield f"    {span}  {stretch.kind:8} {_duration(stretch.seconds):>9}  {stretch.reason}"


def _when(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%a %d %b %Y %H:%M:%S}"


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"

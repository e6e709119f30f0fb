"""`tallystick rate`: what announcements of verdicts would do to recharges, were they made. Nothing is stored."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.clock import WallClock
from tallystick.console import answer
from tallystick.options import Json, input_file

if TYPE_CHECKING:
    from billing.dry_run import StatementDelta
    from shared.contracts.verdicts import VerdictEvent

app = typer.Typer(add_completion=False)


@app.command()
def rate(file: Annotated[Path, input_file("Events of verdicts, one a line.")], as_json: Json = False) -> None:
    """Each council's months that would change are printed, with their sum; the file has a verdict event a line."""
    from tallystick.backfill.candidates import events_of_lines
    from tallystick.backfill.report import recharge_total, statement_lines

    events = [_event(where, value) for where, value in events_of_lines(file)]
    deltas = asyncio.run(_deltas(events))
    councils = sorted({each.council for each in deltas})
    lines = [line for council in councils for line in (council, *statement_lines(deltas, council))]
    answer({"statements": deltas}, [*lines, recharge_total(deltas)], as_json=as_json)


async def _deltas(events: "Sequence[VerdictEvent]") -> "list[StatementDelta]":
    from tallystick.backfill.dry_run import open_dry_run

    async with open_dry_run(WallClock()) as dry_run:
        return await dry_run.statement_deltas((), set(), events)


def _event(where: str, value: bytes) -> "VerdictEvent":
    from shared.contracts.codec import UndecodableEvent, decode_event
    from shared.contracts.verdicts import VerdictEvent
    from tallystick.replay.table import UnreadableFile

    try:
        event = decode_event(value)
    except UndecodableEvent as fault:
        raise UnreadableFile(f"{where}: {fault}") from fault
    if not isinstance(event, VerdictEvent):
        raise UnreadableFile(f"{where}: expected an event of a verdict, as `sla_monitor rebuild --events` writes them")
    return event

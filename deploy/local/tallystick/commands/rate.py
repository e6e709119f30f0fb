"""`tallystick rate`: what announcements of verdicts would do to recharges, were they made. Nothing is stored."""

from collections.abc import Sequence
from pathlib import Path

from billing.domain.statement_delta import StatementDelta
from shared.clock import WallClock
from shared.contracts.codec import UndecodableEvent, decode_event
from shared.contracts.verdicts import VerdictEvent
from shared.log.processor import Busy
from tallystick.backfill.candidates import events_of_lines
from tallystick.backfill.dry_run import open_dry_run
from tallystick.backfill.report import pounds, sums
from tallystick.commands import desks
from tallystick.console import EXIT_IN_USE, fail, out
from tallystick.replay.table import UnreadableFile


def rate(file: Path) -> None:
    """Each council's months that would move are printed, with their sum."""
    try:
        desks.run(_rate(_events(file)))
    except UnreadableFile as fault:
        fail(f"{fault}.", do="Write it with `python -m sla_monitor rebuild --shadow --events FILE`.")
    except Busy as busy:
        fail(f"{busy}.", do="Run it again later.", code=EXIT_IN_USE)


async def _rate(events: Sequence[VerdictEvent]) -> None:
    async with open_dry_run(WallClock()) as sight:
        moved = await sight.moved({}, events)
    for line in _lines(moved):
        out.print(line, highlight=False, markup=False, soft_wrap=True)


def _lines(moved: Sequence[StatementDelta]) -> list[str]:
    councils = sorted({each.council for each in moved})
    return [line for council in councils for line in (council, *pounds(moved, council))] + [sums(moved)]


def _events(file: Path) -> list[VerdictEvent]:
    return [_event(where, value) for where, value in events_of_lines(file)]


def _event(where: str, value: bytes) -> VerdictEvent:
    try:
        event = decode_event(value)
    except UndecodableEvent as fault:
        raise UnreadableFile(f"{where}: {fault}") from fault
    if not isinstance(event, VerdictEvent):
        raise UnreadableFile(f"{where}: expected a verdict's event")
    return event

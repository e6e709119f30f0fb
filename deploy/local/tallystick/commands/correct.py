"""`tallystick correct`: ended items are judged again by the catalogue as it is now known."""

import asyncio
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from shared.clock import WallClock
from shared.contracts.corrections import CorrectionScope
from sla_monitor.decisions.corrections import RunReport
from sla_monitor.domain.decisions import NotAllowed
from tallystick.console import EXIT_IN_USE, fail, out, progress
from tallystick.lock import FolderInUse, exclusive_use
from tallystick.stack import ACTOR, open_stack


@dataclass(frozen=True, slots=True)
class CorrectionOptions:
    """What is to be judged again. `name` None: the run is named after the present instant."""

    from_date: str
    to_date: str
    council: str | None
    service: str | None
    name: str | None


def correct(wanted: CorrectionOptions, *, folder: Path) -> None:
    """The run has been made; what it corrected and retracted is printed."""
    scope = CorrectionScope(
        from_date=_day(wanted.from_date), to_date=_day(wanted.to_date), council=wanted.council, service=wanted.service
    )
    if scope.to_date <= scope.from_date:
        fail(f"{scope.to_date} is not after {scope.from_date}.", do="--to is the first day that is not included.")
    name = wanted.name or f"correction-{WallClock().now():%Y%m%dT%H%M%SZ}"
    try:
        with exclusive_use(folder):
            report = asyncio.run(_made(name, scope, folder))
    except FolderInUse as busy:
        fail(f"{busy}.", do="Order it there: POST /v1/correction-runs.", code=EXIT_IN_USE)
    except NotAllowed as refused:
        fail(f"{refused}.", do="Give it another --name. Nothing was ordered.")
    _tell(report)


async def _made(name: str, scope: CorrectionScope, folder: Path) -> RunReport:
    async with open_stack(folder, clock=WallClock()) as stack:
        correcting = stack.monitor.correcting
        await stack.monitor.learn()
        await correcting.order(name, scope, requested_by=ACTOR)
        with progress() as bars:
            total = await stack.pending()
            bar = bars.add_task("Judging again", total=total)
            await stack.drain(lambda left: bars.update(bar, completed=max(total - left, 0)))
            bars.update(bar, completed=total)
        return await asyncio.to_thread(correcting.report, name, await correcting.progress(name))


def _tell(report: RunReport) -> None:
    for caused in report.caused:
        out.print(f"  {caused.council}: {caused.count:,} {caused.kind}", highlight=False)
    changed = sum(caused.count for caused in report.caused)
    out.print(
        f"{report.run.id}: {changed:,} verdicts changed, {report.shards_done} of {report.shards} shards done.",
        highlight=False,
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is not a date.", do="Write for example 2026-03-01.")

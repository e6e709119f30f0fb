"""`tallystick correct`: ended items are evaluated again by the catalogue as it is now known."""

import asyncio
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from shared.clock import WallClock
from shared.contracts.decisions import CorrectionScope
from shared.scope import Scope
from shared.web.formats import counted
from tallystick.console import EXIT_BUSY, answer, fail, progress, var_folder
from tallystick.options import Json, read_day
from tallystick.stack import ACTOR, FolderInUse, exclusive_use, open_stack

if TYPE_CHECKING:
    from sla_monitor.decisions.corrections import RunReport

app = typer.Typer(add_completion=False)


@app.command()
def correct(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    from_date: Annotated[
        date, typer.Option("--from", parser=read_day, metavar="DATE", help="The first day, for example 2026-03-01.")
    ],
    to_date: Annotated[
        date, typer.Option("--to", parser=read_day, metavar="DATE", help="The first day that is not included.")
    ],
    council: Annotated[str | None, typer.Option(help="Only this council's items.")] = None,
    service: Annotated[str | None, typer.Option(help="Only this service's items.")] = None,
    name: Annotated[str | None, typer.Option(help="What the corrections name as their cause.")] = None,
    as_json: Json = False,
) -> None:
    """The correction run is done; what it corrected and retracted is printed."""
    scope = CorrectionScope(from_date=from_date, to_date=to_date, council=council, service=service)
    if to_date <= from_date:
        fail(f"{to_date} is not after {from_date}.", do="--to is the first day that is not included.")
    run = name or f"correction-{WallClock().now():%Y%m%dT%H%M%SZ}"
    try:
        with exclusive_use(var_folder()):
            report = asyncio.run(_run(run, scope))
    except FolderInUse as busy:
        fail(f"{busy}.", do="Order the run there: POST /v1/correction-runs.", code=EXIT_BUSY)
    changed = sum(caused.count for caused in report.caused)
    lines = [f"  {caused.council}: {caused.count:,} {caused.kind}" for caused in report.caused]
    lines.append(
        f"{run}: {counted(changed, 'verdict')} changed, {report.shards_done} of {counted(report.shards, 'shard')} done."
    )
    answer(report, lines, as_json=as_json)


async def _run(name: str, scope: CorrectionScope) -> "RunReport":
    from sla_monitor.decisions.corrections import CorrectionRequest

    async with open_stack(var_folder()) as stack:
        corrections = stack.monitor.corrections
        await stack.monitor.catch_up()
        await corrections.request(Scope.all(), CorrectionRequest(name, scope, ACTOR))
        with progress() as bars:
            await stack.drain_showing(bars, "Evaluating again")
        return await corrections.report(Scope.all(), name)

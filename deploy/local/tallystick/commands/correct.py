"""`tallystick correct`: ended items are evaluated again by the catalogue as it is now known."""

import asyncio
from collections.abc import Iterator
from datetime import date
from http import HTTPStatus
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from shared.clock import WallClock
from shared.contracts.decisions import CorrectionScope
from shared.scope import Scope
from shared.web.formats import counted
from tallystick.authorisation import local_principal
from tallystick.console import EXIT_BUSY, answer, fail, progress, var_folder
from tallystick.options import Json, read_day
from tallystick.servers import ADDRESS, RequestRefused, ServiceApi, service_api
from tallystick.stack import FolderInUse, exclusive_use, open_existing_stack, require_data

if TYPE_CHECKING:
    from sla_monitor.decisions.corrections import RunReport

# Services that finish no shard for so long are halted or away: a shard of many items takes a minute.
_STALLED_AFTER_S = 300.0
# Where verdicts come without end, some are always on their way into the read model.
_RECORDED_AFTER_S = 60.0
_ASKED_EVERY_S = 0.5

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
    """The correction run is done, or on servers waits for somebody else's approval; what it changed is printed."""
    scope = CorrectionScope(from_date=from_date, to_date=to_date, council=council, service=service)
    if to_date <= from_date:
        fail(f"{to_date} is not after {from_date}.", do="--to is the first day that is not included.")
    run = name or f"correction-{WallClock().now():%Y%m%dT%H%M%SZ}"
    if (api := service_api("POST /v1/correction-runs")) is not None:
        report = _request(api, run, scope)
    else:
        report = _run_here(run, scope)
    answer(report, list(_lines(report)), as_json=as_json)


def _lines(report: "RunReport") -> Iterator[str]:
    run = report.run
    if run.status == "proposed":
        yield f"{run.id} is proposed, and changes nothing until somebody else approves it (docs/corrections.md)."
        return
    if run.status == "rejected":
        yield f"{run.id} was rejected by {run.decided_by}."
        return
    changed = sum(caused.count for caused in report.caused)
    yield from (f"  {caused.council}: {caused.count:,} {caused.kind}" for caused in report.caused)
    done = f"{report.shards_done} of {counted(report.shards, 'shard')} done"
    yield f"{run.id}: {counted(changed, 'verdict')} changed, {done}."


def _run_here(name: str, scope: CorrectionScope) -> "RunReport":
    try:
        require_data(var_folder())
        with exclusive_use(var_folder()):
            return asyncio.run(_run(name, scope))
    except FolderInUse as busy:
        do = f"Request the run there: set {ADDRESS} to its address, or send POST /v1/correction-runs."
        fail(f"{busy}.", do=do, code=EXIT_BUSY)


def _request(api: ServiceApi, name: str, scope: CorrectionScope) -> "RunReport":
    """The run that the services were asked for is done; ends the command where they come no further with it."""
    from sla_monitor.decisions.corrections import CorrectionRequest

    api.post("correction-runs", body=CorrectionRequest(name, scope))
    report, since = _first_progress_of(api, name), monotonic()
    if report.run.status != "approved":
        return report
    with progress() as bars:
        bar = bars.add_task("Evaluating again", total=report.shards, completed=report.shards_done)
        while not (done := report.shards_done == report.shards) or not report.recorded:
            if monotonic() - since > (_RECORDED_AFTER_S if done else _STALLED_AFTER_S):
                _still_at_work(api, report)
            sleep(_ASKED_EVERY_S)
            before, report = report, _progress_of(api, name)
            bars.update(bar, completed=report.shards_done)
            since = monotonic() if report.shards_done != before.shards_done else since
    return report


def _still_at_work(api: ServiceApi, report: "RunReport") -> NoReturn:
    done = f"{report.shards_done} of {counted(report.shards, 'shard')}"
    fail(
        f"{report.run.id} is requested, and {done} done; not all of its corrections are counted yet.",
        do=f"It goes on by itself: GET {api.address}/v1/correction-runs/{report.run.id} says how far it is.",
        code=EXIT_BUSY,
    )


def _first_progress_of(api: ServiceApi, name: str) -> "RunReport":
    """As `_progress_of`; an instance that has not read of the request yet, because another took it, is asked again."""
    until = monotonic() + _RECORDED_AFTER_S
    while True:
        try:
            return _progress_of(api, name)
        except RequestRefused as refused:
            if refused.status != HTTPStatus.NOT_FOUND or monotonic() > until:
                raise
        sleep(_ASKED_EVERY_S)


def _progress_of(api: ServiceApi, name: str) -> "RunReport":
    import msgspec

    from sla_monitor.decisions.corrections import RunReport

    return msgspec.json.decode(api.get("correction-runs", name), type=RunReport)


async def _run(name: str, scope: CorrectionScope) -> "RunReport":
    from sla_monitor.decisions.corrections import CorrectionRequest

    async with open_existing_stack(var_folder()) as stack:
        corrections = stack.monitor.corrections
        await stack.monitor.catch_up()
        await corrections.request(local_principal(), CorrectionRequest(name, scope))
        with progress() as bars:
            await stack.drain_showing(bars, "Evaluating again")
        return await corrections.report(Scope.all(), name)

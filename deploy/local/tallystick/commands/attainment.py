"""`tallystick attainment`: how much was in time, by council, service and target, and what may still miss."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from shared.clock import WallClock
from shared.period import Month, PeriodLength, month_of
from shared.scope import Scope
from tallystick.console import plain_table, var_folder, watched
from tallystick.options import Csv, Json, OnlyCouncil, Watch, output_form, read_month
from tallystick.servers import service_api
from tallystick.stack import open_as_judged

if TYPE_CHECKING:
    from sla_monitor.reports.attainment import AttainmentResult

_FIGURES = ("In time", "Percent", "Objective", "Misses remaining")
_HEADINGS = ("Council", "Service", "Target", *_FIGURES, "Outcome")

app = typer.Typer(add_completion=False)


@app.command()
def attainment(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    month: Annotated[
        Month | None,
        typer.Option(parser=read_month, metavar="MONTH", help="For example 2026-03.", show_default="the present one"),
    ] = None,
    over: Annotated[PeriodLength, typer.Option(help="The period in which that month lies.")] = "month",
    council: OnlyCouncil = None,
    service: Annotated[str | None, typer.Option(help="Only this service.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
    watch: Watch = False,
) -> None:
    """Good of total for each target of the month is printed, and whether that meets its objective."""
    from shared.csv_cells import csv_table
    from sla_monitor.reports.attainment import AttainmentResult

    wanted = month or _present_month()
    watched(
        lambda: _read(council, wanted, over, service),
        output_form(as_json=as_json, as_csv=as_csv),
        lines=lambda found: _lines(found, wanted),
        csv=lambda found: csv_table(AttainmentResult, found),
        again=watch,
    )


def _present_month() -> Month:
    """The month that goes on; of a replayed folder, the one that went on until the instant as of which it is judged."""
    from tallystick.replay.export_register import judged_as_of

    as_of = judged_as_of(var_folder()) if service_api("GET /v1/attainment") is None else None
    return month_of(WallClock().now() if as_of is None else as_of - timedelta(seconds=1))


def _read(council: str | None, month: Month, over: PeriodLength, service: str | None) -> "list[AttainmentResult]":
    from sla_monitor.reports.attainment import AttainmentResult

    if (api := service_api("GET /v1/attainment")) is None:
        return asyncio.run(_results(council, month, over, service))
    query = {"council": council, "month": str(month), "period": over, "service": service}
    return api.items("attainment", query=query, of=AttainmentResult)


async def _results(
    council: str | None, month: Month, over: PeriodLength, service: str | None
) -> "list[AttainmentResult]":
    from sla_monitor.reports.attainment import attainment_results

    async with open_as_judged(var_folder()) as stack:
        await stack.monitor.catch_up()
        sources = stack.monitor.sources
        scope = await sources.narrowed(Scope.all(), council)
        return await attainment_results(sources, scope, month=month, service=service, over=over)


def _lines(found: "Sequence[AttainmentResult]", month: Month) -> Iterator[str]:
    if not found:
        yield f"Nothing was decided in {month}."
        return
    yield from plain_table(_HEADINGS, map(_cells, found), right=_FIGURES)
    if found[0].so_far:
        yield f"{found[0].period} goes on: its figures change with every item that is decided."


def _cells(row: "AttainmentResult") -> tuple[str, ...]:
    percent = f"{row.attained_percent}%" if row.total else ""
    objective = "" if row.objective_percent is None else f"{row.objective_percent}%"
    figures = f"{row.good} of {row.total}", percent, objective, _remaining(row)
    return row.council, row.service, row.target, *figures, row.judgement


def _remaining(row: "AttainmentResult") -> str:
    from shared.money import format_gbp

    if row.misses_remaining is None:
        return ""
    return format_gbp(row.misses_remaining) if row.weighted_by == "value" else str(row.misses_remaining)

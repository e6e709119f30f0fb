"""`tallystick at-risk`: what is open and undecided, the most urgent first."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from shared.scope import Scope
from shared.web.formats import counted, short_instant, to_the_minute
from tallystick.console import plain_table, var_folder, watched
from tallystick.options import Csv, Json, OnlyCouncil, Watch, output_form
from tallystick.servers import service_api
from tallystick.stack import open_as_judged

if TYPE_CHECKING:
    from sla_monitor.domain.open_targets import OpenTarget
    from sla_monitor.reports.today import AtRiskReport

_MOST = 200  # as the API has it
_HEADINGS = ("Council", "Item", "Priority", "Target", "Due", "Left", "Warned")

app = typer.Typer(add_completion=False)


@app.command()
def at_risk(
    council: OnlyCouncil = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="How many, of the most urgent.")] = 20,
    as_json: Json = False,
    as_csv: Csv = False,
    watch: Watch = False,
) -> None:
    """Open targets are printed by what is left of their time: first working time, then time around the clock."""
    from shared.csv_cells import csv_table
    from sla_monitor.domain.open_targets import OpenTarget

    watched(
        lambda: _read(council, limit),
        output_form(as_json=as_json, as_csv=as_csv),
        lines=_lines,
        csv=lambda found: csv_table(OpenTarget, found.targets),
        again=watch,
    )


def _read(council: str | None, limit: int) -> "AtRiskReport":
    import msgspec

    from sla_monitor.reports.today import AtRiskReport

    if (api := service_api("GET /v1/at-risk")) is None:
        return asyncio.run(_report(council, limit))
    found = api.get("at-risk", query={"council": council, "limit": str(limit)})
    return msgspec.json.decode(found, type=AtRiskReport)


async def _report(council: str | None, limit: int) -> "AtRiskReport":
    from sla_monitor.reports.today import at_risk_report

    async with open_as_judged(var_folder()) as stack:
        await stack.monitor.catch_up()
        sources = stack.monitor.sources
        return await at_risk_report(sources, await sources.narrowed(Scope.all(), council), limit=limit)


def _lines(found: "AtRiskReport") -> Iterator[str]:
    if not found.targets:
        yield "Nothing is open that a target applies to."
    else:
        yield from plain_table(_HEADINGS, map(_cells, found.targets))
    if found.open > len(found.targets):
        yield f"{counted(found.open, 'target')} in all; --limit shows up to {_MOST}."
    if found.failed_items:
        yield f"{counted(found.failed_items, 'item')} could not be judged, and are not among them."


def _cells(target: "OpenTarget") -> tuple[str, ...]:
    due = "" if target.due_at is None else short_instant(target.due_at)
    name = f"{target.target}, cycle {target.cycle}" if target.cycle > 1 else target.target
    return target.council, target.item, target.priority, name, due, _left(target), _warned(target)


def _left(target: "OpenTarget") -> str:
    if target.paused or target.left_s is None:
        return "paused" if target.paused else ""
    return to_the_minute(target.left_s, working=target.working_time) if target.left_s else "due now"


def _warned(target: "OpenTarget") -> str:
    if target.warned_before is not None:
        return target.warned_before
    return f"{target.warned_percent}%" if target.warned_percent else ""

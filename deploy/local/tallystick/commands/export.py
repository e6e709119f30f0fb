"""`tallystick export`: what other tools and other people read, as files."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.period import Month
from shared.scope import Scope
from tallystick.console import answer, fail, require_writable, var_folder, write_file
from tallystick.options import CouncilArgument, Json, MonthArgument
from tallystick.servers import service_api
from tallystick.stack import FolderInUse, Stack, exclusive_use, open_as_judged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sla_monitor.reports.openslo import Document

app = typer.Typer(add_completion=False)


@app.command(name="openslo")
def export_openslo(
    council: Annotated[str | None, typer.Option(help="Only this council's targets.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write this file.", show_default="printed")] = None,
    as_json: Json = False,
) -> None:
    """Write targets with an objective as OpenSLO v1 documents: a YAML stream, or a JSON list."""
    from sla_monitor.reports.openslo import openslo_yaml

    if (api := service_api("GET /v1/openslo")) is not None:
        documents = _documents(api.get("openslo", query={"council": council}, accept="*/*"))
    else:
        documents = asyncio.run(_openslo(council))
    if not documents:
        where = var_folder() if api is None else api.address
        fail("No agreement has a target with an objective.", do=f"State was read from {where}.")
    if to is None:
        answer(documents, [openslo_yaml(documents).removesuffix("\n")], as_json=as_json)
        return
    write_file(to, openslo_yaml(documents).encode())
    answer({"file": str(to)}, [str(to)], as_json=as_json)


@app.command(name="evidence")
def export_evidence(
    council: CouncilArgument,
    month: MonthArgument,
    to: Annotated[Path | None, typer.Option(help="Write this file.", show_default="here")] = None,
    as_json: Json = False,
) -> None:
    """Write all that a council's month of verdicts follows from, sealed, in one file."""
    path = to or Path(f"evidence-{council}-{month}.jsonl")
    require_writable(path)
    if (api := service_api(f"GET /v1/evidence/{council}/{month}")) is not None:
        content = api.get("evidence", council, str(month), accept="*/*")
    else:
        content = asyncio.run(_evidence(council, month))
    write_file(path, content)
    answer({"file": str(path)}, [str(path)], as_json=as_json)


@app.command(name="tally")
def export_tally(
    council: CouncilArgument,
    month: MonthArgument,
    to: Annotated[Path | None, typer.Option(help="Write this file.", show_default="here")] = None,
    as_json: Json = False,
) -> None:
    """Write a statement with every event that it stands on: `tallystick verify` checks it without asking anybody."""
    from billing.tally.writing import SUFFIX

    path = to or Path(f"{council}-{month}.{SUFFIX}")
    require_writable(path)
    if (api := service_api(f"GET /v1/statements/{council}/{month}.tally")) is not None:
        content = api.get("statements", council, f"{month}.tally", accept="*/*")
    else:
        content = asyncio.run(_tally(council, month))
    write_file(path, content)
    answer({"file": str(path)}, [str(path)], as_json=as_json)


def _documents(stream: bytes) -> "Sequence[Document]":
    import yaml

    return list(yaml.safe_load_all(stream))


async def _openslo(council: str | None) -> "Sequence[Document]":
    from sla_monitor.reports.openslo import openslo_documents

    async with open_as_judged(var_folder()) as stack:
        await stack.monitor.catch_up()
        sources = stack.monitor.sources
        return openslo_documents(sources, await sources.narrowed(Scope.all(), council))


async def _evidence(council: str, month: Month) -> bytes:
    from sla_monitor.reports.evidence import evidence

    async with open_as_judged(var_folder()) as stack:
        await stack.monitor.catch_up()
        return await evidence(stack.monitor.sources, Scope.all(), council=council, month=month)


async def _tally(council: str, month: Month) -> bytes:
    folder = var_folder()
    async with open_as_judged(folder) as stack:
        with suppress(FolderInUse), exclusive_use(folder):  # where the services run already, they do it themselves
            await stack.meter()
        return await asyncio.to_thread(_tally_file, stack, council, month)


def _tally_file(stack: Stack, council: str, month: Month) -> bytes:
    with stack.billing.tallies.file(council, month, scope=Scope.all()) as file:
        return file.read()

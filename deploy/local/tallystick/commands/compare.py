"""`tallystick compare`: last year's recharges beside Tallystick's, and why each is different."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.period import Month, months_between
from shared.scope import Scope
from tallystick.console import EXIT_INCOMPLETE, answer, fail, out, var_folder
from tallystick.interruption import run_to_end
from tallystick.options import Csv, Json, MonthArgument, input_file, output_form, read_month
from tallystick.servers import ServiceApi, service_api
from tallystick.stack import FolderInUse, Stack, exclusive_use, open_as_judged

if TYPE_CHECKING:
    from billing.statements.drafts import MonthOfStatements
    from tallystick.compare.statement_charges import StatementCharges

app = typer.Typer(add_completion=False)


@app.command()
def compare(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    file: Annotated[Path, input_file("The recharges as they were: CSV, TSV or .xlsx; plain, .gz or .zip.")],
    month: MonthArgument,
    mapping: Annotated[Path, typer.Option(help="What its columns mean.", exists=True, dir_okay=False)],
    to: Annotated[
        Month | None,
        typer.Option(parser=read_month, metavar="MONTH", help="The last month, included.", show_default="the month"),
    ] = None,
    file_month: Annotated[
        Month | None,
        typer.Option(parser=read_month, metavar="MONTH", help="The file's first month, where it is of another year."),
    ] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Both are printed, council by council and service by service, with what each difference comes from.

    Nothing is stored. Ends with 1 where a row of the file cannot be read, and so is in no figure.
    """
    from tallystick.compare.mapping import read_recharge_mapping
    from tallystick.compare.recharge_rows import read_recharges
    from tallystick.compare.report import compared, comparison_csv, comparison_lines
    from tallystick.replay.piped import as_file

    form, last = output_form(as_json=as_json, as_csv=as_csv), to or month
    if last < month:
        fail(f"{last} is before {month}.", do="Write the first month, and the last with --to. Nothing was read.")
    months = [*months_between(month, last), last]
    first = file_month or month
    read = read_recharge_mapping(mapping)
    with as_file(file) as export:
        earlier = read_recharges(export, read, first, first.earlier(1 - len(months)))
    found = compared(earlier, _stated(months), month, last)
    if form == "csv":
        out.print(comparison_csv(found).replace("\r\n", "\n").rstrip("\n"))
    else:
        answer(found, comparison_lines(found), as_json=as_json)
    if found.refused:
        raise SystemExit(EXIT_INCOMPLETE)


def _stated(months: Iterable[Month]) -> "StatementCharges":
    """The charges of every statement of the months."""
    from tallystick.compare.statement_charges import StatementCharges

    found = StatementCharges()
    for month in months:
        api = service_api(f"GET /v1/statements?month={month}")
        statements = run_to_end(_here(month)) if api is None else list(_asked(api, month))
        for each in statements:
            found.add(each)
    return found


def _asked(api: ServiceApi, month: Month) -> Iterable[dict[str, Any]]:
    import msgspec

    summary = msgspec.json.decode(api.get("statements", query={"month": str(month)}))
    _require_all(month, [each["council"] for each in summary.get("failed", ())])
    for each in summary["statements"]:
        yield msgspec.json.decode(api.get("statements", each["council"], str(month)))


async def _here(month: Month) -> list[dict[str, Any]]:
    import msgspec

    from billing.domain.canonical import canonical_json

    folder = var_folder()
    async with open_as_judged(folder) as stack:
        with suppress(FolderInUse), exclusive_use(folder):  # where the services run already, they do it themselves
            await stack.meter()
        found = await asyncio.to_thread(_of_month, stack, month)
    _require_all(month, [each.council for each in found.failed])
    return [msgspec.json.decode(canonical_json(each)) for each in found.statements]


def _of_month(stack: Stack, month: Month) -> "MonthOfStatements":
    return stack.billing.statements.statements(month, scope=Scope.all())


def _require_all(month: Month, failed: list[str]) -> None:
    if failed:
        fail(
            f"The statement of {', '.join(failed)} for {month} could not be computed: a bug in Tallystick.",
            do="`tallystick statement` says where. Nothing was compared.",
        )

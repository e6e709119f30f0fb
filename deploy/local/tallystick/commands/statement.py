"""`tallystick statement`: a council's month, printed, or written in the forms that billing has."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.period import Month
from shared.scope import Scope
from tallystick.console import answer, require_writable, var_folder, write_file
from tallystick.options import CouncilArgument, Json, MonthArgument
from tallystick.stack import FolderInUse, exclusive_use, open_stack

if TYPE_CHECKING:
    from rich.table import Table

    from billing.domain.statement import Statement

_STATUS = {"in-progress": "so far", "provisional": "provisional"}
_SUFFIXES = "json, csv, html, pdf"  # of billing's table of forms, which takes half a second to import

app = typer.Typer(add_completion=False)


def _read_form(text: str) -> str:
    from billing.documents.forms import form

    try:
        return form(text).suffix
    except KeyError as fault:
        raise typer.BadParameter(f"{text!r} is no form of a statement: write one of {_SUFFIXES}") from fault


FormOption = Annotated[
    list[str] | None,
    typer.Option("--form", parser=_read_form, metavar="FORM", help=f"Only this form, once or more often: {_SUFFIXES}."),
]


@app.command()
def statement(
    council: CouncilArgument,
    month: MonthArgument,
    to: Annotated[Path | None, typer.Option(help="Write the statement's files into this folder.")] = None,
    forms: FormOption = None,
    as_json: Json = False,
) -> None:
    """The statement is printed; with `to`, it is also in that folder, in every form or in those named."""
    import msgspec

    from billing.documents.forms import FORMS, form
    from billing.domain.canonical import canonical_json

    if forms and to is None:
        raise typer.BadParameter("add --to FOLDER: forms are written as files", param_hint="--form")
    wanted = FORMS if not forms else [form(each) for each in forms]
    files = {} if to is None else {to / f"{council}-{month}.{each.suffix}": each for each in wanted}
    for path in files:
        require_writable(path)
    found = asyncio.run(_statement(council, month))
    for path, each in files.items():  # first: whoever reads the output may go away
        write_file(path, each.file(found))
    answer(msgspec.Raw(canonical_json(found)), [*_lines(found), *map(str, files)], as_json=as_json)


async def _statement(council: str, month: Month) -> "Statement":
    folder = var_folder()
    async with open_stack(folder) as stack:
        with suppress(FolderInUse), exclusive_use(folder):  # where the services run already, they do it themselves
            await stack.meter()
        return await asyncio.to_thread(stack.billing.statements.statement, council, month, scope=Scope.all())


def _lines(found: "Statement") -> "Iterator[str | Table]":
    from rich.table import Table

    from billing.domain.credits.reason import reason
    from shared.money import format_gbp

    table = Table(title=f"{found.council.name}, {found.month}: recharge statement ({_STATUS[found.status]})")
    table.add_column("Service")
    table.add_column("Line")
    table.add_column("Quantity", justify="right")
    table.add_column("Amount", justify="right")
    for charges in found.services:
        for line in charges.lines:
            quantity = f"{line.quantity:f} {line.unit}"
            table.add_row(charges.service.name, line.narrative, quantity, format_gbp(line.amount_pence))
    if found.credits:
        table.add_section()
    for credit in found.credits:
        table.add_row(f"Credit: {credit.target}", reason(credit), "", format_gbp(-credit.applied_pence))
    table.add_section()
    table.add_row("Total before VAT", "", "", format_gbp(found.total_pence))
    yield table
    if found.illustrative:
        yield "Illustrative: example prices, not agreed by any council."

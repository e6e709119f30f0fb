"""`tallystick statement`: a council's month, printed, or written in the forms that billing has."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.period import Month
from shared.scope import Scope
from shared.web.formats import counted
from tallystick.console import answer, require_writable, var_folder, write_file
from tallystick.options import CouncilArgument, Json, MonthArgument
from tallystick.servers import service_api
from tallystick.stack import FolderInUse, exclusive_use, open_as_judged

if TYPE_CHECKING:
    from rich.table import Table

    from billing.documents.forms import Form
    from billing.documents.shown import ShownStatement

_STATUS = {"in-progress": "so far", "draft": "draft", "issued": "issued"}
_SUFFIXES = "json, csv, html, pdf, xlsx, journal"  # of billing's table of forms, which takes half a second to import

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

    from billing.documents.forms import FORMS, file_name, form

    if forms and to is None:
        raise typer.BadParameter("add --to FOLDER: forms are written as files", param_hint="--form")
    wanted = FORMS if not forms else [form(each) for each in forms]
    files = {} if to is None else {to / file_name(council, month, each): each for each in wanted}
    for path in files:
        require_writable(path)
    content, file_of = _read(council, month)
    for path, each in files.items():  # first: whoever reads the output may go away
        write_file(path, file_of(each))
    lines = [*_lines(msgspec.json.decode(content)), *map(str, files)]
    answer(msgspec.Raw(content), lines, as_json=as_json)


def _read(council: str, month: Month) -> "tuple[bytes, Callable[[Form[ShownStatement]], bytes]]":
    """The statement's canonical JSON, and what gives the file of each form of it."""
    from billing.domain.canonical import canonical_json

    if (api := service_api(f"GET /v1/statements/{council}/{month}")) is None:
        found = asyncio.run(_statement(council, month))
        return canonical_json(found.statement), lambda form: form.file(found)
    return (
        api.get("statements", council, str(month)),
        lambda form: api.get("statements", council, f"{month}.{form.suffix}", accept="*/*"),
    )


async def _statement(council: str, month: Month) -> "ShownStatement":
    from billing.api import shown_beside

    folder = var_folder()
    async with open_as_judged(folder) as stack:
        with suppress(FolderInUse), exclusive_use(folder):  # where the services run already, they do it themselves
            await stack.meter()
        found = await asyncio.to_thread(stack.billing.compared.statement, council, month, scope=Scope.all())
        return shown_beside(found)


def _lines(found: Mapping[str, Any]) -> "Iterator[str | Table]":
    """For people, of the canonical JSON."""
    from rich.table import Table

    from shared.money import format_gbp

    title = f"{found['council']['name']}, {found['month']}: recharge statement ({_STATUS[found['status']]})"
    table = Table(title=title)
    table.add_column("Service")
    table.add_column("Line")
    table.add_column("Quantity", justify="right")
    table.add_column("Amount", justify="right")
    for charges in found["services"]:
        for line in charges["lines"]:
            quantity = f"{line['quantity']} {line['unit']}"
            table.add_row(charges["name"], line["narrative"], quantity, format_gbp(line["amount_pence"]))
    credits_ = found.get("service_credits", ())
    if credits_:
        table.add_section()
    for credit in credits_:
        amount = format_gbp(-credit["applied_pence"])
        table.add_row(f"Credit: {credit['target']}", credit["reason"], "", amount)
    for line in found.get("corrections", ()):
        table.add_row(f"Correction of {line['month']}", line["name"], "", format_gbp(line["payable_pence"]))
    table.add_section()
    payable_pence = found.get("payable_pence", found["total_pence"])
    table.add_row("Total before VAT", "", "", format_gbp(payable_pence))
    if found["gross_pence"] is not None:
        table.add_row("VAT", "", "", format_gbp(found["vat"]["vat_pence"]))
        table.add_row("Total with VAT", "", "", format_gbp(found["gross_pence"]))
    yield table
    if missing := found["vat"]["services_without"]:
        yield f"No VAT treatment is recorded for: {', '.join(missing)}."
    yield from _unbilled(found["evidence"]["unbilled"])
    if found["illustrative"]:
        yield "Illustrative: example prices, not agreed by any council."


def _unbilled(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What was received and recharges nothing, with the reason: a total that lacks it looks like one that is right."""
    from shared.web.strings import text

    for each in found:
        which = each.get("item") or each["service"] or "no known service"
        reason = text(f"unbilled.{each['reason']}")
        yield f"Not billed: {counted(each['events'], 'event')} of {which}, {each['quantity']} units. {reason}."

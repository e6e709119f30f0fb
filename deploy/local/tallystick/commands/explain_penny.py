"""`tallystick explain-penny`: one line of a statement down to the events that it counts."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.period import Month
from shared.scope import Scope
from tallystick.console import answer, fail, plain_table, var_folder
from tallystick.options import Json, read_month
from tallystick.servers import service_api
from tallystick.stack import FolderInUse, exclusive_use, open_as_judged

if TYPE_CHECKING:
    from billing.api import ExplainedLine
    from billing.ports import CountedEvent

_MOST_EVENTS = 500
# Fields of a working that its line says already.
_KNOWN = ("type", "amount")
_REF = re.compile(r"[0-9a-f-]{36}")

app = typer.Typer(add_completion=False)


@app.command()
def explain_penny(
    words: Annotated[
        list[str],
        typer.Argument(metavar="COUNCIL MONTH LINE", help="Or NUMBER LINE, of an issued statement."),
    ],
    events: Annotated[int, typer.Option(min=1, max=_MOST_EVENTS, help="How many events are listed.")] = 20,
    as_json: Json = False,
) -> None:
    """The line's working, quantity, events with their places in the log, tariff, rules and rounding are printed.

    LINE is the name of a charge or of a service that has one line, or a line's reference, as in the statement's JSON
    and CSV and in its address on the page.
    """
    match words:
        case (council, month, line):
            found = _asked("", (council, read_month(month)), line, events)
        case (number, line):
            found = _asked(number, None, line, events)
        case _:
            raise typer.BadParameter("write COUNCIL MONTH LINE, or NUMBER LINE", param_hint="COUNCIL")
    answer(found, _lines(found), as_json=as_json)


def _asked(number: str, of: tuple[str, Month] | None, ref: str, events: int) -> "ExplainedLine":
    """What the services say, or those in the folder where none are named."""
    import msgspec

    from billing.api import ExplainedLine
    from billing.routes.documents import DocumentSummary

    call = f"GET /v1/documents/{number}" if of is None else f"GET /v1/statements/{of[0]}/{of[1]}/lines/{ref}"
    if (api := service_api(call)) is None:
        return asyncio.run(_explained(number, of, ref, events))
    if of is None:
        documents = api.items("documents", number, of=DocumentSummary)
        of = _only([(each.council, Month.parse(each.month)) for each in documents], number)
    if not _REF.fullmatch(ref):
        ref = _ref_of(msgspec.json.decode(api.get("statements", of[0], str(of[1]))), ref)
    content = api.get("statements", of[0], str(of[1]), "lines", ref, query={"limit": str(events)})
    return msgspec.json.decode(content, type=ExplainedLine)


async def _explained(number: str, of: tuple[str, Month] | None, ref: str, events: int) -> "ExplainedLine":
    import msgspec

    from billing.api import explained_line
    from billing.domain.canonical import canonical_json

    folder = var_folder()
    async with open_as_judged(folder) as stack:
        with suppress(FolderInUse), exclusive_use(folder):  # where the services run already, they do it themselves
            await stack.meter()
        statements = stack.billing.statements
        if of is None:
            documents = await asyncio.to_thread(statements.numbered, number, scope=Scope.all())
            of = _only([(each.council, each.month) for each in documents], number)
        if not _REF.fullmatch(ref):
            found = await asyncio.to_thread(statements.statement, *of, scope=Scope.all())
            ref = _ref_of(msgspec.json.decode(canonical_json(found)), ref)
        asked = asyncio.to_thread(statements.explain, *of, ref, after=None, limit=events, scope=Scope.all())
        return explained_line(await asked)


def _ref_of(content: Mapping[str, Any], name: str) -> str:
    """The reference of the one line whose charge or service is called so; `name` itself where nothing is.

    Ends the command where several lines are meant.
    """
    of_name = [
        line
        for charges in content["services"]
        for line in charges["lines"]
        if name.casefold() in {text.casefold() for text in (charges["id"], charges["name"], line["charge"])}
    ]
    if len(of_name) > 1:
        lines = "; ".join(f"{line['ref']} ({line['narrative']})" for line in of_name)
        fail(f"{len(of_name)} lines are called {name!r}.", do=f"Write the reference of one: {lines}.")
    return of_name[0]["ref"] if of_name else name


def _only(found: list[tuple[str, Month]], number: str) -> tuple[str, Month]:
    """The council and month of a number; ends the command where it is of none, or of several providers."""
    if not found:
        fail(f"There is no document {number!r}.", do="Write a number like 2026-27.0001, or COUNCIL MONTH LINE.")
    if len(found) > 1:
        councils = ", ".join(f"{council} {month}" for council, month in found)
        fail(f"More than one provider has a document {number!r}: {councils}.", do="Write COUNCIL MONTH LINE.")
    return found[0]


def _lines(found: "ExplainedLine") -> Iterator[str]:
    line, statement, rounding = found.line, found.statement, found.rounding
    name = statement.number or f"{statement.status}, not issued"
    yield f"{statement.council}, {statement.month} ({name}), SHA-256 {statement.sha256}"
    yield f"{line['service']}: {line.get('narrative') or line['reason']}"
    if "quantity" in line:
        yield f"Quantity: {line['quantity']} {line['unit']}, from {line['first_day']} to before {line['end_day']}"
    for working in line.get("workings", ()):
        yield f"  {_working(working)} = £{working['amount']}"
    if found.tariff is not None:
        yield f"Tariff: {found.tariff.name} ({found.tariff.id}, version {found.tariff.version})"
    yield f"Rules of rating: version {found.rules_version}"
    yield f"Exactly £{rounding.exact_gbp}; {rounding.rule}: {rounding.rounded_pence} pence"
    if found.counted:
        yield ""
        yield from _events(found)


def _working(working: Mapping[str, Any]) -> str:
    values = (
        f"{name} {value}" for name, value in sorted(working.items()) if name not in _KNOWN and value not in (None, "")
    )
    return f"{working['type']}: {', '.join(values)}"


def _events(found: "ExplainedLine") -> Iterator[str]:
    rows = [
        (str(each.day), each.item or "", f"{each.quantity:f}", *_place(each), each.source, each.id)
        for each in found.counted
    ]
    headings = ("Day", "Item", "Quantity", "Topic", "Partition", "Offset", "Source", "Event")
    yield from plain_table(headings, rows, right=("Quantity", "Partition", "Offset"))
    if found.read_through:
        yield "Only events that had been read when the statement was issued."


def _place(event: "CountedEvent") -> tuple[str, str, str]:
    return event.topic, str(event.partition), str(event.offset)

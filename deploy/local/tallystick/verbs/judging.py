"""Verbs about verdicts and statements: explain, statement, what-if, correct."""

from pathlib import Path
from typing import Annotated

import typer

from tallystick.console import var_folder

app = typer.Typer()


@app.command()
def explain(
    item: Annotated[str, typer.Argument(help="The item's id.")],
    council: Annotated[str | None, typer.Option(help="Whose item, where several councils use the id.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
    pictures: Annotated[Path | None, typer.Option(help="Draw each clock as SVG into this folder.")] = None,
) -> None:
    """Say why an item's verdicts are what they are."""
    from tallystick.commands.explain import explain as run

    run(item, council=council, as_json=as_json, pictures=pictures, folder=var_folder())


@app.command()
def statement(
    council: Annotated[str, typer.Argument(help="The council's id.")],
    month: Annotated[str, typer.Argument(help="For example 2026-03.")],
    to: Annotated[Path | None, typer.Option(help="Write JSON, CSV, HTML and PDF into this folder.")] = None,
) -> None:
    """Print a council's monthly statement, or write it in all its forms."""
    from tallystick.commands.statement import statement as run

    run(council, month, to=to, folder=var_folder())


@app.command(name="what-if")
def what_if(
    draft: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="YAML, or JSON in a file named *.json.")],
    first: Annotated[str, typer.Option("--from", help="The first month, for example 2025-04.")],
    last: Annotated[str, typer.Option("--to", help="The last month, included.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="For other programs: with every verdict that changes.")
    ] = False,
) -> None:
    """Say what a draft target, calendar or agreement would have made of past months."""
    from tallystick.commands.what_if import what_if as run

    run(draft, first=first, last=last, as_json=as_json, folder=var_folder())


@app.command()
def correct(
    from_date: Annotated[str, typer.Option("--from", help="The first day, for example 2026-03-01.")],
    to_date: Annotated[str, typer.Option("--to", help="The first day that is not included.")],
    council: Annotated[str | None, typer.Option(help="Only this council's items.")] = None,
    service: Annotated[str | None, typer.Option(help="Only this service's items.")] = None,
    name: Annotated[str | None, typer.Option(help="What the corrections name as their cause.")] = None,
) -> None:
    """Judge ended items again by the catalogue as it is now known, and announce what changes."""
    from tallystick.commands.correct import CorrectionOptions
    from tallystick.commands.correct import correct as run

    run(CorrectionOptions(from_date, to_date, council, service, name), folder=var_folder())

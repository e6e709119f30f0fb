"""`tallystick export`: files for others."""

from pathlib import Path
from typing import Annotated

import typer

from tallystick.console import var_folder

app = typer.Typer(no_args_is_help=True, help="Write what other tools and other people read.")


@app.command(name="openslo")
def export_openslo(
    council: Annotated[str | None, typer.Option(help="Only this council's targets.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write this file.", show_default="printed")] = None,
) -> None:
    """Targets with an objective as OpenSLO v1 documents."""
    from tallystick.commands.export import export_openslo as run

    run(council=council, to=to, folder=var_folder())


@app.command(name="evidence")
def export_evidence(
    council: Annotated[str, typer.Argument(help="The council's id.")],
    month: Annotated[str, typer.Argument(help="For example 2026-03.")],
    to: Annotated[Path | None, typer.Option(help="Write this file.", show_default="here")] = None,
) -> None:
    """All that a council's month of verdicts follows from, sealed, in one file."""
    from tallystick.commands.export import export_evidence as run

    run(council, month, to=to, folder=var_folder())

"""`tallystick try`: what might be agreed."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Try what might be agreed. Nothing is stored.")


@app.command(name="target")
def try_target(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="YAML, or JSON in a file named *.json.")],
) -> None:
    """Judge a target on a document of your own: hours, targets, what happened, questions."""
    from tallystick.commands.trying import try_document as run

    run(file)

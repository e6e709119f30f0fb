"""`tallystick verify`: files checked by themselves."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Check a file by itself: no state is needed.")


@app.command(name="verdicts")
def verify_verdicts(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A council's month of evidence.")],
) -> None:
    """Judge every verdict of an evidence file again, and name whatever was altered."""
    from tallystick.commands.verify import verify_verdicts as run

    run(file)

"""`tallystick map`: a first mapping for an export, with the evidence for what it says."""

from pathlib import Path
from typing import Annotated

import typer

from tallystick.console import EXIT_INCOMPLETE, err, fail, write_file
from tallystick.options import input_file

app = typer.Typer(add_completion=False)


@app.command(name="map")
def map_file(
    file: Annotated[Path, input_file("CSV, TSV, .xlsx or JSON lines; plain, .gz or .zip.")],
    to: Annotated[Path | None, typer.Option(help="Write it here instead of printing it.")] = None,
    zone: Annotated[str, typer.Option(help="Of times that do not say.")] = "Europe/London",
) -> None:
    """A commented mapping is printed that runs as it is, or says what it could not decide; then it ends with 1."""
    from tallystick.replay.suggested import suggest

    if to is not None and to.exists():
        fail(f"{to} is there already.", do="Name another file. Nothing was written.")
    found = suggest(file, zone=zone)
    if to is None:
        typer.echo(found.text, nl=False)
    else:
        write_file(to, found.text.encode())
        err.print(str(to))
    for each in found.undecided:
        err.print(f"Not decided: {each}.")
    if found.undecided:
        raise SystemExit(EXIT_INCOMPLETE)
